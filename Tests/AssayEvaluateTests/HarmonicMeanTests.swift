import AssayEvaluate
import Foundation
import Testing

@Suite struct HarmonicMeanTests {
  /// How often the interval holds the truth, summed over all counts of two shares' samples.
  private func coverage(_ counts: (Int, Int), _ truths: [(Double, Double)]) -> [Double] {
    func probabilities(_ count: Int, _ p: Double) -> [Double] {
      (0...count).map { right in
        let (k, n) = (Double(right), Double(count))
        let ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
        return exp(ways + k * log(p) + (n - k) * log(1 - p))
      }
    }
    let weights = truths.map {
      (probabilities(counts.0, $0.0), probabilities(counts.1, $0.1), HarmonicMean.of($0.0, $0.1))
    }
    var held = [Double](repeating: 0, count: truths.count)
    for first in 0...counts.0 {
      for second in 0...counts.1 {
        let ends = HarmonicMean.interval(
          [
            (
              RightCount(right: Double(first), count: counts.0),
              RightCount(right: Double(second), count: counts.1)
            )
          ],
          draws: 800
        )
        for (place, weight) in weights.enumerated()
        where ends.lower <= weight.2 && weight.2 <= ends.upper {
          held[place] += weight.0[first] * weight.1[second]
        }
      }
    }
    return held
  }

  @Test("the interval holds the truth in at least 92 %, near 0 and 1 too")
  func covers() {
    // A bootstrap holds the last three in 35, 87 and 89 %.
    let truths = [
      (0.5, 0.5), (0.9, 0.6), (0.3, 0.99), (0.1, 0.95), (0.7, 0.7), (0.02, 0.9), (0.95, 0.95),
      (0.99, 0.9),
    ]
    for counts in [(20, 20), (15, 60)] {
      for (truth, share) in zip(truths, coverage(counts, truths)) {
        #expect(share >= 0.92 && share <= 0.995, "\(counts) \(truth): \(share)")
      }
    }
  }

  @Test("an interval has a width where nothing varies, and holds the mean")
  func width() {
    let none = [(RightCount(right: 0, count: 40), RightCount(right: 40, count: 40))]
    let ends = HarmonicMean.interval(none, draws: 2000)
    #expect(ends.lower == 0 && ends.upper > 0.05)
    // Of a share of 0 in 40, Jeffreys' 97.5 % are at 0.061; with the other one at 1 F1 is 2 x 0.061 / 1.061.
    #expect(abs(ends.upper - 2 * 0.061 / 1.061) < 0.02)
    let all = [(RightCount(right: 40, count: 40), RightCount(right: 40, count: 40))]
    let top = HarmonicMean.interval(all, draws: 2000)
    #expect(top.upper == 1 && top.lower > 0.9 && top.lower < 0.99)
  }

  @Test("several splits vary less than one of them")
  func splits() {
    let one = (RightCount(right: 30, count: 50), RightCount(right: 40, count: 50))
    let single = HarmonicMean.interval([one], draws: 2000)
    let four = HarmonicMean.interval([one, one, one, one], draws: 2000)
    // The width goes with the root of the number of splits.
    let ratio = (single.upper - single.lower) / (four.upper - four.lower)
    #expect(abs(ratio - 2) < 0.2)
  }
}
