// GRPO: a judge that learns from rewards of its own judgements.
//
// The training pairs are split into equal parts, one for each round. In each round
//
//   1 judgements-T   the latest model judges its part, several samples of each pair in both orders
//   2 train-T        it makes those that were right likelier than the others of the same question
//
// A judgement's reward is 1 where its verdict is right, else 0. Its advantage is how far that lies above
// the mean of its group, the samples of one pair in one order, in units of the group's deviation. Groups
// that are all right or all wrong teach nothing and are left out.
//
//   assay train Recipes/grpo.yaml --set model=instruct --set data.train=train.jsonl --out runs/g
//
// Source: Shao et al. 2024 (arXiv:2402.03300) section 4.1; as a judge's training Whitehouse et al. 2025
// (J1, arXiv:2505.10320) and Chen et al. 2025 (RM-R1, arXiv:2505.02387). Judgements are written a round at
// a time instead of a step at a time; the ratio to the round's first weights corrects for that.

import AssayBase
import AssayData
import AssayEvaluate
import AssayModel
import AssayReward
import AssayRun
import AssayText
import Foundation

/// GRPO on verdicts.
struct GRPOMethod: Method {
  let section = SectionKey("grpo", GRPOSection())
  let name = "grpo"
  let summary = "a judge that reasons, and learns from rewards of its verdicts"
  var sections: [any MethodSection] { [section] }
  var tuned: [any MethodSection] { [section] }

  func trainings(_ settings: MethodSettings) -> [TrainingShape] {
    let own = settings[section]
    return (1...own.rounds).map { round in
      let part = own.judging.part(round)
      return TrainingShape(
        stage: "train-\(round)",
        key: section.key,
        reads: .judgements(part, each: own.samples, isContrasted: false),
        head: nil,
        batch: own.batchItems,
        accumulation: own.accumulation,
        epochs: own.epochs,
        moments: own.optimizer.moments,
        share: 1 / Double(own.rounds),
        writes: [part.writing]
      )
    }
  }

  func data(_ settings: MethodSettings) -> MethodData { .pairs }

  func preference(_ settings: MethodSettings, wording: RolePrompts?) -> Preference? {
    .verdicts(.chain, wording ?? settings[section].judging.wording)
  }

  func run(in context: RunContext) async throws -> TrainedModel {
    let last = try await GRPORounds(section: context.settings[section], context: context).run()
    return try TrainedModel(last, preference(context.settings, wording: context.wording))
  }
}

/// The rounds of GRPO, one behind the other.
private struct GRPORounds {
  let section: GRPOSection
  let context: RunContext

  /// Runs the rounds.
  ///
  /// - Returns: The training stage of the last round that had something to learn.
  /// - Throws: What sampling, training or writing throws.
  func run() async throws -> Stage {
    let (start, seed) = (try context.startFolder(), context.compute.seed)
    let decided = context.pairs.compactMap(\.decided)
    let ties = context.pairs.count - decided.count
    if ties > 0 {
      context.events(.message("\(ties) ties are left out: no verdict on them is right"))
    }
    var latest: Stage?
    for round in 1...section.rounds {
      let part = decided.part(round, of: section.rounds, seed: seed)
      let items = section.judging.items(of: part, iteration: round, seed: seed)
      let digests = latest.map { ["previous": $0.digest] } ?? context.inputs
      let judged = try await judge(round, items, model: latest?.model() ?? start, inputs: digests)
      let records = try judged.records(of: JudgementRecord.self).records()
      let isInformative = records.contains { RewardedJudgement.advantages(of: $0) != nil }
      guard isInformative || latest == nil else {
        context.events(.message("round \(round): every group is all right or all wrong"))
        continue
      }
      latest = try await context.stages.run(
        "train-\(round)",
        from: [
          "grpo": section, "compute": context.compute, "replay": context.replay?.made,
        ],
        inputs: digests.merging(["judgements": judged.digest]) { $1 }
      ) { [latest] stage in
        try GRPOTraining(section: section, round: round, context: context).run(
          stage,
          start: try latest?.model() ?? start,
          reference: start,
          items: items,
          records: records
        )
      }
    }
    guard let latest else {
      throw TrainingError.noData(stage: "grpo", hint: "there is no round")
    }
    return latest
  }

  private func judge(
    _ round: Int,
    _ items: [ShownPair],
    model: URL,
    inputs: [String: String]
  ) async throws -> Stage {
    try await context.stages.run(
      "judgements-\(round)",
      from: [
        "judgements": section.judging.sampling(.sampled), "compute": context.compute,
      ],
      inputs: inputs
    ) { stage in
      try await Judgements(
        section: section.judging,
        source: .sampled,
        iteration: round,
        context: context,
        endpoint: WriterEndpoint()
      ).run(stage, model: model, items: items)
    }
  }
}
