// What gives a benchmark's items scores or verdicts.
import AssayReward
import Foundation

/// What a benchmark is evaluated with.
package enum EvaluationMethod {
  /// Scores of every candidate.
  case scorer(any Scorer)
  /// Verdicts on pairs, read by a rule; and what else is asked about items, where something is.
  case judge(any Judge, VerdictRule, ItemAsking?)

  /// Whether a judge's letters are read in passes.
  package var readsPasses: Bool {
    guard case .judge(let judge as JudgeRater, _, let asking) = self else { return false }
    return judge.readsPasses && asking?.reading.form ?? .pairs == .pairs
  }

  /// The part of a benchmark that can be answered: all by scores, and what verdicts of pairs say by a judge.
  package func answerable(_ benchmark: any Benchmark) -> any Benchmark {
    guard case .judge(_, _, let asking) = self, asking?.asks(benchmark) != true else {
      return benchmark
    }
    return benchmark.forJudges
  }

  /// Gives all items of a benchmark their records; see `EvaluationScoring`.
  ///
  /// - Parameters:
  ///   - benchmark: What to score or to judge.
  ///   - folder: The folder of the records; `nil` keeps none.
  ///   - baseline: Of a baseline that scores its name, behind which its records stand.
  ///   - settings: What the records depend on.
  ///   - force: Whether to begin the records anew.
  ///   - isCut: Whether an item does not fit, which its line then says; `nil`: none.
  ///   - onProgress: As for `EvaluationScoring.score`.
  /// - Returns: One record for each item, in the order of the items.
  /// - Throws: As `EvaluationScoring.score` and `judge`.
  package func records(
    _ benchmark: any Benchmark,
    folder: URL?,
    baseline: String? = nil,
    settings: RecordSettings,
    force: Bool,
    isCut: ((BenchmarkItem) throws -> Bool)?,
    onProgress: @escaping (EvaluationProgress) throws -> Void
  ) async throws -> [BenchmarkRecord] {
    switch self {
    case .scorer(let scorer):
      try await EvaluationScoring.score(
        benchmark,
        with: scorer,
        folder: folder,
        baseline: baseline,
        settings: settings,
        force: force,
        isCut: isCut,
        onProgress: onProgress
      )
    case .judge(_, _, let asking?) where asking.asks(benchmark):
      try await EvaluationScoring.ask(
        benchmark,
        with: asking,
        folder: folder,
        settings: settings,
        force: force,
        onProgress: onProgress
      )
    case .judge(let judge, let rule, _):
      try await EvaluationScoring.judge(
        benchmark,
        with: judge,
        rule: rule,
        folder: folder,
        settings: settings,
        force: force,
        onProgress: onProgress
      )
    }
  }
}

extension ResultsFile {
  /// A line for each benchmark that a judge answered: how often verdicts flip, and cannot be read.
  package var rates: String {
    methods.values.flatMap { $0.sorted { $0.key < $1.key } }.map { name, sections in
      guard let whole = sections["overall"], let unparseable = whole.unparseableRate else {
        return ""
      }
      let flips = whole.flipRate.map { String(format: "%.1f %%", 100 * $0) } ?? "-"
      return "\(name): verdicts that flip with the order \(flips), unparseable "
        + String(format: "%.1f %%\n", 100 * unparseable)
    }.joined()
  }
}
