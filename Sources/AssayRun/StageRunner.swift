import AssayBase
import Foundation

/// Runs the stages of a recipe in order, passing over those that are done.
package struct StageRunner {
  /// Where stages are.
  private let place: Place
  package let events: RunEventHandler
  /// The stage that another process works at, which this one follows.
  private let followed: String?

  private enum Place {
    /// Numbered, in one run's folder: a changed recipe is refused.
    case numbered(RunFolder)
    /// Each in a folder named after what it is made from: a changed recipe makes another one, and
    /// recipes that need the same stage share it.
    case addressed(StageStore)
  }

  /// Runs numbered stages in a run's folder.
  package init(run: RunFolder, events: @escaping RunEventHandler) {
    place = .numbered(run)
    followed = nil
    self.events = events
  }

  /// Follows another process that runs numbered stages, into one of them: earlier ones are done, and that
  /// one's body runs here too, without keeping anything, to end in `FollowedStage`.
  ///
  /// - Parameters:
  ///   - run: The other's folder, only read.
  ///   - stage: The name of the stage.
  package init(run: RunFolder, following stage: String) {
    place = .numbered(run)
    followed = stage
    events = { _ in }
  }

  /// Runs stages that several recipes share.
  package init(store: StageStore, events: @escaping RunEventHandler) {
    place = .addressed(store)
    followed = nil
    self.events = events
  }

  /// Runs a stage, or passes over it where it is done.
  ///
  /// - Parameters:
  ///   - name: The stage's name.
  ///   - settings: Everything besides `inputs` that changes its result.
  ///   - inputs: Digests of what it is made from.
  ///   - body: The work; it may find records and a checkpoint to go on from.
  /// - Returns: The finished stage.
  /// - Throws: `RunError.stageChanged`, `EncodingError`, or what the body throws.
  package func run(
    _ name: String,
    from settings: Fingerprint.Settings,
    inputs: [String: String],
    body: (Stage) async throws -> Void
  ) async throws -> Stage {
    let fingerprint = try Fingerprint(settings, inputs: inputs)
    let stage =
      switch place {
      case .numbered(let run): try run.stage(name, fingerprint: fingerprint)
      case .addressed(let store): try store.stage(name, fingerprint: fingerprint)
      }
    defer { if case .addressed = place, stage.isDone { stage.release() } }
    if stage.isDone {
      events(.stageSkipped(name: name, number: stage.number))
      return stage
    }
    if let followed { try await follow(stage, as: followed, body) }
    let start = Date()
    try await body(stage)
    let seconds = Date().timeIntervalSince(start)
    try stage.finish(StageOutcome(finished: true), seconds: seconds)
    events(.stageFinished(name: name, number: stage.number, seconds: seconds))
    return stage
  }
}

/// A stage was followed to its end; what is behind it is for the process that keeps the run.
package struct FollowedStage: Error {
  /// Makes one.
  package init() {}
}

extension StageRunner {
  private func follow(
    _ stage: Stage,
    as expected: String,
    _ body: (Stage) async throws -> Void
  ) async throws -> Never {
    guard stage.name == expected else {
      throw RunError.folderInUse(path: stage.url.path, process: nil)
    }
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("assay-following-\(UUID().uuidString)")
    try DurableFile.makeFolder(folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(Stage(following: stage, in: folder))
    throw FollowedStage()
  }
}

/// Stages in folders named after what they are made from, as `cloud-1f2e3d4c/01-cloud`.
///
/// A folder is locked until its stage is done, so that several processes can share a store.
package final class StageStore {
  private let url: URL
  private var opened: [String: Stage] = [:]
  private var used: [String] = []

  /// Keeps stages in a folder.
  package init(_ url: URL) { self.url = url }

  /// Opens a stage; the same one for the same fingerprint.
  ///
  /// - Parameters:
  ///   - name: Lower-case letters, digits and hyphens.
  ///   - fingerprint: What it is made from.
  /// - Returns: The stage.
  /// - Throws: `RunError.folderInUse` where another process works on it, or `.fileSystem`.
  package func stage(_ name: String, fingerprint: Fingerprint) throws -> Stage {
    let folder = "\(name)-\(fingerprint.digest.prefix(8))"
    if !used.contains(folder) { used.append(folder) }
    if let stage = opened[folder] { return stage }
    let place = url.appendingPathComponent(folder)
    let done = place.appendingPathComponent("01-\(name)/done.json")
    let run =
      FileManager.default.fileExists(atPath: done.path)
      ? RunFolder(finished: place) : try RunFolder(place)
    let stage = try run.stage(name, fingerprint: fingerprint)
    opened[folder] = stage
    return stage
  }

  /// The stages asked for since the last call, in their order.
  package func takeUsed() -> [Stage] {
    defer { used = [] }
    return used.compactMap { opened[$0] }
  }
}

/// What `done.json` of a training stage says.
package struct StageOutcome: Codable {
  package var finished: Bool
}

extension Stage {
  /// The seconds that the finished stage took, 0 before.
  package var seconds: Double {
    struct Done: Decodable { let seconds: Double }
    guard let data = try? Data(contentsOf: file("done.json")),
      let done = try? JSONDecoder().decode(Done.self, from: data)
    else { return 0 }
    return done.seconds
  }

  /// The folder of the model that the finished stage made.
  ///
  /// - Returns: The last checkpoint.
  /// - Throws: `FileError.malformedRecord` where it is gone.
  package func model() throws -> URL {
    guard let checkpoint else {
      throw FileError.malformedRecord(
        file: file("checkpoint").path,
        line: 1,
        reason: "the stage is done, but its model is gone"
      )
    }
    return checkpoint
  }
}
