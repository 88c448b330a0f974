// Differences of two methods on the same items.
import Foundation

extension Statistics {
  /// Returns the difference of two methods' means on the same items, with a paired interval.
  ///
  /// Of outcomes that differ by wholes and halves, the share gained and the share lost have an interval each
  /// (`accuracy(_:clusters:seed:resamples:)`), and the distances to their ends make those of the difference,
  /// with the correlation of gains and losses: a few items that changed say how many more may have, which a
  /// bootstrap of them does not. All other differences get the percentile bootstrap.
  ///
  /// - Parameters:
  ///   - first: Outcomes of one method.
  ///   - second: Outcomes of the other, in the same order.
  ///   - clusters: What each outcome depends on; `nil`: each stands alone.
  ///   - seed: Of the bootstrap: same seed, same interval.
  ///   - resamples: Of the bootstrap.
  /// - Returns: Mean of first minus mean of second. An interval without 0 is a difference at the 5 % level.
  /// - Throws: `StatisticsError.empty` or `.lengthMismatch`.
  ///
  /// Source: Zou and Donner 2008, "Construction of confidence limits about effect measures", 2.
  package static func pairedDifference(
    _ first: [Double],
    _ second: [Double],
    clusters: [Int]? = nil,
    seed: UInt64 = 0,
    resamples: Int = 2000
  ) throws -> Estimate {
    guard first.count == second.count else {
      throw StatisticsError.lengthMismatch(
        name: "The second list of outcomes",
        expected: first.count,
        actual: second.count
      )
    }
    guard !first.isEmpty else { throw StatisticsError.empty(name: "The list of outcomes") }
    let changes = zip(first, second).map(-)
    guard changes.allSatisfy({ abs($0) <= 1 && (2 * $0).rounded() == 2 * $0 }) else {
      return try stratifiedMean(
        [Stratum(changes, clusters: clusters)],
        seed: seed,
        resamples: resamples,
        ends: differenceEnds
      )
    }
    let (gains, losses) = (changes.map { max(0, $0) }, changes.map { max(0, -$0) })
    let (gained, lost) = (
      try accuracy(gains, clusters: clusters), try accuracy(losses, clusters: clusters)
    )
    let correlation = try correlation(
      Stratum(gains, clusters: clusters),
      Stratum(losses, clusters: clusters)
    )
    func reach(_ one: Double, _ other: Double) -> Double {
      max(0, one * one + other * other - 2 * correlation * one * other).squareRoot()
    }
    let value = gained.value - lost.value
    return Estimate(
      value: value,
      lower: max(-1, value - reach(gained.value - gained.lower, lost.upper - lost.value)),
      upper: min(1, value + reach(gained.upper - gained.value, lost.value - lost.lower)),
      count: changes.count
    )
  }

  /// Of differences that are all alike: as far as Wilson's interval of none of so many reaches.
  private static func differenceEnds(
    _ value: Double,
    _ trials: Double
  ) -> (lower: Double, upper: Double) {
    let reach = wilson(share: 0, trials: trials).upper
    return (max(-1, value - reach), min(1, value + reach))
  }

  /// The correlation of two means of the same clusters; 0 where one does not vary.
  private static func correlation(_ one: Stratum, _ other: Stratum) throws -> Double {
    func residuals(_ stratum: Stratum) throws -> [Double] {
      let mean = stratum.outcomes.reduce(0, +) / Double(stratum.outcomes.count)
      return try grouped(stratum).map { $0.sum - Double($0.count) * mean }
    }
    let (a, b) = (try residuals(one), try residuals(other))
    func product(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).map(*).reduce(0, +) }
    let size = (product(a, a) * product(b, b)).squareRoot()
    return size > 0 ? product(a, b) / size : 0
  }
}
