import AssayBase
import AssayData
import AssayModel
import AssayReward
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
  /// What the stage is called.
  var stageName = "evaluate"

  // Pairs between two writes of records.
  private static let stretch = 256

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
    let chained = model.kind.isChain
    let recipe = """
      kind: \(model.kind.name)
      votes: \(chained ? votes : 2)
      critiques: \(critiques)
      critique_temperature: \(critiques == 1 ? 0 : sampling.critiqueTemperature)
      judgement_temperature: \(votes == 2 ? 0 : sampling.judgementTemperature)
      top_p: \(sampling.topP)
      judgement_tokens: \(sampling.judgementTokens.map(String.init) ?? "own")
      seed: \(compute.seed)

      """
    var inputs = ["model": model.digest]
    for suite in suites { inputs[suite.name] = suite.digest }
    return try await stages.run(stageName, recipe: recipe, inputs: inputs) { stage in
      let log = try stage.records(of: PairOutcome.self)
      var done = try log.records().count
      let total = suites.map(\.pairs.count).reduce(0, +)
      events(.stageStarted(name: stage.name, number: stage.number, total: total, resumedAt: done))
      let loaded = try Model.load(model.folder, device: try compute.chosenDevice())
      var first = 0
      for suite in suites {
        var start = min(max(0, done - first), suite.pairs.count)
        first += suite.pairs.count
        while start < suite.pairs.count {
          try Interruption.check()
          let part = Array(suite.pairs[start..<min(start + Self.stretch, suite.pairs.count)])
          let outcomes =
            model.kind == .scorer
            ? try await scored(part, suite.name, loaded, critiques)
            : try await judged(part, suite.name, loaded, model.kind, votes)
          try log.append(contentsOf: outcomes)
          start += part.count
          done += part.count
          let right = outcomes.count { $0.isRight() }
          events(
            .step(
              done: done,
              total: total,
              metrics: [Metric("accuracy", Double(right) / Double(part.count))],
              tokens: outcomes.map { $0.promptTokens + $0.completionTokens }.reduce(0, +)
            )
          )
        }
      }
      try log.synchronize()
    }
  }

  private func scored(
    _ pairs: [PreferencePair],
    _ suite: String,
    _ model: Model,
    _ critiques: Int
  ) async throws -> [PairOutcome] {
    var options = ModelScorer.Options()
    options.critiques.samples = critiques
    options.critiques.temperature = critiques == 1 ? 0 : Float(sampling.critiqueTemperature)
    options.critiques.seed = UInt64(compute.seed)
    let scores = try await ModelScorer(model, options: options).score(
      pairs.flatMap { pair in
        [pair.chosen, pair.rejected].map { .response(prompt: pair.prompt, response: $0) }
      }
    )
    return pairs.enumerated().map { index, pair in
      PairOutcome(
        id: pair.id,
        suite: suite,
        subset: pair.subset,
        chosen: scores[2 * index],
        rejected: scores[2 * index + 1]
      )
    }
  }

  private func judged(
    _ pairs: [PreferencePair],
    _ suite: String,
    _ model: Model,
    _ kind: ComparedModel.Kind,
    _ votes: Int
  ) async throws -> [PairOutcome] {
    var settings = JudgeSettings()
    settings.votes = votes
    settings.temperature = votes == 2 ? 0 : Float(sampling.judgementTemperature)
    settings.topP = Float(sampling.topP)
    settings.seed = UInt64(compute.seed)
    settings.tokens = sampling.judgementTokens
    if case .judge(let task, let prompts) = kind {
      settings.task = task
      settings.prompts = prompts
    }
    let verdicts = try await ModelJudge(model, settings: settings).judge(pairs)
    return zip(verdicts, pairs).map { PairOutcome($0, suite: suite, subset: $1.subset) }
  }

  /// The share of an evaluation's pairs that are right.
  static func accuracy(_ stage: Stage) throws -> Double {
    let outcomes = try stage.records(of: PairOutcome.self).records()
    return Double(outcomes.count { $0.isRight() }) / Double(max(1, outcomes.count))
  }
}

extension ComparedModel.Kind {
  /// Whether it writes rationales.
  var isChain: Bool {
    if case .judge(.chain, _) = self { true } else { false }
  }

  /// What it is called in recipes.
  var name: String {
    switch self {
    case .scorer: "scorer"
    case .judge(let task, let prompts): "judge-\(task.rawValue)-\(prompts.name)"
    case .pair: "pair"
    }
  }
}

extension Suite {
  /// The hash of all pairs.
  var digest: String {
    let parts = pairs.map { pair in
      let turns = pair.prompt.map { "\($0.role):\($0.content)" }.joined(separator: "\n")
      return "\(pair.id)\n\(turns)\n\(pair.chosen)\n\(pair.rejected)"
    }
    return Digest.hex(parts.map { "\($0.utf8.count):\($0)" }.joined())
  }
}
