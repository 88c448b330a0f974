// The loop of every stage that makes a record of each item.
import AssayBase
import Foundation

/// Takes finished records of a stage's items, in their order.
///
/// - Parameters:
///   - records: What is finished; it is on the disk when the call returns.
///   - metrics: Figures of these records.
///   - tokens: Tokens that were read and written for them.
package typealias RecordSink<Record> = (
  _ records: [Record], _ metrics: [Metric], _ tokens: Int
) throws -> Void

/// Works on neighbouring items of a stage.
///
/// - Parameters:
///   - part: The items.
///   - first: The index of the first of them.
///   - done: Takes their records as they are finished, in the order of the items.
package typealias StageWork<Item, Record> =
  nonisolated(nonsending) (
    _ part: [Item], _ first: Int, _ done: RecordSink<Record>
  ) async throws -> Void

extension Stage {
  /// Makes a record of every item, going on behind what is recorded.
  ///
  /// Interruption is looked for before every stretch and behind every record, so that what is finished
  /// stays and the next start goes on there. Where several processes share the recipe, each works on a
  /// stretch of its own.
  ///
  /// - Parameters:
  ///   - items: All items, of this start and of earlier ones.
  ///   - stretch: How many items are worked on together.
  ///   - isShared: Whether processes that share the recipe share the work; not where it is done elsewhere.
  ///   - events: Hears of the start and of every record.
  ///   - body: Works on neighbouring items, the first of which has the index that it is given, and
  ///     hands their records over as they are finished, in the order of the items.
  /// - Returns: A record an item.
  /// - Throws: `Interrupted`, `FileError`, or what `body` throws; what was handed over stays.
  ///   `FollowedStage` in a process that follows, once all is done.
  package nonisolated(nonsending) func map<Item, Record: Codable & Sendable>(
    _ items: [Item],
    stretch: Int,
    isShared: Bool = true,
    events: @escaping RunEventHandler,
    _ body: StageWork<Item, Record>
  ) async throws -> [Record] {
    precondition(stretch > 0, "a stretch of \(stretch) items")
    let everybody = isShared ? SharedStages.processes : nil
    if isFollowing, let everybody {
      try await follow(everybody, items, stretch, body)
    }
    let log = try self.records(of: Record.self)
    var records = try log.records()
    // Where all is recorded the others are not called.
    let processes = records.count < items.count ? everybody : nil
    events(
      .stageStarted(name: name, number: number, total: items.count, resumedAt: records.count)
    )
    func take(_ finished: [Record], _ metrics: [Metric], _ tokens: Int) throws {
      guard !finished.isEmpty else { return }
      try log.append(contentsOf: finished)
      records += finished
      events(.step(done: records.count, total: items.count, metrics: metrics, tokens: tokens))
      if records.count < items.count { try Interruption.check() }
    }
    nonisolated(nonsending) func work(_ part: Range<Int>) async throws {
      try await body(Array(items[part]), part.lowerBound, take)
      precondition(
        records.count == part.upperBound,
        "\(records.count - part.lowerBound) records of \(part.count) items"
      )
      try log.synchronize()
    }
    try processes?.begin(name)
    while records.count < items.count {
      try Interruption.check()
      let round = StageRound(records.count, of: items.count, stretch, processes?.size ?? 1)
      _ = try processes?.sum([Double(round.first)])
      try await work(round.parts[0])
      // Which processes failed, and how many tokens each one's records took.
      let said = try processes?.sum(round.report) ?? round.report
      for rank in round.parts.indices.dropFirst() {
        let handed = said[rank] == 0 ? try handedOver(Record.self, round, rank) : nil
        guard let handed else {
          // What ended the other ends this one too, which tells it.
          try await work(round.parts[rank])
          continue
        }
        try take(handed, [], Int(said[round.size + rank]))
        try log.synchronize()
      }
    }
    _ = try processes?.sum([Double(items.count)])
    return records
  }
}

// MARK: - Several processes

/// What the processes work on at once: a stretch each, one behind the other.
private struct StageRound {
  /// The index of the first item.
  let first: Int
  /// Each process's items, by rank; only so many as there are items for.
  let parts: [Range<Int>]
  /// How many processes there are.
  let size: Int

  init(_ first: Int, of count: Int, _ stretch: Int, _ size: Int) {
    self.first = first
    self.size = size
    // Few items are shared too.
    let length = min(stretch, max(1, (count + size - 1) / size))
    parts = stride(from: first, to: min(first + size * length, count), by: length).map {
      $0..<min($0 + length, count)
    }
  }

  /// A process's numbers in the sum behind a round: whether each failed, then the tokens of each.
  var report: [Double] { [Double](repeating: 0, count: 2 * size) }
}

extension Stage {
  /// Works beside the first process until all records are there.
  private nonisolated(nonsending) func follow<Item, Record: Codable & Sendable>(
    _ processes: any StageProcesses,
    _ items: [Item],
    _ stretch: Int,
    _ body: StageWork<Item, Record>
  ) async throws -> Never {
    while true {
      let first = Int(try processes.sum([0])[0])
      guard first < items.count else { throw FollowedStage() }
      let round = StageRound(first, of: items.count, stretch, processes.size)
      var report = round.report
      if round.parts.indices.contains(processes.rank) {
        let part = round.parts[processes.rank]
        do {
          var (found, tokens): ([Record], Int) = ([], 0)
          try await body(Array(items[part]), part.lowerBound) {
            found += $0
            tokens += $2
            try Interruption.check()
          }
          try handOver(found, part.lowerBound)
          report[processes.size + processes.rank] = Double(tokens)
        } catch let error as Interrupted {
          throw error
        } catch {
          report[processes.rank] = 1
        }
      }
      _ = try processes.sum(report)
    }
  }

  /// Where a process leaves its records for the first one; a name that leftovers have.
  private func handedOver(_ first: Int) -> URL {
    (followed ?? url).appendingPathComponent("records.tmp-\(first)")
  }

  private func handOver<Record: Encodable>(_ records: [Record], _ first: Int) throws {
    try DurableFile.write(try JSONEncoder().encode(records), to: handedOver(first))
  }

  private func handedOver<Record: Decodable>(
    _ type: Record.Type,
    _ round: StageRound,
    _ rank: Int
  ) throws -> [Record]? {
    let part = round.parts[rank]
    let file = handedOver(part.lowerBound)
    guard let data = try? Data(contentsOf: file),
      let records = try? JSONDecoder().decode([Record].self, from: data),
      records.count == part.count
    else { return nil }
    try? FileManager.default.removeItem(at: file)
    return records
  }
}
