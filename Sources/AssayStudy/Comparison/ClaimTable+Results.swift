// Claims held against what a comparison measured.
import AssayEvaluate
import AssayReward
import Foundation

extension ClaimTable {
  /// Holds claims against a comparison.
  ///
  /// - Parameters:
  ///   - claims: The claims.
  ///   - tally: The outcomes of the comparison.
  ///   - results: What was computed of them.
  ///   - given: Figures by the ids of claims that only the caller can measure.
  /// - Returns: A result for each claim.
  /// - Throws: `StatisticsError`.
  package static func results(
    _ claims: [Claim] = papers,
    tally: ComparisonTally,
    results: ComparisonResults,
    given: [String: StudyInterval] = [:]
  ) throws -> [Result] {
    corrected(
      try claims.map { claim in
        let (name, figure) = try measured(claim, tally, results, given)
        return Result(
          id: claim.id,
          sentence: claim.sentence,
          paper: claim.paper,
          measure: name,
          figure: figure,
          limit: claim.limit,
          bar: claim.bar,
          outcome: outcome(figure, limit: claim.limit),
          isControl: claim.isControl
        )
      }
    )
  }

  private static func measured(
    _ claim: Claim,
    _ tally: ComparisonTally,
    _ results: ComparisonResults,
    _ given: [String: StudyInterval]
  ) throws -> (String, StudyInterval?) {
    switch claim.measure {
    case .difference(let first, let second, let suite, let section, let samples):
      let found = try tally.difference(
        first,
        from: second,
        suite: suite,
        section: section,
        samples: samples
      )
      let what = "\(first) - \(second), \(suite), \(section)"
      return (what + (samples.map { ", \($0) sample" } ?? ""), found?.difference)
    case .best(let methods, let second, let suite, let section):
      // Chosen on pairs that nothing is reported of: the best on the suite itself is best by chance too.
      let tried = results.trials.filter { $0.isChosen && methods.contains($0.method) }
      guard let best = tried.max(by: { $0.accuracy < $1.accuracy })?.method else {
        return ("best on validation - \(second), \(suite), \(section)", nil)
      }
      let found = try tally.difference(best, from: second, suite: suite, section: section)
      return ("\(best) (best on validation) - \(second), \(suite), \(section)", found?.difference)
    case .sampleGain(let method, let suite, let section):
      let curve = results.sampleCurves.first {
        $0.method == method && $0.suite == suite && $0.section == section
      }
      let count = curve?.points.last?.samples
      return (
        "\(method), \(count.map(String.init) ?? "all") - 1, \(suite), \(section)", curve?.gain
      )
    case .everySection(let first, let second, let suite):
      let weakest = try tally.weakestSection(first, from: second, suite: suite, limit: claim.limit)
      return (
        "\(first) - \(second), \(suite), \(weakest.map(\.section) ?? "each section")",
        weakest?.difference
      )
    case .stepGain(let method, let suite):
      let slope = try tally.gainSlope(method, suite: suite)
      return ("\(method), gain lost with each step, \(suite)", slope.map { StudyInterval($0) })
    case .bestOf(let first, let second):
      return ("\(first) - \(second), best of N", given[claim.id])
    case .given: return (claim.id, given[claim.id])
    }
  }
}
