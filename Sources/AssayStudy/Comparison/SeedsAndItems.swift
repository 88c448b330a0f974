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
  /// Seeds and items are drawn independently, with replacement; every drawn seed sees the same drawn
  /// items, as in the comparison itself. One seed is not drawn: then this is `Statistics.accuracy`.
  /// Where all outcomes are alike, 0 or 1, the interval is Wilson's of as many items.
  ///
  /// - Parameters:
  ///   - seed: Same seed, same interval.
  ///   - resamples: Costs `resamples * seeds * items` additions.
  /// - Returns: The estimate; its count is that of the items.
  /// - Throws: `StatisticsError`.
  ///
  /// Source: Owen 2007, "The pigeonhole bootstrap", section 3: slightly wide for items, while few
  /// seeds make it narrow by `sqrt((S - 1) / S)` for seeds, as every bootstrap of few.
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
    var sums = [[Double]](
      repeating: [Double](repeating: 0, count: groupCount),
      count: outcomes.count
    )
    var sizes = [Int](repeating: 0, count: groupCount)
    for (item, group) in groups.enumerated() {
      sizes[group] += 1
      for place in outcomes.indices { sums[place][group] += outcomes[place][item] }
    }
    var random = SeededRandom(seed, 0x7365_6564)
    var means: [Double] = []
    means.reserveCapacity(resamples)
    for _ in 0..<resamples {
      var weights = [Double](repeating: 0, count: outcomes.count)
      for _ in outcomes.indices { weights[random.below(outcomes.count)] += 1 }
      var totals = [Double](repeating: 0, count: outcomes.count)
      var drawn = 0
      for _ in 0..<groupCount {
        let group = random.below(groupCount)
        drawn += sizes[group]
        for place in outcomes.indices { totals[place] += sums[place][group] }
      }
      let sum = zip(weights, totals).reduce(0) { $0 + $1.0 * $1.1 }
      means.append(sum / Double(drawn * outcomes.count))
    }
    means.sort()
    let value = seedMeans.reduce(0, +) / Double(outcomes.count)
    return Estimate(
      value: value,
      lower: Self.quantile(0.025, of: means),
      upper: Self.quantile(0.975, of: means),
      count: items
    )
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
    var paired = self
    paired.subtract(other)
    // Two equal methods differ by 0 for sure as far as these items go: no interval of Wilson's.
    if paired.outcomes.allSatisfy({ $0.allSatisfy { $0 == 0 } }) {
      return Estimate(value: 0, lower: 0, upper: 0, count: outcomes[0].count)
    }
    if paired.outcomes.count == 1 {
      return try Statistics.stratifiedMean(
        [Statistics.Stratum(paired.outcomes[0], clusters: paired.groups)],
        seed: seed,
        resamples: resamples
      )
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

  /// The quantile of sorted values by linear interpolation, as numpy's default.
  private static func quantile(_ share: Double, of sorted: [Double]) -> Double {
    guard let last = sorted.last else { return 0 }
    let position = share * Double(sorted.count - 1)
    let below = Int(position)
    guard below + 1 < sorted.count else { return last }
    return sorted[below] + (position - Double(below)) * (sorted[below + 1] - sorted[below])
  }
}
