// Distribution functions that intervals and tests need.
import Foundation

/// Distribution functions and quantiles, to about 1e-10.
package enum Distributions {
  /// Terms of a series or a continued fraction; fewer are needed.
  private static let maximumTerms = 500
  private static let precision = 1e-15

  /// The probability that a normal variable is at most `x`.
  package static func normal(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }

  /// The value that a normal variable stays below with a probability.
  ///
  /// - Parameter probability: In (0, 1).
  /// - Returns: The quantile.
  ///
  /// Source: Abramowitz and Stegun 26.2.23 for the start, then Newton's steps.
  package static func normalQuantile(_ probability: Double) -> Double {
    precondition(probability > 0 && probability < 1, "a quantile of \(probability)")
    let tail = min(probability, 1 - probability)
    let t = (-2 * log(tail)).squareRoot()
    var x =
      t - (2.515517 + 0.802853 * t + 0.010328 * t * t)
      / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t)
    for _ in 0..<3 {
      let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
      x += (0.5 * erfc(x / 2.0.squareRoot()) - tail) / density
    }
    return probability < 0.5 ? -x : x
  }

  /// The probability that a variable of Student's distribution is at most `t`.
  ///
  /// - Parameters:
  ///   - t: Any number.
  ///   - degrees: Degrees of freedom, above 0.
  /// - Returns: The probability.
  package static func student(_ t: Double, degrees: Double) -> Double {
    guard t.isFinite else { return t > 0 ? 1 : 0 }
    let tail = 0.5 * beta(degrees / 2, 0.5, at: degrees / (degrees + t * t))
    return t > 0 ? 1 - tail : tail
  }

  /// The value that a variable of Student's distribution stays below with a probability.
  ///
  /// - Parameters:
  ///   - probability: In (0, 1).
  ///   - degrees: Degrees of freedom, at least 1.
  /// - Returns: The quantile.
  package static func studentQuantile(_ probability: Double, degrees: Double) -> Double {
    guard probability != 0.5 else { return 0 }
    guard probability > 0.5 else { return -studentQuantile(1 - probability, degrees: degrees) }
    var (low, high) = (0.0, 2 * normalQuantile(probability))
    while student(high, degrees: degrees) < probability { (low, high) = (high, 2 * high) }
    var t = (low + high) / 2
    let scale =
      exp(lgamma((degrees + 1) / 2) - lgamma(degrees / 2)) / (degrees * Double.pi).squareRoot()
    for _ in 0..<100 {
      let excess = student(t, degrees: degrees) - probability
      if excess > 0 { high = t } else { low = t }
      let density = scale * pow(1 + t * t / degrees, -(degrees + 1) / 2)
      // Newton's step, or halving where it leaves the bracket.
      var next = t - excess / density
      if !(low...high).contains(next) { next = (low + high) / 2 }
      if abs(next - t) <= 1e-12 * max(1, abs(t)) { return next }
      t = next
    }
    return t
  }

  /// The regularised incomplete beta function `I_x(a, b)`.
  ///
  /// Source: Abramowitz and Stegun 26.5.8, its continued fraction evaluated as Lentz does.
  package static func beta(_ a: Double, _ b: Double, at x: Double) -> Double {
    guard x > 0 else { return 0 }
    guard x < 1 else { return 1 }
    guard x <= (a + 1) / (a + b + 2) else { return 1 - beta(b, a, at: 1 - x) }
    let front = exp(
      lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)
    )
    let tiny = 1e-300
    var c = 1.0
    var d = 1 / max(tiny, 1 - (a + b) * x / (a + 1))
    var fraction = d
    for term in 1..<maximumTerms {
      let m = Double(term)
      let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      var factor = 1.0
      for coefficient in [even, odd] {
        d = 1 + coefficient * d
        if abs(d) < tiny { d = tiny }
        c = 1 + coefficient / c
        if abs(c) < tiny { c = tiny }
        d = 1 / d
        factor = c * d
        fraction *= factor
      }
      if abs(factor - 1) < precision { break }
    }
    return front * fraction / a
  }

  /// The probability that a gamma variable of unit rate is at most `x`.
  ///
  /// For a whole shape `k` it is the probability of at least `k` events where `x` are expected.
  ///
  /// Source: Abramowitz and Stegun 6.5.29, its series.
  package static func gamma(shape: Double, at x: Double) -> Double {
    guard x > 0 else { return 0 }
    var term = exp(shape * log(x) - x - lgamma(shape + 1))
    var sum = term
    for index in 1..<maximumTerms {
      term *= x / (shape + Double(index))
      sum += term
      if term < sum * precision { break }
    }
    return min(1, sum)
  }

  /// The value that a gamma variable of unit rate stays below with a probability, by halving.
  ///
  /// - Parameters:
  ///   - probability: In (0, 1).
  ///   - shape: Above 0 and at most about 100.
  /// - Returns: The quantile.
  package static func gammaQuantile(_ probability: Double, shape: Double) -> Double {
    var (low, high) = (0.0, shape + 1)
    while gamma(shape: shape, at: high) < probability { (low, high) = (high, 2 * high) }
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if gamma(shape: shape, at: middle) < probability { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }
}
