import AssayData
import AssayEvaluate
import AssayRun
import AssayTrain

/// Trains one method under one seed.
struct StudyTraining {
  let config: StudyConfig
  let seed: Int
  let common: StudyCommon
  let start: StudyStart
  let stages: StageRunner
  /// The share of the training pairs that is used, on top of the settings'.
  var share = 1.0

  /// The settings of computing, under the method's seed.
  var compute: ComputeSection {
    var compute = config.compute
    compute.seed = seed
    return compute
  }

  /// Runs the stages of a method.
  ///
  /// - Parameter method: The method.
  /// - Returns: The model.
  /// - Throws: What training throws; `TrainingError.recipe` where it makes no reward model.
  func train(_ method: any Method) async throws -> RatedModel {
    let pairs = pairs
    var context = RunContext(
      stages: stages,
      start: start.folder,
      settings: config.settings,
      compute: compute,
      replay: common.replay,
      inputs: [
        "start": start.folder.digest, "data": common.data.digest, "pairs": "\(pairs.count)",
      ]
    )
    context.pairs = pairs
    context.isShuffled = config.data?.shuffle ?? true
    context.corpus = common.data.corpus
    context.wording = common.world.prompts
    context.truth = common.world.truth
    context.oracle = common.world.oracle
    context.teachers = common.world.teachers(startStrength: start.criticStrength)
    guard let model = try await method.run(in: context).rated else {
      throw TrainingError.recipe(reason: "\(method.name) makes no model that gives preferences")
    }
    return model
  }

  /// Evaluates a model.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - suites: What it is evaluated on.
  ///   - sampling: How it writes.
  /// - Returns: The stage, whose records are `PairOutcome`s.
  /// - Throws: What scoring, judging or writing throws.
  func evaluate(
    _ model: RatedModel,
    on suites: [Suite],
    _ sampling: PairSampling
  ) async throws -> Stage {
    try await PairEvaluator(
      sampling: sampling,
      seed: seed,
      load: compute.loader(in: config.evaluation.dtype)
    ).run(stages, model: model, suites: suites)
  }

  /// The pairs that are used: the first ones, so that a smaller share is part of a larger one.
  var pairs: [PreferencePair] {
    let count = Double(common.data.train.count) * config.share * share
    return Array(common.data.train.prefix(max(1, Int(count.rounded()))))
  }
}
