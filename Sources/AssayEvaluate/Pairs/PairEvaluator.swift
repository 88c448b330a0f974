// The evaluation of a model on suites of pairs: the same for every method, in training and in studies.

import AssayBase
import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// A model that gives preferences.
package struct RatedModel: Sendable {
  /// Its folder.
  package let folder: URL
  /// What it was made from.
  package let digest: String
  /// How it gives preferences.
  package let preference: Preference

  /// Makes one.
  package init(folder: URL, digest: String, preference: Preference) {
    self.folder = folder
    self.digest = digest
    self.preference = preference
  }
}

/// How often and how freely models write where they are evaluated.
package struct PairSampling: Equatable, Sendable {
  /// How many critiques a score is the mean of: one evaluation for each entry, a single
  /// critique being greedy.
  package var critiques = [1]
  /// Judgements of each pair, half of them in each order, of judges that reason; two are greedy.
  package var votes = 2
  /// How sure votes must be for no more to be drawn; `nil` draws all.
  package var confidence: Double?
  /// Temperature of critiques where there are several.
  package var critiqueTemperature = 0.5
  /// Temperature of judgements where there are more than two.
  package var judgementTemperature = 1.0
  /// The most likely tokens that together have this probability are drawn from, in judgements.
  package var topP = 0.95
  /// Tokens that a judgement may have; `nil` is what the model was trained for.
  package var judgementTokens: Int?
  /// Whether judgements are free, or held to reasons and a verdict.
  package var verdicts = VerdictForm.free
  /// What models compute in.
  package var dtype = DType.float32

  /// Makes a sampling of defaults: everything is greedy.
  package init() {}
}

