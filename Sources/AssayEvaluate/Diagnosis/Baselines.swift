// What those score who know nothing.
import AssayBase
import AssayReward

/// Figures of whoever answers a benchmark without reading it.
package enum Baselines {
  private static let draws = 16

  /// The accuracies of a benchmark's sections, by baseline.
  ///
  /// `chance` draws scores, `longer` prefers the longer response, `constant` gives all the same score, and
  /// `shuffled` deals the recorded scores out again, or turns recorded verdicts round by a coin; what is
  /// drawn is the mean over 16 draws. Of others, as `shuffled-head`, the records are there.
  ///
  /// - Parameters:
  ///   - benchmark: The benchmark.
  ///   - records: What was recorded of it.
  ///   - rule: What an unparseable verdict counts; `nil` is the benchmark's own rule.
  ///   - others: What other baselines recorded, by name.
  /// - Returns: By baseline and section; none that the benchmark cannot count.
  package static func figures(
    _ benchmark: any Benchmark,
    _ records: [BenchmarkRecord],
    rule: UnparseableRule?,
    others: [String: [BenchmarkRecord]] = [:]
  ) -> [String: [String: Double]] {
    var random = SeededRandom(0)
    func scored(_ score: (String) -> Double) -> [BenchmarkRecord] {
      benchmark.items.map {
        BenchmarkRecord(id: $0.id, chosen: $0.chosen.map(score), rejected: $0.rejected.map(score))
      }
    }
    var made: [String: [[BenchmarkRecord]]] = [
      "chance": (0..<draws).map { _ in scored { _ in random.unit() - 0.5 } },
      "constant": [scored { _ in 0 }],
      "shuffled": (0..<draws).map { _ in shuffled(records, &random) },
    ]
    if type(of: benchmark).takesVerdicts {
      made["longer"] = [scored { Double($0.unicodeScalars.count) }]
    }
    for (name, own) in others { made[name] = [own] }
    return made.compactMapValues { mean(benchmark, $0, rule) }
  }

  private static func mean(
    _ benchmark: any Benchmark,
    _ draws: [[BenchmarkRecord]],
    _ rule: UnparseableRule?
  ) -> [String: Double]? {
    func sections(_ own: some Benchmark, _ records: [BenchmarkRecord]) -> ResultsFile.Sections? {
      var tally = BenchmarkTally(
        own,
        records: records,
        rule: rule ?? type(of: own).unparseable ?? .half
      )
      // Nothing is asked about intervals here.
      tally.resamples = 2
      return (try? own.results(tally))?.sections
    }
    let found = draws.compactMap { sections(benchmark, $0) }
    guard found.count == draws.count, let first = found.first else { return nil }
    return Dictionary(
      uniqueKeysWithValues: first.keys.map { section in
        let values = found.compactMap { $0[section]?.accuracy }
        return (section, values.reduce(0, +) / Double(values.count))
      }
    )
  }

  private static func shuffled(
    _ records: [BenchmarkRecord],
    _ random: inout SeededRandom
  ) -> [BenchmarkRecord] {
    let pool = records.flatMap { record -> [Double] in
      guard case .scores(let scores) = record.content else { return [] }
      return scores.chosen + scores.rejected
    }
    var dealt = random.shuffled(pool)[...]
    func turned(_ verdicts: [BenchmarkVerdict], _ isTurned: Bool) -> [BenchmarkVerdict] {
      verdicts.map { verdict in
        guard isTurned else { return verdict }
        return switch verdict {
        case .chosen: .rejected
        case .rejected: .chosen
        case .tie, .unparseable: verdict
        }
      }
    }
    return records.map { record in
      switch record.content {
      case .scores(let scores):
        let own = Array(dealt.prefix(scores.chosen.count + scores.rejected.count))
        dealt = dealt.dropFirst(own.count)
        return BenchmarkRecord(
          id: record.id,
          chosen: Array(own.prefix(scores.chosen.count)),
          rejected: Array(own.dropFirst(scores.chosen.count))
        )
      case .verdicts(let verdicts):
        let isTurned = random.below(2) == 1
        return BenchmarkRecord(id: record.id, content: .verdicts(turned(verdicts, isTurned)))
      case .comparisons(let pairs):
        return BenchmarkRecord(
          id: record.id,
          content: .comparisons(pairs.map { turned($0, random.below(2) == 1) })
        )
      }
    }
  }
}
