import AssayGenerate
import AssayModel

/// Texts that wait for a forward pass, of several jobs.
struct PassQueue {
  /// Texts that one pass reads.
  struct Pack {
    var reading: ModelPass.Reading
    var passes: [ModelPass] = []
    var owners: [(job: ModelJob, place: Int)] = []
  }

  private struct Entry {
    let job: ModelJob
    let passes: [ModelPass]
    let reading: ModelPass.Reading
    var next = 0
  }

  private var entries: [Entry] = []

  /// How many texts wait.
  var count: Int { entries.map { $0.passes.count - $0.next }.reduce(0, +) }

  mutating func add(
    _ job: ModelJob,
    _ passes: [ModelPass],
    _ reading: ModelPass.Reading
  ) {
    entries.append(Entry(job: job, passes: passes, reading: reading))
  }

  /// Drops jobs.
  mutating func remove(_ ids: Set<Int>) { entries.removeAll { ids.contains($0.job.id) } }

  /// Takes what one pass reads, in the order of arrival; jobs that read the same way are packed.
  ///
  /// - Parameter tokens: Tokens of a pass; one text may have more.
  /// - Returns: `nil` where nothing waits.
  mutating func next(tokens: Int) -> Pack? {
    guard let first = entries.first else { return nil }
    var pack = Pack(reading: first.reading)
    var total = 0
    while let entry = entries.first, entry.reading == pack.reading {
      let pass = entry.passes[entry.next]
      guard pack.passes.isEmpty || total + pass.tokens.count <= tokens else { break }
      total += pass.tokens.count
      pack.passes.append(pass)
      pack.owners.append((entry.job, entry.next))
      entries[0].next += 1
      if entries[0].next == entry.passes.count { entries.removeFirst() }
    }
    return pack
  }
}
