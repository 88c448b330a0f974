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
  package var tuned: [any MethodSection] { [Self.section] }

  /// Pairs.
  package func data(_ settings: MethodSettings) -> MethodData { .pairs }

  /// Its joint training, behind what the model writes itself.
  package func trainings(_ settings: MethodSettings) -> [TrainingShape] {
    let (own, endpoints) = (settings[Self.section], settings[Self.endpoints])
    var writes: [WritingShape] = []
    if endpoints.candidates == nil {
      writes.append(
        WritingShape(
          stage: "scored-critiques",
          asks: .critiques,
          tokens: own.critiqueTokens,
          draws: own.samples
        )
      )
    }
    let rates = refinement == .rank
    if endpoints.refinement == nil, !rates || own.choice == .best {
      let count = rates ? 1 : min(own.merged, own.samples)
      writes.append(
        WritingShape(
          stage: "refined",
          asks: .opinions(critiques: count, tokens: own.critiqueTokens),
          tokens: rates ? CritiqueRefining.ownRatingTokens : own.critiqueTokens,
          draws: rates ? own.ratings * own.samples : 1
        )
      )
    }
    return [
      TrainingShape(
        stage: "critic-rm",
        key: "critic_rm",
        reads: .critiquedPairs(tokens: own.critiqueTokens),
        head: own.head,
        batch: own.batchPairs,
        accumulation: own.accumulation,
        epochs: own.epochs,
        moments: own.optimizer.moments,
        writes: writes
      )
    ]
  }

  /// On held-out pairs that its filter keeps.
  package var watchesHeldOut: Bool { true }

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
    let heldOut = context.heldOut.compactMap(\.decided)
    let learnt = context.pairs.compactMap(\.decided)
    let ties = context.pairs.count - learnt.count
    let pairs = learnt + heldOut
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
    return try await learn(refined, start, learnt, heldOut: heldOut)
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
    _ pairs: [PreferencePair],
    heldOut: [PreferencePair]
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
        renderer in
        func made(_ pairs: [PreferencePair], _ records: [RefinedRecord]) throws -> [TrainingPair] {
          try refinedPairs(pairs, records, renderer: renderer, section: section)
        }
        return (
          try made(pairs, Array(records.dropLast(heldOut.count))),
          try made(heldOut, records.suffix(heldOut.count))
        )
      }
    }
  }
}

/// The pairs of the joint loss: the best critique of chosen with the best of rejected, and so on.
///
/// By the pairwise rule only critiques whose scores agree with the label make a pair: each of chosen, the
/// best first, is matched with the best of rejected that is left and has a lower score.
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
    let scored = RolePrompts.RatedCritique(critique: critique.critique, score: score)
    return WrittenCritique(text: wording.stating(scored), isCut: false)
  }
  return try zip(pairs, records).flatMap { pair, record in
    try matched(record, by: section.pairFilter ?? section.filter).map { chosen, rejected in
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

/// Critiques of chosen and of rejected that are learnt together.
private func matched(
  _ record: RefinedRecord,
  by rule: ConsistencyRule
) -> [(RefinedRecord.Critique, RefinedRecord.Critique)] {
  guard rule == .pairwise else { return Array(zip(record.chosen, record.rejected)) }
  var left = record.rejected
  return record.chosen.compactMap { chosen in
    let place = left.firstIndex { rejected in
      guard let own = chosen.score, let other = rejected.score else { return true }
      return own > other
    }
    return place.map { (chosen, left.remove(at: $0)) }
  }
}
