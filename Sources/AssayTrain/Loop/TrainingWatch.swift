// What a training shows on items that it does not learn from: when they are looked at, and what follows.

import AssayModel
import AssayRun
import AssayTensor
import Foundation

/// Which weights a watched training ends in.
package enum BestWeights: String, CaseIterable, Codable, Sendable {
  /// Those of the last step.
  case last
  /// Those whose loss on held-out items was the lowest.
  case loss
  /// Those that were right on most held-out items; of equal ones the first.
  case accuracy
}

/// When held-out items are looked at, and what follows.
package struct WatchPlan: Equatable, Sendable, CustomStringConvertible {
  /// After how many steps they are looked at; always after the last one.
  package var every: Int
  /// Which weights the training ends in.
  package var best: BestWeights
  /// After how many looks in a row without a better one it ends; 0 goes on to the last step.
  package var patience: Int

  /// Makes a plan.
  package init(every: Int, best: BestWeights = .loss, patience: Int = 0) {
    self.every = every
    self.best = best
    self.patience = patience
  }

  /// The same in words, for fingerprints.
  package var description: String {
    "every \(every) steps, best by \(best.rawValue)"
      + (patience == 0 ? "" : ", patience \(patience)")
  }

  /// Whether a look is due behind a number of steps.
  func isDue(_ step: Int, of total: Int) -> Bool { step.isMultiple(of: every) || step == total }
}

/// What a training is watched by.
package struct TrainingWatch {
  /// When, and what follows.
  package let plan: WatchPlan
  /// Reads held-out items with the weights as they are: `held_out_loss`, and `held_out_accuracy` where
  /// something can be right.
  package let measure: () throws -> [Metric]

  /// Makes a watch.
  package init(_ plan: WatchPlan, measure: @escaping () throws -> [Metric]) {
    self.plan = plan
    self.measure = measure
  }
}

/// Reads held-out items by an objective, a batch at a time, whose losses are weighed by their number of items.
///
/// - Parameters:
///   - items: The items, at least one.
///   - batchSize: Items that are read at once.
///   - model: What is trained.
///   - objective: Its loss.
/// - Returns: `held_out_loss`, and `held_out_accuracy` where something can be right.
func heldOutFigures<Own: Objective>(
  _ items: [Own.Item],
  batchSize: Int,
  model: Model,
  objective: Own
) -> [Metric] {
  var loss = 0.0
  var right: Double?
  for start in stride(from: 0, to: items.count, by: batchSize) {
    let batch = Array(items[start..<min(start + batchSize, items.count)])
    guard let own = objective.loss(of: batch, in: batch, model: model) else { continue }
    loss += Double(own.value.item) * Double(batch.count)
    if let count = own.right { right = (right ?? 0) + count }
  }
  let count = Double(items.count)
  return [Metric("held_out_loss", loss / count)]
    + (right.map { [Metric("held_out_accuracy", $0 / count)] } ?? [])
}

/// What held-out items showed so far; checkpoints hold it.
package struct WatchRecord: Equatable, Sendable {
  /// Behind how many steps the best look was; `nil` before the first one.
  package private(set) var bestStep: Int?
  /// The figure that it had.
  private var bestValue = 0.0
  /// How many looks in a row were no better.
  private var worse = 0

  private static let key = "watch"

  /// Nothing was seen.
  package init() {}

  /// Reads what a checkpoint's metadata say.
  package init(_ metadata: [String: String]) {
    let parts = (metadata[Self.key] ?? "").split(separator: " ")
    guard parts.count == 3, let step = Int(parts[0]), let value = Double(parts[1]),
      let worse = Int(parts[2])
    else { return }
    (bestStep, bestValue, self.worse) = (step, value, worse)
  }

  /// The same for a checkpoint's metadata.
  package var metadata: [String: String] {
    bestStep.map { [Self.key: "\($0) \(bestValue) \(worse)"] } ?? [:]
  }

  /// Whether the plan's patience is at its end.
  package func isOver(_ plan: WatchPlan) -> Bool { plan.patience > 0 && worse >= plan.patience }

  /// Notes a look.
  ///
  /// - Parameters:
  ///   - figures: What was measured.
  ///   - step: Behind how many steps.
  ///   - best: What better means.
  /// - Returns: Whether it is the best so far; `false` where the last step's weights are wanted.
  package mutating func note(_ figures: [Metric], step: Int, _ best: BestWeights) -> Bool {
    func value(_ name: String) -> Double? { figures.first { $0.name == name }?.value }
    let own: Double? =
      switch best {
      case .last: nil
      case .loss: value("held_out_loss")
      case .accuracy: value("held_out_accuracy") ?? value("held_out_loss").map { -$0 }
      }
    guard let own else { return false }
    let isBetter = bestStep == nil || (best == .loss ? own < bestValue : own > bestValue)
    if isBetter { (bestStep, bestValue, worse) = (step, own, 0) } else { worse += 1 }
    return isBetter
  }
}
