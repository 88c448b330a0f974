// The harmonic mean of two shares, and its interval.
import AssayBase
import AssayReward
import Foundation

/// How many of some items are right.
package struct RightCount: Equatable, Sendable {
  /// Right items; a part of one counts as such.
  package let right: Double
  /// All items, at least one.
  package let count: Int

  /// Makes a count.
  package init(right: Double, count: Int) { (self.right, self.count) = (right, count) }

  /// The share of right items.
  package var share: Double { right / Double(count) }

  /// Draws a share of Jeffreys' distribution given the count: `Beta(right + 1/2, wrong + 1/2)`.
  fileprivate func drawn(_ random: inout SeededRandom) -> Double {
    let first = Self.gamma(right + 0.5, &random)
    let second = Self.gamma(Double(count) - right + 0.5, &random)
    return first / (first + second)
  }

  /// Draws a gamma variable of unit rate.
  ///
  /// Source: Marsaglia and Tsang 2000, "A simple method for generating gamma variables", ACM TOMS 26.
  private static func gamma(_ shape: Double, _ random: inout SeededRandom) -> Double {
    // Their method is for shapes of 1 and more; a power of a uniform number makes the shape smaller by 1.
    if shape < 1 { return gamma(shape + 1, &random) * pow(1 - random.unit(), 1 / shape) }
    let d = shape - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let radius = (-2 * log(1 - random.unit())).squareRoot()
      let x = radius * cos(2 * .pi * random.unit())
      let root = 1 + c * x
      guard root > 0 else { continue }
      let v = root * root * root
      if log(1 - random.unit()) < 0.5 * x * x + d - d * v + d * log(v) { return d * v }
    }
  }
}

/// The harmonic mean of two shares, as F1 of ProcessBench's two accuracies.
package enum HarmonicMean {
  /// `2 a b / (a + b)`, and 0 of two zeros.
  package static func of(_ first: Double, _ second: Double) -> Double {
    first + second == 0 ? 0 : 2 * first * second / (first + second)
  }

  /// The 95 % interval of the mean over splits of the harmonic mean of two shares.
  ///
  /// The ends are quantiles of what drawn shares give, or the mean itself where that is farther out: shares
  /// near 0 and 1 vary although no item of the sample does, which a bootstrap would not know.
  ///
  /// - Parameters:
  ///   - splits: The counts of both shares, of at least one split.
  ///   - draws: How many are drawn.
  /// - Returns: The lower and the upper end.
  ///
  /// Source: Brown, Cai and DasGupta 2001, "Interval estimation for a binomial proportion", section 3, for
  /// Jeffreys' distribution of a share.
  package static func interval(
    _ splits: [(RightCount, RightCount)],
    draws: Int
  ) -> (lower: Double, upper: Double) {
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    var random = SeededRandom(0)
    let drawn = (0..<draws).map { _ in
      mean(splits.map { of($0.0.drawn(&random), $0.1.drawn(&random)) })
    }.sorted()
    let tail = Int((0.025 * Double(draws - 1)).rounded())
    let value = mean(splits.map { of($0.0.share, $0.1.share) })
    return (min(value, drawn[tail]), max(value, drawn[draws - 1 - tail]))
  }
}
