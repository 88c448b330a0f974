import AssayBase
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun

/// The progress of a command's one stage, on standard error.
final class Progress {
  private let name: String
  private let number: Int
  private let total: Int
  private let display: ProgressDisplay
  private var isStarted = false
  /// Most tokens that are written for an item, where that is known.
  private var itemTokens: Int?
  private var (written, resumedAt) = (0, 0)

  init(_ name: String, number: Int = 1, total: Int, _ common: CommonOptions) {
    self.name = name
    self.number = number
    self.total = total
    display = common.progress
  }

  /// Moves with every token that a model here writes, not only with what is done.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - itemTokens: Most tokens that it writes for an item; `nil` where nobody knows.
  /// - Returns: This progress.
  func following(_ model: ModelSource, itemTokens: Int? = nil) -> Progress {
    self.itemTokens = itemTokens
    if case .here(let port, _, _) = model { port.onTokens = write }
    return self
  }

  /// Shows tokens that were written.
  private func write(_ count: Int) {
    written += count
    let left = itemTokens.map { max(0, (total - resumedAt) * $0 - written) }
    display.handle(.tokens(count: count, left: left))
  }

  /// Shows how much is done; the first time, how much was done before.
  ///
  /// - Parameters:
  ///   - done: Items that are done.
  ///   - tokens: Tokens read and written since the last call.
  /// - Throws: `Interrupted`.
  func update(_ done: Int, _ tokens: Int) throws { try update(done, tokens, metrics: []) }

  /// Shows how far an evaluation is.
  ///
  /// - Throws: `Interrupted`.
  func update(_ progress: EvaluationProgress) throws {
    let metrics = progress.accuracy.map { [Metric("accuracy", $0)] } ?? []
    try update(progress.done, progress.tokens, metrics: metrics)
  }

  /// Shows how much is done, with figures of it.
  func update(_ done: Int, _ tokens: Int, metrics: [Metric]) throws {
    if !isStarted {
      (isStarted, resumedAt) = (true, done)
      display.handle(.stageStarted(name: name, number: number, total: total, resumedAt: done))
    } else {
      display.handle(.step(done: done, total: total, metrics: metrics, tokens: tokens))
    }
    try Interruption.check()
  }

  /// Shows that all is done.
  func finish(seconds: Double) {
    display.handle(.stageFinished(name: name, number: number, seconds: seconds))
  }
}

extension ModelSource {
  /// Most tokens that are written for a pair: judgements, or critiques of both responses; `nil` where a
  /// model writes nothing.
  func pairTokens(_ rater: any Rater, _ critiques: CritiqueSettings) -> Int? {
    if let judge = rater as? JudgeRater { return judge.itemTokens }
    guard let text, text.manifest.kind.writes else { return nil }
    return 2 * critiques.samples * WritingRole.critique.limit(critiques.tokens, of: text)
  }

  /// Tells of every token that a model here writes.
  func follow(_ events: @escaping RunEventHandler) {
    if case .here(let port, _, _) = self {
      port.onTokens = { events(.tokens(count: $0, left: nil)) }
    }
  }
}
