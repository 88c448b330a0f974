// P pairs of judgements.

import AssayModel
import AssayRun
import AssayTensor

/// The mean DPO or IPO loss of a batch of judgements.
///
/// With `h` the log ratio of right against wrong over the reference's: DPO's `-log sigmoid(beta h)` or
/// IPO's `(h - 1 / (2 beta))^2`, plus a weight times the mean token loss of the right judgements.
///
/// Source: Rafailov et al. 2023 (arXiv:2305.18290) eq. 7; Azar et al. 2023 (arXiv:2310.12036) eq. 17.
package struct ContrastiveObjective: Objective {
  /// `dpo` or `ipo`.
  package var variant: StarVariant
  /// Of the loss.
  package var beta: Double
  /// Weight of the mean token loss of the right judgements.
  package var tokenLossWeight: Double

  /// Makes the objective.
  package init(variant: StarVariant, beta: Double, tokenLossWeight: Double) {
    self.variant = variant
    self.beta = beta
    self.tokenLossWeight = tokenLossWeight
  }

  /// Computes a part's share; see `Objective`.
  ///
  /// - Parameters:
  ///   - part: Right and wrong judgements with the reference's log probabilities.
  ///   - batch: All of them, over which means are taken.
  ///   - model: What is trained.
  /// - Returns: The share, with how many log ratios prefer the right judgement, and their mean.
  package func loss(of part: [JudgementPair], in batch: [JudgementPair], model: Model) -> PartLoss?
  {
    let P = part.count
    let sequences = part.map(\.right) + part.map(\.wrong)
    let output = trainingForward(
      sequences,
      decoder: model.decoder,
      head: nil,
      positionJumps: model.positionJumps
    )
    guard let values = output.logProbabilities(of: sequences, means: variant == .ipo),
      let nll = output.nll
    else { return nil }
    var share = preference(values, of: part) * (Double(P) / Double(batch.count))
    if tokenLossWeight > 0 {
      let targets = Double(max(1, batch.map(\.right.targets.count).reduce(0, +)))
      let count = part.map(\.right.targets.count).reduce(0, +)
      share =
        share + nll.narrowed(axis: 0, start: 0, count: count).sum() * (tokenLossWeight / targets)
    }
    let floats = values.floats
    let differences = (0..<P).map { index in
      (floats[index] - part[index].referenceRight)
        - (floats[P + index] - part[index].referenceWrong)
    }
    let ratio = differences.reduce(0.0) { $0 + Double($1) / Double(batch.count) }
    return PartLoss(
      value: share,
      right: differences.reduce(0) { $0 + PartLoss.credit(margin: $1, probability: nil) },
      shares: [Metric("log_ratio", ratio)],
      tokens: output.tokenCount
    )
  }

  /// The mean loss of a part; `values` are log probabilities of right, then of wrong: `[2P]`.
  private func preference(_ values: Tensor, of part: [JudgementPair]) -> Tensor {
    let P = part.count
    let chosen = values.narrowed(axis: 0, start: 0, count: P)  // [P]
    let rejected = values.narrowed(axis: 0, start: P, count: P)  // [P]
    let references = (
      Tensor(part.map(\.referenceRight)).to(values.device),
      Tensor(part.map(\.referenceWrong)).to(values.device)
    )
    guard variant != .ipo else {
      return identityPreferenceLoss(
        chosen: chosen,
        rejected: rejected,
        referenceChosen: references.0,
        referenceRejected: references.1,
        beta: beta
      )
    }
    return directPreferenceLoss(
      chosen: chosen,
      rejected: rejected,
      referenceChosen: references.0,
      referenceRejected: references.1,
      beta: beta,
      probability: part.contains { $0.probability < 1 }
        ? Tensor(part.map(\.probability)).to(values.device) : nil
    )
  }
}

/// A right judgement and a wrong one of the same item, with the reference's log probabilities.
package struct JudgementPair: Sendable {
  /// The right judgement.
  package var right: TrainingSequence
  /// The wrong judgement.
  package var wrong: TrainingSequence
  /// Log probability of the right one under the reference, in nats; a mean a token for IPO.
  package var referenceRight: Float
  /// Log probability of the wrong one under the reference.
  package var referenceWrong: Float
  /// The probability that the label is right, in (0.5, 1]; DPO's soft label.
  package var probability: Float

  /// Makes a pair.
  package init(
    right: TrainingSequence,
    wrong: TrainingSequence,
    referenceRight: Float = 0,
    referenceWrong: Float = 0,
    probability: Float = 1
  ) {
    self.right = right
    self.wrong = wrong
    self.referenceRight = referenceRight
    self.referenceWrong = referenceWrong
    self.probability = probability
  }
}
