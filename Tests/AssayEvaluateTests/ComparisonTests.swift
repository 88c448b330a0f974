import AssayEvaluate
import AssayReward
import AssayStudy
import Foundation
import Testing

@Suite struct SeedsAndItemsTests {
  @Test("is the mean over seeds and items")
  func mean() throws {
    // Seeds have 2/4 and 3/4.
    let outcomes = try SeedsAndItems([[1, 1, 0, 0], [1, 1, 1, 0]])
    #expect(outcomes.seedMeans == [0.5, 0.75])
    let estimate = try outcomes.mean()
    #expect(estimate.value == 0.625)
    #expect(estimate.count == 4)
    #expect(estimate.lower < 0.625 && estimate.upper > 0.625)
    #expect(try outcomes.mean() == estimate)
  }

  @Test("of one seed is the plain accuracy")
  func single() throws {
    let list = (0..<200).map { $0 % 3 == 0 ? 1.0 : 0 }
    #expect(try SeedsAndItems([list]).mean() == Statistics.accuracy(list))
  }

  @Test("seeds that disagree widen the interval; items alone would not")
  func seeds() throws {
    let low = (0..<400).map { $0 < 160 ? 1.0 : 0 }
    let high = (0..<400).map { $0 < 280 ? 1.0 : 0 }
    let middle = (0..<400).map { $0 < 220 ? 1.0 : 0 }
    let different = try SeedsAndItems([low, middle, high]).mean()
    let alike = try SeedsAndItems([middle, middle, middle]).mean()
    #expect(abs(different.value - alike.value) < 1e-12)
    #expect(different.upper - different.lower > 1.5 * (alike.upper - alike.lower))
    // Three copies of one seed know no more than it: sqrt(0.55 * 0.45 / 400) * 3.92 = 0.0975.
    #expect(abs(alike.upper - alike.lower - 0.0975) < 0.01)
  }

  @Test("of outcomes that are all right is Wilson's interval of the items")
  func extreme() throws {
    let estimate = try SeedsAndItems([[1, 1, 1], [1, 1, 1]]).mean()
    #expect(estimate == Statistics.wilson(successes: 3, trials: 3))
  }

  @Test("pairs differences by seed and item")
  func difference() throws {
    // Right wherever the other is, and on every tenth item besides: 0.1 better, with little noise.
    let other = (0..<500).map { $0 % 2 == 0 ? 1.0 : 0 }
    let better = (0..<500).map { $0 % 2 == 0 || $0 % 10 == 1 ? 1.0 : 0 }
    let first = try SeedsAndItems([better, better])
    let second = try SeedsAndItems([other, other])
    let estimate = try first.difference(from: second)
    #expect(abs(estimate.value - 0.1) < 1e-12)
    // sqrt(0.1 * 0.9 / 500) * 3.92 = 0.0526; unpaired it would be 0.12.
    #expect(abs(estimate.upper - estimate.lower - 0.0526) < 0.008)
    let back = try second.difference(from: first)
    #expect(abs(back.value + 0.1) < 1e-12)
    let same = try first.difference(from: first)
    #expect(same.value == 0 && same.lower == 0 && same.upper == 0)
  }

  @Test("draws items of one cluster together")
  func clusters() throws {
    let list = (0..<300).map { ($0 / 10) % 2 == 0 ? 1.0 : 0 }
    let names = (0..<300).map { "question \($0 / 10)" }
    let alone = try SeedsAndItems([list, list]).mean()
    let grouped = try SeedsAndItems([list, list], clusters: names).mean()
    // Thirty groups of ten equal outcomes: sqrt(10) times as wide.
    #expect(grouped.upper - grouped.lower > 2.5 * (alone.upper - alone.lower))
  }

  @Test("refuses lists of other lengths")
  func errors() {
    #expect(throws: StatisticsError.self) { try SeedsAndItems([[1, 0], [1]]) }
    #expect(throws: StatisticsError.self) { try SeedsAndItems([[]]) }
    #expect(throws: StatisticsError.self) { try SeedsAndItems([[1, 0]], clusters: ["a"]) }
    #expect(throws: StatisticsError.self) {
      try SeedsAndItems([[1, 0]]).difference(from: SeedsAndItems([[1, 0], [1, 0]]))
    }
  }
}

/// Outcomes by hand.
enum Outcomes {
  static func scores(
    _ id: String,
    _ chosen: [Double],
    _ rejected: [Double],
    suite: String = "test",
    subset: String = "Chat"
  ) -> PairOutcome {
    PairOutcome(
      id: id,
      suite: suite,
      subset: subset,
      chosen: chosen,
      rejected: rejected,
      promptTokens: 100,
      completionTokens: 20
    )
  }

