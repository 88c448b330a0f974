// Recipes of one method each, on files of the user's own: a base model, a classic reward model, a
// critic, a CLoud model. Each evaluates on the suites that it is given.

import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayRun
import AssayText
import Foundation

/// Where the pairs of a recipe are.
package struct DataSection: RecipeSection {
  /// Training pairs: JSON Lines, plain or gzip, in one of TRL's four shapes.
  package var train = ""
  /// Suites to evaluate on, by name.
  package var suites: [String: String] = [:]
  /// Longest sequence of a pair, in tokens.
  ///
  /// Default: null, what the model reads.
  package var maximumTokens: Int?
  /// What happens to rows that cannot be used: `refuse` stops, `skip` counts and reports them.
  package var problems = ReadPolicy.Action.refuse

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(!train.isEmpty, "train", "the path of a file of pairs")
    checks.require((maximumTokens ?? 1) > 0, "maximumTokens", "a number above 0, or null")
  }

  /// Reads the training pairs, measured by the tokens that a model would read.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - model: The folder of the model that will read them.
  ///   - leadIn: What opens critiques; `nil` where none are read.
  ///   - events: Hears what was dropped.
  /// - Returns: The pairs that can be used.
  /// - Throws: `DataError` with file and line, or what reading the model's files throws.
  func pairs(_ path: String, model: URL, leadIn: String?, events: RunEventHandler) throws
    -> [PreferencePair]
  {
    let tokenizer = try BPETokenizer(contentsOf: model.appendingPathComponent("tokenizer.json"))
    let template = try TokenizerConfiguration.detect(folder: model, tokenizer: tokenizer).template
    let context = try ModelConfiguration(contentsOf: model.appendingPathComponent("config.json"))
      .contextTokens
    let renderer = try SequenceRenderer(tokenizer: tokenizer, template: template)
    let limit = TokenLimit<PreferencePair>(maximumTokens: min(maximumTokens ?? context, context)) {
      pair in
      try [(pair.chosen, pair.chosenCritique), (pair.rejected, pair.rejectedCritique)].map {
        response,
        critique in
        if let leadIn, let critique {
          return try renderer.render(
            prompt: pair.prompt,
            response: response,
            critique: critique,
            leadIn: leadIn,
            trainsLeadIn: false
          ).tokens.count
        }
        return try renderer.render(prompt: pair.prompt, response: response).tokens.count
      }.max() ?? 0
    }
    let reader = PairReader(policy: ReadPolicy(problems), limit: limit)
    let (pairs, report) = try reader.read(path)
    if report.skippedCount > 0 { events(.warning(report.description)) }
    return pairs
  }
}

/// The settings of `method: pretrain`.
package struct PretrainConfig: RecipeSection {
  /// Names the recipe's kind.
  package var method = "pretrain"
  /// Conversations: lines `{"messages": [...]}` or `{"text": ...}`.
  package var corpus = ""
  /// Where and how it computes.
  package var compute = ComputeSection()
  /// The model.
  package var base = BaseSection()

  /// Makes a config of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(!corpus.isEmpty, "corpus", "the path of a file of conversations")
  }
}

/// The settings of `method: classic`.
package struct ClassicConfig: RecipeSection {
  /// Names the recipe's kind.
  package var method = "classic"
  /// The model to start from: its folder, or a run folder.
  package var model = ""
  /// The pairs.
  package var data = DataSection()
  /// Where and how it computes.
  package var compute = ComputeSection()
  /// What is read again while it learns.
  package var replay = ReplaySection()
  /// How it is trained.
  package var classic = ClassicSection()

  /// Makes a config of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(!model.isEmpty, "model", "the folder of the model to start from")
  }
}

/// The settings of `method: critique-sft`.
package struct CritiqueConfig: RecipeSection {
  /// Names the recipe's kind.
  package var method = "critique-sft"
  /// The model to start from: its folder, or a run folder.
  package var model = ""
  /// The pairs, with critiques.
  package var data = DataSection()
  /// Where and how it computes.
  package var compute = ComputeSection()
  /// What is read again while it learns.
  package var replay = ReplaySection()
  /// How it is trained.
  package var critique = CritiqueSection()

  /// Makes a config of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(!model.isEmpty, "model", "the folder of the model to start from")
  }
}

