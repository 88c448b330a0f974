// One stage of a run: a folder with its recipe, its records, its checkpoint, and `done.json` last.
import AssayBase
import Foundation

/// A stage of a run, which is a folder.
///
/// | file | holds |
/// | --- | --- |
/// | `recipe.yaml` | the resolved recipe section |
/// | `inputs.json` | what the stage was made from, to notice a change |
/// | `records.jsonl` | append-only records |
/// | `texts.jsonl` | texts that are finished and in no record yet; gone when the stage is done |
/// | `metrics.jsonl` | one line a training step |
/// | `checkpoint/` | the last checkpoint, replaced as a whole |
/// | `checkpoints/` | those before it, where more than one is kept: `step-000200` |
/// | `done.json` | written last: the stage's result |
package struct Stage: Sendable {
  /// The name without the number, as `critiques`.
  package let name: String
  /// The 1-based place in the run.
  package let number: Int
  /// The stage's folder.
  package let url: URL
  /// The digest of what the stage was made from; give it to the stages that build on this one.
  package let digest: String
  private let run: RunFolder
  /// Where the checkpoint is that another process keeps; `nil` where this one keeps it.
  let followed: URL?

  private struct Done<Result: Codable>: Codable {
    let fingerprint: String
    let seconds: Double
    let result: Result
  }

  private struct StepMark: Codable {
    let step: Int
  }

  /// Opens or creates the stage's folder.
  package init(
    _ name: String,
    number: Int,
    url: URL,
    fingerprint: Fingerprint,
    run: RunFolder
  ) throws {
    self.name = name
    self.number = number
    self.url = url
    self.run = run
    followed = nil
    digest = fingerprint.digest
    let inputs = url.appendingPathComponent("inputs.json")
    if let data = try? Data(contentsOf: inputs) {
      let earlier: Fingerprint
      do {
        earlier = try JSONDecoder().decode(Fingerprint.self, from: data)
      } catch {
        throw FileError.malformedRecord(
          file: inputs.path,
          line: 1,
          reason: "this does not say what the stage was made from"
        )
      }
      let changes = fingerprint.changes(from: earlier)
      guard changes.isEmpty else {
        throw RunError.stageChanged(folder: run.url.path, stage: name, changes: changes)
      }
    } else if run.isReadOnly {
      throw FileError.malformedRecord(file: inputs.path, line: 1, reason: "the stage is not there")
    } else {
      try DurableFile.makeFolder(url)
      try DurableFile.write(
        Data(fingerprint.recipe.utf8),
        to: url.appendingPathComponent("recipe.yaml")
      )
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      try DurableFile.write(try encoder.encode(fingerprint), to: inputs)
    }
    if !run.isReadOnly { try removeLeftovers() }
  }

  /// A stage that another process keeps, to compute beside it: it reads the other's checkpoint, and what
  /// is written to it goes to a folder of its own.
  ///
  /// - Parameters:
  ///   - stage: The other's.
  ///   - folder: For what is written, which nobody reads.
  package init(following stage: Stage, in folder: URL) {
    name = stage.name
    number = stage.number
    url = folder
    digest = stage.digest
    run = stage.run
    followed = stage.url
  }

  /// Whether another process keeps the stage, and this one computes beside it.
  package var isFollowing: Bool { followed != nil }

  /// Whether the stage has finished.
  package var isDone: Bool { (try? Data(contentsOf: file("done.json"))) != nil }

  /// Lets other processes open the run's folder.
  package func release() { run.release() }

  /// Returns the result that `finish` wrote, or `nil` where the stage has not finished.
  ///
  /// - Throws: `FileError.malformedRecord` where `done.json` holds something else.
  package func result<Result: Codable>(as type: Result.Type) throws -> Result? {
    guard let data = try? Data(contentsOf: file("done.json")) else { return nil }
    do {
      return try JSONDecoder().decode(Done<Result>.self, from: data).result
    } catch {
      throw FileError.malformedRecord(
        file: file("done.json").path,
        line: 1,
        reason: "this is not the result of this stage"
      )
    }
  }

  /// Marks the stage as finished, with its result.
  ///
  /// - Parameters:
  ///   - result: Anything small that later stages or the report need.
  ///   - seconds: How long the stage took.
  /// - Throws: `FileError.fileSystem` where `done.json` cannot be written.
  package func finish<Result: Codable>(_ result: Result, seconds: Double) throws {
    guard followed == nil else { return }
    // First: behind done.json nobody looks for them.
    for name in keptNames(url) { try? FileManager.default.removeItem(at: file(name)) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    let done = Done(fingerprint: digest, seconds: seconds, result: result)
    try DurableFile.write(try encoder.encode(done), to: file("done.json"))
  }

  /// Opens the stage's records; a line cut by a kill is dropped.
  package func records<Record: Codable & Sendable>(of type: Record.Type) throws -> RecordLog<Record>
  {
    try RecordLog(file("records.jsonl"))
  }

  private static let texts = "texts.jsonl"

  /// Where texts are kept that are finished and in no record yet.
  ///
  /// Processes that work at the stage together have a file each. All go when the stage is done.
  ///
  /// - Parameter writer: What tells the texts of one writer of the stage from those of another.
  /// - Returns: The file of this process's texts, and those of others that are there.
  package func texts(of writer: String? = nil) -> (own: URL, others: [URL]) {
    let folder = followed ?? url
    let rank = isFollowing ? SharedStages.processes.map { "\($0.rank)" } : nil
    let own = ([rank, writer].compactMap(\.self) + [Self.texts]).joined(separator: "-")
    let others = keptNames(folder).filter { $0 != own }
    return (folder.appendingPathComponent(own), others.map(folder.appendingPathComponent))
  }

  private func keptNames(_ folder: URL) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
      .filter { $0.hasSuffix(Self.texts) }.sorted()
  }

  /// Returns the URL of a file in the stage's folder.
  package func file(_ name: String) -> URL { url.appendingPathComponent(name) }

  // MARK: Checkpoints

  /// Where the checkpoint is, if there is one.
  package var checkpoint: URL? {
    let url = (followed ?? url).appendingPathComponent("checkpoint")
    return FileManager.default.fileExists(atPath: url.path) ? url : nil
  }

  /// The number of steps that the checkpoint contains; 0 where there is none.
  ///
  /// - Throws: `FileError.malformedRecord` where the checkpoint does not say.
  package func checkpointedStep() throws -> Int {
    guard let checkpoint else { return 0 }
    let url = checkpoint.appendingPathComponent("progress.json")
    guard let data = try? Data(contentsOf: url),
      let progress = try? JSONDecoder().decode(StepMark.self, from: data)
    else {
      throw FileError.malformedRecord(
        file: url.path,
        line: 1,
        reason: "the checkpoint does not say its step"
      )
    }
    return progress.step
  }

  /// A checkpoint that is written beside the previous one, and may not be on the disk yet.
  package struct WrittenCheckpoint: Sendable {
    fileprivate let stage: Stage
    fileprivate let folder: URL
    fileprivate let kept: Int

    /// Flushes the checkpoint, and then puts it in its place.
    ///
    /// - Throws: `FileError.fileSystem`; the previous checkpoint stays then.
    package func publish() throws { try stage.place(folder, keeping: kept) }
  }

  /// Writes a checkpoint beside the previous one, flushes it, and then puts it in its place.
  ///
  /// - Parameters:
  ///   - step: How many steps it contains.
  ///   - kept: How many checkpoints are kept, this one and those before it.
  ///   - write: Writes the files into the folder that it is given.
  /// - Throws: `FileError.fileSystem`, or what `write` throws; the previous checkpoint stays then.
  package func publishCheckpoint(
    step: Int,
    keeping kept: Int = 1,
    write: (URL) throws -> Void
  ) throws {
    try writeCheckpoint(step: step, keeping: kept, write: write)?.publish()
  }

  /// Writes a checkpoint beside the previous one, for whoever has something to do before it is flushed;
  /// there is one at a time.
  ///
  /// - Parameters:
  ///   - step: How many steps it contains.
  ///   - kept: How many checkpoints are kept, this one and those before it.
  ///   - write: Writes the files into the folder that it is given; they need not be flushed.
  /// - Returns: What is to be published; `nil` where another process keeps the stage.
  /// - Throws: `FileError.fileSystem`, or what `write` throws.
  package func writeCheckpoint(
    step: Int,
    keeping kept: Int = 1,
    write: (URL) throws -> Void
  ) throws -> WrittenCheckpoint? {
    guard followed == nil else { return nil }
    let temporary = file("checkpoint.tmp-\(getpid())")
    try? FileManager.default.removeItem(at: temporary)
    try DurableFile.makeFolder(temporary)
    do {
      try write(temporary)
      try JSONEncoder().encode(StepMark(step: step))
        .write(to: temporary.appendingPathComponent("progress.json"))
    } catch {
      try? FileManager.default.removeItem(at: temporary)
      throw error
    }
    return WrittenCheckpoint(stage: self, folder: temporary, kept: kept)
  }

  private func place(_ temporary: URL, keeping kept: Int) throws {
    do {
      try DurableFile.synchronizeTree(temporary)
    } catch {
      try? FileManager.default.removeItem(at: temporary)
      throw error
    }
    let previous = try place(ofPrevious: kept)
    if let checkpoint { try DurableFile.rename(checkpoint, to: previous) }
    try DurableFile.rename(temporary, to: file("checkpoint"))
    if kept == 1 { try? FileManager.default.removeItem(at: previous) }
    for name in earlierCheckpoints.dropLast(kept - 1) {
      try? FileManager.default.removeItem(at: earlier.appendingPathComponent(name))
    }
  }

  /// Where checkpoints before the last one are kept.
  private var earlier: URL { file("checkpoints") }

  /// Their names, in the order of their steps.
  private var earlierCheckpoints: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: earlier.path)) ?? [])
      .filter { $0.hasPrefix("step-") }.sorted()
  }

  /// Where the checkpoint goes that the next one replaces.
  private func place(ofPrevious kept: Int) throws -> URL {
    guard kept > 1, checkpoint != nil else { return file("checkpoint.old-\(getpid())") }
    try DurableFile.makeFolder(earlier)
    let digits = String(try checkpointedStep())
    let padding = String(repeating: "0", count: max(0, 9 - digits.count))
    let place = earlier.appendingPathComponent("step-\(padding)\(digits)")
    try? FileManager.default.removeItem(at: place)
    return place
  }

  /// Puts a checkpoint that was set aside back where its successor did not arrive; removes the rest.
  private func removeLeftovers() throws {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    if checkpoint == nil, let old = names.first(where: { $0.hasPrefix("checkpoint.old-") }) {
      try DurableFile.rename(file(old), to: file("checkpoint"))
    } else if checkpoint == nil, let last = earlierCheckpoints.last {
      try DurableFile.rename(earlier.appendingPathComponent(last), to: file("checkpoint"))
    }
    for name in names where name.hasPrefix("checkpoint.") || name.contains(".tmp-") {
      try? FileManager.default.removeItem(at: file(name))
    }
  }
}
