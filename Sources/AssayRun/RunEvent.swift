// What a run tells whoever watches it: the command line, tests, a report.

/// One named figure of a step.
package struct Metric: Equatable, Sendable {
  /// As `train/loss`; a slash makes a group in TensorBoard.
  package let name: String
  /// The figure, in the unit that the name implies.
  package let value: Double

  /// Makes a metric.
  package init(_ name: String, _ value: Double) {
    self.name = name
    self.value = value
  }
}

/// Something that happened in a run.
package enum RunEvent: Equatable, Sendable {
  /// A stage begins or, where `resumedAt` is above 0, continues behind that many of its steps.
  case stageStarted(name: String, number: Int, total: Int?, resumedAt: Int)
  /// A stage was done already.
  case stageSkipped(name: String, number: Int)
  /// Steps or items of the current stage are done: `done` of `total`, with figures of the last one.
  case step(done: Int, total: Int, metrics: [Metric], tokens: Int)
  /// Tokens were written, of items that are done or not; at most so many are left to write, where that is known.
  ///
  /// Without it, what was left before is less by the tokens.
  case tokens(count: Int, left: Int?)
  /// A stage has finished.
  case stageFinished(name: String, number: Int, seconds: Double)
  /// Something worth a line.
  case message(String)
  /// Something that may need attention.
  case warning(String)
}

/// Receives the events of a run, from any thread.
package typealias RunEventHandler = @Sendable (RunEvent) -> Void
