// Means over training seeds and items, with intervals that count both.
import AssayBase
import AssayReward
import Foundation

/// Outcomes of the same items under several seeds.
///
/// With one seed the interval says how the figure would vary over other items; with more it says how
/// it would vary over other seeds too.
package struct SeedsAndItems: Equatable, Sendable {
  /// A list for each seed, with the items in the same order: 1 right, 0 wrong, or between.
  package let outcomes: [[Double]]
  /// The index of each item's group; items of one group are drawn together.
  private let groups: [Int]
  private let groupCount: Int

  /// Makes outcomes.
  ///
  /// - Parameters:
  ///   - outcomes: A list for each seed, all of the same items in the same order.
  ///   - clusters: What each item depends on, as its question; `nil`: each stands alone.
  /// - Throws: `StatisticsError.empty` or `.lengthMismatch`.
  package init(_ outcomes: [[Double]], clusters: [String]? = nil) throws {
    guard let count = outcomes.first?.count, count > 0 else {
      throw StatisticsError.empty(name: "The list of outcomes")
    }
    for (seed, list) in outcomes.enumerated() where list.count != count {
      throw StatisticsError.lengthMismatch(
        name: "The list of outcomes of seed \(seed + 1)",
        expected: count,
        actual: list.count
      )
    }
    if let clusters, clusters.count != count {
      throw StatisticsError.lengthMismatch(
        name: "The list of clusters",
        expected: count,
        actual: clusters.count
      )
    }
    self.outcomes = outcomes
    if let clusters {
      var places: [String: Int] = [:]
      groups = clusters.map { name in
        let place = places[name] ?? places.count
        places[name] = place
        return place
      }
      groupCount = places.count
    } else {
      groups = Array(0..<count)
      groupCount = count
    }
  }

  /// The mean of each seed.
  package var seedMeans: [Double] { outcomes.map { $0.reduce(0, +) / Double($0.count) } }

  /// The mean over seeds and items, with a 95 % interval.
  ///
  /// Both are drawn from many: `y = mean + seed + item + rest`, where every seed sees the same items.
  /// With `S` seeds and `I` items the variance of the mean is `Vi + Vs - Ve`: that of the items' means
  /// and that of the seeds' means, each of which has the rest's share `Ve` in it, which counts once.
  /// It is never taken for less than `Vi - 3/4 Ve`, nor than a quarter of `Vi`. The interval is Student's t, with degrees by
  /// Satterthwaite from `S - 1` of the seeds and `I - 1` of the items, and not below `S - 1`. Of shares
  /// it is Wilson's, of as many trials as have that variance. Clusters take the place of items.
  ///
  /// One seed is not drawn: then this is `Statistics.accuracy`. Where all outcomes are alike, 0 or 1,
  /// the interval is Wilson's of as many items.
  ///
  /// - Parameters:
  ///   - seed: Of the bootstrap of one seed: same seed, same interval.
  ///   - resamples: Of the bootstrap of one seed.
  /// - Returns: The estimate; its count is that of the items.
  /// - Throws: `StatisticsError`.
  ///
  /// Source: Satterthwaite 1946, "An approximate distribution of estimates of variance components";
  /// Owen 2007, "The pigeonhole bootstrap", for `Vi + Vs - Ve`. The floors were set by simulation.
  package func mean(seed: UInt64 = 0, resamples: Int = 2000) throws -> Estimate {
    let items = outcomes[0].count
    if outcomes.count == 1 {
      let isAlone = groupCount == items
      return try Statistics.accuracy(
        outcomes[0],
        clusters: isAlone ? nil : groups,
        seed: seed,
        resamples: resamples
      )
    }
    let first = outcomes[0][0]
    let isAlike = outcomes.allSatisfy { $0.allSatisfy { $0 == first } }
    if isAlike, first == 0 || first == 1 {
      return Statistics.wilson(successes: first == 1 ? items : 0, trials: items)
    }
    let value = seedMeans.reduce(0, +) / Double(outcomes.count)
    let (variance, degrees) = varianceOfMean(value)
    let quantile = Statistics.studentQuantile(degrees: degrees)
    let isShare = outcomes.allSatisfy { $0.allSatisfy { (0...1).contains($0) } }
    let half = quantile * variance.squareRoot()
    let ends =
      isShare && variance > 0
      ? Statistics.wilson(
        share: value,
        trials: value * (1 - value) / variance,
        quantile: quantile
      ) : (lower: value - half, upper: value + half)
    return Estimate(
      value: value,
      lower: ends.lower,
      upper: ends.upper,
      count: items,
      degrees: degrees
    )
  }

  /// The variance of the mean over two or more seeds, and its degrees of freedom.
  private func varianceOfMean(_ mean: Double) -> (variance: Double, degrees: Double) {
    let (S, I, G) = (Double(outcomes.count), Double(outcomes[0].count), Double(groupCount))
    let seeds = seedMeans
    let itemMeans = outcomes[0].indices.map { item in
      outcomes.reduce(0) { $0 + $1[item] } / S
    }
    var ofItems = [Double](repeating: 0, count: groupCount)
    for (item, group) in groups.enumerated() { ofItems[group] += itemMeans[item] - mean }
    var rest = 0.0
    for (place, list) in outcomes.enumerated() {
      var own = [Double](repeating: 0, count: groupCount)
      for (item, group) in groups.enumerated() {
        own[group] += list[item] - seeds[place] - itemMeans[item] + mean
      }
      rest += own.reduce(0) { $0 + $1 * $1 }
    }
    func squares(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 } }
    let free = max(1, G - 1)
    let Vs = squares(seeds.map { $0 - mean }) / ((S - 1) * S)
    let Vi = squares(ofItems) * G / (free * I * I)
    let Ve = rest * G / ((S - 1) * free * S * I * I)
    let variance = max(Vi - 0.75 * Ve, Vi + Vs - Ve, Vi / 4)
    let spread = Vs * Vs / (S - 1) + Vi * Vi / free + Ve * Ve / ((S - 1) * free)
    let degrees = spread > 0 ? variance * variance / spread : S - 1
    return (variance, max(S - 1, degrees))
  }

  /// The difference of two methods on the same seeds and items.
  ///
  /// - Parameters:
  ///   - other: What is subtracted, of the same shape.
  ///   - seed: Same seed, same interval.
  ///   - resamples: See `mean`.
  /// - Returns: The mean difference with its interval, paired by seed and item.
  /// - Throws: `StatisticsError.lengthMismatch`.
  package func difference(
    from other: SeedsAndItems,
    seed: UInt64 = 0,
    resamples: Int = 2000
  ) throws -> Estimate {
    guard outcomes.count == other.outcomes.count else {
      throw StatisticsError.lengthMismatch(
        name: "The other method's list of seeds",
        expected: outcomes.count,
        actual: other.outcomes.count
      )
    }
    guard outcomes[0].count == other.outcomes[0].count else {
      throw StatisticsError.lengthMismatch(
        name: "The other method's list of items",
        expected: outcomes[0].count,
        actual: other.outcomes[0].count
      )
    }
    if outcomes.count == 1 {
      return try Statistics.pairedDifference(
        outcomes[0],
        other.outcomes[0],
        clusters: groups,
        seed: seed,
        resamples: resamples
      )
    }
    var paired = self
    paired.subtract(other)
    // Two equal methods differ by 0 for sure as far as these items go: no interval of Wilson's.
    if paired.outcomes.allSatisfy({ $0.allSatisfy { $0 == 0 } }) {
      return Estimate(value: 0, lower: 0, upper: 0, count: outcomes[0].count)
    }
    return try paired.mean(seed: seed, resamples: resamples)
  }

  private mutating func subtract(_ other: SeedsAndItems) {
    self = SeedsAndItems(
      zip(outcomes, other.outcomes).map { zip($0, $1).map(-) },
      groups: groups,
      groupCount: groupCount
    )
  }

  private init(_ outcomes: [[Double]], groups: [Int], groupCount: Int) {
    self.outcomes = outcomes
    self.groups = groups
    self.groupCount = groupCount
  }
}
