import AssayBase
import AssayRun

/// The progress of a command's one stage, on standard error.
final class Progress {
  private let name: String
  private let number: Int
  private let total: Int
  private let display: ProgressDisplay
  private var isStarted = false

  init(_ name: String, number: Int = 1, total: Int, _ common: CommonOptions) {
    self.name = name
    self.number = number
    self.total = total
    display = common.progress
  }

  /// Shows how much is done; the first time, how much was done before.
  ///
  /// - Parameters:
  ///   - done: Items that are done.
  ///   - tokens: Tokens read and written since the last call.
  /// - Throws: `Interrupted`.
  func update(_ done: Int, _ tokens: Int) throws {
    if !isStarted {
      isStarted = true
      display.handle(.stageStarted(name: name, number: number, total: total, resumedAt: done))
    } else {
      display.handle(.step(done: done, total: total, metrics: [], tokens: tokens))
    }
    try Interruption.check()
  }

  /// Shows that all is done.
  func finish(seconds: Double) {
    display.handle(.stageFinished(name: name, number: number, seconds: seconds))
  }
}
