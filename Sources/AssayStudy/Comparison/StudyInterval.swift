import AssayEvaluate
import AssayReward
import Foundation

/// A figure with its 95 % interval.
package struct StudyInterval: Codable, Equatable, Sendable {
  /// The figure.
  package var value: Double
  /// The lower and the upper end.
  package var ci95: [Double]
  /// The number of items behind it.
  package var n: Int
  /// Degrees of freedom of Student's t behind the interval; `nil` where it is another one.
  package var degrees: Double?

  /// Makes an interval.
  package init(value: Double, lower: Double, upper: Double, n: Int) {
    self.value = value
    ci95 = [lower, upper]
    self.n = n
  }

  /// The probability of an estimate at least as far from a limit, were the limit true; two-sided.
  ///
  /// It is below 0.05 where the limit is outside the interval.
  package func p(against limit: Double) -> Double {
    let distance = abs(value - limit)
    guard distance > 0 else { return 1 }
    let half = value > limit ? value - lower : upper - value
    guard half > 0 else { return 0 }
    let degrees = degrees ?? .infinity
    return Statistics.studentTail(
      distance / half * Statistics.studentQuantile(degrees: degrees),
      degrees: degrees
    )
  }

  /// Makes an interval of an estimate.
  package init(_ estimate: Estimate) {
    self.init(
      value: estimate.value,
      lower: estimate.lower,
      upper: estimate.upper,
      n: estimate.count
    )
    degrees = estimate.degrees
  }

  /// The lower end; an interval read from a file may lack it.
  package var lower: Double { ci95.first ?? value }
  /// The upper end.
  package var upper: Double { ci95.last ?? value }
}
