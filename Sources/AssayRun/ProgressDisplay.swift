// The progress of a run on standard error.
import Foundation
import Synchronization

/// Turns run events into text: a bar on a terminal, a line every 10 s elsewhere, or nothing.
package final class ProgressDisplay: Sendable {
  /// How to show progress.
  package enum Mode: Equatable, Sendable {
    /// A bar that overwrites itself.
    case bar(columns: Int)
    /// One line every 10 s.
    case lines
    /// Nothing but warnings.
    case quiet

    /// What suits standard error: quiet if asked for, a bar on a terminal, else lines.
    package static func standardError(quiet: Bool) -> Mode {
      guard !quiet else { return .quiet }
      guard isatty(STDERR_FILENO) == 1 else { return .lines }
      var size = winsize()
      let isKnown = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col >= 20
      return .bar(columns: isKnown ? Int(size.ws_col) : 80)
    }
  }

  private struct State {
    var label = ""
    var stageStart = 0.0
    var firstStep = 0
    var lastShown = -Double.infinity
    var (done, total) = (0, 0)
    var metrics: [Metric] = []
    /// Tokens of items that are done.
    var doneTokens = 0
    /// Tokens that were written, of other items too.
    var written = 0
    var tokensLeft: Int?
    var openColumns = 0
  }

  /// Seconds between lines where there is no terminal.
  private static let lineInterval = 10.0
  /// Seconds between redraws of the bar.
  private static let barInterval = 0.1

  private let mode: Mode
  private let now: @Sendable () -> Double
  private let write: @Sendable (String) -> Void
  // Guards the state and keeps lines of several threads apart.
  private let state = Mutex(State())

  /// Makes a renderer.
  ///
  /// - Parameters:
  ///   - mode: How to show progress.
  ///   - now: Seconds on any steady clock.
  ///   - write: Takes text; by default writes to standard error.
  package init(
    _ mode: Mode,
    now: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 },
    write: @escaping @Sendable (String) -> Void = {
      // A log that cannot be written does not end the work.
      try? FileHandle.standardError.write(contentsOf: Data($0.utf8))
    }
  ) {
    self.mode = mode
    self.now = now
    self.write = write
  }

  /// Shows an event.
  package func handle(_ event: RunEvent) {
    state.withLock { state in
      switch event {
      case .stageStarted(let name, let number, let total, let resumedAt):
        state = State(
          label: "\(number) \(name)",
          stageStart: now(),
          firstStep: resumedAt,
          done: resumedAt,
          total: total ?? 0,
          openColumns: state.openColumns
        )
        let size = total.map { " of \($0) steps" } ?? ""
        let resumed = resumedAt > 0 ? ", resumed behind \(resumedAt)" + size : ""
        line("stage \(number) \(name)\(resumed)", &state)
      case .stageSkipped(let name, let number): line("stage \(number) \(name): done before", &state)
      case .stageFinished(let name, let number, let seconds):
        line("stage \(number) \(name): done in \(ProgressText.duration(seconds))", &state)
      case .message(let text): line(text, &state)
      case .warning(let text): line("warning: " + text, &state, always: true)
      case .step(let done, let total, let metrics, let tokens):
        state.doneTokens += tokens
        (state.done, state.total, state.metrics) = (done, total, metrics)
        show(&state, always: done == total)
      case .tokens(let count, let left):
        state.written += count
        state.tokensLeft = left ?? state.tokensLeft.map { max(0, $0 - count) }
        show(&state)
      }
    }
  }

  private func show(_ state: inout State, always: Bool = false) {
    let time = now()
    let interval = mode == .lines ? Self.lineInterval : Self.barInterval
    guard mode != .quiet, always || time - state.lastShown >= interval else { return }
    state.lastShown = time
    let snapshot = ProgressText.Snapshot(
      label: state.label,
      done: state.done,
      total: state.total,
      metrics: state.metrics,
      tokens: max(state.doneTokens, state.written),
      tokensLeft: state.tokensLeft,
      seconds: time - state.stageStart,
      resumedAt: state.firstStep
    )
    guard case .bar(let columns) = mode else { return write(ProgressText.line(snapshot) + "\n") }
    let bar = ProgressText.bar(snapshot, columns: columns - 1)
    let padding = String(repeating: " ", count: max(0, state.openColumns - bar.count))
    state.openColumns = bar.count
    write("\r" + bar + padding)
  }

  private func line(_ text: String, _ state: inout State, always: Bool = false) {
    guard mode != .quiet || always else { return }
    // A bar that is open stays as the record of where the stage was.
    write((state.openColumns > 0 ? "\n" : "") + text + "\n")
    state.openColumns = 0
  }
}

