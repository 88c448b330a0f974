// Best-of-N: how good the response is that a reward model picks out of N.
import AssayReward
import Foundation

/// The responses to one prompt, with their worth and the scores of a reward model.
package struct BestOfNPrompt: Codable, Equatable, Sendable {
  /// The prompt's id.
  package var id: String
  /// What each response is worth: 1 right, 0 wrong, or its win rate.
  package var values: [Double]
  /// What the reward model says of each; higher is better.
  package var scores: [Double]

  /// Makes a prompt's responses.
  package init(id: String, values: [Double], scores: [Double]) {
    self.id = id
    self.values = values
    self.scores = scores
  }
}

/// The expected worth of the response picked out of `count`.
package struct BestOfNPoint: Codable, Equatable, Sendable {
  /// Responses to pick from.
  package var count: Int
  /// The mean worth of the picked response over prompts.
  package var value: Double
  /// The lower and the upper end of the 95 % interval.
  package var ci95: [Double]
  /// The mean worth if the best response were picked.
  package var oracle: Double
  /// The mean worth of a response picked at random, the same for every count.
  package var random: Double

  /// Makes a point.
  package init(count: Int, value: Double, ci95: [Double], oracle: Double, random: Double) {
    self.count = count
    self.value = value
    self.ci95 = ci95
    self.oracle = oracle
    self.random = random
  }
}

