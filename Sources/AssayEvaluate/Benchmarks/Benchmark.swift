// What every benchmark is: items read from files, and a rule that makes figures of their scores.
import AssayReward
import AssayText

/// A benchmark of reward models, read from files.
package protocol Benchmark: Sendable {
  /// The name on the command line.
  static var name: String { get }
  /// What it asks, in a few words.
  static var summary: String { get }
  /// Whether verdicts of a judge can be counted, beside scores.
  static var takesVerdicts: Bool { get }
  /// Whether a score above 0 says yes, so that a probability must become its logit.
  static var readsLogits: Bool { get }
  /// The items in the files' order.
  var items: [BenchmarkItem] { get }

  /// What an unparseable verdict counts where the benchmark's authors count; `nil` where they say
  /// nothing: then the one rule of `PairGrade` holds.
  static var unparseable: UnparseableRule? { get }

  /// Reads the benchmark.
  ///
  /// - Parameter source: A file, or a folder of files.
  /// - Throws: `DataError` for what cannot be read, `EvaluateError` for what does not fit, with the
  ///   file and the row.
  init(_ source: BenchmarkSource) throws

  /// How far the scores of an item's candidates are right, from 0 to 1.
  func outcome(of item: BenchmarkItem, scores: BenchmarkScores) -> Double

  /// How far a judge's verdicts on a pair are right; `nil` is missing.
  func outcome(of item: BenchmarkItem, verdicts: [BenchmarkVerdict], rule: UnparseableRule)
    -> Double?

  /// How far a judge's verdicts on several responses are right, by those on each chosen response against
  /// each rejected one; `nil` is missing.
  func outcome(of item: BenchmarkItem, comparisons: [[BenchmarkVerdict]], rule: UnparseableRule)
    -> Double?

  /// What a judge is asked about an item, where that is no comparison of two responses: nothing else by
  /// `pairs`, ratings of all responses by `ratings`, and nothing by `choice` where the authors ask for none.
  static func question(of item: BenchmarkItem, _ form: JudgingForm) -> ItemQuestion?

  /// The benchmark without the items that no verdicts of pairs answer.
  var forJudges: Self { get }

  /// The benchmark's figures.
  ///
  /// - Parameter tally: The outcomes of all items.
  /// - Returns: Sections, subsets and `overall`, with notes.
  /// - Throws: `StatisticsError`, or `EvaluateError.nothingCounted`.
  func results(_ tally: BenchmarkTally) throws -> BenchmarkResults
}

extension Benchmark {
  /// Verdicts can be counted.
  package static var takesVerdicts: Bool { true }

  /// Scores are compared with each other alone.
  package static var readsLogits: Bool { false }

  /// The authors say nothing.
  package static var unparseable: UnparseableRule? { nil }

  /// 1 where every chosen response scores above every rejected one, else 0: equal scores lose.
  ///
  /// Where people found both equally good, 1 where the scores are equal.
  package func outcome(of item: BenchmarkItem, scores: BenchmarkScores) -> Double {
    guard let lowest = scores.chosen.min(), let highest = scores.rejected.max() else { return 0 }
    return (item.isTie ? lowest == highest : lowest > highest) ? 1 : 0
  }

