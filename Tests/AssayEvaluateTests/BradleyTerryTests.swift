import AssayBase
import AssayEvaluate
import AssayReward
import Foundation
import Testing

@Suite struct BradleyTerryTests {
  private static let recorded = Bundle.module.url(
    forResource: "bradley_terry",
    withExtension: "json",
    subdirectory: "Fixtures"
  )

  // Of 11 battles the first has 7 won, 2 lost and 2 ties: 8 of 11, strengths +- log(8 / 3) / 2. The
  // information of the difference is 11 * 8 * 3 / 121 = 24 / 11; squared scores are
  // (7 * 9 + 2 * 64 + 2 * 2.5^2) / 121 = 203.5 / 121, so the variance is
  // (203.5 / 121) / (24 / 11)^2 * 11 / 10 = 203.5 / 576 * 1.1 of single battles.
  @Test("two models: the odds of wins with half of the ties, and the variance of single battles")
  func two() throws {
    let credits = [1, 1, 1, 1, 1, 1, 1, 0, 0, 0.5, 0.5]
    let model = try BradleyTerry(
      credits.enumerated().map { Battle(0, 1, credit: $1, cluster: $0) },
      count: 2
    )
    #expect(isClose(model.strengths?[0], log(8.0 / 3) / 2))
    #expect(isClose(model.strengths?[1], -log(8.0 / 3) / 2))
    let difference = try #require(model.difference(0, 1))
    #expect(isClose(difference.value, log(8.0 / 3)))
    #expect(isClose(difference.error, (203.5 / 576 * 1.1).squareRoot()))
    // A battle that is told from the other side is the same battle.
    let turned = try BradleyTerry(
      credits.enumerated().map { Battle(1, 0, credit: 1 - $1, cluster: $0) },
      count: 2
    )
    #expect(isClose(turned.strengths?[0], log(8.0 / 3) / 2))
  }

  @Test("strengths and their covariance are those of a logistic regression by statsmodels")
  func reference() throws {
    let json = try JSONValue(
      parsing: Array(try Data(contentsOf: try #require(Self.recorded)))
    )
    let battles = try #require(json["battles"]?.array).map { row in
      let numbers = (row.array ?? []).compactMap(\.double)
      return Battle(
        Int(numbers[0]),
        Int(numbers[1]),
        credit: numbers[2],
        cluster: Int(numbers[3])
      )
    }
    let model = try BradleyTerry(battles, count: 5)
    let strengths = try #require(json["strengths"]?.array).compactMap(\.double)
    for (own, expected) in zip(try #require(model.strengths), strengths) {
      #expect(abs(own - expected) < 1e-6)
    }
    let rows = try #require(json["covariance"]?.array).map { ($0.array ?? []).compactMap(\.double) }
    for (own, expected) in zip(try #require(model.covariance).joined(), rows.joined()) {
      #expect(abs(own - expected) < 1e-6)
    }
    #expect(strengths.count == 5 && rows.joined().count == 25)
  }

  @Test("models that never lost to the others have no strengths, and a tie gives them some")
  func unbounded() throws {
    var battles = [
      Battle(0, 1, credit: 1, cluster: 0), Battle(1, 2, credit: 1, cluster: 1),
      Battle(2, 1, credit: 1, cluster: 2),
    ]
    #expect(try BradleyTerry(battles, count: 3).strengths == nil)
    battles.append(Battle(2, 0, credit: 0.5, cluster: 3))
    #expect(try BradleyTerry(battles, count: 3).strengths != nil)
    #expect(throws: StatisticsError.empty(name: "battles")) { try BradleyTerry([], count: 2) }
  }

  private func agreement(_ right: [(Int) -> Bool], count: Int) throws -> RunAgreement {
    let folder = TestFolder()
    let lines = (0..<count).map {
      #"{"id": "\#($0)", "prompt": "q\#($0)", "chosen": "good", "rejected": "bad"}"#
    }
    let benchmark = try BenchmarkCatalogue.load(
      "pairs",
      path: try folder.file(lines.joined(separator: "\n"))
    )
    func tally(_ benchmark: some Benchmark, _ isRight: (Int) -> Bool) -> BenchmarkTally {
      RunPage.tally(
        benchmark,
        benchmark.items.enumerated().map {
          BenchmarkRecord(id: $1.id, chosen: [isRight($0) ? 1 : -1], rejected: [0])
        },
        rule: nil
      )
    }
    return try RunAgreement(
      "pairs",
      runs: right.indices.map { "r\($0)" },
      right.map { tally(benchmark, $0) }
    )
  }

  // Of 100 items r0 has 0..<60 right, r1 10..<60 and r2 1..<60. r0 wins 10 against r1 and 1 against r2, r2 wins 9
  // against r1, all else ties: r0 has (10 + 45 + 1 + 49.5) / 200 = 0.5275 of its battles, r2
  // (9 + 45.5 + 49.5) / 200 = 0.52, r1 (45 + 45.5) / 200 = 0.4525.
  @Test("runs are ranked by strength, and those that are not told apart share their places")
  func ranks() throws {
    let found = try agreement(
      [{ $0 < 60 }, { (10..<60).contains($0) }, { (1..<60).contains($0) }],
      count: 100
    )
    let places = found.ranking.places
    #expect(places.map(\.run) == ["r0", "r2", "r1"] && places.map(\.rank) == [1, 2, 3])
    #expect(places.map(\.rankRange) == [[1, 2], [1, 2], [3, 3]])
    for (place, rate) in zip(places, [0.5275, 0.52, 0.4525]) {
      #expect(isClose(place.winRate.value, rate) && place.winRate.n == 100)
    }
    #expect(isClose(places.compactMap(\.strength).reduce(0, +), 0))
    #expect(places[2].strengthCI95[1] < places[0].strength ?? 0)
    #expect(found.ranking.table.rows[2].prefix(3) == ["3", "r1", "3"])
  }

  // a wins 3 of 4 against b and ties once against c: 3.5 of 5; c has 0.5 of 1, b 1 of 4.
  @Test("models of a table of battles are ranked, and rows that do not fit named")
  func battles() throws {
    func row(_ first: String, _ second: String, _ winner: String) -> String {
      "{\"model_a\":\"\(first)\",\"model_b\":\"\(second)\",\"winner\":\"\(winner)\"}"
    }
    let folder = TestFolder()
    let rows = [
      row("a", "b", "model_a"), row("a", "b", "model_a"), row("b", "a", "model_b"),
      row("b", "a", "model_a"), row("a", "c", "tie (bothbad)"),
    ]
    let table = try BattleTable(BenchmarkSource(try folder.file(rows.joined(separator: "\n"))))
    let places = try RunRanking(table.models, table.battles).places
    #expect(table.models == ["a", "b", "c"] && table.battles.count == 5)
    let rates = Dictionary(uniqueKeysWithValues: places.map { ($0.run, $0.winRate.value) })
    #expect(rates == ["a": 0.7, "b": 0.25, "c": 0.5])
    // One tie makes c as strong as a; a's odds against b are 3 to 1.
    let strengths = Dictionary(uniqueKeysWithValues: places.map { ($0.run, $0.strength ?? 0) })
    let (first, second, third) = (strengths["a"] ?? 0, strengths["b"] ?? 0, strengths["c"] ?? 1)
    #expect(isClose(first - third, 0) && isClose(first - second, log(3)))
    let wrong = try folder.file(row("a", "a", "tie"), "wrong.jsonl")
    #expect(
      sentence { _ = try BattleTable(BenchmarkSource(wrong)) }.contains(
        "must differ, found 'a' twice"
      )
    )
  }

