import AssayRun

/// Notices a training whose loss stays that of a model which prefers neither response.
package struct IndifferentLoss {
  /// Steps that are looked at together.
  private static let window = 50
  /// How far the mean of their losses may be away, in nats.
  private static let tolerance = 0.003

  /// The loss of a model that prefers neither.
  package let loss: Double
  private var losses: [Double] = []
  private var isTold = false

  /// Makes one for a loss.
  package init(_ loss: Double) { self.loss = loss }

  /// Notes a step's report.
  ///
  /// - Parameters:
  ///   - report: What the step reported.
  ///   - isWarm: Whether the learning rate has reached its peak.
  /// - Returns: What to warn of, once.
  package mutating func note(_ report: StepReport, isWarm: Bool) -> String? {
    guard isWarm, report.learnsPreference, !isTold else { return nil }
    let own = report.metrics.first { $0.name == "preference_loss" }?.value ?? report.loss
    losses = losses.suffix(Self.window - 1) + [own]
    let mean = losses.reduce(0, +) / Double(losses.count)
    guard losses.count == Self.window, abs(mean - loss) < Self.tolerance else { return nil }
    isTold = true
    let shown = (1000 * loss).rounded() / 1000
    return "the mean loss of the last \(Self.window) steps is \(shown), as of a model that prefers "
      + "neither response: raise the learning rate, or look whether the pairs say what is better"
  }
}