  /// The mean over both orders: 1 for the right verdict, 0 for the wrong one; unparseable ones by `rule`;
  /// a tie where one response is better counts 0 by authors who count what they cannot read as wrong, else
  /// one half.
  package func outcome(
    of item: BenchmarkItem,
    verdicts: [BenchmarkVerdict],
    rule: UnparseableRule
  ) -> Double? {
    let values = verdicts.compactMap { verdict -> Double? in
      switch verdict {
      case .unparseable: rule.outcome
      case .tie: item.isTie ? 1 : Self.unparseable == .wrong ? 0 : 0.5
      case .chosen: item.isTie ? 0 : 1
      case .rejected: 0
      }
    }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// The mean over both orders: 1 where every chosen response wins against every rejected one, 0 where
  /// one does not; unparseable verdicts by `rule`, where all others are right.
  package func outcome(
    of item: BenchmarkItem,
    comparisons: [[BenchmarkVerdict]],
    rule: UnparseableRule
  ) -> Double? {
    let orders = comparisons.map(\.count).min() ?? 0
    let values = (0..<orders).compactMap { order -> Double? in
      let own = comparisons.map { $0[order] }
      if own.contains(where: { $0 == .rejected || $0 == .tie }) { return 0 }
      return own.contains(.unparseable) ? rule.outcome : 1
    }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// How far a record of an item is right; `nil` is missing.
  func outcome(
    of item: BenchmarkItem,
    record: BenchmarkRecord,
    rule: UnparseableRule
  ) -> Double? {
    switch record.content {
    case .scores(let scores): outcome(of: item, scores: scores)
    case .verdicts(let verdicts): outcome(of: item, verdicts: verdicts, rule: rule)
    case .comparisons(let pairs): outcome(of: item, comparisons: pairs, rule: rule)
    }
  }

  /// Ratings, where they are asked for.
  package static func question(of item: BenchmarkItem, _ form: JudgingForm) -> ItemQuestion? {
    form == .ratings ? .rating(weighsDetail: true) : nil
  }

  /// All of it.
  package var forJudges: Self { self }

  /// The benchmark's figures of records.
  ///
  /// - Parameters:
  ///   - records: One for each item, in the order of `items`.
  ///   - rule: What an unparseable verdict counts; `nil` is the benchmark's own rule.
  /// - Returns: Sections, subsets and `overall`, with notes: where verdicts cannot be read, one with
  ///   what each rule makes of them.
  /// - Throws: `StatisticsError`, or `EvaluateError`.
  package func results(
    _ records: [BenchmarkRecord],
    unparseable rule: UnparseableRule? = nil
  ) throws -> BenchmarkResults {
    let own = rule ?? Self.unparseable ?? .half
    var found = try results(BenchmarkTally(self, records: records, rule: own))
    if Self.unparseable != nil, let mean = try orders(records, rule: own) {
      found.sections["mean over orders"] = mean
    }
    let answers = records.flatMap(\.texts).compactMap(\.answer)
    let unread = answers.count { $0 == .unread }
    if unread > 0 {
      found.notes.append(
        "\(unread) of \(answers.count) answers cannot be read, and count as in the published script: a "
          + "rating is -1, a choice is none, a step is wrong"
      )
    }
    if records.contains(where: \.isUnparseable) {
      let figures = UnparseableRule.allCases.map { other in
        let whole = try? results(BenchmarkTally(self, records: records, rule: other))
          .sections["overall"]
        return "\(other.rawValue) \(whole.map { Self.percent($0.accuracy) } ?? "-")"
      }
      found.notes.append(
        "verdicts that cannot be read count as '\(own.rawValue)'; overall by rule: "
          + figures.joined(separator: ", ")
      )
    }
    return found
  }

  /// The one rule of `PairGrade` beside the authors' own, where no item is a tie; `nil` of scores.
  private func orders(
    _ records: [BenchmarkRecord],
    rule: UnparseableRule
  ) throws -> ResultsFile.Figure? {
    guard !items.contains(where: \.isTie) else { return nil }
    let tally = BenchmarkTally(self, records: records, rule: rule).replacing { content in
      guard case .verdicts(let verdicts) = content, !verdicts.isEmpty else { return nil }
      return PairGrade(verdicts.map(\.mark)).credit
    }
    return try tally.figure(Array(items.indices))
  }

  private static func percent(_ share: Double) -> String {
    "\((1000 * share).rounded() / 10) %"
  }
}

extension BenchmarkTally {
  /// Applies a benchmark's rule to records.
  ///
  /// - Parameters:
  ///   - benchmark: The benchmark.
  ///   - records: One for each item, in the order of the items.
  ///   - rule: What an unparseable verdict counts.
  package init(_ benchmark: some Benchmark, records: [BenchmarkRecord], rule: UnparseableRule) {
    precondition(benchmark.items.map(\.id) == records.map(\.id), "records of other items")
    let outcomes = zip(benchmark.items, records).map {
      benchmark.outcome(of: $0, record: $1, rule: rule)
    }
    self.init(items: benchmark.items, records: records, outcomes: outcomes, rule: rule)
  }
}
