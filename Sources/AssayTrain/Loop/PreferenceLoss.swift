// P pairs.

import AssayTensor

/// The mean Bradley-Terry loss of a batch of preference pairs.
///
/// With `d = chosen - rejected - margin` and `p` the probability that chosen is better, it is
/// `mean(p softplus(-d) + (1 - p) softplus(d))`, which for `p = 1` is `-mean(log sigmoid(d))` and
/// does not overflow; ties have `p = 0.5`. Centring adds `c mean((chosen + rejected)^2)`. Reduced
/// in float32.
///
/// - Parameters:
///   - chosen: Rewards of the preferred responses, `[P]`, logits.
///   - rejected: Rewards of the others, `[P]`, logits.
///   - margin: Difference asked of each pair, `[P]`, logits; `nil` asks for none.
///   - probability: Probability that chosen is better, `[P]`; `nil` is certainty.
///   - weights: What each pair's loss is multiplied with, `[P]`; `nil` is 1.
///   - centring: c, the weight that draws rewards to a mean of zero; 0.01 is common, 0 is off.
/// - Returns: A scalar `[]`, nats per pair.
/// - Precondition: The shapes are equal and P > 0.
///
/// Source: Ouyang et al. 2022 (arXiv:2203.02155) eq. 1; margin from Touvron et al. 2023
/// (arXiv:2307.09288) eq. 2; centring from Eisenstein et al. 2023 (arXiv:2312.09244) as in TRL.
package func bradleyTerryLoss(
  chosen: Tensor,
  rejected: Tensor,
  margin: Tensor? = nil,
  probability: Tensor? = nil,
  weights: Tensor? = nil,
  centring: Double = 0
) -> Tensor {
  precondition(chosen.rank == 1 && chosen.count > 0, "chosen has shape \(chosen.shape)")
  checkShape(rejected, chosen.shape)
  var difference = chosen.to(.float32) - rejected.to(.float32)  // [P]
  if let margin {
    checkShape(margin, chosen.shape)
    difference = difference - margin
  }
  var loss = (-difference).softplus()  // [P]
  if let probability {
    checkShape(probability, chosen.shape)
    loss = probability * loss + (-probability + 1) * difference.softplus()
  }
  if let weights {
    checkShape(weights, chosen.shape)
    loss = loss * weights
  }
  let mean = loss.mean()
  guard centring != 0 else { return mean }
  return mean + (chosen.to(.float32) + rejected.to(.float32)).squared().mean() * centring
}
