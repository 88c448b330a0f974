// G judgements of a group, R targets.

import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// The second stage of a round: the model learns from rewards of its judgements.
struct GRPOTraining {
  let section: GRPOSection
  let round: Int
  let context: RunContext

  /// Trains, and publishes the model.
  ///
  /// - Parameters:
  ///   - stage: Where.
  ///   - start: The model that wrote the judgements.
  ///   - reference: The model from which it may not go far.
  ///   - items: What was judged.
  ///   - records: The judgements.
  /// - Throws: `TrainingError.noData` where every group is all right or all wrong; what training throws.
  func run(
    _ stage: Stage,
    start: URL,
    reference: URL,
    items: [ShownPair],
    records: [JudgementRecord]
  ) throws {
    // 1 model
    let (model, sequences) = try context.judge(
      from: start,
      toLearn: items,
      records,
      of: "round \(round)",
      section.judging.wording,
      tokens: section.judgementTokens
    )

    // 2 data
    var judgements = try zip(items, records).flatMap { shown, record -> [RewardedJudgement] in
      guard let advantages = RewardedJudgement.advantages(of: record) else { return [] }
      let conversation = sequences.conversation(shown.pair, record.order, .chain)
      return try zip(record.samples, advantages).map { sample, advantage in
        RewardedJudgement(
          sequence: try sequences.answer(
            conversation,
            sample.text,
            isCut: sample.finishReason.isCut
          ),
          advantage: advantage
        )
      }
    }
    judgements.removeAll { $0.sequence.targets.isEmpty }
    guard !judgements.isEmpty else {
      throw TrainingError.noData(
        stage: stage.name,
        hint: "no group has a right judgement and another one"
      )
    }
    try read(&judgements, by: model) { $0.old = $1 }
    if section.klWeight > 0 {
      let reference =
        start == reference ? model : try context.compute.modelToTrain(reference)
      try read(&judgements, by: reference) { $0.reference = $1 }
    }

    // 3 training
    try context.training(stage, model, section.optimizer, share: 1 / Double(section.rounds)).run(
      judgements,
      batchSize: section.batchItems,
      accumulation: section.accumulation,
      epochs: section.epochs,
      seed: context.compute.seed &+ round
    ) { _ in GroupPolicyObjective(clip: section.clip, klWeight: section.klWeight) }
  }

  /// Gives each judgement its targets' log probabilities under a model.
  private func read(
    _ judgements: inout [RewardedJudgement],
    by model: Model,
    _ store: (inout RewardedJudgement, [Float]) -> Void
  ) throws {
    for first in stride(from: 0, to: judgements.count, by: section.batchItems) {
      try Interruption.check()
      let range = first..<min(first + section.batchItems, judgements.count)
      let values = try withTensorErrors {
        withoutGradients {
          trainingForward(
            judgements[range].map(\.sequence),
            decoder: model.decoder,
            head: nil,
            positionJumps: model.positionJumps
          ).nll?.floats ?? []
        }
      }
      var start = 0
      for index in range {
        let count = judgements[index].sequence.targets.count
        store(&judgements[index], values[start..<start + count].map { -$0 })
        start += count
      }
    }
  }
}

/// A judgement with what it is worth beside the others of its group.
package struct RewardedJudgement: Sendable {
  /// The judgement.
  package var sequence: TrainingSequence
  /// How far its reward lies above its group's mean, in the group's standard deviations.
  package var advantage: Float
  /// Log probability of each target under the model that wrote it, in nats.
  package var old: [Float]
  /// The same under the start model; empty where nothing holds the model to it.
  package var reference: [Float]

  /// Makes a judgement.
  package init(
    sequence: TrainingSequence,
    advantage: Float,
    old: [Float] = [],
    reference: [Float] = []
  ) {
    self.sequence = sequence
    self.advantage = advantage
    self.old = old
    self.reference = reference
  }

  /// The advantages of a group's judgements, whose reward is 1 where the verdict is right, else 0:
  /// `(reward - mean) / deviation`, the deviation that of the group itself.
  ///
  /// - Parameter record: The group.
  /// - Returns: One a judgement; `nil` where all have the same reward.
  package static func advantages(of record: JudgementRecord) -> [Float]? {
    let rewards = record.samples.map { $0.verdict == record.order.right ? 1.0 : 0 }
    let mean = rewards.reduce(0, +) / Double(max(1, rewards.count))
    guard mean > 0, mean < 1 else { return nil }
    // The variance of numbers that are 0 or 1.
    let deviation = (mean * (1 - mean)).squareRoot()
    return rewards.map { Float(($0 - mean) / deviation) }
  }
}

/// GRPO's loss of a batch of judgements, a mean over all of its targets.
///
/// With `r` the ratio of a target's probability to that under the model that wrote it, `A` the
/// judgement's advantage and `q` the start model's ratio to the model, a target's loss is
/// `-min(r A, clip(r) A) + weight (q - log q - 1)`.
///
/// Source: Shao et al. 2024 (arXiv:2402.03300) eq. 3 and 4; the mean over the targets of the batch, in place of
/// one over each judgement's first, is Yu et al. 2025 (DAPO, arXiv:2503.14476) eq. 8.
package struct GroupPolicyObjective: Objective {
  /// How far a ratio counts.
  package var clip: Double
  /// Weight of the divergence from the start model.
  package var klWeight: Double

  /// Makes the objective.
  package init(clip: Double, klWeight: Double) {
    self.clip = clip
    self.klWeight = klWeight
  }

  /// Computes a part's share; see `Objective`.
  ///
  /// - Parameters:
  ///   - part: Judgements with advantages and earlier log probabilities.
  ///   - batch: All of them, over whose targets the mean is taken.
  ///   - model: What is trained.
  /// - Returns: The share, with `clipped`, the share of targets whose ratio does not count in full, and
  ///   `kl`, the divergence from the start model in nats a target.
  package func loss(
    of part: [RewardedJudgement],
    in batch: [RewardedJudgement],
    model: Model
  ) -> PartLoss? {
    let output = trainingForward(
      part.map(\.sequence),
      decoder: model.decoder,
      head: nil,
      positionJumps: model.positionJumps
    )
    guard let nll = output.nll else { return nil }
    let logs = -nll.to(.float32)  // [R]
    func column(_ values: [Float]) -> Tensor { Tensor(values).to(nll.device) }
    let total = Double(max(1, batch.map(\.sequence.targets.count).reduce(0, +)))
    let advantages = part.flatMap {
      [Float](repeating: $0.advantage, count: $0.sequence.targets.count)
    }
    let ratios = (logs - column(part.flatMap(\.old))).exp()  // [R]
    let held = ratios.clamped(atLeast: 1 - clip).clamped(atMost: 1 + clip)
    let worth = column(advantages)
    var loss = -(ratios * worth).minimum(held * worth)
    let isClipped = zip(ratios.floats, advantages).count {
      ($1 > 0 && Double($0) > 1 + clip) || ($1 < 0 && Double($0) < 1 - clip)
    }
    var shares = [Metric("clipped", Double(isClipped) / total)]
    if klWeight > 0 {
      let behind = column(part.flatMap(\.reference)) - logs
      let divergence = behind.exp() - behind - 1
      shares.append(Metric("kl", Double(divergence.sum().item) / total))
      loss = loss + divergence * klWeight
    }
    return PartLoss(value: loss.sum() / total, shares: shares, tokens: output.tokenCount)
  }
}
