// The start model of a comparison: the world's own, or one that is pretrained on the world's corpus
// and then learns from demonstrations of all roles. How good it is, is measured before any method.

import AssayBase
import AssayData
import AssayEvaluate
import AssayReward
import AssayRun
import AssayText
import AssayTrain
import Foundation

/// Makes the start model of a comparison.
struct StartModelStages {
  /// What the start model's strength as a critic is called.
  static let criticStrength = "critic (stated scores)"
  let config: StudyConfig
  let stages: StageRunner
  private var events: RunEventHandler { stages.events }

  init(_ config: StudyConfig, _ stages: StageRunner) {
    self.config = config
    self.stages = stages
  }

  /// Runs what is missing.
  ///
  /// - Parameters:
  ///   - world: The world.
  ///   - data: Its data.
  /// - Returns: The world's own model; where it has none, a pretrained one, tuned on demonstrations
  ///   unless there are none.
  /// - Throws: What training throws.
  func run(_ world: any World, _ data: WorldData) async throws -> StartFolder {
    if let folder = world.startModel {
      return StartFolder(folder: folder, digest: try Recipe.fingerprint(folder.path))
    }
    guard let corpus = data.corpus else {
      throw TrainingError.recipe(reason: "this world has neither a start model nor a corpus")
    }
    // The start model's own comparisons suffer from jumps; methods that learn from texts longer than
    // theirs have them. A new model has no weights that an adapter could stand beside.
    var compute = config.compute
    compute.positionJumps = 0
    compute.adapter = AdapterSection()
    compute.steps = nil
    let demonstrations = try world.demonstrations(data)
    let shown = Digest.hex(demonstrations.flatMap(\.texts).joined(separator: "\n"))

    // Its tokenizer has read the roles too.
    let base = try await stages.run(
      "base",
      from: ["base": config.base, "compute": compute],
      inputs: ["data": data.digest, "demonstrations": shown]
    ) { stage in
      try Pretraining(section: config.base, compute: compute, events: events).run(
        stage,
        conversations: try CorpusFile.read(corpus),
        vocabularyTexts: demonstrations.prefix(2000).flatMap(\.texts)
      )
    }
    guard !demonstrations.isEmpty else {
      return StartFolder(folder: try base.model(), digest: base.digest)
    }
    let start = try await stages.run(
      "instruct",
      from: ["instruct": config.instruct, "compute": compute],
      inputs: ["base": base.digest, "demonstrations": shown]
    ) { stage in
      try InstructTuning(section: config.instruct, compute: compute, events: events)
        .run(stage, base: try base.model(), demonstrations: demonstrations)
    }
    return StartFolder(folder: try start.model(), digest: start.digest)
  }

  /// Measures a start model as judge and as critic on validation pairs.
  ///
  /// - Parameters:
  ///   - start: The model.
  ///   - validation: The pairs.
  ///   - votes: How many votes it is measured with as a judge besides; 2 measures it once.
  ///   - prompts: How its roles are asked.
  /// - Returns: Shares by what was measured.
  /// - Throws: What judging and writing throw.
  func strength(
    _ start: StartFolder,
    on validation: [PreferencePair],
    votes: Int,
    _ prompts: RolePrompts
  ) async throws -> [String: Double] {
    let suite = Suite(name: "validation", pairs: validation)
    let evaluator = PairEvaluator(
      sampling: config.evaluation.greedy,
      seed: config.compute.seed,
      load: config.compute.loader(in: config.evaluation.dtype)
    )
    var result: [String: Double] = [:]
    for task in RolePrompts.JudgeTask.allCases {
      let judge = RatedModel(
        folder: start.folder,
        digest: start.digest,
        preference: .verdicts(task, prompts)
      )
      let stage = try await evaluator.run(stages, model: judge, suites: [suite])
      result["judge (\(task.rawValue))"] = try PairEvaluator.accuracy(stage)
      let outcomes = try stage.records(of: PairOutcome.self).records()
      let votes = outcomes.map(\.sampleCount).reduce(0, +)
      let lost = outcomes.map(\.unparseableCount).reduce(0, +)
      result["unparseable (\(task.rawValue))"] = Double(lost) / Double(max(1, votes))
    }
    if votes > 2 {
      // What votes mend is no misconception: a start model of use is wrong with many votes too.
      var sampling = config.evaluation.greedy
      sampling.votes = votes
      let stage = try await PairEvaluator(
        sampling: sampling,
        seed: config.compute.seed,
        load: config.compute.loader(in: config.evaluation.dtype)
      ).run(
        stages,
        model: RatedModel(
          folder: start.folder,
          digest: start.digest,
          preference: .verdicts(.chain, prompts)
        ),
        suites: [suite]
      )
      result["judge (chain, \(votes) votes)"] = try PairEvaluator.accuracy(stage)
    }
    result[Self.criticStrength] = try await criticStrength(start, suite, prompts)
    return result
  }

  /// Says how good the start model is, and the world's teachers beside it.
  func tell(_ strength: [String: Double]) {
    let summary = strength.sorted { $0.key < $1.key }.map { key, value in
      "\(key) \((value * 1000).rounded() / 10) %"
    }
    events(.message("start model on validation: " + summary.joined(separator: ", ")))
  }

  /// How often the score that a start model states is higher for the preferred response; a tie, and a
  /// score that cannot be read, count one half.
  private func criticStrength(
    _ start: StartFolder,
    _ suite: Suite,
    _ prompts: RolePrompts
  ) async throws -> Double {
    var section = CriticRMSection()
    section.samples = 1
    section.prompts = prompts.name
    section.critiqueTokens = config.settings[CriticRMMethod.section].critiqueTokens
    let stage = try await stages.run(
      "critic-strength",
      from: ["critic": section, "compute": config.compute, "wording": prompts],
      inputs: ["start": start.digest, "validation": suite.digest]
    ) { stage in
      try await ScoredCritiques(section: section, compute: config.compute, events: events)
        .run(stage, start: start.folder, pairs: suite.pairs)
    }
    let records = try stage.records(of: CandidateRecord.self).records()
    let credits = stride(from: 0, to: records.count - 1, by: 2).map { index -> Double in
      guard let chosen = records[index].candidates.first?.score,
        let rejected = records[index + 1].candidates.first?.score
      else { return PairGrade.Mark.missing.credit }
      return PairGrade.Mark(margin: Double(chosen - rejected)).credit
    }
    return credits.reduce(0, +) / Double(max(1, credits.count))
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
