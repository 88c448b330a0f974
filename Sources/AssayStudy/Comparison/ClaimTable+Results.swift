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
        outcome: outcome(figure, limit: claim.limit)
      )
    }
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
      let ranked = methods.compactMap { method in
        results.methods[method]?[suite]?[section].map { (method, $0.accuracy) }
      }
      guard let best = ranked.max(by: { $0.1 < $1.1 })?.0 else {
        return ("best - \(second), \(suite), \(section)", nil)
      }
      let found = try tally.difference(best, from: second, suite: suite, section: section)
      return ("\(best) (best) - \(second), \(suite), \(section)", found?.difference)
    case .sampleGain(let method, let suite, let section):
      let curve = results.sampleCurves.first {
        $0.method == method && $0.suite == suite && $0.section == section
      }
      let count = curve?.points.last?.samples
      return (
        "\(method), \(count.map(String.init) ?? "all") - 1, \(suite), \(section)", curve?.gain
      )
    case .given: return (claim.id, given[claim.id])
    }
  }
}
