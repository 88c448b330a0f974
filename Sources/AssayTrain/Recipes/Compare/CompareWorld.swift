import AssayBase
import AssayData
import AssayEvaluate
import AssayModel
import AssayReward
import AssayRun
import AssayText
import Foundation

/// What all methods of a comparison share.
struct CompareCommon {
  /// The start model's folder.
  let start: URL
  /// What the start model was made from.
  let startDigest: String
  /// What is read again while a method learns.
  let replay: Replay?
  /// Training pairs.
  let pairs: [PreferencePair]
  /// Pairs to choose settings by.
  let validation: [PreferencePair]
  /// Held-out pairs.
  let suites: [Suite]
  /// How roles are asked.
  let prompts: RolePrompts
  /// Whether critiques are true, where the world can tell.
  let truth: CritiqueTruth?
  /// Whether a response to an item of a suite is right, where the world can tell.
  let isRight: (@Sendable (_ id: String, _ response: String) -> Bool?)?
  /// Exact judgements, where the world has them.
  let oracle: JudgementOracle?
  /// The start model's accuracy on validation pairs, as judge and as critic.
  let strength: [String: Double]
}

/// Makes the world, the base model and the start model of a comparison.
struct CompareWorld {
  let config: CompareConfig
  let events: RunEventHandler

  /// Runs what is missing.
  ///
  /// - Parameter stages: Where it runs.
  /// - Returns: What methods share.
  /// - Throws: What making data or training throws.
  func run(_ stages: StageRunner) async throws -> CompareCommon {
    // The start model's own comparisons suffer from jumps; methods that learn from texts longer than
    // theirs have them.
    var compute = config.compute
    compute.positionJumps = 0
    let computing = try RecipeFile.yaml(of: compute)
    let isPlayground = config.world == .playground
    let playground = Playground(PlaygroundConfiguration(seed: UInt64(compute.seed)))
    let prompts = RolePrompts.playground

    // 1 data
    let data = try await stages.run(
      "data",
      recipe: isPlayground
        ? try RecipeFile.yaml(of: config.playground) : try RecipeFile.yaml(of: config.gsm8k),
      inputs: ["seed": "\(compute.seed)", "world": config.world.rawValue]
    ) { stage in
      try WorldFiles(
        world: config.world,
        playground: config.playground,
        gsm8k: config.gsm8k,
        seed: compute.seed,
        events: events
      ).write(to: stage.url)
    }
    let files = try WorldFiles.read(data.url)
    var pairs = try PairReader().read(files.train.path).pairs
    let validation: [PreferencePair]
    if isPlayground {
      validation = playground.validation(count: config.search.pairs, behind: pairs.count)
        .map(\.pair)
    } else {
      // By question, so that no question is in both.
      let held = Set(pairs.suffix(config.search.pairs).map(\.prompt))
      validation = pairs.filter { held.contains($0.prompt) }
      pairs.removeAll { held.contains($0.prompt) }
    }
    let suites = try files.suites.map {
      let read = try PairReader().read($0.url.path).pairs
      return Suite(name: $0.name, pairs: Array(read.prefix(config.evaluation.pairs ?? read.count)))
    }

    // 2 base; its tokenizer has read the roles too
    let section = config.instruct
    let demonstrations: [Demonstration]
    if isPlayground {
      let tutor = PlaygroundTutor(
        playground,
        prompts: prompts,
        strength: TutorStrength(
          steps: section.steps,
          slips: section.slips,
          verdictNoise: section.verdictNoise
        )
      )
      demonstrations = (0..<section.demonstrations).map(tutor.demonstration)
    } else {
      let tutor = PairTutor(pairs, prompts: prompts, seed: UInt64(compute.seed))
      demonstrations = (0..<section.demonstrations).map(tutor.demonstration)
    }
    let shown = Digest.hex(demonstrations.flatMap(\.texts).joined(separator: "\n"))
    let base = try await stages.run(
      "base",
      recipe: try RecipeFile.yaml(of: config.base) + computing,
      inputs: ["data": data.digest, "demonstrations": shown]
    ) { stage in
      try Pretraining(section: config.base, compute: compute, events: events).run(
        stage,
        conversations: try CorpusFile.read(files.corpus),
        vocabularyTexts: demonstrations.prefix(2000).flatMap(\.texts)
      )
    }

    // 3 start model
    let start = try await stages.run(
      "instruct",
      recipe: try RecipeFile.yaml(of: section) + computing,
      inputs: ["base": base.digest, "demonstrations": shown]
    ) { stage in
      try InstructTuning(section: section, compute: compute, events: events)
        .run(stage, base: try base.model(), demonstrations: demonstrations)
    }
    var truth: CritiqueTruth?
    if isPlayground {
      truth = { pair, response, critique -> Bool? in
        guard let item = playground.item(id: pair.id) else { return nil }
        return PlaygroundChecker.check(critique: critique, of: item, response: response).isTrue
      }
    }
    var isRight: (@Sendable (String, String) -> Bool?)?
    if isPlayground { isRight = { id, response in playground.item(id: id)?.isRight(response) } }
    let oracle = isPlayground ? JudgementOracle(playground) : nil
    let strength = try await strength(
      stages,
      start: try start.model(),
      digest: start.digest,
      validation: validation,
      prompts: prompts
    )
    return CompareCommon(
      start: try start.model(),
      startDigest: start.digest,
      replay: try config.replay.replay(files.corpus),
      pairs: pairs,
      validation: validation,
      suites: suites,
      prompts: prompts,
      truth: truth,
      isRight: isRight,
      oracle: oracle,
      strength: strength
    )
  }

