// Accuracies with honest intervals.
import AssayBase
import Foundation

/// A statistic that cannot be computed from what was given.
package enum StatisticsError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A score is NaN or infinite.
  case nonFiniteScore(name: String, index: Int, actual: String)
  /// Two lists that belong together differ in length.
  case lengthMismatch(name: String, expected: Int, actual: Int)
  /// There is nothing to take a mean of.
  case empty(name: String)
  /// A probability is outside of 0 to 1.
  case notAProbability(name: String, index: Int, actual: String)
  /// A subset that a benchmark's rule weights has no figure.
  case missingSubset(section: String, subset: String)

  /// One sentence: what is wrong, where, what was expected.
  package var description: String {
    switch self {
    case .nonFiniteScore(let name, let index, let actual):
      "\(name) score \(index) is \(actual), expected a finite number: the model or its input is broken."
    case .lengthMismatch(let name, let expected, let actual):
      "\(name) has \(actual) entries, expected \(expected)."
    case .empty(let name): "\(name) is empty, expected at least one entry."
    case .notAProbability(let name, let index, let actual):
      "\(name) entry \(index) is \(actual), expected a number from 0 to 1."
    case .missingSubset(let section, let subset):
      "\(section) has no figure for the subset \(subset), which its rule weights: score that subset too."
    }
  }
}

/// A figure with its 95 % interval.
package struct Estimate: Equatable, Sendable {
  /// The figure itself.
  package let value: Double
  /// The lower end of the interval.
  package let lower: Double
  /// The upper end of the interval.
  package let upper: Double
  /// The number of items behind it.
  package let count: Int
  /// Degrees of freedom of Student's t behind the interval; `nil` where it is another one.
  package let degrees: Double?

  /// Makes an estimate.
  package init(
    value: Double,
    lower: Double,
    upper: Double,
    count: Int,
    degrees: Double? = nil
  ) {
    self.value = value
    self.lower = lower
    self.upper = upper
    self.count = count
    self.degrees = degrees
  }
}