/// Best-of-N by exact expectation rather than by drawing subsets.
package enum BestOfN {
  /// Returns the expected worth of the response with the highest score among `k` drawn without
  /// replacement, for `k` from 1 to all.
  ///
  /// Responses of equal score share: each of those drawn is as likely to be picked. With the scores in
  /// descending groups, the best one drawn is of a group `g` of `s` responses below `a` better ones
  /// with probability `(C(n-a, k) - C(n-a-s, k)) / C(n, k)`, and then worth the group's mean.
  ///
  /// - Parameters:
  ///   - values: What each response is worth.
  ///   - scores: What a reward model says of each.
  /// - Returns: The expected worths, those of `k = 1` first.
  /// - Throws: `StatisticsError.empty`, `.lengthMismatch` or `.nonFiniteScore`.
  package static func expectedWorths(values: [Double], scores: [Double]) throws -> [Double] {
    guard !values.isEmpty else { throw StatisticsError.empty(name: "The list of responses") }
    guard values.count == scores.count else {
      throw StatisticsError.lengthMismatch(
        name: "The list of scores",
        expected: values.count,
        actual: scores.count
      )
    }
    for (name, list) in [("response", scores), ("worth", values)] {
      if let index = list.firstIndex(where: { !$0.isFinite }) {
        throw StatisticsError.nonFiniteScore(name: name, index: index, actual: "\(list[index])")
      }
    }
    let count = values.count
    let order = scores.indices.sorted { scores[$0] > scores[$1] }
    var groups: [(better: Int, size: Int, mean: Double)] = []
    var start = 0
    while start < count {
      var end = start
      while end < count, scores[order[end]] == scores[order[start]] { end += 1 }
      let sum = order[start..<end].reduce(0) { $0 + values[$1] }
      groups.append((start, end - start, sum / Double(end - start)))
      start = end
    }
    return (1...count).map { drawn in
      groups.reduce(0) { total, group in
        let atMost = share(count - group.better, of: count, drawn)
        let below = share(count - group.better - group.size, of: count, drawn)
        return total + (atMost - below) * group.mean
      }
    }
  }

  /// The probability that all of `drawn` lie among `few` of `count`: `C(few, drawn) / C(count, drawn)`.
  private static func share(_ few: Int, of count: Int, _ drawn: Int) -> Double {
    guard few >= drawn else { return 0 }
    return (0..<drawn).reduce(1.0) { $0 * Double(few - $1) / Double(count - $1) }
  }

  /// Returns the mean curve over prompts, with intervals by resampling prompts.
  ///
  /// - Parameters:
  ///   - prompts: All with the same number of responses; those of one id, as of several seeds, are
  ///     resampled together.
  ///   - seed: Same seed, same intervals.
  /// - Returns: A point for each number of responses.
  /// - Throws: `StatisticsError`.
  package static func curve(
    _ prompts: [BestOfNPrompt],
    seed: UInt64 = 0
  ) throws -> [BestOfNPoint] {
    guard let count = prompts.first?.values.count else {
      throw StatisticsError.empty(name: "The list of prompts")
    }
    for prompt in prompts where prompt.values.count != count {
      throw StatisticsError.lengthMismatch(
        name: "The list of responses to '\(prompt.id)'",
        expected: count,
        actual: prompt.values.count
      )
    }
    let picked = try prompts.map { try expectedWorths(values: $0.values, scores: $0.scores) }
    let best = try prompts.map { try expectedWorths(values: $0.values, scores: $0.values) }
    return try (0..<count).map { index in
      let estimate = try Statistics.accuracy(
        picked.map { $0[index] },
        clusters: clusters(prompts),
        seed: seed
      )
      return BestOfNPoint(
        count: index + 1,
        value: estimate.value,
        ci95: [estimate.lower, estimate.upper],
        oracle: mean(best.map { $0[index] }),
        random: mean(best.map { $0[0] })
      )
    }
  }

  /// Returns what picking with a model gains over picking at random, paired by prompt.
  ///
  /// - Parameters:
  ///   - prompts: All with the same number of responses.
  ///   - seed: Same seed, same interval.
  /// - Returns: The gain at all responses, with its 95 % interval.
  /// - Throws: `StatisticsError`.
  package static func gain(_ prompts: [BestOfNPrompt], seed: UInt64 = 0) throws -> Estimate {
    let worths = try prompts.map { try expectedWorths(values: $0.values, scores: $0.scores) }
    return try Statistics.pairedDifference(
      worths.map { $0[$0.count - 1] },
      worths.map { $0[0] },
      clusters: clusters(prompts),
      seed: seed
    )
  }

  /// Returns how much better one model picks than another out of the same responses.
  ///
  /// - Parameters:
  ///   - first: The minuend.
  ///   - second: The subtrahend, of the same prompts in the same order.
  ///   - seed: Same seed, same interval.
  /// - Returns: The difference at all responses, with its 95 % interval.
  /// - Throws: `EvaluateError.mismatchedRecords` where prompts differ, or `StatisticsError`.
  package static func difference(
    _ first: [BestOfNPrompt],
    _ second: [BestOfNPrompt],
    seed: UInt64 = 0
  ) throws -> Estimate {
    guard first.map(\.id) == second.map(\.id), first.map(\.values) == second.map(\.values) else {
      throw EvaluateError.mismatchedRecords(
        file: "best-of-N",
        problems: ["the two models picked out of other responses"]
      )
    }
    func last(_ prompts: [BestOfNPrompt]) throws -> [Double] {
      try prompts.map { prompt in
        let worths = try expectedWorths(values: prompt.values, scores: prompt.scores)
        return worths[worths.count - 1]
      }
    }
    return try Statistics.pairedDifference(
      try last(first),
      try last(second),
      clusters: clusters(first),
      seed: seed
    )
  }

  /// Numbers for prompts of the same id; `nil` where no id repeats.
  private static func clusters(_ prompts: [BestOfNPrompt]) -> [Int]? {
    var places: [String: Int] = [:]
    let numbers = prompts.map { prompt in
      let place = places[prompt.id] ?? places.count
      places[prompt.id] = place
      return place
    }
    return places.count == prompts.count ? nil : numbers
  }

  /// Returns the winner of a knockout: `count - 1` comparisons, where each with each takes
  /// `count * (count - 1) / 2`.
  ///
  /// Neighbours meet; who is left over goes on to the next round. A comparison without verdict, or of
  /// 0.5, keeps the earlier one.
  ///
  /// - Parameters:
  ///   - count: Responses, at least 1.
  ///   - probability: The probability that the first response is better than the second one.
  /// - Returns: The winner's index.
  /// - Throws: What `probability` throws.
  package static func knockout(
    _ count: Int,
    probability: (Int, Int) throws -> Double?
  ) rethrows -> Int {
    precondition(count > 0, "a knockout of \(count) responses")
    var left = Array(0..<count)
    while left.count > 1 {
      left = try stride(from: 0, to: left.count, by: 2).map { place in
        guard place + 1 < left.count else { return left[place] }
        let chance = try probability(left[place], left[place + 1]) ?? 0.5
        return chance >= 0.5 ? left[place] : left[place + 1]
      }
    }
    return left[0]
  }

  private static func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(values.count)
  }
}
