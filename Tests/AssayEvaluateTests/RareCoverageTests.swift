import AssayBase
import AssayReward
import AssayStudy
import Foundation
import Testing

/// Intervals where hardly an item is wrong, or hardly one changed.
@Suite struct RareCoverageTests {
  /// The probability that the interval of a difference covers it, summed over all counts of items that are
  /// gained and lost.
  private func coverage(_ items: Int, gain: Double, loss: Double) throws -> Double {
    let n = Double(items)
    var sum = 0.0
    for gained in 0...items {
      for lost in 0...(items - gained) where (loss > 0 || lost == 0) {
        let (k, l) = (Double(gained), Double(lost))
        let unchanged: Double = n - k - l
        let ways: Double = lgamma(n + 1) - lgamma(k + 1) - lgamma(l + 1) - lgamma(unchanged + 1)
        let lostShare: Double = lost == 0 ? 0 : l * log(loss)
        let others: Double = unchanged * log(1 - gain - loss)
        let probability: Double = exp(ways + k * log(gain) + lostShare + others)
        guard probability > 1e-7 else { continue }
        let first = (0..<items).map { $0 < gained ? 1.0 : 0 }
        let second = (0..<items).map { $0 >= items - lost ? 1.0 : 0 }
        let interval = try Statistics.pairedDifference(first, second)
        let truth: Double = gain - loss
        let isInside = interval.lower <= truth + 1e-12 && truth - 1e-12 <= interval.upper
        sum += isInside ? probability : 0
      }
    }
    return sum
  }

  @Test(
    "paired differences are covered, also where 2 % of the items changed",
    arguments: [20, 30, 50, 100]
  )
  func pairs(_ items: Int) throws {
    for (gain, loss) in [(0.01, 0.01), (0.02, 0), (0.03, 0.01), (0.05, 0), (0.15, 0.1), (0.4, 0.3)]
    {
      let covered = try coverage(items, gain: gain, loss: loss)
      #expect(covered > 0.92, "\(items), \(gain), \(loss): \(covered)")
    }
  }

  // Both right on all but one of 40, which one alone has right, twice: prompts of two items.
  @Test("items of a prompt count together in a difference too")
  func clusters() throws {
    let (first, second) = (
      [Double](repeating: 1, count: 40), [0, 0] + [Double](repeating: 1, count: 38)
    )
    let prompts = (0..<40).map { $0 / 2 }
    let alone = try Statistics.pairedDifference(first, second)
    let together = try Statistics.pairedDifference(first, second, clusters: prompts)
    #expect(alone.value == 0.05 && together.value == 0.05)
    #expect(together.lower < alone.lower && together.upper > alone.upper)
  }

  // 400 samples: a true 95 % is seen below 92 % in 1 of 200 runs.
  @Test(
    "strata near 1 are covered, and never with a width of zero",
    arguments: [
      ([5, 5, 5, 5, 5], 0.95), ([10, 10, 10, 10, 10], 0.99), ([100, 95, 100, 40, 40], 0.99),
    ]
  )
  func strata(_ sizes: [Int], _ share: Double) throws {
    var random = SeededRandom(21, UInt64(sizes[0]))
    var covered = 0
    for _ in 0..<400 {
      let strata = sizes.map { size in
        Statistics.Stratum(
          (0..<size).map { _ in random.unit() < share ? 1 : 0 },
          weight: Double(size)
        )
      }
      let interval = try Statistics.stratifiedMean(strata, resamples: 500)
      covered += interval.lower <= share && share <= interval.upper ? 1 : 0
      #expect(interval.lower < interval.upper)
    }
    #expect(Double(covered) / 400 > 0.92, "\(covered) of 400")
  }

  // Two trainings with accuracies of a standard deviation of 5 points: Student's t of one degree.
  @Test("two seeds are covered")
  func seeds() throws {
    var random = SeededRandom(22)
    func normal() -> Double {
      (-2 * log(1 - random.unit())).squareRoot() * cos(2 * .pi * random.unit())
    }
    var covered = 0
    for _ in 0..<600 {
      let chances = (0..<100).map { _ in 0.55 + 0.2 * random.unit() }
      let outcomes = (0..<2).map { _ in
        let shift = 0.05 * normal()
        return chances.map { random.unit() < $0 + shift ? 1.0 : 0 }
      }
      let mean = try SeedsAndItems(outcomes).mean()
      covered += mean.lower <= 0.65 && 0.65 <= mean.upper ? 1 : 0
    }
    #expect(Double(covered) / 600 > 0.92, "\(covered) of 600")
  }
}
