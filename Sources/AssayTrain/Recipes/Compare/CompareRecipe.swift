// Methods compared on equal terms: one world, one base, one start model, the same pairs, the same
// search budget; each method trained for each seed and evaluated on the same suites.
//
// Stages are kept in `stages/`, each in a folder named after what it is made from. Methods share
// those that they have in common, as the first critiques; a changed setting makes new stages and
// leaves the old ones where they are.
//
//   assay compare Recipes/papers.yaml --out runs/papers

import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayRun
import AssayText
import Foundation

/// What a comparison has made: where its records are.
package struct ComparisonRun: Codable, Equatable, Sendable {
  /// One method under one seed.
  package struct Entry: Codable, Equatable, Sendable {
    /// The method's or variant's name.
    package var method: String
    /// The seed.
    package var seed: Int
    /// The folder with `records.jsonl` of its evaluation, from the run's folder.
    package var evaluation: String
    /// The folder with `records.jsonl` of its best-of-N, where it has one.
    package var bestOf: String?
    /// The folder with `records.jsonl` of revisions by its critiques, where it has one.
    package var revisions: String?
    /// The folders of all of its stages.
    package var stages: [String]
    /// The seconds that its own stages took, shared ones included.
    package var seconds: Double

    /// Makes an entry.
    package init(
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
  package struct Trial: Codable, Equatable, Sendable {
    /// The method's name.
    package var method: String
    /// What its learning rate was multiplied with.
    package var factor: Double
    /// Its accuracy on the validation pairs.
    package var accuracy: Double
    /// Whether it is used.
    package var isChosen: Bool

    /// Makes a trial.
    package init(method: String, factor: Double, accuracy: Double, isChosen: Bool) {
      self.method = method
      self.factor = factor
      self.accuracy = accuracy
      self.isChosen = isChosen
    }
  }

  /// The folders of revisions without critique, by seed.
  package var unguidedRevisions: [String: String] = [:]
  /// Methods in their order, for each seed.
  package var entries: [Entry] = []
  /// What the search tried.
  package var trials: [Trial] = []
  /// Methods that could not be trained, with the reason.
  package var failures: [String: String] = [:]
  /// The start model's accuracy on validation pairs, as judge and as critic.
  package var startModel: [String: Double] = [:]
  /// The folders of world, base and start model.
  package var shared: [String] = []

  /// Makes an empty run.
  package init() {}
}

extension ComparisonRun {
  /// Reads what a comparison has made so far.
  ///
  /// - Parameter folder: Its folder.
  /// - Throws: `FileError.fileSystem` where there is no `comparison.json`, `.malformedRecord` where it
  ///   is none.
  package init(contentsOf folder: URL) throws {
    let url = folder.appendingPathComponent("comparison.json")
    let data: Data
    do {
      data = try Data(contentsOf: url)
    } catch {
      throw FileError.fileSystem(
        action: "read",
        path: url.path,
        reason: "no method of a comparison has finished there"
      )
    }
    do {
      self = try JSONDecoder().decode(ComparisonRun.self, from: data)
    } catch {
      throw FileError.malformedRecord(file: url.path, line: 1, reason: "this is no comparison")
    }
  }

  /// Joins comparisons of one specification whose seeds ran apart.
  ///
  /// The first folder that has a method's seed gives it, and the first with a search its trials.
  ///
  /// - Parameter folders: Their folders, at least one.
  /// - Returns: All of them, with paths from the root.
  /// - Throws: What reading one of them throws.
  package static func joined(_ folders: [URL]) throws -> ComparisonRun {
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
package struct CompareRecipe {
  /// All settings.
  package let config: CompareConfig
  /// All settings as YAML.
  package let resolved: String
  let file: RecipeFile
  let overrides: [String]

  /// Reads a specification and checks all of its settings, those of variants too.
  ///
  /// - Parameters:
  ///   - file: The specification.
  ///   - overrides: `a.b=value` texts that win over the file.
  /// - Throws: `RunError.invalidRecipe` with every problem found.
  package init(_ file: RecipeFile, overrides: [String] = []) throws {
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

  /// The method of a part.
  ///
  /// - Throws: `RunError.invalidRecipe` where this comparison has none of that name.
  func method(of part: ComparisonPart) throws -> ComparedMethod {
    guard let (method, _) = config.method(named: part.method) else {
      throw RunError.invalidRecipe(
        file: part.method,
        problems: ["\(part.method) is no method of this comparison"]
      )
    }
    return method
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
  ///   - elsewhere: Runs parts first, as several at once in processes of their own; what it leaves
  ///     undone is done here.
  ///   - events: Hears of progress.
  /// - Returns: Where everything is; also written as `comparison.json` after each method.
  /// - Throws: `Interrupted`, which the same call continues; errors of recipes, data and models; what
  ///   `elsewhere` throws.
  package func run(
    _ folder: URL,
    elsewhere: (([ComparisonPart]) async throws -> Void)? = nil,
    events: @escaping RunEventHandler
  ) async throws -> ComparisonRun {
    try DurableFile.makeFolder(folder)
    try DurableFile.write(Data(resolved.utf8), to: folder.appendingPathComponent("recipe.yaml"))
    let session = try await ComparisonSession(self, folder, events: events)
    try await session.run(session.trials, elsewhere)
    try await session.search()
    try await session.run(session.parts, elsewhere)
    return try await session.run()
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
