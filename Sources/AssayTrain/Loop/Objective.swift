// What a training step lowers, and the one step that all trainings take.

import AssayModel
import AssayRun
import AssayTensor

/// A loss of a batch, computed in parts so that memory suffices; the gradients are the same.
package protocol Objective<Item> {
  /// What batches are made of.
  associatedtype Item

  /// The loss of a model that prefers neither of two responses, in nats; `nil` where that means nothing.
  static var indifferentLoss: Double? { get }
  /// Whether preferences have a weight that can be told from none.
  var learnsPreference: Bool { get }

  /// Computes a part's share of the batch's loss, so that the shares of all parts add up to it.
  ///
  /// - Parameters:
  ///   - part: Neighbouring items of the batch.
  ///   - batch: All items, of which means are taken.
  ///   - model: What is trained.
  /// - Returns: The share, with gradients; `nil` where the part has nothing to learn from.
  func loss(of part: [Item], in batch: [Item], model: Model) -> PartLoss?
}

/// A part's share of a batch's loss.
package struct PartLoss {
  /// The share, a scalar `[]`.
  package var value: Tensor
  /// How many items the model gets right, equal scores and ties counting one half; `nil` where that means nothing.
  package var right: Double?
  /// Shares of further figures, which add up as the loss does.
  package var shares: [Metric]
  /// Tokens read.
  package var tokens: Int

  /// Makes a share.
  package init(value: Tensor, right: Double? = nil, shares: [Metric] = [], tokens: Int) {
    self.value = value
    self.right = right
    self.shares = shares
    self.tokens = tokens
  }
}

extension PartLoss {
  /// How right a margin is about a pair: one half for equal scores, and for a label that is a tie.
  ///
  /// - Parameters:
  ///   - margin: Above 0 for the response called chosen.
  ///   - probability: That it is better; `nil` is certainty.
  /// - Returns: 1, 0, or one half.
  package static func credit(margin: Float, probability: Double?) -> Double {
    let label = (probability ?? 1) - 0.5
    guard margin != 0, label != 0 else { return 0.5 }
    return (margin > 0) == (label > 0) ? 1 : 0
  }
}

extension Objective {
  /// None.
  package static var indifferentLoss: Double? { nil }
  /// They have.
  package var learnsPreference: Bool { true }

  /// Computes a batch's loss and adds its gradients to those of the model's weights; where several
  /// processes train, of this process's part of the batch.
  ///
  /// - Parameters:
  ///   - batch: The items.
  ///   - items: Their indices, for the report.
  ///   - model: What is trained.
  ///   - accumulation: Parts that the batch is computed in.
  ///   - weight: What the gradients are multiplied with; the reported loss is not.
  /// - Returns: The loss, the share of items that are right as `accuracy`, and further figures.
  package func step(
    _ batch: [Item],
    items: [Int] = [],
    model: Model,
    accumulation: Int = 1,
    weight: Double = 1
  ) -> StepReport {
    var (loss, tokens) = (0.0, 0)
    var right: Double?
    var shares: [Metric] = []
    let own = Processes.current?.part(of: batch) ?? batch
    for part in parts(of: own, count: accumulation) {
      guard let own = self.loss(of: part, in: batch, model: model) else { continue }
      (weight == 1 ? own.value : own.value * weight).backward()
      loss += Double(own.value.item)
      tokens += own.tokens
      if let count = own.right { right = (right ?? 0) + count }
      shares =
        shares.isEmpty
        ? own.shares : zip(shares, own.shares).map { Metric($0.name, $0.value + $1.value) }
    }
    let accuracy = right.map { Metric("accuracy", $0 / Double(batch.count)) }
    var report = StepReport(
      loss: loss,
      metrics: (accuracy.map { [$0] } ?? []) + shares,
      tokens: tokens,
      items: items
    )
    report.learnsPreference = learnsPreference
    return report
  }
}

/// Nearly equal, neighbouring parts of a batch, none of them empty.
func parts<Element>(of batch: [Element], count: Int) -> [[Element]] {
  let count = min(count, batch.count)
  return (0..<count).map { part in
    Array(batch[batch.count * part / count..<batch.count * (part + 1) / count])
  }
}

/// The mean negative log likelihood of all targets of a batch, in nats a target.
package struct TokenObjective: Objective {
  /// Makes the objective.
  package init() {}

  /// Computes a part's share; see `Objective`.
  ///
  /// - Parameters:
  ///   - part: Sequences with targets.
  ///   - batch: All sequences, over whose targets the mean is taken.
  ///   - model: What is trained.
  /// - Returns: The share; `nil` without targets.
  package func loss(
    of part: [TrainingSequence],
    in batch: [TrainingSequence],
    model: Model
  ) -> PartLoss? {
    let total = Double(max(1, batch.map(\.targets.count).reduce(0, +)))
    let output = trainingForward(
      part,
      decoder: model.decoder,
      head: nil,
      positionJumps: model.positionJumps
    )
    guard let nll = output.nll else { return nil }
    return PartLoss(value: nll.sum() / total, tokens: output.tokenCount)
  }
}
