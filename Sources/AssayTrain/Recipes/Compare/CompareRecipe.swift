// Methods compared on equal terms: one world, one base, one start model, the same pairs, the same
// search budget; each method trained for each seed and evaluated on the same suites.
//
// Stages are kept in `stages/`, each in a folder named after what it is made from. Methods share
// those that they have in common, as the first critiques; a changed setting makes new stages and
// leaves the old ones where they are.
//
//   assay compare Recipes/papers.yaml --out runs/papers

import AssayData
import AssayModel
import AssayReward
import AssayText
import Foundation

/// What a comparison has made: where its records are.
public struct ComparisonRun: Codable, Equatable, Sendable {
  /// One method under one seed.
  public struct Entry: Codable, Equatable, Sendable {
    /// The method's or variant's name.
    public var method: String
    /// The seed.
    public var seed: Int
    /// The folder with `records.jsonl` of its evaluation, from the run's folder.
    public var evaluation: String
    /// The folder with `records.jsonl` of its best-of-N, where it has one.
    public var bestOf: String?
    /// The folder with `records.jsonl` of revisions by its critiques, where it has one.
    public var revisions: String?
    /// The folders of all of its stages.
    public var stages: [String]
    /// The seconds that its own stages took, shared ones included.
    public var seconds: Double

    /// Makes an entry.
    public init(
      method: String,
      seed: Int,
      evaluation: String,
      bestOf: String? = nil,
      revisions: String? = nil,
      stages: [String],
      seconds: Double
    ) {
      self.method = method
      self.seed = seed
      self.evaluation = evaluation
      self.bestOf = bestOf
      self.revisions = revisions
      self.stages = stages
      self.seconds = seconds
    }
  }

  /// One trial of the search.
  public struct Trial: Codable, Equatable, Sendable {
    /// The method's name.
    public var method: String
    /// What its learning rate was multiplied with.
    public var factor: Double
    /// Its accuracy on the validation pairs.
    public var accuracy: Double
    /// Whether it is used.
    public var isChosen: Bool

    /// Makes a trial.
    public init(method: String, factor: Double, accuracy: Double, isChosen: Bool) {
      self.method = method
      self.factor = factor
      self.accuracy = accuracy
      self.isChosen = isChosen
    }
  }

  /// The folders of revisions without critique, by seed.
  public var unguidedRevisions: [String: String] = [:]
  /// Methods in their order, for each seed.
  public var entries: [Entry] = []
  /// What the search tried.
  public var trials: [Trial] = []
  /// Methods that could not be trained, with the reason.
  public var failures: [String: String] = [:]
  /// The start model's accuracy on validation pairs, as judge and as critic.
  public var startModel: [String: Double] = [:]
  /// The folders of world, base and start model.
  public var shared: [String] = []

  /// Makes an empty run.
  public init() {}
}

extension ComparisonRun {
  /// Reads what a comparison has made so far.
  ///
  /// - Parameter folder: Its folder.
  /// - Throws: `RunError.fileSystem` where there is no `comparison.json`, `.malformedRecord` where it
  ///   is none.
  public init(contentsOf folder: URL) throws {
    let url = folder.appendingPathComponent("comparison.json")
    let data: Data
    do {
      data = try Data(contentsOf: url)
    } catch {
      throw RunError.fileSystem(
        action: "read",
        path: url.path,
        reason: "no method of a comparison has finished there"
      )
    }
    do {
      self = try JSONDecoder().decode(ComparisonRun.self, from: data)
    } catch {
      throw RunError.malformedRecord(file: url.path, line: 1, reason: "this is no comparison")
    }
  }

  /// Joins comparisons of one specification whose seeds ran apart.
  ///
  /// The first folder that has a method's seed gives it, and the first with a search its trials.
  ///
  /// - Parameter folders: Their folders, at least one.
  /// - Returns: All of them, with paths from the root.
  /// - Throws: What reading one of them throws.
  public static func joined(_ folders: [URL]) throws -> ComparisonRun {
    var result = ComparisonRun()
    for (index, folder) in folders.enumerated() {
      let run = try ComparisonRun(contentsOf: folder)
      func place(_ stage: String) -> String {
        folder.standardizedFileURL.appendingPathComponent(stage).path
      }
      if result.trials.isEmpty { result.trials = run.trials }
      if index == 0 {
        result.startModel = run.startModel
        result.shared = run.shared.map(place)
      }
      for var entry in run.entries
      where !result.entries.contains(where: {
        $0.method == entry.method && $0.seed == entry.seed
      }) {
        entry.evaluation = place(entry.evaluation)
        entry.bestOf = entry.bestOf.map(place)
        entry.revisions = entry.revisions.map(place)
        entry.stages = entry.stages.map(place)
        result.entries.append(entry)
      }
      result.unguidedRevisions.merge(run.unguidedRevisions.mapValues(place)) { first, _ in first }
      result.failures.merge(run.failures) { first, _ in first }
    }
    return result
  }
}

/// Runs a comparison.
public struct CompareRecipe {
  /// All settings.
  public let config: CompareConfig
  /// All settings as YAML.
  public let resolved: String
  let file: RecipeFile
  let overrides: [String]

