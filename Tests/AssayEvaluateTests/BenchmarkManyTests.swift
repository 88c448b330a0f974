import AssayData
import AssayEvaluate
import AssayReward
import AssayText
import Foundation
import Testing

/// Prefers the response that is worth more, a letter a point; likes the first one where `likesFirst`.
private struct ValueJudge: Judge {
  var likesFirst = false

  nonisolated(nonsending) func judge(
    _ pairs: [PreferencePair],
    onJudged: (Int, PairVerdict) throws -> Void
  ) async throws -> [PairVerdict] {
    try pairs.enumerated().map { index, pair in
      let isBetter = pair.chosen.count > pair.rejected.count
      let verdict = PairVerdict(
        id: pair.id,
        judgements: JudgementOrder.allCases.map { order in
          let isFirst = likesFirst || isBetter == (order == .chosenFirst)
          return Judgement(order: order, text: "", verdict: isFirst ? .a : .b)
        },
        tokens: .init(prompt: 3, completion: 1)
      )
      try onJudged(index, verdict)
      return verdict
    }
  }
}

/// Judges on benchmarks whose items have more than two responses.
@Suite struct BenchmarkManyTests {
  private let folder = TestFolder()

  private func results(
    _ name: String,
    _ rows: [String],
    _ judge: ValueJudge = ValueJudge()
  ) async throws -> (BenchmarkResults, [BenchmarkRecord]) {
    let path = try folder.file(rows.joined(separator: "\n"))
    let benchmark = try BenchmarkCatalogue.load(name, path: path).forJudges
    let records = try await EvaluationScoring.judge(
      benchmark,
      with: judge,
      folder: folder.url,
      settings: recordSettings()
    ) { _ in }
    // What is recorded is read as it was.
    let file = folder.url.appendingPathComponent("scores-\(name).jsonl").path
    #expect(try BenchmarkRecords.open(file, for: benchmark).1 == records)
    return (try benchmark.results(records), records)
  }

  private static func best(_ id: Int, _ best: String, _ losers: [String]) -> String {
    let others = losers.map { #"{"answer":"\#($0)"}"# }.joined(separator: ",")
    return
      #"{"conversation_input":[{"role":"user","content":"q\#(id)"}],"bon_best":{"answer":"\#(best)"},"#
      + #""loser_list":[\#(others)],"category_path":"BoN_set/Harmlessness/S1"}"#
  }

  @Test("RMB: a best-of-N item is right in an order where the best one always wins")
  func rmb() async throws {
    // xxx beats both; xx beats x and loses against xxx.
    let rows = [Self.best(0, "xxx", ["x", "xx"]), Self.best(1, "xx", ["x", "xxx"])]
    let (found, records) = try await results("rmb", rows)
    #expect(found.sections["overall"]?.accuracy == 0.5)
    #expect(found.sections["Harmlessness best-of-N"]?.n == 2)
    #expect(
      records.map(\.content) == [
        .comparisons([[.chosen, .chosen], [.chosen, .chosen]]),
        .comparisons([[.chosen, .chosen], [.rejected, .rejected]]),
      ]
    )
    // Two pairs an item, four tokens a pair.
    #expect(records.map { $0.tokens?.total } == [8, 8])
  }

  @Test("RMB: a judge that only minds the order is right in one of them")
  func position() async throws {
    let row = Self.best(0, "x", ["xx", "xxx"])
    let (found, _) = try await results("rmb", [row], ValueJudge(likesFirst: true))
    let whole = try #require(found.sections["overall"])
    #expect(whole.accuracy == 0.5 && whole.flipRate == 1 && whole.unparseableRate == 0)
  }

  @Test("RM-Bench: hard, normal and easy are cells of the matrix of comparisons")
  func rmBench() async throws {
    // Chosen are worth 2, 4, 6; rejected 1, 3, 5. Wins: 2 > 1; 4 > 1, 3; 6 > 1, 3, 5.
    let row =
      #"{"id":"chat/1","prompt":"q","domain":"chat","chosen":["xx","xxxx","xxxxxx"],"#
      + #""rejected":["x","xxx","xxxxx"]}"#
    let (found, _) = try await results("rm-bench", [row])
    // Above the diagonal (2 against 3, 2 against 5, 4 against 5) none wins, on it and below it all.
    #expect(found.sections["hard"]?.accuracy == 0)
    #expect(found.sections["normal"]?.accuracy == 1)
    #expect(found.sections["easy"]?.accuracy == 1)
    #expect(isClose(found.sections["overall"]?.accuracy, 2.0 / 3))
  }

