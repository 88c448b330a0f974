// Whether a change has an effect, and how small an effect could have been seen.
import Foundation

/// The mean of paired changes, its interval and test, and the effect that could have been seen.
package struct PairedEffect: Equatable, Sendable {
  /// The mean change with its 95 % interval, not corrected for other tests.
  package let estimate: Estimate
  /// The probability of a mean at least as far from 0 without an effect, two-sided, not corrected.
  package let pValue: Double
  /// How many clusters there are: what is independent.
  package let clusterCount: Int
  /// The standard error of the mean.
  private let standardError: Double
  /// What a cluster that changes adds to the mean, on average; where none does, what a change of 1 would.
  private let share: Double

  /// Measures changes, which are independent between clusters.
  ///
  /// The interval is Student's with a standard error over clusters; changes that are all alike get the
  /// reach of none of as many in Wilson's interval. The test is Student's paired one, but never surer
  /// than the flips of signs that are its reason: `k` clusters that changed cannot give less than
  /// `2^(1 - k)`.
  ///
  /// - Parameters:
  ///   - changes: Differences of one item with and without something, in [-1, 1].
  ///   - clusters: What each depends on, as its prompt's number.
  /// - Throws: `StatisticsError.empty` or `.lengthMismatch`.
  ///
  /// Source: Student 1908; Fisher 1935, "The Design of Experiments", 21 (flips of signs); the variance of
  /// a mean over clusters as Cochran 1977, "Sampling Techniques", 9A.2.
  package init(_ changes: [Double], clusters: [Int]) throws {
    let groups = try Statistics.grouped(Statistics.Stratum(changes, clusters: clusters))
    let total = Double(changes.count)
    let mean = changes.reduce(0, +) / total
    let count = Double(groups.count)
    let residuals = groups.map { $0.sum - Double($0.count) * mean }
    let squares = residuals.map { $0 * $0 }.reduce(0, +)
    // Sums of like numbers differ by rounding alone.
    let isAlike = squares < 1e-24 * total
    let error =
      isAlike || groups.count < 2 ? 0 : (count / (count - 1) * squares).squareRoot() / total
    let moved = groups.map(\.sum).filter { $0 != 0 }
    let surest = pow(2, 1 - Double(max(1, moved.count)))
    let half: Double
    if error == 0 {
      pValue = mean == 0 ? 1 : surest
      half = groups.count < 2 ? 2 : Statistics.wilson(successes: 0, trials: groups.count).upper
    } else {
      let tail = Distributions.student(-abs(mean) / error, degrees: count - 1)
      pValue = min(1, max(surest, 2 * tail))
      half = Distributions.studentQuantile(0.975, degrees: count - 1) * error
    }
    estimate = Estimate(
      value: mean,
      lower: max(-1, mean - half),
      upper: min(1, mean + half),
      count: changes.count
    )
    clusterCount = groups.count
    standardError = error
    let size =
      moved.isEmpty
      ? total / count : moved.map(abs).reduce(0, +) / Double(moved.count)
    share = size / total
  }

  /// The smallest effect that would be found in 95 % of samples like this one.
  ///
  /// `(t(1 - level / 2) + t(0.95)) * standard error`; where few clusters change at all, an effect must
  /// also change as many as a test at the level needs, in 95 % of samples.
  ///
  /// - Parameter level: The level of the test, corrected for the number of tests.
  /// - Returns: The effect, at most 1.
  package func detectable(level: Double) -> Double {
    // Flips of the signs of fewer clusters cannot reach the level, whatever the effect.
    let needed = 1 + (-log2(level)).rounded(.up)
    guard Double(clusterCount) >= needed else { return 1 }
    let degrees = Double(clusterCount - 1)
    let reach =
      Distributions.studentQuantile(1 - level / 2, degrees: degrees)
      + Distributions.studentQuantile(0.95, degrees: degrees)
    let expected = Distributions.gammaQuantile(0.95, shape: needed)
    return min(1, max(reach * standardError, expected * share))
  }
}

extension Statistics {
  /// Probabilities corrected for their number, so that any below a level is wrong at most that often.
  ///
  /// - Parameter pValues: One a test.
  /// - Returns: The corrected ones, in the same order.
  ///
  /// Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
  package static func holm(_ pValues: [Double]) -> [Double] {
    var corrected = pValues
    var largest = 0.0
    let order = pValues.indices.sorted { pValues[$0] < pValues[$1] }
    for (rank, index) in order.enumerated() {
      largest = max(largest, min(1, Double(pValues.count - rank) * pValues[index]))
      corrected[index] = largest
    }
    return corrected
  }
}