  /// Reads a specification and checks all of its settings, those of variants too.
  ///
  /// - Parameters:
  ///   - file: The specification.
  ///   - overrides: `a.b=value` texts that win over the file.
  /// - Throws: `RunError.invalidRecipe` with every problem found.
  public init(_ file: RecipeFile, overrides: [String] = []) throws {
    let resolved = try file.resolve(CompareConfig.self, overrides: overrides)
    self.file = file
    self.overrides = overrides
    config = resolved.config
    self.resolved = resolved.yaml
    for name in config.methods {
      let settings = config.method(named: name)?.settings ?? []
      _ = try file.resolve(CompareConfig.self, overrides: overrides + settings)
    }
  }

  /// The settings of a method or variant, with a learning rate that a search found.
  func settings(of name: String, factor: Double) throws -> CompareConfig {
    guard let (method, settings) = config.method(named: name) else { return config }
    var all = overrides + settings
    if let key = method.learningRateKey, factor != 1 {
      let own = try file.resolve(CompareConfig.self, overrides: all).config
      all.append("\(key)=\(own.learningRate(of: method) * factor)")
    }
    return try file.resolve(CompareConfig.self, overrides: all).config
  }

  /// Runs what is missing.
  ///
  /// - Parameters:
  ///   - folder: The folder of the comparison.
  ///   - events: Hears of progress.
  /// - Returns: Where everything is; also written as `comparison.json` after each method.
  /// - Throws: `Interrupted`, which the same call continues; errors of recipes, data and models.
  public func run(
    _ folder: URL,
    events: @escaping RunEventHandler
  ) async throws -> ComparisonRun {
    try DurableFile.makeFolder(folder)
    try DurableFile.write(Data(resolved.utf8), to: folder.appendingPathComponent("recipe.yaml"))
    let store = StageStore(folder.appendingPathComponent("stages"))
    let stages = StageRunner(store: store, events: events)
    var result = ComparisonRun()
    let common = try await CompareWorld(config: config, events: events).run(stages)
    result.shared = store.takeUsed().map { "stages/\($0.storePath)" }
    result.startModel = common.strength
    let factors = try await CompareSearch(recipe: self, events: events).run(
      stages,
      common,
      into: &result
    )
    _ = store.takeUsed()
    for seed in config.seeds {
      for name in config.methods {
        guard let (method, _) = config.method(named: name) else { continue }
        events(.message("\(name), seed \(seed)"))
        let settings = try settings(of: name, factor: factors[method] ?? 1)
        let training = CompareTraining(
          config: settings,
          seed: seed,
          common: common,
          events: events
        )
        let model: ComparedModel
        do {
          model = try await training.train(method, stages)
        } catch let error as TrainingError {
          // The others go on: a method that finds nothing to learn from is a result too.
          events(.warning("\(name), seed \(seed), is left out: \(error)"))
          result.failures["\(name), seed \(seed)"] = "\(error)"
          _ = store.takeUsed()
          continue
        }
        let isDeep = config.evaluation.deep.contains(name)
        let evaluation = try await CompareEvaluation(
          sampling: settings.evaluation.sampling,
          compute: training.compute,
          events: events
        ).run(
          stages,
          model: model,
          suites: common.suites,
          votes: isDeep ? settings.evaluation.deepVotes : settings.evaluation.votes,
          critiques: isDeep ? settings.evaluation.deepCritiques : settings.evaluation.critiques
        )
        let uses = CompareUses(
          section: settings.evaluation,
          compute: training.compute,
          common: common,
          events: events
        )
        var (bestOf, revisions): (Stage?, Stage?)
        if config.evaluation.bestOf.contains(name),
          let candidates = try await uses.candidates(stages)
        {
          bestOf = try await uses.bestOf(stages, model: model, candidates: candidates)
          if method.writesCritiques {
            revisions = try await uses.revise(stages, critic: model, candidates: candidates)
            let unguided = try await uses.revise(stages, critic: nil, candidates: candidates)
            result.unguidedRevisions["\(seed)"] = "stages/\(unguided.storePath)"
          }
        }
        let used = store.takeUsed()
        result.entries.append(
          .init(
            method: name,
            seed: seed,
            evaluation: "stages/\(evaluation.storePath)",
            bestOf: bestOf.map { "stages/\($0.storePath)" },
            revisions: revisions.map { "stages/\($0.storePath)" },
            stages: used.map { "stages/\($0.storePath)" },
            seconds: used.map(\.seconds).reduce(0, +)
          )
        )
        try write(result, to: folder)
      }
    }
    try write(result, to: folder)
    return result
  }

  private func write(_ result: ComparisonRun, to folder: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    try DurableFile.write(
      try encoder.encode(result),
      to: folder.appendingPathComponent("comparison.json")
    )
  }
}

extension CompareConfig {
  /// The peak learning rate that a method's settings give.
  func learningRate(of method: ComparedMethod) -> Double {
    let optimizer: OptimizerSection? =
      switch method {
      case .classic: classic.optimizer
      case .pair: pair.optimizer
      case .judge, .judgeToken: nil
      case .genrm: genrm.optimizer
      case .starSFT: starSft.optimizer
      case .starRationalizer: starRationalizer.optimizer
      case .starDPO: starDpo.optimizer
      case .starIPO: starIpo.optimizer
      case .cloud: cloud.optimizer
      case .criticRMRank, .criticRMSumm: criticRm.optimizer
      }
    return optimizer?.schedule.learningRate ?? 0
  }

  /// The settings of a STaR variant.
  func star(_ variant: StarVariant) -> StarSection {
    switch variant {
    case .sft: starSft
    case .rationalizer: starRationalizer
    case .dpo: starDpo
    case .ipo: starIpo
    }
  }
}
