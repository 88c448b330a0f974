// Critic-RM: a reward model that learns from its own critiques, without a stronger teacher.
//
//   1 scored-critiques   the instruction-tuned model writes N critiques of every response, each with
//                        a score from 1 to 10
//   2 refined            what contradicts the human label is dropped; the same model, as a meta-judge,
//                        rates what is left and the best K stay (rank), or merges it into one (summ)
//   3 critic-rm          critiques and rewards together: critiques alone until the last epoch, then
//                        more and more the rewards
//
// `endpoints` lets a model elsewhere write the critiques of stage 1, and one rate or merge in stage 2.
//
// The critics see one response and never the label; only the filter does. The stated score is taken
// from the critiques before training, or the head would read the digit (`strips_score`).
//
//   assay train Recipes/critic-rm.yaml --set model=instruct --set data.train=train.jsonl --out runs/c
//
// Source: Yu et al. 2024 (arXiv:2411.16646); what is known of it and what is proposed: see the
// docstrings of the settings.

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

/// How Critic-RM writes, filters and learns critiques.
package struct CriticRMSection: RecipeSection {
  /// Critiques of each response; about 10 in the paper.
  ///
  /// Default: 10.
  package var samples = 10
  /// Temperature of the critiques and ratings.
  ///
  /// Default: 1.
  package var temperature = 1.0
  /// The most likely tokens that together have this probability are drawn from.
  ///
  /// Default: 0.95.
  package var topP = 0.95
  /// Tokens that a critique may have when it is written.
  ///
  /// Default: 256.
  package var critiqueTokens = 256
  /// The wording of all roles: `english`, or `playground`.
  ///
  /// Default: `english`.
  package var prompts = "english"
  /// Which critiques agree with the label.
  ///
  /// Default: `mean`.
  package var filter = ConsistencyRule.mean
  /// Whether the stated score is taken from a critique before it is learnt.
  ///
  /// Default: true.
  package var stripsScore = true
  /// Ratings that a critique's quality is the mean of (rank).
  ///
  /// Default: 3.
  package var ratings = 3
  /// K, the critiques of a response that stay (rank).
  ///
  /// Default: 2.
  package var kept = 2
  /// Critiques that are merged into one, at most (summ).
  ///
  /// Default: 4.
  package var merged = 4
  /// The head: `linear`, or `cloud` (two layers), as CLoud has it.
  ///
  /// Default: `cloud`.
  package var head = HeadKind.cloud
  /// How weights are updated.
  package var optimizer = OptimizerSection(learningRate: 5e-6)
  /// Pairs in a step.
  ///
  /// Default: 32.
  package var batchPairs = 32
  /// Parts that a step is computed in, to save memory; the result is the same.
  ///
  /// Default: 1.
  package var accumulation = 1
  /// K of the schedule: times that the pairs are read.
  ///
  /// Default: 3.
  package var epochs = 3
  /// Beta of the schedule: by how much lambda falls from 1 in the last epoch.
  ///
  /// Default: 0.9.
  package var beta = 0.9
  /// A lambda that is the same throughout, the control; null takes the schedule.
  ///
  /// Default: null.
  package var constantLambda: Double?
  /// Weight of the term that draws rewards to a mean of zero.
  ///
  /// Default: 0.
  package var centring = 0.0

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    for (value, name) in [
      (samples, "samples"), (critiqueTokens, "critiqueTokens"), (ratings, "ratings"),
      (kept, "kept"), (merged, "merged"), (batchPairs, "batchPairs"),
      (accumulation, "accumulation"), (epochs, "epochs"),
    ] { checks.require(value > 0, name, "a number above 0") }
    checks.require(temperature > 0, "temperature", "a number above 0")
    checks.require(topP > 0 && topP <= 1, "topP", "a number above 0 and up to 1")
    checks.require((0...1).contains(beta), "beta", "a number from 0 to 1")
    checks.require(
      (0...1).contains(constantLambda ?? 0),
      "constantLambda",
      "a number from 0 to 1, or null"
    )
    checks.require(centring >= 0, "centring", "a number of at least 0")
    checks.requireWording(prompts)
  }

  /// The wording of all roles.
  var wording: RolePrompts { RolePrompts.named(prompts) ?? .english }

  /// The settings that candidate critiques depend on.
  var sampling: CandidateSampling {
    CandidateSampling(
      samples: samples,
      temperature: temperature,
      topP: topP,
      critiqueTokens: critiqueTokens,
      prompts: prompts
    )
  }
}