  /// 1 for chosen, 0 for rejected, `nil` for nothing; orders in turn.
  static func votes(
    _ id: String,
    _ votes: [Double?],
    suite: String = "test",
    subset: String = "Chat"
  ) -> PairOutcome {
    PairOutcome(
      id: id,
      suite: suite,
      subset: subset,
      votes: votes.enumerated().map {
        .init(order: $0 % 2 == 0 ? .chosenFirst : .rejectedFirst, chosen: $1)
      },
      promptTokens: 200,
      completionTokens: 50
    )
  }

  static func tally() throws -> ComparisonTally {
    // classic: a right, b tie, c wrong, d right: 2/4 under both seeds.
    let classic = [
      scores("a", [2], [1]), scores("b", [1], [1]), scores("c", [0], [1], subset: "Reasoning"),
      scores("d", [3], [1], subset: "Reasoning"),
    ]
    // judge, seed 1: a 2:0, b flips and ties, c unparseable, d 1 of 1 that can be read: 2/4.
    let judge = [
      votes("a", [1, 1]), votes("b", [1, 0]), votes("c", [nil, nil], subset: "Reasoning"),
      votes("d", [nil, 1], subset: "Reasoning"),
    ]
    // cloud: all right but c under seed 2, so 4/4 and 3/4.
    let good = [
      scores("a", [1, 3], [0, 0]), scores("b", [1, 0], [0, 0]),
      scores("c", [0, 4], [1, 1], subset: "Reasoning"),
      scores("d", [1, 1], [0, 0], subset: "Reasoning"),
    ]
    var worse = good
    worse[2] = scores("c", [0, 0], [1, 1], subset: "Reasoning")
    var input = ComparisonInput(
      methods: ["classic", "judge", "cloud", "cloud-10"],
      outcomes: [
        "classic": [1: classic, 2: classic], "judge": [1: judge], "cloud": [1: good, 2: worse],
        "cloud-10": [1: classic],
      ]
    )
    input.bins = [
      .init(suite: "test", id: "c"): "2 steps", .init(suite: "test", id: "d"): "10 steps",
    ]
    input.shares = ["cloud-10": .init(method: "cloud", share: 0.1)]
    return try ComparisonTally(input)
  }
}

@Suite struct ComparisonTallyTests {
  @Test("accuracies are means over seeds; ties and what cannot be read count one half")
  func accuracies() throws {
    let results = try Outcomes.tally().results(seconds: 3)
    // a 1, b 1/2, c 0, d 1.
    #expect(results.methods["classic"]?["test"]?["overall"]?.accuracy == 0.625)
    // a 1, b (1 + 0) / 2, c 1/2, d (1/2 + 1) / 2.
    #expect(results.methods["judge"]?["test"]?["overall"]?.accuracy == 0.6875)
    #expect(results.methods["cloud"]?["test"]?["overall"]?.accuracy == 0.875)
    #expect(results.methods["cloud"]?["test"]?["Reasoning"]?.accuracy == 0.75)
    #expect(results.methods["cloud"]?["test"]?["Chat"]?.n == 2)
    #expect(results.seeds == [1, 2])
    let cloud = results.seedAccuracies.filter { $0.method == "cloud" && $0.section == "overall" }
    #expect(cloud.map(\.accuracy) == [1, 0.75])
  }

  @Test("flips and unreadable votes stand beside a judge's accuracy")
  func judges() throws {
    let results = try Outcomes.tally().results(seconds: 3)
    let figure = try #require(results.methods["judge"]?["test"]?["overall"])
    // a alone is right in both orders; b of four flips, and d differs too; three of eight votes and
    // orders cannot be read.
    #expect(figure.strict == 0.25 && figure.flipRate == 0.25 && figure.inconsistentRate == 0.5)
    #expect(figure.missingRate == 0.375 && figure.forcedRate == nil)
    // a is right, b's orders cancel out, of c nothing is read, d has one right order: 1, 1/2, 1/2, 1.
    #expect(figure.orderAveraged == 0.75)
    #expect(figure.unparseableRate == 0.375)
    #expect(results.methods["cloud"]?["test"]?["overall"]?.flipRate == nil)
    let calibration = try #require(results.calibration.first { $0.method == "judge" })
    #expect(calibration.missing == 1)
  }

