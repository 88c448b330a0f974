import AssayData
import AssayEvaluate
import AssayRun
import AssayText
import AssayTrain

/// What all methods of a comparison share, under all seeds.
struct StudyCommon {
  /// Where everything comes from.
  let world: any World
  /// Its data.
  let data: WorldData
  /// What is read again while a method learns.
  let replay: Replay?
  private let config: StudyConfig

  /// Makes the data, where they are missing.
  ///
  /// - Parameters:
  ///   - config: The comparison's settings.
  ///   - stages: Where they are kept.
  /// - Throws: What making data throws.
  init(_ config: StudyConfig, _ stages: StageRunner) async throws {
    self.config = config
    world = try config.makeWorld()
    guard config.evaluation.bestOf.isEmpty || world.isRight != nil else {
      throw TrainingError.recipe(
        reason: "evaluation.best_of: the world \(config.world) cannot tell whether a response is "
          + "right, which best-of-N and revision are measured by; leave it out"
      )
    }
    data = try await world.data(stages)
    replay = try config.replay.replay(data.corpus)
  }

  /// The suites that a seed is evaluated on: all pairs, or those of its part.
  ///
  /// - Parameter seed: The seed.
  /// - Returns: The suites in the same order; pairs of one question are in one part.
  /// - Throws: `TrainingError.recipe` where a part of a suite would be empty.
  func suites(of seed: Int) throws -> [Suite] {
    let parts = config.evaluation.parts
    guard parts > 1 else { return data.suites }
    return try data.suites.map { suite in
      var places: [String: Int] = [:]
      let own = suite.pairs.filter { pair in
        let question = world.cluster(of: pair) ?? "pair \(pair.id)"
        let place = places[question] ?? places.count
        places[question] = place
        return place % parts == seed % parts
      }
      guard !own.isEmpty else {
        throw TrainingError.recipe(
          reason:
            "evaluation.parts: the suite \(suite.name) has \(places.count) questions, which is "
            + "too few for \(parts) parts; set fewer, or give more pairs"
        )
      }
      return Suite(name: suite.name, pairs: own)
    }
  }

  /// Makes the start model of a seed, where it is missing, and measures it.
  ///
  /// - Parameters:
  ///   - seed: The seed that base and start model are drawn from.
  ///   - stages: Where they are kept.
  /// - Returns: The model, and how good it is on validation pairs.
  /// - Throws: What training and judging throw.
  func start(of seed: Int, _ stages: StageRunner) async throws -> StudyStart {
    var own = config
    own.compute.seed = seed
    let models = StartModelStages(own, stages)
    let folder = try await models.run(world, data)
    guard config.instructs else { return StudyStart(folder: folder, strength: [:]) }
    var strength = try await models.strength(
      folder,
      on: data.validation,
      votes: config.evaluation.deep.isEmpty ? config.evaluation.votes : config.evaluation.deepVotes,
      world.prompts ?? .english
    )
    let teachers = world.teacherStrength(startStrength: strength[StartModelStages.criticStrength])
    strength.merge(teachers) { $1 }
    models.tell(strength)
    return StudyStart(folder: folder, strength: strength)
  }
}

/// What the methods of a seed start from.
struct StudyStart {
  /// The model.
  let folder: StartFolder
  /// Its accuracy on validation pairs, as judge and as critic; empty where it was not made here.
  let strength: [String: Double]

  /// How often the scores that it states prefer the better response; `nil` where that was not measured.
  var criticStrength: Double? { strength[StartModelStages.criticStrength] }
}
