// The parts of a comparison, which run one after the other here, or several at once elsewhere.

import AssayBase
import AssayData
import AssayReward
import AssayRun
import Foundation
import Synchronization

/// A part of a comparison that needs no other part to be done.
///
/// Parts may share stages, as the first critiques; whoever comes first makes them.
package struct ComparisonPart: Codable, Hashable, Sendable, CustomStringConvertible {
  /// The name of a method or variant.
  package let method: String
  /// The seed of its training.
  package let seed: Int
  /// What its learning rate is multiplied with.
  package let factor: Double
  /// Whether this is a trial of the search.
  package let isTrial: Bool

  /// As `cloud, seed 1`.
  package var description: String {
    isTrial ? "search: \(method), learning rate x \(factor)" : "\(method), seed \(seed)"
  }
}

/// A comparison whose world is made, so that its parts can run.
package final class ComparisonSession {
  private let recipe: CompareRecipe
  private let folder: URL
  private let events: RunEventHandler
  private let store: StageStore
  private let stages: StageRunner
  private let common: CompareCommon
  private let search: CompareSearch
  private var factors: [ComparedMethod: Double] = [:]
  private var result = ComparisonRun()
  private let recap: Recap

  /// Whether parts are only gone through again, having run elsewhere.
  private final class Recap: Sendable {
    let isOn = Atomic(false)
  }

  /// Makes what is missing of the world, the base model and the start model.
  ///
  /// - Parameters:
  ///   - recipe: The specification.
  ///   - folder: The folder of the comparison.
  ///   - events: Hears of progress.
  /// - Throws: `RunError.folderInUse` where another process makes them; what making data and training
  ///   throw.
  package init(
    _ recipe: CompareRecipe,
    _ folder: URL,
    events: @escaping RunEventHandler
  ) async throws {
    self.recipe = recipe
    self.folder = folder
    let recap = Recap()
    self.recap = recap
    // What was told when it happened is not told again.
    let told: RunEventHandler = { event in
      if recap.isOn.load(ordering: .relaxed) {
        switch event {
        case .stageSkipped, .message: return
        default: break
        }
      }
      events(event)
    }
    self.events = told
    store = StageStore(folder.appendingPathComponent("stages"))
    stages = StageRunner(store: store, events: told)
    common = try await CompareWorld(config: recipe.config, events: told).run(stages)
    result.shared = store.takeUsed().map { "stages/\($0.storePath)" }
    result.startModel = common.strength
    search = CompareSearch(recipe: recipe, common: common, stages: stages, events: told)
  }

  /// The trials of the search.
  package var trials: [ComparisonPart] { search.trials }

  /// Every method under every seed, with what the search found so far.
  package var parts: [ComparisonPart] {
    recipe.config.seeds.flatMap { seed in
      recipe.config.methods.compactMap { name in
        guard let (method, _) = recipe.config.method(named: name) else { return nil }
        return ComparisonPart(
          method: name,
          seed: seed,
          factor: factors[method] ?? 1,
          isTrial: false
        )
      }
    }
  }

  /// Runs the stages of a part that are missing, and no more.
  ///
  /// - Throws: `RunError.folderInUse` where another process makes one of them; what training and
  ///   evaluation throw.
  package func run(_ part: ComparisonPart) async throws {
    defer { _ = store.takeUsed() }
    if part.isTrial { _ = try await search.accuracy(part) } else { _ = try await entry(part) }
  }

  /// Runs parts elsewhere; going through them later tells only what is new.
  func run(
    _ parts: [ComparisonPart],
    _ elsewhere: (([ComparisonPart]) async throws -> Void)?
  ) async throws {
    guard let elsewhere else { return }
    try await elsewhere(parts)
    recap.isOn.store(true, ordering: .relaxed)
  }

  /// Runs the trials that are missing, and chooses.
  func search() async throws {
    (result.trials, factors) = try await search.run()
    _ = store.takeUsed()
  }

  /// Runs the methods that are missing; `comparison.json` is written after each one.
  func run() async throws -> ComparisonRun {
    for part in parts {
      events(.message("\(part)"))
      do {
        let entry = try await entry(part)
        result.entries.append(entry)
        try write()
      } catch let error as TrainingError {
        // The others go on: a method that finds nothing to learn from is a result too.
        events(.warning("\(part), is left out: \(error)"))
        result.failures["\(part)"] = "\(error)"
        _ = store.takeUsed()
      }
    }
    try write()
    return result
  }

  private func entry(_ part: ComparisonPart) async throws -> ComparisonRun.Entry {
    let (config, name) = (recipe.config, part.method)
    let method = try recipe.method(of: part)
    let settings = try recipe.settings(of: name, factor: part.factor)
    let training = CompareTraining(
      config: settings,
      seed: part.seed,
      common: common,
      events: events
    )
    let model = try await training.train(method, stages)
    let isDeep = config.evaluation.deep.contains(name)
    let evaluation = try await training.evaluation.run(
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
        result.unguidedRevisions["\(part.seed)"] = "stages/\(unguided.storePath)"
      }
    }
    let used = store.takeUsed()
    return ComparisonRun.Entry(
      method: name,
      seed: part.seed,
      evaluation: "stages/\(evaluation.storePath)",
      bestOf: bestOf.map { "stages/\($0.storePath)" },
      revisions: revisions.map { "stages/\($0.storePath)" },
      stages: used.map { "stages/\($0.storePath)" },
      seconds: used.map(\.seconds).reduce(0, +)
    )
  }

  private func write() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    try DurableFile.write(
      try encoder.encode(result),
      to: folder.appendingPathComponent("comparison.json")
    )
  }
}