  @Test("compares with the reference by seed and pair")
  func differences() throws {
    let results = try Outcomes.tally().results(seconds: 3)
    let cloud = try #require(
      results.differences.first { $0.method == "cloud" && $0.section == "overall" }
    )
    #expect(abs(cloud.difference.value - 0.25) < 1e-12)
    // Better on b, where classic ties, and on c, right once of two where classic is wrong.
    #expect(cloud.onlyMethod == 2)
    #expect(cloud.onlyReference == 0)
    #expect(abs(cloud.p - 0.5) < 1e-12)
    // No verdict on c is better than a wrong one; one verdict of two on d worse than a right one.
    let judge = try #require(
      results.differences.first { $0.method == "judge" && $0.section == "overall" }
    )
    #expect(judge.onlyMethod == 1 && judge.onlyReference == 1 && judge.p == 1)
    #expect(!results.differences.contains { $0.method == "classic" })
  }

  @Test("accuracy by number of critiques is the mean over disjoint groups")
  func curves() throws {
    let results = try Outcomes.tally().results(seconds: 3)
    let curve = try #require(
      results.sampleCurves.first { $0.method == "cloud" && $0.section == "overall" }
    )
    #expect(curve.points.map(\.samples) == [1, 2])
    // One critique, seed 1: a 1, b 3/4 (0 ties), c 1/2, d 1: 3.25/4; seed 2 has c 0: 2.75/4.
    #expect(abs(curve.points[0].accuracy.value - 6.0 / 8) < 1e-12)
    #expect(abs(curve.points[1].accuracy.value - 0.875) < 1e-12)
    #expect(abs(curve.gain.value - 1.0 / 8) < 1e-12)
    #expect(!results.sampleCurves.contains { $0.method == "classic" || $0.method == "judge" })
    #expect(
      results.binnedCurves.filter { $0.method == "cloud" }.map(\.section) == [
        "2 steps", "10 steps",
      ]
    )
  }

  @Test("one vote is the mean of both orders, so that a preference for a place gains nothing")
  func oneVote() throws {
    let outcomes = (0..<4).map { Outcomes.votes("\($0)", [1, 0, 1, 0]) }
    let tally = try ComparisonTally(
      ComparisonInput(methods: ["judge"], outcomes: ["judge": [1: outcomes]])
    )
    let curve = try #require(try tally.results(seconds: 0).sampleCurves.first)
    #expect(curve.points.map(\.samples) == [1, 2, 4])
    // With one vote as with many: half of the orders are right.
    #expect(curve.points.map(\.accuracy.value) == [0.5, 0.5, 0.5])
  }

  @Test("counts tokens of a pair, and shares of the pairs")
  func costs() throws {
    let results = try Outcomes.tally().results(seconds: 3)
    let judge = try #require(results.tokens.first { $0.method == "judge" })
    #expect(judge.prompt == 200 && judge.completion == 50 && judge.samples == 2)
    let points = results.dataEfficiency.filter { $0.section == "overall" }
    #expect(Set(points.map(\.method)) == ["cloud"])
    #expect(points.map(\.share).sorted() == [0.1, 1])
  }

  @Test("writes what a results file reads, and reads itself")
  func json() throws {
    let results = try Outcomes.tally().results(seconds: 3)
    let data = try results.json()
    #expect(try JSONDecoder().decode(ComparisonResults.self, from: data) == results)
    let file = try JSONDecoder().decode(ResultsFile.self, from: data)
    #expect(file.methods == results.methods && file.seconds == 3)
  }

  @Test("refuses seeds and methods of other pairs")
  func errors() throws {
    let one = [Outcomes.scores("a", [1], [0])]
    let other = [Outcomes.scores("b", [1], [0])]
    #expect(throws: EvaluateError.self) {
      try ComparisonTally(
        ComparisonInput(methods: ["classic"], outcomes: ["classic": [1: one, 2: other]])
      )
    }
    let tally = try ComparisonTally(
      ComparisonInput(
        methods: ["classic", "cloud"],
        outcomes: ["classic": [1: one], "cloud": [1: other]]
      )
    )
    #expect(throws: EvaluateError.self) { try tally.results(seconds: 0) }
  }
}

@Suite struct RevisionTests {
  @Test("counts what was corrected and what was broken")
  func hand() throws {
    // Four wrong: the critique corrects two, no critique one. Four right: one is broken each.
    let outcomes: [(Bool, Bool, Bool)] = [
      (false, true, true), (false, true, false), (false, false, false), (false, false, false),
      (true, true, true), (true, true, true), (true, true, false), (true, false, true),
    ]
    let figure = try RevisionFigure(
      outcomes.enumerated().map {
        RevisionOutcome(id: "\($0)", before: $1.0, guided: $1.1, unguided: $1.2)
      },
      method: "cloud"
    )
    #expect(figure.before.value == 0.5)
    #expect(figure.guided.corrected?.value == 0.5)
    #expect(figure.guided.broken?.value == 0.25)
    #expect(figure.guided.accuracy.value == 0.625)
    #expect(figure.guided.gain.value == 0.125)
    #expect(figure.unguided.corrected?.value == 0.25)
    #expect(figure.unguided.accuracy.value == 0.5)
    #expect(figure.difference.value == 0.125)
  }

  @Test("has no corrected share where nothing was wrong")
  func extreme() throws {
    let figure = try RevisionFigure(
      [RevisionOutcome(id: "a", before: true, guided: true, unguided: true)],
      method: "cloud"
    )
    #expect(figure.guided.corrected == nil)
    #expect(figure.guided.broken?.value == 0)
    #expect(throws: StatisticsError.self) { try RevisionFigure([], method: "cloud") }
  }
}
