import AssayData
import AssayReward
import AssayRun
import AssayText
import Foundation

/// A model that a comparison evaluates.
struct ComparedModel {
  /// How it gives preferences.
  enum Kind: Equatable {
    /// By scores.
    case scorer
    /// By verdicts.
    case judge(RolePrompts.JudgeTask, RolePrompts)
    /// By one logit of both responses.
    case pair
  }

  /// Its folder.
  let folder: URL
  /// What it was made from.
  let digest: String
  /// How it gives preferences.
  let kind: Kind
}

/// Trains one method under one seed.
struct CompareTraining {
  let config: CompareConfig
  let seed: Int
  let common: CompareCommon
  let events: RunEventHandler
  /// The share of the training pairs that is used, on top of the settings'.
  var share = 1.0

  /// The settings of computing, under the method's seed.
  var compute: ComputeSection {
    var compute = config.compute
    compute.seed = seed
    return compute
  }

  /// How its models are evaluated.
  var evaluation: CompareEvaluation {
    CompareEvaluation(sampling: config.evaluation.sampling, compute: compute, events: events)
  }

  /// Runs the stages of a method.
  ///
  /// - Parameters:
  ///   - method: The method.
  ///   - stages: Where they run.
  /// - Returns: The model.
  /// - Throws: What training throws.
  func train(_ method: ComparedMethod, _ stages: StageRunner) async throws -> ComparedModel {
    let wording = common.prompts
    let (stage, kind): (Stage, ComparedModel.Kind)
    switch method {
    case .judge, .judgeToken:
      return ComparedModel(
        folder: common.start,
        digest: common.startDigest,
        kind: .judge(method == .judge ? .chain : .token, wording)
      )
    case .classic: (stage, kind) = (try await classic(stages), .scorer)
    case .pair: (stage, kind) = (try await verdict(config.pair, .pair, stages), .pair)
    case .genrm:
      (stage, kind) = (try await verdict(config.genrm, .letter, stages), .judge(.token, wording))
    case .starSFT, .starRationalizer, .starDPO, .starIPO:
      let variant = method.star ?? .sft
      let recipe = StarRecipe(
        section: config.star(variant),
        variant: variant,
        compute: compute,
        events: events,
        replay: common.replay,
        oracle: common.oracle
      )
      let trained = try await recipe.run(
        stages,
        start: common.start,
        inputs: inputs,
        pairs: pairs
      )
      guard let last = trained.last else {
        throw TrainingError.noData(stage: method.rawValue, hint: "there is no iteration")
      }
      (stage, kind) = (last, .judge(.chain, wording))
    case .cloud:
      let recipe = CloudRecipe(
        critique: config.critique,
        cloud: config.cloud,
        compute: compute,
        events: events,
        replay: common.replay
      )
      stage = try await recipe.run(stages, base: common.start, inputs: inputs, pairs: pairs)
      kind = .scorer
    case .criticRMRank, .criticRMSumm:
      let recipe = CriticRMRecipe(
        section: config.criticRm,
        refinement: method == .criticRMRank ? .rank : .summ,
        compute: compute,
        events: events,
        replay: common.replay,
        truth: common.truth
      )
      stage = try await recipe.run(stages, start: common.start, inputs: inputs, pairs: pairs)
      kind = .scorer
    }
    return ComparedModel(folder: try stage.model(), digest: stage.digest, kind: kind)
  }

  /// The pairs that are used: the first ones, so that a smaller share is part of a larger one.
  var pairs: [PreferencePair] {
    let count = Double(common.pairs.count) * config.share * share
    return Array(common.pairs.prefix(max(1, Int(count.rounded()))))
  }

  private var inputs: [String: String] {
    ["start": common.startDigest, "pairs": "\(pairs.count)"]
  }

  private func classic(_ stages: StageRunner) async throws -> Stage {
    try await stages.run(
      "classic",
      recipe: try RecipeFile.yaml(of: config.classic) + RecipeFile.yaml(of: compute)
        + (common.replay?.recipe ?? ""),
      inputs: inputs
    ) { stage in
      try ClassicRecipe(
        section: config.classic,
        compute: compute,
        events: events,
        replay: common.replay
      ).run(stage, base: common.start, pairs: pairs)
    }
  }

  private func verdict(
    _ section: VerdictSection,
    _ kind: VerdictKind,
    _ stages: StageRunner
  ) async throws -> Stage {
    try await stages.run(
      kind == .pair ? "pair" : "genrm",
      recipe: "kind: \(kind == .pair ? "pair" : "letter")\n" + (try RecipeFile.yaml(of: section))
        + RecipeFile.yaml(of: compute) + (common.replay?.recipe ?? ""),
      inputs: inputs
    ) { stage in
      try VerdictRecipe(
        section: section,
        kind: kind,
        compute: compute,
        events: events,
        replay: common.replay
      ).run(stage, start: common.start, pairs: pairs)
    }
  }
}