  @Test("RewardBench 2: the chosen one must beat each of the others, and Ties have no verdicts")
  func rewardBench2() async throws {
    func row(_ id: String, _ subset: String, _ chosen: [String], _ rejected: [String]) -> String {
      let spelt = [chosen, rejected].map { list in
        "[" + list.map { "\"\($0)\"" }.joined(separator: ",") + "]"
      }
      return
        #"{"id":"\#(id)","subset":"\#(subset)","prompt":"q\#(id)","chosen":\#(spelt[0]),"rejected":\#(spelt[1])}"#
    }
    let rows = [
      row("1", "Math", ["xxxx"], ["x", "xx", "xxx"]), row("2", "Math", ["xx"], ["x", "xxx", "x"]),
      row("ref:1", "Ties", ["xx"], ["x"]), row("tied:1", "Ties", ["xx", "xxx"], ["x"]),
    ]
    let (found, records) = try await results("rewardbench2", rows)
    #expect(records.map(\.id) == ["1", "2"])
    #expect(found.sections["Math"]?.accuracy == 0.5 && found.sections["Ties"] == nil)
    #expect(found.notes.contains { $0.contains("Ties") })
  }

  @Test("a rule for what cannot be read counts where all other verdicts are right")
  func unparseable() throws {
    let row = Self.best(0, "xxx", ["x", "xx"])
    let benchmark = try BenchmarkCatalogue.load("rmb", path: try folder.file(row))
    let item = try #require(benchmark.items.first)
    func outcome(_ pairs: [[BenchmarkVerdict]], _ rule: UnparseableRule) -> Double? {
      benchmark.outcome(of: item, comparisons: pairs, rule: rule)
    }
    let open: [[BenchmarkVerdict]] = [[.chosen, .chosen], [.chosen, .unparseable]]
    #expect(outcome(open, .missing) == 1 && outcome(open, .half) == 0.75)
    #expect(outcome(open, .wrong) == 0.5)
    // Lost already.
    let lost: [[BenchmarkVerdict]] = [[.rejected, .tie], [.unparseable, .unparseable]]
    #expect(outcome(lost, .half) == 0)
    #expect(outcome([[.unparseable, .unparseable]], .missing) == nil)
  }

  @Test("items are on the disk in whatever order they are scored, and in their own at the end")
  func order() async throws {
    struct Stop: Error {}
    let rows = (0..<3).map {
      #"{"id":"i\#($0)","prompt":"q\#($0)","chosen":"good\#($0)","rejected":"bad\#($0)"}"#
    }
    let path = try folder.file(rows.joined(separator: "\n"))
    let benchmark = try BenchmarkCatalogue.load("pairs", path: path)
    let file = folder.url.appendingPathComponent("scores-pairs.jsonl")
    func ids() throws -> [String] {
      try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
        String($0.dropFirst(7).prefix(2))
      }
    }
    await #expect(throws: Stop.self) {
      _ = try await EvaluationScoring.score(
        benchmark,
        with: BackwardScorer(),
        folder: folder.url,
        settings: recordSettings()
      ) { if $0.done == 2 { throw Stop() } }
    }
    #expect(try ids() == ["i2", "i1"])
    var shares: [Double?] = []
    _ = try await EvaluationScoring.score(
      benchmark,
      with: BackwardScorer(),
      folder: folder.url,
      settings: recordSettings()
    ) { shares.append($0.accuracy) }
    #expect(try ids() == ["i0", "i1", "i2"])
    // Every chosen response is longer.
    #expect(shares.allSatisfy { $0 == 1 })
  }
}

/// Scores by length, the last first.
private struct BackwardScorer: Scorer {
  func score(
    _ inputs: [ScoringInput],
    onScored: (Int, Score) throws -> Void
  ) async throws -> [Score] {
    let scores = inputs.map { input in
      var length = 0
      if case .response(_, let response) = input { length = response.count }
      return Score(
        value: Double(length),
        critiques: nil,
        scoredToken: ScoredTokenRecord(id: 0, text: "", index: 0),
        tokens: .init(prompt: 1, completion: 0)
      )
    }
    for (index, score) in scores.enumerated().reversed() { try onScored(index, score) }
    return scores
  }
}
