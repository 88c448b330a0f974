import AssayEvaluate
import AssayReward
import Testing

@Suite struct StatisticsTests {
  func isClose(_ a: Double, _ b: Double, _ tolerance: Double = 1e-9) -> Bool {
    abs(a - b) <= tolerance
  }

  @Test("equal scores lose")
  func outcomes() throws {
    #expect(
      try Statistics.outcomes(chosen: [1, 0, -1], rejected: [0, 0, 1]) == [1, 0, 0]
    )
  }

  @Test("scores that are no numbers are errors, never wins or losses")
  func nonFinite() {
    #expect(throws: StatisticsError.nonFiniteScore(name: "rejected", index: 1, actual: "nan")) {
      try Statistics.outcomes(chosen: [1, 1], rejected: [0, .nan])
    }
    #expect(throws: StatisticsError.nonFiniteScore(name: "chosen", index: 0, actual: "inf")) {
      try Statistics.outcomes(chosen: [.infinity], rejected: [0])
    }
    #expect(throws: StatisticsError.lengthMismatch(name: "rejected", expected: 1, actual: 0)) {
      try Statistics.outcomes(chosen: [1], rejected: [])
    }
    #expect(throws: StatisticsError.self) { try Statistics.accuracy([]) }
  }

  // t of 9 degrees is 2.262157; n = 10, share 0.5: centre 0.5; half = t / (1 + t^2 / n) sqrt(0.025 + t^2 / 400)
  // = 2.262157 / 1.511736 * sqrt(0.025 + 0.01279339) = 1.49640 * 0.194405 = 0.290907.
  @Test("Wilson's interval by hand, and at the ends")
  func wilson() {
    let half = Statistics.wilson(successes: 5, trials: 10)
    #expect(isClose(half.lower, 0.5 - 0.290907, 1e-5))
    #expect(isClose(half.upper, 0.5 + 0.290907, 1e-5))
    // All right: lower = 1 / (1 + t^2 / n) = 1 / 1.511736 = 0.661491.
    let all = Statistics.wilson(successes: 10, trials: 10)
    #expect(isClose(all.lower, 0.661491, 1e-6))
    #expect(all.upper == 1)
    #expect(Statistics.wilson(successes: 0, trials: 10).lower == 0)
  }

  @Test("few outcomes get Wilson's interval, as do those that are all alike")
  func smallSamples() throws {
    #expect(try Statistics.accuracy([1, 0]) == Statistics.wilson(successes: 1, trials: 2))
    let alike = try Statistics.accuracy([Double](repeating: 1, count: 500))
    #expect(alike == Statistics.wilson(successes: 500, trials: 500))
  }

  @Test("no interval has a width of zero")
  func widths() throws {
    // 30 half points are 15 of 30 to Wilson, whose standard error is wider than two orders' would be.
    let half = try Statistics.accuracy([Double](repeating: 0.5, count: 30))
    let wilson = Statistics.wilson(successes: 15, trials: 30)
    #expect(isClose(half.lower, wilson.lower) && isClose(half.upper, wilson.upper))
    let most = try Statistics.accuracy([Double](repeating: 0.75, count: 30))
    #expect(most.lower < 0.7 && most.upper > 0.8)
    // 20 outcomes of 4 clusters are alike: as 4 of 4.
    let clustered = try Statistics.accuracy(
      [Double](repeating: 1, count: 20),
      clusters: (0..<20).map { $0 / 5 }
    )
    #expect(isClose(clustered.lower, Statistics.wilson(successes: 4, trials: 4).lower))
    #expect(clustered.upper == 1)
    // Two strata that are each alike.
    let strata = try Statistics.stratifiedMean([.init([1, 1, 1]), .init([0, 0, 0])])
    #expect(strata.lower < 0.4 && strata.upper > 0.6)
    // Two methods that were never of two minds on 30 items: none of 30, up to t^2 / (30 + t^2), t of 29 degrees.
    let same = try Statistics.pairedDifference(
      [Double](repeating: 1, count: 30),
      [Double](repeating: 1, count: 30)
    )
    #expect(isClose(same.upper, 4.182964 / 34.182964, 1e-6) && isClose(same.lower, -same.upper))
  }

  // 20 of 0, 20 of 0.5 and 20 of 1: variance 1/6 where shares of a half have 1/4, so 60 count as 90.
  @Test("few outcomes between 0 and 1 get Wilson's interval of as many as have their variance")
  func halfPoints() throws {
    let outcomes = (0..<60).map { Double($0 % 3) / 2 }
    let estimate = try Statistics.accuracy(outcomes)
    let wilson = Statistics.wilson(successes: 45, trials: 90)
    #expect(isClose(estimate.lower, wilson.lower) && isClose(estimate.upper, wilson.upper))
    #expect(estimate.count == 60 && estimate.value == 0.5)
  }

  // A share of 0.8 of 1000 has the standard error sqrt(0.16 / 1000) = 0.01265, so +- 0.0248.
  @Test("the bootstrap interval has the width that theory gives")
  func bootstrap() throws {
    let outcomes = (0..<1000).map { $0 % 5 == 0 ? 0.0 : 1.0 }
    func bootstrap(_ seed: UInt64) throws -> Estimate {
      try Statistics.stratifiedMean([.init(outcomes)], seed: seed)
    }
    let estimate = try bootstrap(3)
    #expect(isClose(estimate.value, 0.8))
    #expect(isClose(estimate.lower, 0.8 - 0.0248, 0.003))
    #expect(isClose(estimate.upper, 0.8 + 0.0248, 0.003))
    #expect(try bootstrap(3) == estimate)
    #expect(try bootstrap(4) != estimate)
  }

  // Four copies of each of 250 outcomes carry the information of 250: twice the standard error.
  @Test("outcomes of one cluster count once")
  func clusters() throws {
    let outcomes = (0..<1000).map { $0 / 4 % 5 == 0 ? 0.0 : 1.0 }
    let alone = try Statistics.accuracy(outcomes)
    let clustered = try Statistics.accuracy(outcomes, clusters: (0..<1000).map { $0 / 4 })
    #expect(isClose(clustered.value, alone.value))
    let ratio = (clustered.upper - clustered.lower) / (alone.upper - alone.lower)
    #expect(isClose(ratio, 2, 0.2))
    #expect(throws: StatisticsError.self) { try Statistics.accuracy([1, 0], clusters: [1]) }
  }

  @Test("the average of sections weighs sections, not items")
  func sections() throws {
    let estimate = try Statistics.stratifiedMean([
      .init([1, 1, 1, 1, 1, 1]), .init([0, 1]),
    ])
    #expect(isClose(estimate.value, 0.75))
    #expect(estimate.count == 8)
    let weighted = try Statistics.stratifiedMean([
      .init([1], weight: 3), .init([0], weight: 1),
    ])
    // Wilson of 1 of 1 reaches down to 1 / (1 + t^2) = 0.006156 (one degree), that of 0 of 1 up to 0.993844.
    #expect(isClose(weighted.value, 0.75) && weighted.count == 2)
    #expect(isClose(weighted.lower, 0.75 - 0.75 * 0.993844, 1e-5))
    #expect(isClose(weighted.upper, 0.75 + 0.25 * 0.993844, 1e-5))
    #expect(throws: StatisticsError.empty(name: "A section")) {
      try Statistics.stratifiedMean([.init([])])
    }
  }

  // Both right on 600 of 1000, only the first on 60, only the second on 20: difference 0.04,
  // variance (0.08 - 0.04^2) / 1000, so a standard error of 0.008854 and +- 0.01735.
  @Test("the paired difference is sharper than the two intervals")
  func paired() throws {
    let first = (0..<1000).map { $0 < 660 ? 1.0 : 0 }
    let second = (0..<1000).map { $0 < 600 || $0 >= 980 ? 1.0 : 0 }
    let difference = try Statistics.pairedDifference(first, second)
    #expect(isClose(difference.value, 0.04))
    #expect(isClose(difference.lower, 0.04 - 0.01735, 0.003))
    #expect(isClose(difference.upper, 0.04 + 0.01735, 0.003))
  }

  // Better 9 times, worse 2: 2 (C(11,0) + C(11,1) + C(11,2)) / 2^11 = 134 / 2048.
  @Test("the exact sign test by hand")
  func signTest() throws {
    let first = [Double](repeating: 1, count: 9) + [0, 0, 1]
    let second = [Double](repeating: 0, count: 9) + [1, 1, 1]
    let test = try Statistics.signTest(first, second)
    #expect(test.first == 9)
    #expect(test.second == 2)
    #expect(isClose(test.pValue, 134.0 / 2048))
    #expect(try Statistics.signTest([1], [1]).pValue == 1)
    #expect(isClose(try Statistics.signTest([1, 0], [0, 1]).pValue, 1))
    // 2000 to 0 does not overflow.
    let many = try Statistics.signTest(
      [Double](repeating: 1, count: 2000),
      [Double](repeating: 0, count: 2000)
    )
    #expect(many.pValue >= 0 && many.pValue < 1e-300)
  }

  // Right on 36 of 60 beside one half on all: 36 to 24, not 36 to none.
  @Test("verdicts that say nothing lose to right ones and win against wrong ones")
  func indifferent() throws {
    let coin = [Double](repeating: 0.5, count: 60)
    let other = (0..<60).map { $0 < 36 ? 1.0 : 0 }
    let test = try Statistics.signTest(coin, other)
    #expect(test.first == 24 && test.second == 36)
    #expect(abs(test.pValue - 0.1550) < 1e-4)
  }

  // Two bins: 0.2 and 0.4 with outcomes 0, 1: mean 0.3 against 0.5; 0.9 with outcome 1: 0.1 off.
  // Error = 2/3 * 0.2 + 1/3 * 0.1 = 1/6; Brier = (0.04 + 0.36 + 0.01) / 3.
  @Test("calibration by hand")
  func calibration() throws {
    let result = try Calibration(
      probabilities: [0.2, 0.4, 0.9],
      outcomes: [0, 1, 1],
      binCount: 2
    )
    #expect(isClose(result.expectedError, 1.0 / 6))
    #expect(isClose(result.brier, 0.41 / 3))
    #expect(result.bins.map(\.count) == [2, 1])
    #expect(isClose(result.bins[0].frequency, 0.5))
    #expect(result.bins[1].lower == 0.5)
    #expect(
      try Calibration(probabilities: [1, 0.5, 0], outcomes: [1, 1, 0], binCount: 2).bins
        .map(\.count) == [1, 2]
    )
  }

  @Test("a probability on a border of bins belongs to the bin above it", arguments: 0..<10)
  func border(_ place: Int) throws {
    // As decimals are spelt: 0.6 and 0.7 are not 6 and 7 times a tenth in binary numbers.
    let probability = Double(place) / 10
    let whole = try Calibration(probabilities: [probability], outcomes: [1]).bins
    #expect(whole.firstIndex { $0.count == 1 } == place && whole[place].lower == probability)
    let half = 0.5 + Double(place) / 20
    let side = try Calibration(preferences: [(half * 100).rounded() / 100]).bins
    #expect(side.firstIndex { $0.count == 1 } == place)
    #expect(side.allSatisfy { $0.lower < $0.upper } && side[9].upper == 1)
  }

  // Favoured side: 0.8 right, 0.7 wrong, 0.5 half right.
  // One bin: mean probability 2/3, frequency 1/2; Brier (0.04 + 0.49 + 0) / 3.
  @Test("preferences are looked at from the favoured side")
  func preferences() throws {
    let result = try Calibration(preferences: [0.8, 0.3, 0.5], binCount: 1)
    #expect(isClose(result.expectedError, 1.0 / 6))
    #expect(isClose(result.brier, 0.53 / 3))
    #expect(result.bins[0].lower == 0.5)
    #expect(throws: StatisticsError.notAProbability(name: "probability", index: 1, actual: "1.5")) {
      try Calibration(preferences: [0.5, 1.5])
    }
    #expect(throws: StatisticsError.self) { try Calibration(preferences: [.nan]) }
  }

  // Sums from the published table.
  @Test("RewardBench counts 358, 456, 740 and 1968, of which math-prm is half")
  func rewardBenchCounts() {
    let sums = RewardBenchWeights.sections.map { $0.subsets.reduce(0) { $0 + $1.count } }
    #expect(sums == [358, 456, 740, 1968])
    #expect(RewardBenchWeights.sections[3].subsets[0].count == 984)
  }

  // All right but math-prm, of which half: Reasoning 0.75; overall (1 + 1 + 1 + 0.75) / 4.
  // Then mt-bench-med wrong, 40 of 358 in Chat.
  @Test("RewardBench weights subsets by count and sections alike")
  func rewardBench() throws {
    var outcomes: [String: [Double]] = [:]
    for section in RewardBenchWeights.sections {
      for subset in section.subsets { outcomes[subset.name] = [1, 1] }
    }
    outcomes["math-prm"] = [1, 0]
    outcomes["mt-bench-med"] = [0]
    let figures = try RewardBenchWeights.figures(outcomes)
    #expect(isClose(figures["Reasoning"]?.value ?? 0, 0.75))
    #expect(isClose(figures["Chat"]?.value ?? 0, 318.0 / 358))
    #expect(isClose(figures["overall"]?.value ?? 0, (318.0 / 358 + 1 + 1 + 0.75) / 4))
    outcomes["hep-go"] = nil
    #expect(throws: StatisticsError.missingSubset(section: "Reasoning", subset: "hep-go")) {
      try RewardBenchWeights.figures(outcomes)
    }
  }
}