/// The settings of `method: cloud`.
package struct CloudConfig: RecipeSection {
  /// Names the recipe's kind.
  package var method = "cloud"
  /// The model to start from: its folder, or a run folder.
  package var model = ""
  /// The pairs, with critiques.
  package var data = DataSection()
  /// Where and how it computes.
  package var compute = ComputeSection()
  /// What is read again while it learns.
  package var replay = ReplaySection()
  /// CLoud's first stage.
  package var critique = CritiqueSection()
  /// CLoud's further stages.
  package var cloud = CloudSection()
  /// What is evaluated.
  package var evaluation = EvaluationSection()

  /// Makes a config of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(!model.isEmpty, "model", "the folder of the model to start from")
  }
}

/// Runs any recipe into a run folder.
package struct Recipe {
  /// The kinds of recipes.
  package static let methods =
    ["pretrain", "classic", "pair", "genrm"] + StarVariant.allCases.map(\.rawValue)
    + ["critique-sft", "cloud", "critic-rm-rank", "critic-rm-summ", "comparison"]

  private enum Kind {
    case pretrain(PretrainConfig)
    case classic(ClassicConfig)
    case critique(CritiqueConfig)
    case cloud(CloudConfig)
    case verdict(VerdictConfig)
    case star(StarConfig)
    case criticRM(CriticRMConfig)
    case comparison(ComparisonConfig)
  }
  private let kind: Kind
  /// All settings as YAML.
  package let resolved: String

  /// Reads a recipe and checks all of its settings.
  ///
  /// - Parameters:
  ///   - file: The recipe; its `method` names the kind.
  ///   - overrides: `a.b=value` texts that win over the file.
  /// - Throws: `RunError.invalidRecipe` with every problem found.
  package init(_ file: RecipeFile, overrides: [String] = []) throws {
    func resolve<Config: RecipeSection>(_ type: Config.Type) throws -> (Config, String) {
      let resolved = try file.resolve(type, overrides: overrides)
      return (resolved.config, resolved.yaml)
    }
    switch try file.setting("method", overrides: overrides) {
    case "pretrain":
      let (config, yaml) = try resolve(PretrainConfig.self)
      (kind, resolved) = (.pretrain(config), yaml)
    case "classic":
      let (config, yaml) = try resolve(ClassicConfig.self)
      (kind, resolved) = (.classic(config), yaml)
    case "critique-sft":
      let (config, yaml) = try resolve(CritiqueConfig.self)
      (kind, resolved) = (.critique(config), yaml)
    case "cloud":
      let (config, yaml) = try resolve(CloudConfig.self)
      (kind, resolved) = (.cloud(config), yaml)
    case "pair", "genrm":
      let (config, yaml) = try resolve(VerdictConfig.self)
      (kind, resolved) = (.verdict(config), yaml)
    case let name? where StarVariant(rawValue: name) != nil:
      let (config, yaml) = try resolve(StarConfig.self)
      (kind, resolved) = (.star(config), yaml)
    case "critic-rm-rank", "critic-rm-summ":
      let (config, yaml) = try resolve(CriticRMConfig.self)
      (kind, resolved) = (.criticRM(config), yaml)
    case "comparison":
      let (config, yaml) = try resolve(ComparisonConfig.self)
      (kind, resolved) = (.comparison(config), yaml)
    case let other:
      throw RunError.invalidRecipe(
        file: file.name,
        problems: [
          "method: \(other.map { "\($0) is not known" } ?? "is missing"); one of "
            + Self.methods.joined(separator: ", ")
        ]
      )
    }
  }

  /// Runs what is missing in a run folder.
  ///
  /// - Parameters:
  ///   - run: The folder.
  ///   - events: Hears of progress.
  /// - Throws: `Interrupted`, which the same call continues; errors of recipes, data and models.
  package func run(_ run: RunFolder, events: @escaping RunEventHandler) async throws {
    let name = "recipe.yaml"
    let earlier = try? Data(contentsOf: run.url.appendingPathComponent(name))
    try run.write(Data(resolved.utf8), to: name)
    let stages = StageRunner(run: run, events: events)
    do {
      switch kind {
      case .pretrain(let config): try await runPretrain(config, stages)
      case .classic(let config): try await runClassic(config, stages)
      case .critique(let config): try await runCritique(config, stages)
      case .cloud(let config): try await runCloud(config, stages)
      case .verdict(let config): try await MethodRecipes(stages: stages).run(config)
      case .star(let config): try await MethodRecipes(stages: stages).run(config)
      case .criticRM(let config): try await MethodRecipes(stages: stages).run(config)
      case .comparison(let config):
        try await ComparisonRecipe(config: config, events: events).run(run)
      }
    } catch let error as RunError {
      // A refused recipe is not what the folder was made from.
      if error.isRefusal, let earlier { try run.write(earlier, to: name) }
      throw error
    }
  }

  /// The folder of a model: itself, or the last finished checkpoint of a run folder.
  static func modelFolder(_ path: String) -> URL {
    let url = URL(fileURLWithPath: path)
    let config = url.appendingPathComponent("config.json")
    if FileManager.default.fileExists(atPath: config.path) { return url }
    return RunFolder.lastCheckpoint(in: url) ?? url
  }

  static func fingerprint(_ path: String) throws -> String {
    guard FileManager.default.fileExists(atPath: path) else {
      throw DataError.notFound(path: path)
    }
    return try Digest.fingerprint(of: URL(fileURLWithPath: path))
  }

  private func runPretrain(_ config: PretrainConfig, _ stages: StageRunner) async throws {
    let recipe = try RecipeFile.yaml(of: config.base) + RecipeFile.yaml(of: config.compute)
    _ = try await stages.run(
      "base",
      recipe: recipe,
      inputs: ["corpus": try Self.fingerprint(config.corpus)]
    ) { stage in
      try Pretraining(section: config.base, compute: config.compute, events: stages.events)
        .run(stage, conversations: try CorpusFile.read(URL(fileURLWithPath: config.corpus)))
    }
  }

  private func runClassic(_ config: ClassicConfig, _ stages: StageRunner) async throws {
    let base = Self.modelFolder(config.model)
    let pairs = try config.data.pairs(
      config.data.train,
      model: base,
      leadIn: nil,
      events: stages.events
    )
    let replay = try config.replay.replay()
    let recipe =
      try RecipeFile.yaml(of: config.classic) + RecipeFile.yaml(of: config.compute)
      + (replay?.recipe ?? "")
    let stage = try await stages.run(
      "classic",
      recipe: recipe,
      inputs: [
        "model": try Self.fingerprint(base.path), "train": try Self.fingerprint(config.data.train),
      ]
    ) { stage in
      try ClassicRecipe(
        section: config.classic,
        compute: config.compute,
        events: stages.events,
        replay: replay
      ).run(stage, base: base, pairs: pairs)
    }
    try await evaluate("classic", stage, config.data, EvaluationSection(), config.compute, stages)
  }

  private func runCritique(_ config: CritiqueConfig, _ stages: StageRunner) async throws {
    let base = Self.modelFolder(config.model)
    let pairs = try config.data.pairs(
      config.data.train,
      model: base,
      leadIn: config.critique.leadIn,
      events: stages.events
    )
    let replay = try config.replay.replay()
    let recipe =
      try RecipeFile.yaml(of: config.critique) + RecipeFile.yaml(of: config.compute)
      + (replay?.recipe ?? "")
    _ = try await stages.run(
      "critique-sft",
      recipe: recipe,
      inputs: [
        "model": try Self.fingerprint(base.path), "train": try Self.fingerprint(config.data.train),
      ]
    ) { stage in
      try CritiqueTraining(
        section: config.critique,
        compute: config.compute,
        events: stages.events,
        replay: replay
      ).run(stage, base: base, pairs: pairs)
    }
  }

  private func runCloud(_ config: CloudConfig, _ stages: StageRunner) async throws {
    let base = Self.modelFolder(config.model)
    let pairs = try config.data.pairs(
      config.data.train,
      model: base,
      leadIn: config.critique.leadIn,
      events: stages.events
    )
    let stage = try await CloudRecipe(
      critique: config.critique,
      cloud: config.cloud,
      compute: config.compute,
      events: stages.events,
      replay: try config.replay.replay()
    ).run(
      stages,
      base: base,
      inputs: [
        "model": try Self.fingerprint(base.path), "train": try Self.fingerprint(config.data.train),
      ],
      pairs: pairs
    )
    try await evaluate("cloud", stage, config.data, config.evaluation, config.compute, stages)
  }

  private func evaluate(
    _ method: String,
    _ trained: Stage,
    _ data: DataSection,
    _ section: EvaluationSection,
    _ compute: ComputeSection,
    _ stages: StageRunner
  ) async throws {
    guard !data.suites.isEmpty else { return }
    let folder = try trained.model()
    var inputs = [method: trained.digest]
    let suites = try data.suites.sorted { $0.key < $1.key }.map { name, path in
      inputs[name] = try Self.fingerprint(path)
      return Suite(
        name: name,
        pairs: try data.pairs(path, model: folder, leadIn: nil, events: stages.events)
      )
    }
    _ = try await stages.run(
      "evaluate",
      recipe: try RecipeFile.yaml(of: section),
      inputs: inputs
    ) { stage in
      try await PairEvaluation(section: section, compute: compute, events: stages.events)
        .run(stage, models: [(method, folder)], suites: suites)
    }
  }
}
