// P pairs, S sequences, R targets.

import AssayTensor

/// The mean DPO loss of a batch: the policy learns to prefer one text over another.
///
/// With `h = (chosen - reference of chosen) - (rejected - reference of rejected)`, `b` beta and `p`
/// the probability that the preference is right, it is `mean(-p log sigmoid(b h) - (1 - p) log
/// sigmoid(-b h))`. Reduced in float32.
///
/// - Parameters:
///   - chosen: Log probabilities of the preferred texts under the policy, `[P]`, nats.
///   - rejected: Those of the others, `[P]`.
///   - referenceChosen: The same under the reference model, `[P]`, without gradient.
///   - referenceRejected: `[P]`.
///   - beta: How stiffly the policy is held to the reference; above 0.
///   - probability: Probability that the preference is right, `[P]`; `nil` is certainty.
/// - Returns: A scalar `[]`, nats per pair.
/// - Precondition: The shapes are equal and P > 0.
///
/// Source: Rafailov et al. 2023 (arXiv:2305.18290) eq. 7; soft labels from Mitchell 2023's
/// conservative DPO, as in TRL.
package func directPreferenceLoss(
  chosen: Tensor,
  rejected: Tensor,
  referenceChosen: Tensor,
  referenceRejected: Tensor,
  beta: Double,
  probability: Tensor? = nil
) -> Tensor {
  let difference =
    logRatio(chosen, rejected, referenceChosen, referenceRejected) * beta  // [P]
  let loss = (-difference).softplus()
  guard let probability else { return loss.mean() }
  checkShape(probability, chosen.shape)
  return (probability * loss + (-probability + 1) * difference.softplus()).mean()
}

/// The mean IPO loss of a batch: `(h - 1 / (2 beta))^2`, with DPO's `h`.
///
/// - Parameters:
///   - chosen: Mean log probability a token of the preferred texts under the policy, `[P]`, nats:
///     IPO's authors advise means, and TRL takes them.
///   - rejected: Those of the others, `[P]`.
///   - referenceChosen: The same under the reference model, `[P]`, without gradient.
///   - referenceRejected: `[P]`.
///   - beta: The inverse of twice the log ratio that is aimed at; above 0.
/// - Returns: A scalar `[]`.
/// - Precondition: The shapes are equal and P > 0.
///
/// Source: Azar et al. 2023 (arXiv:2310.12036) eq. 17.
package func identityPreferenceLoss(
  chosen: Tensor,
  rejected: Tensor,
  referenceChosen: Tensor,
  referenceRejected: Tensor,
  beta: Double
) -> Tensor {
  (logRatio(chosen, rejected, referenceChosen, referenceRejected) - 1 / (2 * beta)).squared()
    .mean()
}

private func logRatio(
  _ chosen: Tensor,
  _ rejected: Tensor,
  _ referenceChosen: Tensor,
  _ referenceRejected: Tensor
) -> Tensor {
  precondition(chosen.rank == 1 && chosen.count > 0, "chosen has shape \(chosen.shape)")
  for other in [rejected, referenceChosen, referenceRejected] { checkShape(other, chosen.shape) }
  return (chosen.to(.float32) - referenceChosen) - (rejected.to(.float32) - referenceRejected)
}

extension TrainingOutput {
  /// Log probabilities of the targets of each sequence, summed: `[S]`, float32 nats.
  ///
  /// - Parameters:
  ///   - sequences: What the pass read, in its order; those without targets have 0.
  ///   - means: Whether sums are divided by the number of targets.
  /// - Returns: One number a sequence, with gradient; `nil` where nothing has targets.
  func logProbabilities(of sequences: [TrainingSequence], means: Bool = false) -> Tensor? {
    guard let nll else { return nil }
    // Targets of a sequence are neighbours: a product with [S, R] adds them in one step.
    var mask = [Float](repeating: 0, count: sequences.count * targetCount)
    var start = 0
    for (row, sequence) in sequences.enumerated() {
      let count = sequence.targets.count
      let value: Float = means && count > 0 ? -1 / Float(count) : -1
      for index in start..<start + count { mask[row * targetCount + index] = value }
      start += count
    }
    let weights = Tensor(mask, [sequences.count, targetCount]).to(nll.device)
    return weights.matmul(nll.reshaped([targetCount, 1])).reshaped([sequences.count])
  }
}