/// Evaluates a model on suites; a record of each pair, going on behind what is recorded.
package struct PairEvaluator {
  /// How models write.
  package let sampling: PairSampling
  /// Loads them.
  package let load: @Sendable (URL) throws -> Model
  /// Every draw is a function of it.
  package let seed: Int
  /// What the stage is called.
  package let stageName: String

  // Pairs between two writes of records.
  private static let stretch = 256

  /// Makes an evaluator.
  package init(
    sampling: PairSampling,
    seed: Int,
    stageName: String = "evaluate",
    load: @escaping @Sendable (URL) throws -> Model
  ) {
    self.sampling = sampling
    self.load = load
    self.seed = seed
    self.stageName = stageName
  }

  /// Evaluates a model.
  ///
  /// - Parameters:
  ///   - stages: Where it runs.
  ///   - model: The model.
  ///   - suites: What it is evaluated on.
  /// - Returns: The stage, whose records are `PairOutcome`s: for each number of critiques all suites,
  ///   one behind the other.
  /// - Throws: What scoring, judging or writing throws.
  package func run(
    _ stages: StageRunner,
    model: RatedModel,
    suites: [Suite]
  ) async throws -> Stage {
    var inputs = ["model": model.digest]
    for suite in suites { inputs[suite.name] = suite.digest }
    // Float32 is what records of earlier versions have.
    if sampling.dtype != .float32 { inputs["dtype"] = "\(sampling.dtype)" }
    let passes = model.preference.writesCritiques ? sampling.critiques : [1]
    let items = passes.flatMap { critiques in
      suites.flatMap { suite in
        let repeated = suite.pairs.map(\.prompt).repeated
        return suite.pairs.map { pair in
          Item(
            critiques: critiques,
            suite: suite.name,
            pair: pair,
            cluster: repeated[pair.prompt].map { "\(suite.name) \($0)" }
          )
        }
      }
    }
    return try await stages.run(stageName, from: settings(of: model), inputs: inputs) { stage in
      let port = try stage.port(
        rating: try load(model.folder),
        by: model.preference,
        events: stages.events
      )
      _ = try await stage.map(items, stretch: Self.stretch, events: stages.events) {
        part,
        _,
        done in
        try port.forgetKept()
        // Neighbours that are read in the same way.
        var rest = part[...]
        while let critiques = rest.first?.critiques {
          let same = rest.prefix { $0.critiques == critiques }
          rest = rest.dropFirst(same.count)
          var outcomes = try await outcomes(Array(same), port, model.preference)
          for (index, item) in same.enumerated() { outcomes[index].cluster = item.cluster }
          try done(
            outcomes,
            [Metric("accuracy", Self.accuracy(outcomes))],
            outcomes.map { $0.promptTokens + $0.completionTokens }.reduce(0, +)
          )
        }
      }
    }
  }

  /// The mean credit of an evaluation's pairs.
  ///
  /// - Parameter stage: A finished evaluation.
  /// - Returns: From 0 to 1; 0 where there is no pair.
  /// - Throws: `FileError` where its records are damaged.
  package static func accuracy(_ stage: Stage) throws -> Double {
    accuracy(try stage.records(of: PairOutcome.self).records())
  }

  private static func accuracy(_ outcomes: [PairOutcome]) -> Double {
    outcomes.reduce(0) { $0 + $1.credit() } / Double(max(1, outcomes.count))
  }

  private struct Item {
    let critiques: Int
    let suite: String
    let pair: PreferencePair
    /// What it shares with other pairs of its prompt.
    let cluster: String?
  }

  /// What the outcomes of a model depend on, besides the model and the pairs.
  private func settings(of model: RatedModel) -> Fingerprint.Settings {
    let preference = model.preference
    if preference.writesCritiques {
      return [
        "preference": preference.name, "critiques": sampling.critiques,
        "critiqueTemperature": sampling.critiques == [1] ? 0 : sampling.critiqueTemperature,
        "seed": seed,
      ]
    }
    guard preference.reasons else { return ["preference": preference.name] }
    return [
      "preference": preference.name, "votes": sampling.votes,
      "judgementTemperature": sampling.votes == 2
        && !(preference.drawsAlways
          && sampling.judgementTemperature != PairSampling().judgementTemperature)
        ? 0 : sampling.judgementTemperature,
      "topP": sampling.topP, "judgementTokens": sampling.judgementTokens, "seed": seed,
      "confidence": sampling.confidence,
      // Free judgements are what records of earlier versions have.
      "verdicts": sampling.verdicts == .free ? nil : sampling.verdicts,
      // Judgements that are cut short are made to decide.
      "cut": "forced",
    ]
  }

  private nonisolated(nonsending) func outcomes(
    _ items: [Item],
    _ port: LocalPort,
    _ preference: Preference
  ) async throws -> [PairOutcome] {
    if preference.scores { return try await scored(items, port) }
    if case .statedScores(let prompts, let keepsBetterHalf) = preference {
      return try await stated(items, port, prompts, keepsBetterHalf)
    }
    return try await judged(items, port, preference)
  }

  private nonisolated(nonsending) func scored(_ items: [Item], _ port: LocalPort) async throws
    -> [PairOutcome]
  {
    let critiques = items.first?.critiques ?? 1
    var options = ModelScorer.Options()
    options.critiques.samples = critiques
    options.critiques.temperature = critiques == 1 ? 0 : Float(sampling.critiqueTemperature)
    options.critiques.seed = UInt64(seed)
    let scores = try await ModelScorer(port, options: options).score(
      items.flatMap { item in
        [item.pair.chosen, item.pair.rejected].map {
          .response(prompt: item.pair.prompt, response: $0)
        }
      }
    )
    return items.enumerated().map { index, item in
      PairOutcome(
        id: item.pair.id,
        suite: item.suite,
        subset: item.pair.subset,
        chosen: scores[2 * index],
        rejected: scores[2 * index + 1]
      )
    }
  }

  /// By stated scores, as many texts a pair as a judge has votes.
  private nonisolated(nonsending) func stated(
    _ items: [Item],
    _ port: LocalPort,
    _ prompts: RolePrompts,
    _ keepsBetterHalf: Bool
  ) async throws -> [PairOutcome] {
    var settings = StatedSettings()
    settings.samples = sampling.votes / 2
    settings.temperature = Float(sampling.judgementTemperature)
    settings.topP = Float(sampling.topP)
    settings.seed = UInt64(seed)
    settings.tokens = sampling.judgementTokens
    settings.prompts = prompts
    settings.keepsBetterHalf = keepsBetterHalf
    let rater = StatedRater(ModelWriter(port), settings: settings)
    return try await rater.outcomes(items.map(\.pair)).enumerated().map { index, outcome in
      var outcome = outcome
      outcome.suite = items[index].suite
      return outcome
    }
  }

  private nonisolated(nonsending) func judged(
    _ items: [Item],
    _ port: LocalPort,
    _ preference: Preference
  ) async throws -> [PairOutcome] {
    var settings = JudgeSettings()
    settings.votes = sampling.votes
    settings.temperature = sampling.votes == 2 ? 0 : Float(sampling.judgementTemperature)
    settings.topP = Float(sampling.topP)
    settings.seed = UInt64(seed)
    settings.tokens = sampling.judgementTokens
    settings.verdicts = sampling.verdicts
    settings.confidence = sampling.confidence
    if case .verdicts(let task, let prompts) = preference {
      settings.task = task
      settings.prompts = prompts
    }
    let verdicts = try await JudgeRater(port, settings: settings).judge(items.map(\.pair))
    return zip(verdicts, items).map {
      PairOutcome($0, suite: $1.suite, subset: $1.pair.subset)
    }
  }
}
