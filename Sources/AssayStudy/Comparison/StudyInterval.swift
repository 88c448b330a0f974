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

  /// Makes an interval.
  package init(value: Double, lower: Double, upper: Double, n: Int) {
    self.value = value
    ci95 = [lower, upper]
    self.n = n
  }

  /// Makes an interval of an estimate.
  package init(_ estimate: Estimate) {
    self.init(
      value: estimate.value,
      lower: estimate.lower,
      upper: estimate.upper,
      n: estimate.count
    )
  }

  /// The lower end; an interval read from a file may lack it.
  package var lower: Double { ci95.first ?? value }
  /// The upper end.
  package var upper: Double { ci95.last ?? value }
}