/// The settings that candidate critiques depend on.
struct CandidateSampling: Encodable {
  let samples: Int
  let temperature: Double
  let topP: Double
  let critiqueTokens: Int
  let prompts: String
}

/// How the critiques that a filter leaves are refined.
package enum CritiqueRefinement: String, CaseIterable, Codable, Sendable {
  /// A meta-judge rates them and the best stay: Critic-RM-Rank.
  case rank
  /// A meta-judge merges them into one: Critic-RM-Summ.
  case summ
}

/// Critic-RM with one of its refinements.
package struct CriticRMMethod: Method {
  /// Its settings.
  package static let section = SectionKey("criticRm", CriticRMSection())
  static let endpoints = SectionKey("endpoints", CriticRMEndpoints())
  static let rank = CriticRMMethod(
    name: "critic-rm-rank",
    summary: "writes a critique and scores, from its own critiques that it rates best",
    refinement: .rank
  )
  static let summ = CriticRMMethod(
    name: "critic-rm-summ",
    summary: "writes a critique and scores, from its own critiques that it merges",
    refinement: .summ
  )

  /// `critic-rm-rank` or `critic-rm-summ`.
  package let name: String
  /// What it is, in one line.
  package let summary: String
  let refinement: CritiqueRefinement
  /// Its own settings and those of endpoints.
  package var sections: [any MethodSection] { [Self.section, Self.endpoints] }
  /// Its own settings.
  package var tuned: (any MethodSection)? { Self.section }

  /// Pairs.
  package func data(_ settings: MethodSettings) -> MethodData { .pairs }

  /// Scores behind critiques.
  package func preference(_ settings: MethodSettings, wording: RolePrompts?) -> Preference? {
    .critiqueScores
  }

  /// Runs its stages.
  package func run(in context: RunContext) async throws -> TrainedModel {
    let stage = try await CriticRMStages(
      section: context.settings[Self.section],
      refinement: refinement,
      endpoints: context.settings[Self.endpoints],
      context: context
    ).run()
    return try TrainedModel(stage, .critiqueScores)
  }
}

/// The stages of Critic-RM, one behind the other.
struct CriticRMStages {
  let section: CriticRMSection
  let refinement: CritiqueRefinement
  /// Who writes for the start model.
  let endpoints: CriticRMEndpoints
  let context: RunContext

  /// Runs the stages.
  ///
  /// - Returns: The last stage.
  /// - Throws: What sampling, training or writing throws.
  func run() async throws -> Stage {
    let start = try context.startFolder()
    let pairs = context.pairs.compactMap(\.decided)
    let ties = context.pairs.count - pairs.count
    if ties > 0 {
      context.events(.message("\(ties) ties are left out: no score agrees with them"))
    }
    let written = try await context.stages.run(
      "scored-critiques",
      from: [
        "critiques": section.sampling, "generatorModel": endpoints.candidates?.model,
        "compute": context.compute,
      ],
      inputs: context.inputs
    ) { stage in
      try await ScoredCritiques(
        section: section,
        compute: context.compute,
        events: context.events,
        endpoints: endpoints
      ).run(stage, start: start, pairs: pairs)
    }
    let refined = try await refine(written, start, pairs)
    return try await learn(refined, start, pairs)
  }

