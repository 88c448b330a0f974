import AssayBase
import AssayReward
import Foundation
import Testing

@Suite struct StatisticsCoverageTests {
  private func isClose(_ a: Double, _ b: Double, _ tolerance: Double) -> Bool {
    abs(a - b) <= tolerance
  }

  // From tables: t(0.975) of 10 degrees 2.228139, of 1 degree 12.706205 (tan(0.475 pi)); chi squared of
  // 6 degrees at 0.05 is 1.635383, twice the gamma quantile of shape 3; I_0.5(2, 3) = 11/16 by
  // expanding the binomial; the gamma distribution of shape 1 is 1 - exp(-x).
  @Test("quantiles are those of tables, and undo their distributions")
  func distributions() {
    #expect(isClose(Distributions.normalQuantile(0.975), 1.959963984540054, 1e-10))
    #expect(isClose(Distributions.normalQuantile(0.01), -2.326347874040841, 1e-10))
    #expect(isClose(Distributions.studentQuantile(0.975, degrees: 10), 2.228139, 1e-6))
    #expect(isClose(Distributions.studentQuantile(0.975, degrees: 1), tan(0.475 * .pi), 1e-7))
    #expect(isClose(Distributions.studentQuantile(0.975, degrees: 1e6), 1.959966, 1e-6))
    #expect(isClose(Distributions.gammaQuantile(0.05, shape: 3), 1.635383 / 2, 1e-6))
    #expect(isClose(Distributions.beta(2, 3, at: 0.5), 11.0 / 16, 1e-12))
    #expect(isClose(Distributions.gamma(shape: 1, at: 2), 1 - exp(-2), 1e-12))
    for probability in [0.001, 0.2, 0.5, 0.9, 0.9999] {
      for degrees in [1.0, 3, 40, 3000] {
        let t = Distributions.studentQuantile(probability, degrees: degrees)
        #expect(isClose(Distributions.student(t, degrees: degrees), probability, 1e-10))
      }
    }
  }

  /// The probabilities that the interval of each share covers it, summed over all counts.
  private func coverage(_ shares: [Double], trials: Int) -> [Double] {
    let n = Double(trials)
    let intervals = (0...trials).map { Statistics.wilson(successes: $0, trials: trials) }
    let logWays = (0...trials).map {
      lgamma(n + 1) - lgamma(Double($0) + 1) - lgamma(n - Double($0) + 1)
    }
    return shares.map { share in
      (0...trials).reduce(0) { sum, successes in
        guard intervals[successes].lower <= share, share <= intervals[successes].upper else {
          return sum
        }
        let k = Double(successes)
        return sum + exp(logWays[successes] + k * log(share) + (n - k) * log1p(-share))
      }
    }
  }

