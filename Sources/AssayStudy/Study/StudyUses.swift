// What reward models are for, within a comparison: picking the best of N responses of a policy, and
// guiding its revision of one. The policy is the start model.

import AssayBase
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayText
import AssayTrain
import Foundation

/// Runs best-of-N and revision with compared models.
struct StudyUses {
  let section: StudyEvaluationSection
  let compute: ComputeSection
  let common: StudyCommon
  let start: StartFolder
  let events: RunEventHandler
  /// Prompts that the world can check answers to.
  private let prompts: [PreferencePair]
  private let responseTokens = 96

  init(
    section: StudyEvaluationSection,
    compute: ComputeSection,
    common: StudyCommon,
    start: StartFolder,
    suites: [Suite],
    events: @escaping RunEventHandler
  ) {
    var own = common.data
    own.suites = suites
    prompts = Array(common.world.policyPrompts(own).prefix(section.prompts))
    self.section = section
    self.compute = compute
    self.common = common
    self.start = start
    self.events = events
  }

  /// Inputs of a stage, with what it computes in where that is not what earlier versions computed in.
  private func inputs(_ own: [String: String]) -> [String: String] {
    section.dtype == .f32 ? own : own.merging(["dtype": section.dtype.rawValue]) { own, _ in own }
  }

  /// Samples the policy's responses, the same for all methods of a seed.
  func candidates(_ stages: StageRunner) async throws -> Stage? {
    guard section.prompts > 0, let isRight = common.world.isRight else { return nil }
    let prompts = prompts
    return try await stages.run(
      "responses",
      from: ["prompts": prompts.count, "responses": section.responses, "seed": compute.seed],
      inputs: inputs([
        "start": start.digest, "prompts": Suite(name: "policy", pairs: prompts).digest,
      ])
    ) { stage in
      var greedy = WritingSettings()
      greedy.maximumTokens = responseTokens
      var drawn = greedy
      drawn.temperature = 1
      let writer = ModelWriter(
        try stage.port(try compute.model(start.folder, in: section.dtype), events: events)
      )
      let seed = UInt64(compute.seed)
      _ = try await stage.write(prompts, by: writer, events: events) { pair in
        let opening = WritingRequest.Opening.conversation(pair.prompt)
        return [
          WritingRequest(opening, settings: greedy),
          WritingRequest(opening, settings: drawn, seed: seed, draws: section.responses),
        ]
      } record: { item, written in
        PolicyResponses(
          id: prompts[item].id,
          responses: written.joined().map(\.answer),
          right: written.joined().map { isRight(prompts[item].id, $0.answer) ?? false }
        )
      }
    }
  }

  // MARK: Best of N

  /// Lets a model score the sampled responses.
  func bestOf(
    _ stages: StageRunner,
    model: RatedModel,
    candidates: Stage
  ) async throws -> Stage {
    let records = try candidates.records(of: PolicyResponses.self).records()
    let prompts = prompts
    return try await stages.run(
      "best-of",
      from: ["preference": model.preference.name, "seed": compute.seed],
      inputs: inputs(["model": model.digest, "responses": candidates.digest])
    ) { stage in
      let port = try stage.port(
        rating: try compute.model(model.folder, in: section.dtype),
        by: model.preference,
        events: events
      )
      let rater = try rater(model.preference, port)
      let items = Array(zip(prompts, records))
      _ = try await stage.map(items, stretch: 64, events: events) { part, _, done in
        try port.forgetKept()
        // The first response is greedy: the policy's own choice, not one to pick from.
        let ranking = try await rater.rank(
          part.map {
            Candidates(prompt: $0.0.prompt, responses: Array($0.1.responses.dropFirst()))
          }
        )
        try done(
          zip(part, ranking.scores).map { item, scores in
            CandidateScores(
              id: item.1.id,
              right: Array(item.1.right.dropFirst()),
              scores: scores
            )
          },
          [],
          ranking.tokens
        )
      }
    }
  }

  /// What prefers responses by a model.
  private func rater(_ preference: Preference, _ port: LocalPort) throws -> any Rater {
    if preference.scores { return ScorerRater(try ModelScorer(port)) }
    if case .statedScores(let prompts, let keepsBetterHalf) = preference {
      var settings = StatedSettings()
      settings.prompts = prompts
      settings.keepsBetterHalf = keepsBetterHalf
      return StatedRater(ModelWriter(port), settings: settings)
    }
    var settings = JudgeSettings()
    if case .verdicts(let task, let prompts) = preference {
      settings.task = task
      settings.prompts = prompts
    }
    return try JudgeRater(port, settings: settings)
  }

  // MARK: Revision

  /// Lets the policy revise its greedy responses, by a model's critiques or, for `nil`, without.
  func revise(
    _ stages: StageRunner,
    critic: RatedModel?,
    candidates: Stage
  ) async throws -> Stage {
    let records = try candidates.records(of: PolicyResponses.self).records()
    let (prompts, isRight) = (prompts, common.world.isRight)
    let wording = common.world.prompts ?? .english
    return try await stages.run(
      "revisions",
      from: ["guided": critic != nil],
      inputs: inputs([
        "critic": critic?.digest ?? "none", "policy": start.digest,
        "responses": candidates.digest,
      ])
    ) { stage in
      var critiques = [String?](repeating: nil, count: records.count)
      if let critic {
        let model = try compute.model(critic.folder, in: section.dtype)
        let port = try stage.port(model, writer: "critic") { _ in }
        let scores = try await ModelScorer(port).score(
          zip(prompts, records).map { .response(prompt: $0.prompt, response: $1.responses[0]) }
        )
        critiques = scores.map { $0.critiques?.first?.text }
      }
      var greedy = WritingSettings()
      greedy.maximumTokens = responseTokens
      let policy = ModelWriter(
        try stage.port(try compute.model(start.folder, in: section.dtype), events: events)
      )
      _ = try await stage.write(Array(records.indices), by: policy, events: events) { item in
        let conversation = wording.revision(
          prompt: prompts[item].prompt,
          response: records[item].responses[0],
          critique: critiques[item]
        )
        return [WritingRequest(.conversation(conversation), settings: greedy)]
      } record: { item, written in
        RevisionRecord(
          id: records[item].id,
          critique: critiques[item],
          before: records[item].responses[0],
          after: written[0][0].answer,
          wasRight: records[item].right[0],
          isRight: isRight?(records[item].id, written[0][0].answer) ?? false
        )
      }
    }
  }
}
