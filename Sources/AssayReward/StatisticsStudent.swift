// Student's t, which intervals over few seeds need.
import Foundation

extension Statistics {
  /// Degrees beyond which Student's t is the normal distribution for all that is printed.
  private static let manyDegrees = 1e6

  /// The probability that Student's t is further from 0 than a value, on either side.
  ///
  /// - Parameters:
  ///   - t: The value.
  ///   - degrees: Degrees of freedom, above 0; they need not be whole.
  /// - Returns: From 0 to 1: `I(degrees / (degrees + t^2); degrees / 2, 1 / 2)`.
  ///
  /// Source: Abramowitz and Stegun 1964, 26.7.1 and 26.5.27.
  package static func studentTail(_ t: Double, degrees: Double) -> Double {
    precondition(degrees > 0, "\(degrees) degrees of freedom")
    guard degrees < manyDegrees else { return erfc(abs(t) / 2.0.squareRoot()) }
    guard t.isFinite else { return 0 }
    return Distributions.beta(degrees / 2, 0.5, at: degrees / (degrees + t * t))
  }

  /// The value that Student's t stays within, on both sides of 0, with probability 0.95.
  ///
  /// - Parameter degrees: Degrees of freedom, above 0.
  /// - Returns: 12.706 for 1, 2.776 for 4, and 1.960 for infinitely many.
  package static func studentQuantile(degrees: Double) -> Double {
    degrees < manyDegrees ? Distributions.studentQuantile(0.975, degrees: degrees) : z95
  }
}
