// Shares of outcomes with intervals that cover near 0 and 1 too.
import Foundation

extension Statistics {
  /// The normal quantile of 0.975.
  package static let z95 = 1.959963984540054

  /// Returns the mean of outcomes with a 95 % interval.
  ///
  /// The interval of shares is Wilson's, corrected near 0 and 1 (`wilson(successes:trials:)`): the
  /// percentile bootstrap covers too little there. Outcomes between 0 and 1, as half points, count as so
  /// many of 0 and 1 as have their variance, at least as many as they are and at most twice as many, one
  /// for each order; outcomes in clusters as so many as have the variance over clusters, with Student's
  /// quantile. What is no share gets the percentile bootstrap.
  ///
  /// - Parameters:
  ///   - outcomes: 1 right, 0 wrong, or between.
  ///   - clusters: What each outcome depends on, as its pair's or prompt's number: outcomes of one cluster
  ///     count together. `nil`: each stands alone.
  ///   - seed: Of the bootstrap: same seed, same interval.
  ///   - resamples: Of the bootstrap: costs `resamples * outcomes` draws; 2000 puts the ends within about
  ///     5 % of the width.
  /// - Returns: The mean and its interval.
  /// - Throws: `StatisticsError.empty` or `.lengthMismatch`.
  ///
  /// Source: Dean and Pagano 2015, "Evaluating confidence interval methods for binomial proportions in
  /// clustered surveys", for clusters.
  package static func accuracy(
    _ outcomes: [Double],
    clusters: [Int]? = nil,
    seed: UInt64 = 0,
    resamples: Int = 2000
  ) throws -> Estimate {
    guard !outcomes.isEmpty else { throw StatisticsError.empty(name: "The list of outcomes") }
    let stratum = Stratum(outcomes, clusters: clusters)
    guard outcomes.allSatisfy({ (0...1).contains($0) }) else {
      return try stratifiedMean([stratum], seed: seed, resamples: resamples)
    }
    let n = Double(outcomes.count)
    let share = outcomes.reduce(0, +) / n
    let ends: (lower: Double, upper: Double)
    if clusters == nil {
      let variance = outcomes.map { ($0 - share) * ($0 - share) }.reduce(0, +) / n
      let trials = variance > 0 ? min(2 * n, max(n, n * share * (1 - share) / variance)) : n
      ends = wilson(share: share, trials: trials)
    } else {
      ends = clustered(share, try grouped(stratum), total: n)
    }
    return Estimate(value: share, lower: ends.lower, upper: ends.upper, count: outcomes.count)
  }

  /// Numbers outcomes by what they depend on.
  ///
  /// - Parameter names: Of each outcome what it shares with others, as its prompt; `nil` where it stands alone.
  /// - Returns: A number for each, the same for those that share something; `nil` where no two do.
  package static func clusters(_ names: [String?]) -> [Int]? {
    var numbers: [String: Int] = [:]
    let clusters = names.enumerated().map { index, name in
      guard let name else { return -1 - index }
      let number = numbers[name] ?? numbers.count
      numbers[name] = number
      return number
    }
    return Set(clusters).count == names.count ? nil : clusters
  }

  /// Wilson's interval of as many trials as have the variance of a share over clusters.
  private static func clustered(
    _ share: Double,
    _ groups: [(sum: Double, count: Int)],
    total n: Double
  ) -> (lower: Double, upper: Double) {
    let sizes = groups.map { Double($0.count) }
    let squares = zip(groups, sizes).map { group, size in
      (group.sum - size * share) * (group.sum - size * share)
    }
    let count = Double(groups.count)
    // Clusters that are all alike say as much as so many of one size.
    let alike = n * n / sizes.map { $0 * $0 }.reduce(0, +)
    guard groups.count > 1 else { return wilson(share: share, trials: 1) }
    let variance = count / (count - 1) * squares.reduce(0, +) / (n * n)
    guard variance > rounding else { return wilson(share: share, trials: alike) }
    return wilson(
      share: share,
      trials: max(1, min(2 * n, share * (1 - share) / variance)),
      quantile: studentQuantile(degrees: count - 1)
    )
  }

  /// Returns Wilson's score interval of a share with Student's quantile, corrected near 0 and 1.
  ///
  /// The quantile is that of `trials - 1` degrees, as over clusters: the normal one covers less than 92 % of
  /// some shares of 35. With at most three successes, or failures, of more, the end near 0, or 1, is that of
  /// a Poisson count where it is further out: without that, 95 % intervals cover 84 % of rare events.
  ///
  /// - Parameters:
  ///   - successes: At most `trials`.
  ///   - trials: At least 1.
  /// - Returns: The share and its interval.
  ///
  /// Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference"; Brown,
  /// Cai and DasGupta 2001, "Interval estimation for a binomial proportion", 4.1.1.
  package static func wilson(successes: Int, trials: Int) -> Estimate {
    precondition(trials > 0 && (0...trials).contains(successes), "\(successes) of \(trials)")
    let share = Double(successes) / Double(trials)
    let ends = wilson(share: share, trials: Double(trials))
    return Estimate(value: share, lower: ends.lower, upper: ends.upper, count: trials)
  }

  /// A variance of what differs by rounding alone.
  private static let rounding = 1e-24

  /// Successes, or failures, that are few to Wilson's interval.
  private static let few = 3.5

  /// As above, of a share of any number of trials, and by any quantile of 0.975.
  package static func wilson(
    share: Double,
    trials n: Double,
    quantile: Double? = nil
  ) -> (lower: Double, upper: Double) {
    let z = quantile ?? studentQuantile(degrees: max(1, n - 1))
    let scale = 1 + z * z / n
    let center = (share + z * z / (2 * n)) / scale
    let half = z / scale * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    // Rounding must not put an end a hair inside a share of 0 or 1.
    var lower = share == 0 ? 0 : max(0, center - half)
    var upper = share == 1 ? 1 : min(1, center + half)
    let (successes, failures) = (n * share, n * (1 - share))
    if share < 0.5, successes > 0, successes < few {
      lower = min(lower, Distributions.gammaQuantile(0.05, shape: successes) / n)
    }
    if share > 0.5, failures > 0, failures < few {
      upper = max(upper, 1 - Distributions.gammaQuantile(0.05, shape: failures) / n)
    }
    return (lower, upper)
  }
}