  @Test("a run that has everything right stands first, without a bound of its strength")
  func perfect() throws {
    let found = try agreement([{ _ in true }, { _ in false }, { _ in false }], count: 30)
    let first = found.ranking.places[0]
    #expect(first.run == "r0" && first.strength == nil && first.strengthCI95.isEmpty)
    #expect(first.rankRange == [1, 1] && first.winRate.value == 1)
    #expect(found.ranking.places[1].rankRange == [2, 3])
    #expect(found.ranking.table.rows[0][3] == "no bound")
  }

  // 200 tables of 3 models with strengths 0.5, 0 and -0.5 on 60 prompts of 3 battles each: of 600 intervals a
  // true 95 % holds 92 to 98 % in all but 1 of 500 runs, were they independent.
  @Test("intervals of strengths hold the truth in about 95 % of samples")
  func coverage() throws {
    let truth = [0.5, 0, -0.5]
    var covered = 0
    for seed in 0..<200 {
      var random = SeededRandom(14, UInt64(seed))
      var battles: [Battle] = []
      for prompt in 0..<60 {
        for (first, second) in [(0, 1), (1, 2), (0, 2)] {
          let chance = 1 / (1 + exp(truth[second] - truth[first]))
          let credit = random.unit() < 0.2 * 2 * min(chance, 1 - chance) ? 0.5 : nil
          battles.append(
            Battle(
              first,
              second,
              credit: credit ?? (random.unit() < chance ? 1 : 0),
              cluster: prompt
            )
          )
        }
      }
      let model = try BradleyTerry(battles, count: 3)
      let reach = Statistics.studentQuantile(degrees: 59)
      for (first, second) in [(0, 1), (1, 2), (0, 2)] {
        let found = try #require(model.difference(first, second))
        // Ties pull shares to one half, so that the model's own truth is a little below.
        let share = share(truth[first] - truth[second])
        if abs(found.value - log(share / (1 - share))) <= reach * found.error { covered += 1 }
      }
    }
    #expect((0.92...0.98).contains(Double(covered) / 600), "\(covered)")
  }

  /// What the first has of a battle: `p` where none tie, and `0.4 min(p, 1 - p)` of all tie.
  private func share(_ difference: Double) -> Double {
    let p = 1 / (1 + exp(-difference))
    let ties = 0.4 * min(p, 1 - p)
    return ties / 2 + (1 - ties) * p
  }
}