/// The texts of progress, as pure functions.
package enum ProgressText {
  /// Where a stage is.
  package struct Snapshot: Sendable {
    package var label: String
    package var done: Int
    package var total: Int
    package var metrics: [Metric]
    package var tokens: Int
    /// Tokens that are left to write at most, where that is known.
    package var tokensLeft: Int?
    package var seconds: Double
    package var resumedAt: Int

    package init(
      label: String,
      done: Int,
      total: Int,
      metrics: [Metric],
      tokens: Int,
      tokensLeft: Int? = nil,
      seconds: Double,
      resumedAt: Int
    ) {
      self.label = label
      self.done = done
      self.total = total
      self.metrics = metrics
      self.tokens = tokens
      self.tokensLeft = tokensLeft
      self.seconds = seconds
      self.resumedAt = resumedAt
    }

    /// Seconds to go at the mean speed since the start or resume; `nil` before the first step.
    package var secondsLeft: Double? {
      let stepsDone = done - resumedAt
      guard stepsDone > 0, total >= done else { return nil }
      return seconds / Double(stepsDone) * Double(total - done)
    }

    /// Seconds to go at the most, at the speed of tokens so far; `nil` where that is not known.
    package var mostSecondsLeft: Double? {
      guard tokens > 0, let tokensLeft else { return nil }
      return seconds / Double(tokens) * Double(tokensLeft)
    }
  }

  /// The bar: `2 critiques [=====>    ]  50% 50/100  loss 0.693  12.3k tokens/s  1:05 left`.
  package static func bar(_ snapshot: Snapshot, columns: Int) -> String {
    let share = min(1, max(0, Double(snapshot.done) / Double(max(1, snapshot.total))))
    let shown = "\(Int(share * 100))%"
    let tail =
      String(repeating: " ", count: 4 - shown.count) + shown
      + " \(snapshot.done)/\(snapshot.total)" + figures(snapshot)
    let width = min(30, columns - snapshot.label.count - tail.count - 4)
    guard width >= 5 else { return String((snapshot.label + " " + tail).prefix(columns)) }
    let filled = Int(share * Double(width))
    let head = filled == width ? "" : ">"
    let bar =
      String(repeating: "=", count: filled) + head
      + String(repeating: " ", count: width - filled - head.count)
    return "\(snapshot.label) [\(bar)] \(tail)"
  }

  /// The line: `2 critiques: 50/100 (50%)  loss 0.693  12.3k tokens/s  1:05 left`.
  package static func line(_ snapshot: Snapshot) -> String {
    let shown = 100 * snapshot.done / max(1, snapshot.total)
    return "\(snapshot.label): \(snapshot.done)/\(snapshot.total) (\(shown)%)"
      + figures(snapshot)
  }

  /// A duration: `9.5 s`, `1:05`, `2:03:04`.
  package static func duration(_ seconds: Double) -> String {
    guard seconds >= 60 else { return number(seconds, decimals: 1) + " s" }
    let whole = Int(min(seconds.rounded(), 3.6e9))
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
    let padded = { (value: Int) in (value < 10 ? "0" : "") + String(value) }
    return hours > 0 ? "\(hours):\(padded(minutes)):\(padded(rest))" : "\(minutes):\(padded(rest))"
  }

  /// A count with three digits and a unit: `950`, `12.3k`, `4.56M`.
  package static func count(_ value: Double) -> String {
    for (limit, scale, unit) in [(999.5, 1.0, ""), (999.5e3, 1e3, "k"), (999.5e6, 1e6, "M")]
    where value < limit { return digits(value / scale) + unit }
    return digits(value / 1e9) + "G"
  }

  /// A figure with three or four significant digits: `0.693`, `12.3`, `1.5e-05`.
  package static func figure(_ value: Double) -> String {
    let size = abs(value)
    if size >= 1000 { return (value < 0 ? "-" : "") + count(size) }
    if size == 0 || size >= 100 { return number(value, decimals: 0) }
    if size >= 10 { return number(value, decimals: 1) }
    if size >= 0.01 { return number(value, decimals: 3) }
    return String(format: "%.1e", value)
  }

  private static func figures(_ snapshot: Snapshot) -> String {
    var parts = snapshot.metrics.map { metric in
      "\(metric.name.split(separator: "/").last ?? "") \(figure(metric.value))"
    }
    if snapshot.tokens > 0 && snapshot.seconds > 0 {
      parts.append(count(Double(snapshot.tokens) / snapshot.seconds) + " tokens/s")
    }
    if snapshot.done >= snapshot.total {
      parts.append(duration(snapshot.seconds))
    } else if let left = snapshot.secondsLeft {
      parts.append(duration(left) + " left")
    } else if let most = snapshot.mostSecondsLeft {
      parts.append("at most " + duration(most) + " left")
    }
    return parts.map { "  " + $0 }.joined()
  }

  private static func digits(_ value: Double) -> String {
    number(value, decimals: value >= 99.95 || value == value.rounded() ? 0 : value >= 9.995 ? 1 : 2)
  }

  private static func number(_ value: Double, decimals: Int) -> String {
    String(format: "%.\(decimals)f", value)
  }
}
