import Foundation

/// Runs the stages of a recipe in order, passing over those that are done.
struct StageRunner {
  let run: RunFolder
  let events: RunEventHandler

  /// Runs a stage, or passes over it where it is done.
  ///
  /// - Parameters:
  ///   - name: The stage's name.
  ///   - recipe: Its resolved settings.
  ///   - inputs: Digests of what it is made from.
  ///   - body: The work; it may find records and a checkpoint to go on from.
  /// - Returns: The finished stage.
  /// - Throws: `RunError.stageChanged`, or what the body throws.
  func run(
    _ name: String,
    recipe: String,
    inputs: [String: String],
    body: (Stage) async throws -> Void
  ) async throws -> Stage {
    let stage = try run.stage(name, fingerprint: StageFingerprint(recipe: recipe, inputs: inputs))
    if stage.isDone {
      events(.stageSkipped(name: name, number: stage.number))
      return stage
    }
    let start = Date()
    try await body(stage)
    let seconds = Date().timeIntervalSince(start)
    try stage.finish(StageOutcome(finished: true), seconds: seconds)
    events(.stageFinished(name: name, number: stage.number, seconds: seconds))
    return stage
  }
}

/// What `done.json` of a training stage says.
struct StageOutcome: Codable {
  var finished: Bool
}

extension Stage {
  /// The folder of the model that the finished stage made.
  ///
  /// - Returns: The last checkpoint.
  /// - Throws: `RunError.malformedRecord` where it is gone.
  func model() throws -> URL {
    guard let checkpoint else {
      throw RunError.malformedRecord(
        file: file("checkpoint").path,
        line: 1,
        reason: "the stage is done, but its model is gone"
      )
    }
    return checkpoint
  }
}
