import AssayModel
import AssayRun
import AssayTensor
import Foundation

/// The joint loss of a batch of pairs: `w BT + v NLL`.
///
/// BT is the mean Bradley-Terry loss over all pairs of the batch, in nats a pair; NLL the mean negative
/// log likelihood over all critique tokens of chosen and rejected together.
///
/// Source: Ankner et al. 2024 (arXiv:2408.11791) section 2.2; the token mean from their code.
package struct PreferenceObjective: Objective {
  /// ln 2.
  package static let indifferentLoss: Double? = log(2)

  /// w and v; a loss with weight 0 is left out.
  package var weights: (preference: Double, critique: Double)
  /// Weight of the centring term.
  package var centring: Double

  /// Makes the objective.
  package init(weights: (preference: Double, critique: Double), centring: Double) {
    self.weights = weights
    self.centring = centring
  }

  /// A schedule may begin with critiques alone.
  package var learnsPreference: Bool { weights.preference > 0.1 * weights.critique }

  /// Computes a part's share; see `Objective`.
  ///
  /// - Parameters:
  ///   - part: Pairs as tokens.
  ///   - batch: All pairs, over which means are taken.
  ///   - model: What is trained; it has a head.
  /// - Returns: The share; `nil` where nothing is scored.
  package func loss(of part: [TrainingPair], in batch: [TrainingPair], model: Model) -> PartLoss? {
    let device = model.decoder.device
    let output = trainingForward(
      part.map(\.chosen) + part.map(\.rejected),
      decoder: model.decoder,
      head: model.head,
      positionJumps: model.positionJumps
    )
    guard let rewards = output.rewards else { return nil }
    let P = part.count
    // Several heads: a pair's rewards lie side by side, and each is a pair of its own to the loss.
    let K = rewards.count / (2 * P)
    func optional(_ value: (TrainingPair) -> Double?, _ missing: Double) -> Tensor? {
      guard part.contains(where: { value($0) != nil }) else { return nil }
      return Tensor(
        part.flatMap { [Float](repeating: Float(value($0) ?? missing), count: K) }
      ).to(device)
    }
    let learnt =
      part.contains { $0.weights != nil }
      ? Tensor(part.flatMap { $0.weights ?? [Float](repeating: 1, count: K) }).to(device) : nil
    let preference =
      bradleyTerryLoss(
        chosen: rewards.narrowed(axis: 0, start: 0, count: P).reshaped([-1]),
        rejected: rewards.narrowed(axis: 0, start: P, count: P).reshaped([-1]),
        margin: optional(\.margin, 0),
        probability: optional(\.probability, 1),
        weights: learnt,
        centring: centring
      )
      * (Double(P) / Double(batch.count))
    var total = preference * weights.preference
    var nll = 0.0
    if weights.critique != 0, let losses = output.nll {
      let targets = batch.map { $0.chosen.targets.count + $0.rejected.targets.count }.reduce(0, +)
      let share = losses.sum() / Double(max(1, targets))
      nll = Double(share.item)
      total = weights.preference == 0 ? share * weights.critique : total + share * weights.critique
    }
    let values = (K > 1 ? rewards.mean(axis: 1) : rewards).floats
    return PartLoss(
      value: total,
      right: part.indices.reduce(0) { right, pair in
        let margin = values[pair] - values[P + pair]
        return right + PartLoss.credit(margin: margin, probability: part[pair].probability)
      },
      shares: weights.critique == 0
        ? []
        : [
          Metric("preference_loss", Double(preference.item)), Metric("critique_loss", nll),
        ],
      tokens: output.tokenCount
    )
  }
}

/// A pair as tokens.
package struct TrainingPair: Sendable {
  /// The preferred response.
  package var chosen: TrainingSequence
  /// The other response.
  package var rejected: TrainingSequence
  /// By how much the rewards should differ, in logits.
  package var margin: Double?
  /// The probability that chosen is better; `nil` is certainty.
  package var probability: Double?
  /// How much each head learns from it, `[K]`; `nil` is 1.
  package var weights: [Float]?

  /// Makes a pair.
  package init(
    chosen: TrainingSequence,
    rejected: TrainingSequence,
    margin: Double? = nil,
    probability: Double? = nil,
    weights: [Float]? = nil
  ) {
    self.chosen = chosen
    self.rejected = rejected
    self.margin = margin
    self.probability = probability
    self.weights = weights
  }
}