/// Accuracies, their intervals and their comparison.
package enum Statistics {
  /// Returns 1 for each pair whose chosen score is above the rejected one, else 0: equal scores lose.
  ///
  /// - Parameters:
  ///   - chosen: Scores of the preferred responses.
  ///   - rejected: Scores of the others, in the same order.
  /// - Returns: One outcome for each pair.
  /// - Throws: `StatisticsError.nonFiniteScore` or `.lengthMismatch`.
  ///
  /// Source: allenai/reward-bench, which counts a tie as wrong.
  package static func outcomes(chosen: [Double], rejected: [Double]) throws -> [Double] {
    guard chosen.count == rejected.count else {
      throw StatisticsError.lengthMismatch(
        name: "rejected",
        expected: chosen.count,
        actual: rejected.count
      )
    }
    for (name, scores) in [("chosen", chosen), ("rejected", rejected)] {
      if let index = scores.firstIndex(where: { !$0.isFinite }) {
        throw StatisticsError.nonFiniteScore(
          name: name,
          index: index,
          actual: "\(scores[index])"
        )
      }
    }
    return zip(chosen, rejected).map { $0 > $1 ? 1 : 0 }
  }

  private static func isAlike(_ values: [Double]) -> Bool {
    values.allSatisfy { $0 == values[0] }
  }

  /// Outcomes that are resampled among themselves, and how much their mean counts.
  package struct Stratum: Sendable {
    /// 1 right, 0 wrong, or between.
    package let outcomes: [Double]
    /// How much the mean counts, in any unit.
    package let weight: Double
    /// What each outcome depends on; `nil`: each stands alone.
    package let clusters: [Int]?

    /// Makes a stratum.
    package init(_ outcomes: [Double], weight: Double = 1, clusters: [Int]? = nil) {
      self.outcomes = outcomes
      self.weight = weight
      self.clusters = clusters
    }
  }

  /// Returns the weighted mean of the means of strata, with a 95 % percentile bootstrap interval.
  ///
  /// With equal weights and a section a stratum, this is the average of section accuracies. A stratum
  /// whose outcomes are all alike would be certain to the bootstrap: it adds the distance to the ends of
  /// its Wilson interval, of as many trials as it has independent outcomes, in quadrature.
  ///
  /// - Parameters:
  ///   - strata: Sections or subsets.
  ///   - seed: Same seed, same interval.
  ///   - resamples: Costs `resamples * outcomes` draws.
  /// - Returns: The mean and its interval.
  /// - Throws: `StatisticsError.empty` where there is no stratum or one without outcomes, or
  ///   `.lengthMismatch`.
  ///
  /// Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapters 8 and 13; sums of
  /// distances to ends as Zou and Donner 2008, "Construction of confidence limits about effect measures".
  package static func stratifiedMean(
    _ strata: [Stratum],
    seed: UInt64 = 0,
    resamples: Int = 2000
  ) throws -> Estimate {
    try stratifiedMean(strata, seed: seed, resamples: resamples, ends: shareEnds)
  }

  /// The ends of the interval of a value that all of some outcomes have.
  typealias AlikeEnds = (_ value: Double, _ trials: Double) -> (lower: Double, upper: Double)

  private static func shareEnds(_ value: Double, _ trials: Double) -> (lower: Double, upper: Double)
  {
    guard (0...1).contains(value) else { return (value, value) }
    return wilson(share: value, trials: trials)
  }

  static func stratifiedMean(
    _ strata: [Stratum],
    seed: UInt64,
    resamples: Int,
    ends: AlikeEnds
  ) throws -> Estimate {
    guard !strata.isEmpty else { throw StatisticsError.empty(name: "The list of sections") }
    let total = strata.reduce(0) { $0 + $1.weight }
    var value = 0.0
    var means = [Double](repeating: 0, count: resamples)
    // Squared distances to the ends of strata that are alike.
    var (below, above) = (0.0, 0.0)
    for (index, stratum) in strata.enumerated() {
      let share = stratum.weight / total
      value += share * stratum.outcomes.reduce(0, +) / Double(stratum.outcomes.count)
      let clusters = try grouped(stratum)
      if isAlike(stratum.outcomes) {
        let sizes = clusters.map { Double($0.count) }
        let size = sizes.reduce(0, +)
        let own = ends(stratum.outcomes[0], size * size / sizes.map { $0 * $0 }.reduce(0, +))
        let distances = (
          share * (stratum.outcomes[0] - own.lower), share * (own.upper - stratum.outcomes[0])
        )
        below += distances.0 * distances.0
        above += distances.1 * distances.1
      }
      var random = SeededRandom(seed, UInt64(index))
      for resample in 0..<resamples {
        var (sum, count) = (0.0, 0)
        for _ in clusters.indices {
          let cluster = clusters[random.below(clusters.count)]
          sum += cluster.sum
          count += cluster.count
        }
        means[resample] += share * sum / Double(count)
      }
    }
    means.sort()
    let (low, high) = (quantile(0.025, of: means), quantile(0.975, of: means))
    return Estimate(
      value: value,
      lower: below == 0 ? low : value - ((value - low) * (value - low) + below).squareRoot(),
      upper: above == 0 ? high : value + ((high - value) * (high - value) + above).squareRoot(),
      count: strata.reduce(0) { $0 + $1.outcomes.count }
    )
  }

  /// Returns the exact two-sided sign test of two methods on the same items: McNemar's, where each outcome is
  /// right or wrong.
  ///
  /// An item counts for the method whose outcome is the higher one, so that a verdict of one half, which says
  /// nothing, loses to a right one and wins against a wrong one.
  ///
  /// - Parameters:
  ///   - first: One method's outcomes: 1 right, 0 wrong, or between.
  ///   - second: The other's, in the same order.
  /// - Returns: On how many items either does better, and the probability of a split at least as uneven by
  ///   chance: `min(1, 2 P(X <= min))` for `X` binomial with share 1/2.
  /// - Throws: `StatisticsError.lengthMismatch`.
  ///
  /// Source: Dixon and Mood 1946; McNemar 1947, whose exact form is as in statsmodels `mcnemar(exact=True)`.
  package static func signTest(
    _ first: [Double],
    _ second: [Double]
  ) throws -> (first: Int, second: Int, pValue: Double) {
    guard first.count == second.count else {
      throw StatisticsError.lengthMismatch(
        name: "The second list",
        expected: first.count,
        actual: second.count
      )
    }
    let better = zip(first, second).count { $0 > $1 }
    let worse = zip(first, second).count { $0 < $1 }
    return (better, worse, signTest(better: better, worse: worse))
  }

  /// The exact sign test of how many items one side is better on, and the other.
  ///
  /// - Parameters:
  ///   - better: Items on which the one is better.
  ///   - worse: Items on which the other is.
  /// - Returns: The two-sided p.
  package static func signTest(better: Int, worse: Int) -> Double {
    let n = Double(better + worse)
    var tail = 0.0
    for count in 0...min(better, worse) {
      let k = Double(count)
      let logChoose = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
      tail += exp(logChoose - n * log(2))
    }
    return min(1, 2 * tail)
  }

  /// The sums and counts of a stratum's clusters.
  static func grouped(_ stratum: Stratum) throws -> [(sum: Double, count: Int)] {
    guard !stratum.outcomes.isEmpty else { throw StatisticsError.empty(name: "A section") }
    guard let clusters = stratum.clusters else { return stratum.outcomes.map { ($0, 1) } }
    guard clusters.count == stratum.outcomes.count else {
      throw StatisticsError.lengthMismatch(
        name: "The list of clusters",
        expected: stratum.outcomes.count,
        actual: clusters.count
      )
    }
    var places: [Int: Int] = [:]
    var groups: [(sum: Double, count: Int)] = []
    for (outcome, cluster) in zip(stratum.outcomes, clusters) {
      let place = places[cluster] ?? groups.count
      if place == groups.count {
        places[cluster] = place
        groups.append((0, 0))
      }
      groups[place].sum += outcome
      groups[place].count += 1
    }
    return groups
  }

  /// The quantile of sorted values by linear interpolation, as numpy's default.
  private static func quantile(_ share: Double, of sorted: [Double]) -> Double {
    let position = share * Double(sorted.count - 1)
    let below = Int(position)
    let above = min(below + 1, sorted.count - 1)
    return sorted[below] + (position - Double(below)) * (sorted[above] - sorted[below])
  }
}
