import AssayEvaluate
import AssayReward
import Testing

@Suite struct BestOfNTests {
  /// The mean over all subsets of the worth of its best-scored element, ties shared.
  private func bruteForce(_ values: [Double], _ scores: [Double], _ drawn: Int) -> Double {
    var (total, subsets) = (0.0, 0.0)
    for mask in 0..<(1 << values.count) where mask.nonzeroBitCount == drawn {
      let subset = values.indices.filter { mask & (1 << $0) != 0 }
      let top = subset.map { scores[$0] }.max()
      let best = subset.filter { scores[$0] == top }
      total += best.map { values[$0] }.reduce(0, +) / Double(best.count)
      subsets += 1
    }
    return total / subsets
  }

  @Test("picks the only right response of three with probability 1/3, 2/3, 1")
  func hand() throws {
    let worths = try BestOfN.expectedWorths(values: [1, 0, 0], scores: [3, 2, 1])
    for (worth, expected) in zip(worths, [1.0 / 3, 2.0 / 3, 1]) {
      #expect(abs(worth - expected) < 1e-12)
    }
  }

  @Test(
    "equals the mean over all subsets",
    arguments: [
      ([1, 0, 0, 1, 0, 1], [0.5, 0.7, 0.1, 0.4, 0.9, 0.2]),
      ([1, 0, 0, 1, 0, 1], [1, 2, 2, 2, 1, 3]),
      ([0.2, 0.9, 0.4, 0.4, 0], [-1, -1, -1, 5, 5]),
      ([1, 0, 1, 0], [0, 0, 0, 0]),
    ]
  )
  func enumeration(values: [Double], scores: [Double]) throws {
    let worths = try BestOfN.expectedWorths(values: values, scores: scores)
    #expect(worths.count == values.count)
    for (index, worth) in worths.enumerated() {
      #expect(abs(worth - bruteForce(values, scores, index + 1)) < 1e-12)
    }
  }

  @Test("has the oracle at 1 - C(wrong, k) / C(n, k), the random pick at the share of right ones")
  func oracle() throws {
    // Two right of four: C(2, k) / C(4, k) is 2/4, 1/6, 0, 0.
    let curve = try BestOfN.curve([
      BestOfNPrompt(id: "a", values: [0, 1, 0, 1], scores: [4, 3, 2, 1])
    ])
    for (point, oracle) in zip(curve, [0.5, 5.0 / 6, 1, 1]) {
      #expect(abs(point.oracle - oracle) < 1e-12)
      #expect(abs(point.random - 0.5) < 1e-12)
    }
    #expect(curve.map(\.count) == [1, 2, 3, 4])
    // Out of all four the first one is picked, which is wrong.
    #expect(abs(curve[3].value) < 1e-12)
  }

  @Test("gives the gain over a random pick, and the same interval each time")
  func gain() throws {
    // Picks the right one of two in 30 prompts and the wrong one in 10: 0.75 against 0.5.
    let prompts = (0..<40).map {
      BestOfNPrompt(id: "\($0)", values: [1, 0], scores: $0 < 30 ? [1, 0] : [0, 1])
    }
    let gain = try BestOfN.gain(prompts, seed: 7)
    #expect(abs(gain.value - 0.25) < 1e-12)
    #expect(gain.lower < 0.25 && gain.upper > 0.25 && gain.lower > 0)
    #expect(try BestOfN.gain(prompts, seed: 7) == gain)
    let other = prompts.map { BestOfNPrompt(id: $0.id, values: $0.values, scores: [1, 0]) }
    #expect(abs(try BestOfN.difference(other, prompts).value - 0.25) < 1e-12)
  }

  @Test("resamples prompts of one id together")
  func clusters() throws {
    let once = (0..<50).map {
      BestOfNPrompt(id: "\($0)", values: [1, 0], scores: $0 % 2 == 0 ? [1, 0] : [0, 1])
    }
    let single = try BestOfN.gain(once)
    let tripled = try BestOfN.gain(once + once + once)
    // Copies add no knowledge: without clusters the interval would shrink by sqrt(3) = 1.7.
    #expect(tripled.upper - tripled.lower > 0.8 * (single.upper - single.lower))
  }

  @Test("refuses scores that are no numbers, and lists of other lengths")
  func errors() {
    #expect(throws: StatisticsError.self) {
      try BestOfN.expectedWorths(values: [1], scores: [.nan])
    }
    #expect(throws: StatisticsError.self) {
      try BestOfN.expectedWorths(values: [1, 0], scores: [1])
    }
    #expect(throws: StatisticsError.empty(name: "The list of responses")) {
      try BestOfN.expectedWorths(values: [], scores: [])
    }
    #expect(throws: StatisticsError.empty(name: "The list of prompts")) {
      try BestOfN.curve([])
    }
    #expect(throws: StatisticsError.self) {
      try BestOfN.curve([
        .init(id: "a", values: [1], scores: [1]), .init(id: "b", values: [1, 0], scores: [1, 0]),
      ])
    }
    #expect(throws: EvaluateError.self) {
      try BestOfN.difference(
        [.init(id: "a", values: [1], scores: [1])],
        [.init(id: "b", values: [1], scores: [1])]
      )
    }
  }

  @Test("scores by round robin: the mean probability; no verdict counts a half for both")
  func roundRobin() {
    let chances: [[Int]: Double?] = [[0, 1]: 0.9, [0, 2]: 0.7, [1, 2]: nil]
    let scores = RoundRobin.scores(3) { chances[[$0, $1]] ?? nil }
    // 0: (0.9 + 0.7) / 2; 1: (0.1 + 0.5) / 2; 2: (0.3 + 0.5) / 2.
    #expect(abs(scores[0] - 0.8) < 1e-12)
    #expect(abs(scores[1] - 0.3) < 1e-12)
    #expect(abs(scores[2] - 0.4) < 1e-12)
    #expect(RoundRobin.scores(1) { _, _ in 1 } == [0.5])
    #expect(RoundRobin.scores(0) { _, _ in 1 }.isEmpty)
  }

  @Test("finds a knockout's winner with one comparison less than responses")
  func knockout() {
    var games: [[Int]] = []
    let strength = [1, 5, 2, 4, 3]
    let winner = BestOfN.knockout(5) { first, second in
      games.append([first, second])
      return strength[first] > strength[second] ? 1 : 0
    }
    #expect(winner == 1)
    #expect(games == [[0, 1], [2, 3], [1, 3], [1, 4]])
    #expect(BestOfN.knockout(2) { _, _ in nil } == 0)
  }
}