  /// Stage 2: filters and refines.
  private func refine(
    _ candidates: Stage,
    _ start: URL,
    _ pairs: [PreferencePair]
  ) async throws -> Stage {
    let meta = endpoints.refinement
    let own = try candidates.records(of: CandidateRecord.self).records()
    return try await context.stages.run(
      "refined",
      from: [
        "refinement": refinement, "criticRm": section, "metaJudgeModel": meta?.model,
        "ratingTokens": meta.map { _ in endpoints.ratingTokens }, "compute": context.compute,
      ],
      inputs: ["scored-critiques": candidates.digest]
    ) { stage in
      let work = CritiqueRefining(
        section: section,
        refinement: refinement,
        compute: context.compute,
        events: context.events,
        truth: context.truth,
        ratingTokens: meta == nil ? nil : endpoints.ratingTokens
      )
      try await endpoints.withWriter(
        meta,
        else: start,
        context.compute,
        for: stage,
        events: context.events,
        texts: refinement == .rank ? 2 * section.samples * section.ratings : 2
      ) {
        try await work.run(stage, by: $0, stretch: $1, pairs: pairs, candidates: own)
      }
    }
  }

  /// Stage 3: critiques and rewards together.
  private func learn(
    _ refined: Stage,
    _ start: URL,
    _ pairs: [PreferencePair]
  ) async throws -> Stage {
    let records = try refined.records(of: RefinedRecord.self).records()
    let wording = section.wording
    let leadIn = section.stripsScore ? wording.critiqueLeadIn : wording.scoredCritiqueLeadIn
    return try await context.stages.run(
      "critic-rm",
      from: [
        "criticRm": section, "compute": context.compute, "replay": context.replay?.made,
      ],
      inputs: context.inputs.merging(["refined": refined.digest]) { $1 }
    ) { stage in
      try JointTraining(
        head: section.head,
        optimizer: section.optimizer,
        batchPairs: section.batchPairs,
        accumulation: section.accumulation,
        epochs: section.epochs,
        centring: section.centring,
        weight: section.constantLambda.map { .constant(lambda: $0) }
          ?? .scheduled(beta: section.beta),
        context: context
      ).run(stage, start: start, leadIn: leadIn, critiqueTokens: section.critiqueTokens) {
        try refinedPairs(pairs, records, renderer: $0, section: section)
      }
    }
  }
}

/// The pairs of the joint loss: the best critique of chosen with the best of rejected, and so on.
///
/// - Parameters:
///   - pairs: The pairs.
///   - records: What was refined of each, in their order.
///   - renderer: What makes tokens of them.
///   - section: How critiques are opened, and whether they keep their score.
/// - Returns: As many pairs as the response with fewer critiques has of them.
/// - Throws: `TrainingError.recipe` where the records are not those of the pairs.
package func refinedPairs(
  _ pairs: [PreferencePair],
  _ records: [RefinedRecord],
  renderer: SequenceRenderer,
  section: CriticRMSection
) throws -> [TrainingPair] {
  guard pairs.map(\.id) == records.map(\.id) else {
    throw TrainingError.recipe(
      reason: "the refined critiques are not those of the pairs: the data changed since they were "
        + "written; use another --out"
    )
  }
  let wording = section.wording
  func text(_ critique: RefinedRecord.Critique) -> WrittenCritique {
    guard !section.stripsScore, let score = critique.score else {
      return WrittenCritique(text: critique.critique, isCut: false)
    }
    let scored = RolePrompts.ScoredCritique(critique: critique.critique, score: score)
    return WrittenCritique(text: wording.stating(scored), isCut: false)
  }
  return try zip(pairs, records).flatMap { pair, record in
    try zip(record.chosen, record.rejected).map { chosen, rejected in
      try TrainingPair(
        pair,
        critiques: (text(chosen), text(rejected)),
        renderer: renderer,
        leadIn: section.stripsScore ? wording.critiqueLeadIn : wording.scoredCritiqueLeadIn,
        trainsLeadIn: false
      )
    }
  }
}