  /// How good the start model is before any method, on validation pairs.
  private func strength(
    _ stages: StageRunner,
    start: URL,
    digest: String,
    validation: [PreferencePair],
    prompts: RolePrompts
  ) async throws -> [String: Double] {
    let suites = [Suite(name: "validation", pairs: validation)]
    let evaluation = CompareEvaluation(
      sampling: config.evaluation.sampling,
      compute: config.compute,
      events: events
    )
    var result: [String: Double] = [:]
    for task in RolePrompts.JudgeTask.allCases {
      let model = ComparedModel(folder: start, digest: digest, kind: .judge(task, prompts))
      let stage = try await evaluation.run(
        stages,
        model: model,
        suites: suites,
        votes: 2,
        critiques: 1
      )
      result["judge (\(task.rawValue))"] = try CompareEvaluation.accuracy(stage)
      let outcomes = try stage.records(of: PairOutcome.self).records()
      let votes = outcomes.map(\.sampleCount).reduce(0, +)
      let lost = outcomes.map(\.unparseableCount).reduce(0, +)
      result["unparseable (\(task.rawValue))"] = Double(lost) / Double(max(1, votes))
    }
    let stage = try await stages.run(
      "critic-strength",
      recipe: "samples: 1\n",
      inputs: ["start": digest, "validation": suites[0].digest]
    ) { stage in
      var section = CriticRMSection()
      section.samples = 1
      section.prompts = prompts.name
      section.critiqueTokens = config.criticRm.critiqueTokens
      try await ScoredCritiques(section: section, compute: config.compute, events: events)
        .run(stage, start: start, pairs: validation)
    }
    let records = try stage.records(of: CandidateRecord.self).records()
    let right = stride(from: 0, to: records.count - 1, by: 2).count { index in
      guard let chosen = records[index].candidates.first?.score,
        let rejected = records[index + 1].candidates.first?.score
      else { return false }
      return chosen > rejected
    }
    result["critic (stated scores)"] = Double(right) / Double(max(1, records.count / 2))
    let summary = result.sorted { $0.key < $1.key }.map { key, value in
      "\(key) \((value * 1000).rounded() / 10) %"
    }
    events(.message("start model on validation: " + summary.joined(separator: ", ")))
    return result
  }
}

extension Demonstration {
  /// Everything that is written in it.
  var texts: [String] {
    switch self {
    case .conversation(_, let messages): messages.map(\.content)
    case .critique(_, let prompt, let response, let critique, let leadIn):
      prompt.map(\.content) + [response, leadIn, critique]
    }
  }
}

extension JudgementOracle {
  /// The Playground's.
  init(_ playground: Playground) {
    @Sendable func shown(
      _ pair: PreferencePair,
      _ order: JudgementOrder
    ) -> (item: PlaygroundItem, a: String, b: String)? {
      let isFirst = order == .chosenFirst
      return playground.item(id: pair.id).map {
        ($0, isFirst ? pair.chosen : pair.rejected, isFirst ? pair.rejected : pair.chosen)
      }
    }
    self.init(
      judgement: { pair, order in
        shown(pair, order).map { $0.item.judgement(a: $0.a, b: $0.b) }
      },
      isTrue: { pair, order, text in
        shown(pair, order).map {
          let check = PlaygroundChecker.check(judgement: text, of: $0.item, a: $0.a, b: $0.b)
          return check.claims > 0 && check.falseClaims.isEmpty
        }
      }
    )
  }
}
