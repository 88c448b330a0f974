import AssayModel
import AssayReward
import AssayTensor
import Foundation

/// The mean Bradley-Terry loss of a pair head's logits, each for "A is better", in nats a pair.
package struct PairLogitObjective: Objective {
  /// ln 2.
  package static let indifferentLoss: Double? = log(2)

  /// Makes the objective.
  package init() {}

  /// Computes a part's share; see `Objective`.
  ///
  /// - Parameters:
  ///   - part: Pairs in the order they are shown in.
  ///   - batch: All pairs, over which the mean is taken.
  ///   - model: What is trained; it has a head.
  /// - Returns: The share, with how many verdicts are right.
  package func loss(of part: [ShownItem], in batch: [ShownItem], model: Model) -> PartLoss? {
    let device = model.decoder.device
    let output = trainingForward(
      part.flatMap(\.sequences),
      decoder: model.decoder,
      head: model.head,
      positionJumps: model.positionJumps
    )
    guard let logits = output.rewards else { return nil }
    // Turned so that a positive number prefers chosen.
    let signs = part.map { $0.order == .chosenFirst ? Float(1) : -1 }
    let preferred = logits * Tensor(signs).to(device)
    let share =
      bradleyTerryLoss(
        chosen: preferred,
        rejected: Tensor([Float](repeating: 0, count: part.count)).to(device),
        margin: Tensor(part.map { Float($0.item.margin) }).to(device),
        probability: Tensor(part.map { Float($0.item.probability) }).to(device)
      ) * (Double(part.count) / Double(batch.count))
    return PartLoss(
      value: share,
      right: zip(preferred.floats, part).reduce(0) {
        $0 + PartLoss.credit(margin: $1.0, probability: $1.1.item.probability)
      },
      tokens: output.tokenCount
    )
  }
}

/// The mean negative log likelihood of the right letter, in nats a pair.
///
/// A pair of probability p counts p for the letter of chosen and 1 - p for the other.
///
/// Source: Mahan et al. 2024 (arXiv:2410.12832) eq. 7.
package struct LetterObjective: Objective {
  /// Makes the objective.
  package init() {}

  /// Computes a part's share; see `Objective`.
  ///
  /// - Parameters:
  ///   - part: Pairs in the order they are shown in.
  ///   - batch: All pairs, over which the mean is taken.
  ///   - model: What is trained.
  /// - Returns: The share.
  package func loss(of part: [ShownItem], in batch: [ShownItem], model: Model) -> PartLoss? {
    var sequences: [TrainingSequence] = []
    var weights: [Float] = []
    for shown in part {
      let (right, wrong) = shown.order == .chosenFirst ? (0, 1) : (1, 0)
      let probability = Float(shown.item.probability)
      for (letter, weight) in [(right, probability), (wrong, 1 - probability)] where weight > 0 {
        sequences.append(shown.sequences[letter])
        weights.append(weight)
      }
    }
    let output = trainingForward(
      sequences,
      decoder: model.decoder,
      head: nil,
      positionJumps: model.positionJumps
    )
    guard let nll = output.nll else { return nil }
    return PartLoss(
      value: (nll * Tensor(weights).to(model.decoder.device)).sum() / Double(batch.count),
      tokens: output.tokenCount
    )
  }
}

/// A pair as the tokens of both orders.
package struct VerdictItem: Sendable {
  /// Chosen first, then rejected first; in each, one sequence a head reads, or one for each letter.
  package var sequences: [[TrainingSequence]]
  /// By how much logits should differ.
  package var margin: Double
  /// The probability that chosen is better.
  package var probability: Double

  /// Makes an item.
  package init(sequences: [[TrainingSequence]], margin: Double, probability: Double) {
    self.sequences = sequences
    self.margin = margin
    self.probability = probability
  }
}

/// A pair in one order.
package struct ShownItem: Sendable {
  /// The pair.
  package var item: VerdictItem
  /// The order.
  package var order: JudgementOrder

  /// Makes a shown item.
  package init(item: VerdictItem, order: JudgementOrder) {
    self.item = item
    self.order = order
  }

  /// The sequences of the order.
  var sequences: [TrainingSequence] { item.sequences[order == .chosenFirst ? 0 : 1] }
}
