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
import Foundation

/// A policy's responses to one prompt.
package struct CandidateResponses: Codable, Equatable, Sendable {
  /// The prompt's id.
  package var id: String
  /// The responses; the first one is greedy, the others are sampled.
  package var responses: [String]
  /// Whether each is right.
  package var right: [Bool]

  /// Makes a record.
  package init(id: String, responses: [String], right: [Bool]) {
    self.id = id
    self.responses = responses
    self.right = right
  }
}

/// What a method thinks of a policy's sampled responses to one prompt.
package struct CandidateScores: Codable, Equatable, Sendable {
  /// The prompt's id.
  package var id: String
  /// Whether each sampled response is right.
  package var right: [Bool]
  /// A score for each; of judges the mean preference over the other different responses.
  package var scores: [Double]

  /// Makes a record.
  package init(id: String, right: [Bool], scores: [Double]) {
    self.id = id
    self.right = right
    self.scores = scores
  }
}

/// What became of a response that was revised.
package struct RevisionRecord: Codable, Equatable, Sendable {
  /// The prompt's id.
  package var id: String
  /// The critique; `nil` where it was revised without.
  package var critique: String?
  /// The response before.
  package var before: String
  /// The response behind it.
  package var after: String
  /// Whether the response was right before.
  package var wasRight: Bool
  /// Whether it is now.
  package var isRight: Bool

  /// Makes a record.
  package init(
    id: String,
    critique: String?,
    before: String,
    after: String,
    wasRight: Bool,
    isRight: Bool
  ) {
    self.id = id
    self.critique = critique
    self.before = before
    self.after = after
    self.wasRight = wasRight
    self.isRight = isRight
  }

  enum CodingKeys: String, CodingKey {
    case id, critique, before, after
    case wasRight = "was_right"
    case isRight = "is_right"
  }
}

/// Runs best-of-N and revision with compared models.
struct CompareUses {
  let section: CompareEvaluationSection
  let compute: ComputeSection
  let common: CompareCommon
  let events: RunEventHandler
  private let responseTokens = 96

  init(
    section: CompareEvaluationSection,
    compute: ComputeSection,
    common: CompareCommon,
    events: @escaping RunEventHandler
  ) {
    self.section = section
    self.compute = compute
    self.common = common
    self.events = events
  }

  /// Prompts of the first suite that the world can check answers to.
  private var prompts: [PreferencePair] { Array(common.suites[0].pairs.prefix(section.prompts)) }

  /// Samples the policy's responses, the same for all methods of a seed.
  func candidates(_ stages: StageRunner) async throws -> Stage? {
    guard section.prompts > 0, let isRight = common.isRight else { return nil }
    let prompts = prompts
    return try await stages.run(
      "responses",
      recipe: """
        prompts: \(prompts.count)
        responses: \(section.responses)
        seed: \(compute.seed)

        """,
      inputs: ["start": common.startDigest, "suite": common.suites[0].digest]
    ) { stage in
      let model = try compute.model(common.start)
      let renderer = try model.renderer()
      _ = try await SamplingStage<CandidateResponses>(stage: stage, model: model, events: events)
        .run(count: prompts.count) { item in
          let prefix = try renderer.generationPrefix(prompt: prompts[item].prompt)
          return (0...section.responses).map { draw in
            GenerationRequest(
              promptTokens: prefix,
              settings: SamplingSettings(temperature: draw == 0 ? 0 : 1),
              maximumTokens: responseTokens,
              stopTokens: [renderer.endOfTurnID],
              seed: UInt64(compute.seed),
              draw: draw
            )
          }
        } record: { item, written in
          CandidateResponses(
            id: prompts[item].id,
            responses: written.map(\.text),
            right: written.map { isRight(prompts[item].id, $0.text) ?? false }
          )
        }
    }
  }

  // MARK: Best of N

  /// Lets a model score the sampled responses.
  func bestOf(
    _ stages: StageRunner,
    model: ComparedModel,
    candidates: Stage
  ) async throws -> Stage {
    let records = try candidates.records(of: CandidateResponses.self).records()
    let prompts = prompts
    return try await stages.run(
      "best-of",
      recipe: "kind: \(model.kind.name)\nseed: \(compute.seed)\n",
      inputs: ["model": model.digest, "responses": candidates.digest]
    ) { stage in
      let log = try stage.records(of: CandidateScores.self)
      var done = try log.records().count
      let loaded = try compute.model(model.folder)
      events(
        .stageStarted(
          name: stage.name,
          number: stage.number,
          total: records.count,
          resumedAt: done
        )
      )
      while done < records.count {
        try Interruption.check()
        let range = done..<min(done + 64, records.count)
        let part = range.map { (prompts[$0], records[$0]) }
        let scores =
          model.kind == .scorer
          ? try await scored(part, loaded) : try await ranked(part, loaded, model.kind)
        try log.append(
          contentsOf: zip(part, scores).map {
            CandidateScores(
              id: $0.1.id,
              right: Array($0.1.right.dropFirst()),
              scores: $1
            )
          }
        )
        done += range.count
        events(.step(done: done, total: records.count, metrics: [], tokens: 0))
      }
      try log.synchronize()
    }
  }