  // Counts are whole, so no interval covers 95 % everywhere: of 20 at 0.99, any covers 82 or 98 %.
  @Test("intervals of shares cover 93 to 97 %, and nowhere less than 92, from 20 to 3,000 items")
  func shares() {
    let shares = Array(stride(from: 0.5, to: 0.995, by: 0.01))
    var all: [Double] = []
    for trials in Array(20...120) + [150, 200, 300, 500, 1000, 3000] {
      let own = coverage(shares, trials: trials)
      #expect(own.min() ?? 0 > 0.92, "\(trials)")
      let mean = own.reduce(0, +) / Double(own.count)
      #expect((0.93...0.97).contains(mean), "\(trials): \(mean)")
      all += own
    }
    let inside = Double(all.count { (0.93...0.97).contains($0) }) / Double(all.count)
    #expect(inside > 0.9, "\(inside)")
    let mean = all.reduce(0, +) / Double(all.count)
    #expect(
      (0.945...0.96).contains(mean),
      "\(mean), at least \(all.min() ?? 0), \(inside) within 93 to 97 %"
    )
  }

  @Test("the accuracy of single outcomes has the interval of their share, at any number")
  func accuracy() throws {
    let outcomes = (0..<400).map { $0 < 390 ? 1.0 : 0 }
    let share = Statistics.wilson(successes: 390, trials: 400)
    let own = try Statistics.accuracy(outcomes)
    #expect(isClose(own.lower, share.lower, 1e-9) && isClose(own.upper, share.upper, 1e-9))
    // Clusters of one are as many outcomes, with Student's quantile and one degree of freedom less.
    let alone = try Statistics.accuracy(outcomes)
    let clustered = try Statistics.accuracy(outcomes, clusters: Array(outcomes.indices))
    #expect(isClose(clustered.lower, alone.lower, 2e-4))
    #expect(clustered.lower < alone.lower)
  }

  /// A normal number.
  private func gauss(_ random: inout SeededRandom) -> Double {
    (-2 * log(1 - random.unit())).squareRoot() * cos(2 * .pi * random.unit())
  }

  // 400 samples of each size: a true 95 % is seen between 92 and 98 % in all but 1 of 300 runs.
  @Test("intervals of clustered shares and of effects cover 93 to 97 %", arguments: [20, 60, 300])
  func clustered(_ prompts: Int) throws {
    var random = SeededRandom(5, UInt64(prompts))
    var (share, effect) = (0, 0)
    let samples = 400
    for _ in 0..<samples {
      var (outcomes, changes, clusters) = ([Double](), [Double](), [Int]())
      for prompt in 0..<prompts {
        let ease = gauss(&random)
        for _ in 0..<3 {
          // P(ease + noise > -1) with a variance of 2: 0.760250.
          outcomes.append(ease + gauss(&random) > -1 ? 1 : 0)
          changes.append(0.05 + 0.1 * (ease + gauss(&random)))
          clusters.append(prompt)
        }
      }
      let own = try Statistics.accuracy(outcomes, clusters: clusters)
      share += own.lower <= 0.760250 && 0.760250 <= own.upper ? 1 : 0
      let change = try PairedEffect(changes, clusters: clusters).estimate
      effect += change.lower <= 0.05 && 0.05 <= change.upper ? 1 : 0
    }
    for covered in [share, effect] {
      let rate = Double(covered) / Double(samples)
      #expect((0.92...0.98).contains(rate), "\(prompts): \(rate)")
    }
  }

  // Changes 0.1, 0.2, 0.3: mean 0.2, standard error 0.1 / sqrt(3) = 0.057735, t = 3.4641 with 2 degrees,
  // P(T > t) = (1 - t / sqrt(2 + t^2)) / 2 = 0.037090; flips of three signs give at least 2^-2.
  @Test("an effect by hand, no surer than flips of signs")
  func effect() throws {
    let effect = try PairedEffect([0.1, 0.2, 0.3], clusters: [0, 1, 2])
    #expect(isClose(effect.estimate.value, 0.2, 1e-12) && effect.pValue == 0.25)
    #expect(isClose(effect.estimate.upper, 0.2 + 4.302653 * 0.057735, 1e-5))
    let same = try PairedEffect([0.1, 0.2, 0.3, 0.1, 0.2, 0.3], clusters: [0, 1, 2, 0, 1, 2])
    #expect(isClose(same.estimate.upper, effect.estimate.upper, 1e-9) && same.clusterCount == 3)
    // 2^(1 - 3) is above 0.05: three clusters show nothing.
    #expect(effect.detectable(level: 0.05) == 1)
    // Nothing ever changes: no reason for an effect, and none for certainty.
    let none = try PairedEffect([Double](repeating: 0, count: 200), clusters: Array(0..<200))
    #expect(none.pValue == 1 && none.estimate.upper > 0.01 && none.detectable(level: 0.05) > 0.03)
  }

  // Sorted 0.01, 0.02, 0.04: 3 x 0.01, then 2 x 0.02 = 0.04, then 0.04.
  @Test("Holm's correction by hand")
  func holm() {
    let corrected = Statistics.holm([0.04, 0.01, 0.02])
    #expect(zip(corrected, [0.04, 0.03, 0.04]).allSatisfy { isClose($0, $1, 1e-12) })
    #expect(Statistics.holm([0.9, 0.8]) == [1, 1])
  }
}
