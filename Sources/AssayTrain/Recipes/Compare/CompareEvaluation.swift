import AssayData
import AssayEvaluate
import AssayRun
import AssayText
import Foundation

/// How texts are drawn where models are evaluated.
struct OutcomeSampling {
  /// Temperature of critiques where there are several.
  let critiqueTemperature: Double
  /// Temperature of judgements where there are more than two.
  let judgementTemperature: Double
  /// The most likely tokens that together have this probability are drawn from, in judgements.
  let topP: Double
  /// Tokens that a judgement may have; `nil` is what the model was trained for.
  let judgementTokens: Int?
}

/// Evaluates one model on suites, resuming behind what is recorded.
struct CompareEvaluation {
  let sampling: OutcomeSampling
  let compute: ComputeSection
  let events: RunEventHandler

  /// Runs the evaluation of a model.
  ///
  /// - Parameters:
  ///   - stages: Where it runs.
  ///   - model: The model.
  ///   - suites: What it is evaluated on.
  ///   - votes: Judgements of each pair, for judges that reason.
  ///   - critiques: Critiques of each response, for models that write them; one is greedy.
  /// - Returns: The stage, whose records are `PairOutcome`s.
  /// - Throws: What scoring, judging or writing throws.
  func run(
    _ stages: StageRunner,
    model: ComparedModel,
    suites: [Suite],
    votes: Int,
    critiques: Int
  ) async throws -> Stage {
    var own = PairSampling()
    own.critiques = [critiques]
    own.votes = votes
    own.critiqueTemperature = sampling.critiqueTemperature
    own.judgementTemperature = sampling.judgementTemperature
    own.topP = sampling.topP
    own.judgementTokens = sampling.judgementTokens
    return try await PairEvaluator(
      sampling: own,
      seed: compute.seed,
      load: compute.model
    ).run(
      stages,
      model: RatedModel(
        folder: model.folder,
        digest: model.digest,
        preference: model.kind.preference
      ),
      suites: suites
    )
  }

  /// The share of an evaluation's pairs that are right.
  static func accuracy(_ stage: Stage) throws -> Double { try PairEvaluator.accuracy(stage) }
}

extension ComparedModel.Kind {
  /// What it is called in recipes.
  var name: String { preference.name }

  /// How the evaluator calls it.
  var preference: Preference {
    switch self {
    case .scorer: .critiqueScores
    case .judge(let task, let prompts): .verdicts(task, prompts)
    case .pair: .pairLogit
    }
  }
}