  private func scored(
    _ part: [(PreferencePair, CandidateResponses)],
    _ model: Model
  ) async throws -> [[Double]] {
    // Samples repeat where the policy is sure: each text is scored once.
    let texts = part.map { Array(Set($0.1.responses.dropFirst())).sorted() }
    let inputs = zip(part, texts).flatMap { item, own in
      own.map { ScoringInput.response(prompt: item.0.prompt, response: $0) }
    }
    let scores = try await ModelScorer(model).score(inputs)
    var start = 0
    return zip(part, texts).map { item, own in
      defer { start += own.count }
      let values = Dictionary(
        uniqueKeysWithValues: zip(own, scores[start..<start + own.count].map(\.value))
      )
      return item.1.responses.dropFirst().map { values[$0] ?? 0 }
    }
  }

  private func ranked(
    _ part: [(PreferencePair, CandidateResponses)],
    _ model: Model,
    _ kind: ComparedModel.Kind
  ) async throws -> [[Double]] {
    var settings = JudgeSettings()
    if case .judge(let task, let prompts) = kind {
      settings.task = task
      settings.prompts = prompts
    }
    let texts = part.map { Array(Set($0.1.responses.dropFirst())).sorted() }
    var pairs: [PreferencePair] = []
    for (item, own) in zip(part, texts) {
      for first in own.indices {
        for second in own.indices.dropFirst(first + 1) {
          pairs.append(
            PreferencePair(
              id: item.0.id,
              prompt: item.0.prompt,
              chosen: own[first],
              rejected: own[second]
            )
          )
        }
      }
    }
    let verdicts = try await JudgeRater(model, settings: settings).judge(pairs)
    var next = 0
    return zip(part, texts).map { item, own in
      var sums = [Double](repeating: 0, count: own.count)
      for first in own.indices {
        for second in own.indices.dropFirst(first + 1) {
          // A pair without verdict prefers neither.
          let probability = verdicts[next].probability ?? 0.5
          sums[first] += probability
          sums[second] += 1 - probability
          next += 1
        }
      }
      let values = Dictionary(
        uniqueKeysWithValues: zip(own, sums.map { $0 / Double(max(1, own.count - 1)) })
      )
      return item.1.responses.dropFirst().map { values[$0] ?? 0 }
    }
  }

  // MARK: Revision

  /// Lets the policy revise its greedy responses, by a model's critiques or, for `nil`, without.
  func revise(
    _ stages: StageRunner,
    critic: ComparedModel?,
    candidates: Stage
  ) async throws -> Stage {
    let records = try candidates.records(of: CandidateResponses.self).records()
    let (prompts, isRight) = (prompts, common.isRight)
    return try await stages.run(
      "revisions",
      recipe: "guided: \(critic != nil)\n",
      inputs: [
        "critic": critic?.digest ?? "none", "policy": common.startDigest,
        "responses": candidates.digest,
      ]
    ) { stage in
      var critiques = [String?](repeating: nil, count: records.count)
      if let critic {
        let model = try compute.model(critic.folder)
        let scores = try await ModelScorer(model).score(
          zip(prompts, records).map { .response(prompt: $0.prompt, response: $1.responses[0]) }
        )
        critiques = scores.map { $0.critiques?.first?.text }
      }
      let policy = try compute.model(common.start)
      let renderer = try policy.renderer()
      _ = try await SamplingStage<RevisionRecord>(stage: stage, model: policy, events: events)
        .run(count: records.count) { item in
          let conversation = common.prompts.revision(
            prompt: prompts[item].prompt,
            response: records[item].responses[0],
            critique: critiques[item]
          )
          return [
            GenerationRequest(
              promptTokens: try renderer.generationPrefix(prompt: conversation),
              maximumTokens: responseTokens,
              stopTokens: [renderer.endOfTurnID]
            )
          ]
        } record: { item, written in
          RevisionRecord(
            id: records[item].id,
            critique: critiques[item],
            before: records[item].responses[0],
            after: written[0].text,
            wasRight: records[item].right[0],
            isRight: isRight?(records[item].id, written[0].text) ?? false
          )
        }
    }
  }
}
