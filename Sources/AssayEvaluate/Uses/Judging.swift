// Compares the two responses of each pair, one record each.
import AssayBase
import AssayData
import AssayReward
import AssayText
import Foundation

/// Judges pairs, and hands on a verdict each.
package struct Judging {
  /// The pairs.
  package let pairs: [PreferencePair]
  /// What to call them in errors.
  package let data: String
  /// What judges.
  package let judge: JudgeRater

  /// Makes one.
  package init(_ pairs: [PreferencePair], of data: String, by judge: JudgeRater) {
    self.pairs = pairs
    self.data = data
    self.judge = judge
  }

  /// Pairs whose letters are read together.
  private static let stretch = 64

  /// Judgements of each pair: a letter has one in each order, and votes end where they are sure.
  private var judgementCounts: [Int] {
    guard judge.task == .chain else { return [2] }
    let most = judge.settings.judgementCount
    guard judge.settings.confidence != nil else { return [most] }
    return Array(stride(from: min(4, most), through: most, by: 2))
  }

  /// Judges all pairs behind those that a file has.
  ///
  /// - Parameters:
  ///   - url: The file of records; `nil` hands verdicts on alone.
  ///   - onVerdict: Called with each new verdict, in order.
  ///   - onProgress: Called with the pairs that are done, and the tokens since the last call, first
  ///     with those done before; what it throws ends the work.
  /// - Returns: The verdicts on all pairs.
  /// - Throws: `EvaluateError.foreignRecord` for a line of other pairs, `FileError`, or what the judge
  ///   and the receivers throw.
  package func run(
    to url: URL?,
    onVerdict: (PairVerdict) throws -> Void,
    onProgress: (_ done: Int, _ tokens: Int) throws -> Void
  ) async throws -> [PairVerdict] {
    let log = try url.map { try RecordLog<PairVerdict>($0) }
    var verdicts = try log?.records() ?? []
    for (index, verdict) in verdicts.enumerated() {
      guard index < pairs.count, pairs[index].id == verdict.id,
        judgementCounts.contains(verdict.judgements.count)
      else {
        throw EvaluateError.foreignRecord(
          file: url?.path ?? "-",
          line: index + 1,
          expected:
            "\(data) with \(judgementCounts.count > 1 ? "up to " : "")\(judgementCounts.last ?? 2) "
            + "judgements of each pair"
        )
      }
    }
    let resumed = verdicts.count
    try onProgress(resumed, 0)
    // Sums depend on what is packed together: a stretch of letters that was cut short is read again as a whole.
    // What a judge writes does not.
    let size = judge.readsPasses ? Self.stretch : max(1, pairs.count)
    let first = judge.readsPasses ? resumed / size * size : resumed
    for start in stride(from: first, to: pairs.count, by: size) {
      let part = Array(pairs[start..<min(start + size, pairs.count)])
      try await RewardError.inStretch(from: start) {
        _ = try await judge.judge(part) { index, verdict in
          guard start + index >= resumed else { return }
          try log?.append(verdict)
          try onVerdict(verdict)
          verdicts.append(verdict)
          try onProgress(verdicts.count, verdict.tokens.prompt + verdict.tokens.completion)
        }
      }
    }
    try log?.synchronize()
    return verdicts
  }
}

extension VerdictTally {
  /// One line for people.
  ///
  /// - Parameter isLabelled: Whether the response called chosen is the better one.
  /// - Returns: Accuracy where that means something, and how verdicts go with the order.
  package func text(isLabelled: Bool) -> String {
    var parts: [String] = []
    if isLabelled {
      parts.append(
        "accuracy \(percent(accuracy.value)) % [\(percent(accuracy.lower)), "
          + "\(percent(accuracy.upper))] of \(accuracy.count) pairs, right in both orders "
          + "\(percent(rates.strict)) %, by probabilities averaged over the orders "
          + "\(percent(orderAveraged)) %"
      )
    }
    parts.append("orders that contradict \(percent(rates.contradicting)) %")
    parts.append("inconsistent in any way \(percent(rates.inconsistent)) %")
    parts.append("unparseable \(percent(unparseableRate)) % of judgements")
    if forcedRate > 0 { parts.append("decided behind a cut \(percent(forcedRate)) %") }
    if let firstShare { parts.append("first shown preferred \(percent(firstShare)) %") }
    if let letterMass {
      parts.append("letters' probability among all tokens \(percent(letterMass)) %")
    }
    if let missing = outcomes[.missing] { parts.append("\(missing) pairs without verdict") }
    return parts.joined(separator: ", ")
  }
}
