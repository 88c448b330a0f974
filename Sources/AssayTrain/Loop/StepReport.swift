import AssayRun

/// What a training step reports of its batch.
package struct StepReport {
  /// The loss that was differentiated.
  package var loss: Double
  /// Further figures.
  package var metrics: [Metric]
  /// Tokens read.
  package var tokens: Int
  /// The items of the batch, named where something goes wrong.
  package var items: [Int]
  /// Whether preferences had a weight in the loss that can be told from none.
  package var learnsPreference = true

  /// Makes a report.
  package init(loss: Double, metrics: [Metric] = [], tokens: Int, items: [Int]) {
    self.loss = loss
    self.metrics = metrics
    self.tokens = tokens
    self.items = items
  }
}
