import AssayData
import AssayRun
import AssayText
import AssayTrain

/// What all methods of a comparison share.
struct StudyCommon {
  /// Where everything comes from.
  let world: any World
  /// Its data.
  let data: WorldData
  /// What methods start from.
  let start: StartFolder
  /// What is read again while a method learns.
  let replay: Replay?
  /// The start model's accuracy on validation pairs, as judge and as critic.
  let strength: [String: Double]

  /// Makes the data and the start model, where they are missing.
  ///
  /// - Parameters:
  ///   - config: The comparison's settings.
  ///   - stages: Where they are kept.
  /// - Throws: What making data or training throws.
  init(_ config: StudyConfig, _ stages: StageRunner) async throws {
    world = try config.makeWorld()
    guard config.evaluation.bestOf.isEmpty || world.isRight != nil else {
      throw TrainingError.recipe(
        reason: "evaluation.best_of: the world \(config.world) cannot tell whether a response is "
          + "right, which best-of-N and revision are measured by; leave it out"
      )
    }
    data = try await world.data(stages)
    let models = StartModelStages(config, stages)
    start = try await models.run(world, data)
    replay = try config.replay.replay(data.corpus)
    strength =
      config.instructs
      ? try await models.strength(start, on: data.validation, world.prompts ?? .english) : [:]
  }
}
