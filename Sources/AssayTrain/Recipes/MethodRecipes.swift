// Recipes of Critic-RM and of judges, on files of the user's own and from an instruction-tuned model.

import AssayData
import AssayModel
import AssayReward
import AssayRun
import AssayText
import Foundation

/// How a model is evaluated on suites when its recipe has run.
package struct OutcomeSection: RecipeSection {
  /// Critiques that a score is the mean of, for models that write them; one is greedy.
  ///
  /// Default: 1.
  package var critiques = 1
  /// Judgements of each pair, half of them in each order, for judges that reason; two are greedy.
  ///
  /// Default: 2.
  package var votes = 2
  /// Temperature of critiques where there are several.
  ///
  /// Default: 0.5.
  package var critiqueTemperature = 0.5
  /// Temperature of judgements where there are more than two.
  ///
  /// Default: 1.
  package var judgementTemperature = 1.0
  /// The most likely tokens that together have this probability are drawn from, in judgements.
  ///
  /// Default: 0.95.
  package var topP = 0.95

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(critiques > 0, "critiques", "a number above 0")
    checks.require(votes > 0 && votes.isMultiple(of: 2), "votes", "an even number above 0")
    checks.require(critiqueTemperature > 0, "critiqueTemperature", "a number above 0")
    checks.require(judgementTemperature > 0, "judgementTemperature", "a number above 0")
    checks.require(topP > 0 && topP <= 1, "topP", "a number above 0 and up to 1")
  }

  var sampling: OutcomeSampling {
    OutcomeSampling(
      critiqueTemperature: critiqueTemperature,
      judgementTemperature: judgementTemperature,
      topP: topP,
      judgementTokens: nil
    )
  }
}

/// The settings of `method: pair` and `method: genrm`.
package struct VerdictConfig: RecipeSection {
  /// `pair` or `genrm`.
  package var method = "genrm"
  /// The model to start from: its folder, or a run folder.
  package var model = ""
  /// The pairs.
  package var data = DataSection()
  /// Where and how it computes.
  package var compute = ComputeSection()
  /// What is read again while it learns.
  package var replay = ReplaySection()
  /// How it is trained.
  package var verdict = VerdictSection()
  /// How it is evaluated.
  package var evaluation = OutcomeSection()

  /// Makes a config of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(!model.isEmpty, "model", "the folder of the model to start from")
  }
}

/// The settings of `method: star-sft`, `star-rationalizer`, `star-dpo` and `star-ipo`.
package struct StarConfig: RecipeSection {
  /// The variant.
  package var method = StarVariant.dpo.rawValue
  /// The instruction-tuned model to start from: its folder, or a run folder.
  package var model = ""
  /// The pairs.
  package var data = DataSection()
  /// Where and how it computes.
  package var compute = ComputeSection()
  /// What is read again while it learns.
  package var replay = ReplaySection()
  /// How it is trained.
  package var star = StarSection()
  /// How it is evaluated.
  package var evaluation = OutcomeSection()

  /// Makes a config of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(!model.isEmpty, "model", "the folder of the model to start from")
    checks.require(
      star.bootstrap == .own,
      "star.bootstrap",
      "self: files have no oracle of judgements; comparisons on the Playground do"
    )
  }
}

/// The settings of `method: critic-rm-rank` and `method: critic-rm-summ`.
package struct CriticRMConfig: RecipeSection {
  /// `critic-rm-rank` or `critic-rm-summ`.
  package var method = "critic-rm-rank"
  /// The instruction-tuned model to start from: its folder, or a run folder.
  package var model = ""
  /// The pairs.
  package var data = DataSection()
  /// Where and how it computes.
  package var compute = ComputeSection()
  /// What is read again while it learns.
  package var replay = ReplaySection()
  /// How it is trained.
  package var criticRm = CriticRMSection()
  /// Who writes for the start model, elsewhere.
  package var endpoints = CriticRMEndpoints()
  /// How it is evaluated.
  package var evaluation = OutcomeSection()

  /// Makes a config of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(!model.isEmpty, "model", "the folder of the model to start from")
  }
}

/// Runs the recipes of Critic-RM and of judges.
struct MethodRecipes {
  let stages: StageRunner
  var events: RunEventHandler { stages.events }

  private func start(_ model: String, _ data: DataSection) throws -> (URL, [PreferencePair]) {
    let folder = Recipe.modelFolder(model)
    let pairs = try data.pairs(data.train, model: folder, leadIn: nil, events: events)
    return (folder, pairs)
  }

  private func inputs(_ folder: URL, _ data: DataSection) throws -> [String: String] {
    [
      "model": try Recipe.fingerprint(folder.path),
      "train": try Recipe.fingerprint(data.train),
    ]
  }

  func run(_ config: VerdictConfig) async throws {
    let (folder, pairs) = try start(config.model, config.data)
    let kind: VerdictKind = config.method == "pair" ? .pair : .letter
    let replay = try config.replay.replay()
    let stage = try await stages.run(
      config.method,
      recipe: try RecipeFile.yaml(of: config.verdict) + RecipeFile.yaml(of: config.compute)
        + (replay?.recipe ?? ""),
      inputs: try inputs(folder, config.data)
    ) { stage in
      try VerdictRecipe(
        section: config.verdict,
        kind: kind,
        compute: config.compute,
        events: events,
        replay: replay
      ).run(stage, start: folder, pairs: pairs)
    }
    let model: ComparedModel.Kind =
      kind == .pair ? .pair : .judge(.token, config.verdict.wording)
    try await evaluate(stage, model, config.data, config.evaluation, config.compute)
  }

  func run(_ config: StarConfig) async throws {
    let (folder, pairs) = try start(config.model, config.data)
    let variant = StarVariant(rawValue: config.method) ?? .dpo
    let trained = try await StarRecipe(
      section: config.star,
      variant: variant,
      compute: config.compute,
      events: events,
      replay: try config.replay.replay()
    ).run(stages, start: folder, inputs: try inputs(folder, config.data), pairs: pairs)
    guard let last = trained.last else { return }
    let kind = ComparedModel.Kind.judge(.chain, config.star.wording)
    try await evaluate(last, kind, config.data, config.evaluation, config.compute)
  }

  func run(_ config: CriticRMConfig) async throws {
    let (folder, pairs) = try start(config.model, config.data)
    let stage = try await CriticRMRecipe(
      section: config.criticRm,
      refinement: config.method == "critic-rm-summ" ? .summ : .rank,
      compute: config.compute,
      events: events,
      replay: try config.replay.replay(),
      endpoints: config.endpoints
    ).run(stages, start: folder, inputs: try inputs(folder, config.data), pairs: pairs)
    try await evaluate(stage, .scorer, config.data, config.evaluation, config.compute)
  }

  private func evaluate(
    _ trained: Stage,
    _ kind: ComparedModel.Kind,
    _ data: DataSection,
    _ section: OutcomeSection,
    _ compute: ComputeSection
  ) async throws {
    guard !data.suites.isEmpty else { return }
    let folder = try trained.model()
    let suites = try data.suites.sorted { $0.key < $1.key }.map { name, path in
      Suite(
        name: name,
        pairs: try data.pairs(path, model: folder, leadIn: nil, events: events)
      )
    }
    _ = try await CompareEvaluation(
      sampling: section.sampling,
      compute: compute,
      events: events,
      stageName: "outcomes"
    ).run(
      stages,
      model: ComparedModel(folder: folder, digest: trained.digest, kind: kind),
      suites: suites,
      votes: section.votes,
      critiques: section.critiques
    )
  }
}
