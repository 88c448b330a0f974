import AssayData
import AssayEvaluate
import AssayReward
import AssayText
import Foundation
import Testing

/// Says the same letters of every pair.
private struct FixedJudge: Judge {
  let first: [(text: String, verdict: Verdict?)]
  let second: [(text: String, verdict: Verdict?)]

  nonisolated(nonsending) func judge(
    _ pairs: [PreferencePair],
    onJudged: (Int, PairVerdict) throws -> Void
  ) async throws -> [PairVerdict] {
    try pairs.enumerated().map { index, pair in
      let verdict = PairVerdict(
        id: pair.id,
        judgements: first.map {
          Judgement(order: .chosenFirst, text: $0.text, verdict: $0.verdict)
        }
          + second.map {
            Judgement(order: .rejectedFirst, text: $0.text, verdict: $0.verdict)
          },
        tokens: .init(prompt: 5, completion: 1)
      )
      try onJudged(index, verdict)
      return verdict
    }
  }
}

@Suite struct BenchmarkJudgingTests {
  private let folder = TestFolder()
  private let settings = recordSettings()

  private func figure(
    _ judge: FixedJudge,
    rule: VerdictRule = .strict,
    unparseable: UnparseableRule = .missing
  ) async throws -> ResultsFile.Figure {
    let path = try folder.file(pairLines([("i0", "s"), ("i1", "s")]))
    let benchmark = try BenchmarkCatalogue.load("pairs", path: path)
    let records = try await EvaluationScoring.judge(
      benchmark,
      with: judge,
      rule: rule,
      folder: nil,
      settings: settings
    ) { _ in }
    return try #require(
      try benchmark.results(records, unparseable: unparseable).sections["overall"]
    )
  }

  @Test("each order's majority counts alike, and orders that differ flip")
  func majority() async throws {
    // With chosen first two of three say A, chosen; with rejected first all say A, rejected.
    let judge = FixedJudge(
      first: [("", .a), ("", .a), ("", .b)],
      second: [("", .a), ("", .a), ("", .a)]
    )
    let figure = try await figure(judge)
    #expect(figure.accuracy == 0.5 && figure.flipRate == 1 && figure.unparseableRate == 0)
  }

  @Test("RewardBench's rule reads A where both stand, and half where neither does")
  func rewardBench() async throws {
    let judge = FixedJudge(first: [("[[A]] [[B]]", nil)], second: [("none", nil)])
    let figure = try await figure(judge, rule: .rewardBench, unparseable: .half)
    #expect(figure.accuracy == 0.75 && figure.unparseableRate == 0.5)  // (1 + 0.5) / 2
    await #expect(throws: EvaluateError.self) { try await self.figure(judge) }
  }

  @Test("a verdict is on the disk as soon as it is there")
  func recordsAtOnce() async throws {
    struct Stop: Error {}
    let path = try folder.file(pairLines([("i0", "s"), ("i1", "s"), ("i2", "s")]))
    let benchmark = try BenchmarkCatalogue.load("pairs", path: path)
    await #expect(throws: Stop.self) {
      _ = try await EvaluationScoring.judge(
        benchmark,
        with: FixedJudge(first: [("", .a)], second: [("", .b)]),
        folder: folder.url,
        settings: settings
      ) { if $0.done == 2 { throw Stop() } }
    }
    let file = folder.url.appendingPathComponent("scores-pairs.jsonl")
    #expect(try String(contentsOf: file, encoding: .utf8).split(separator: "\n").count == 2)
  }

  @Test("three figures stand side by side: orders' mean, right in both, averaged probabilities")
  func threeFigures() async throws {
    // Always the first one shown, as a letter: 0.9 for it where it is right, 0.6 where it is wrong.
    let path = try folder.file(pairLines([("i0", "s"), ("i1", "s")]))
    let benchmark = try BenchmarkCatalogue.load("pairs", path: path)
    let verdicts = (0..<2).map { index in
      BenchmarkRecord(
        id: "i\(index)",
        content: .verdicts([.chosen, .rejected]),
        probability: index == 0 ? (0.9 + 0.4) / 2 : (0.55 + 0.2) / 2
      )
    }
    let figure = try #require(try benchmark.results(verdicts).sections["overall"])
    #expect(figure.accuracy == 0.5 && figure.strict == 0 && figure.orderAveraged == 0.5)
    let alone = try #require(
      try benchmark.results(
        verdicts.map {
          BenchmarkRecord(id: $0.id, content: $0.content, probability: 0.65)
        }
      ).sections["overall"]
    )
    #expect(alone.accuracy == 0.5 && alone.strict == 0 && alone.orderAveraged == 1)
  }

  @Test("records are what recorded verdicts are read as, and are not judged again")
  func records() async throws {
    let rows = [("A>B", "x"), ("B>A", "y")].map { label, id in
      #"{"pair_id": "\#(id)", "source": "livebench-math", "question": "q", "#
        + #""response_A": "1", "response_B": "2", "label": "\#(label)"}"#
    }
    let path = try folder.file(rows.joined(separator: "\n"))
    let benchmark = try BenchmarkCatalogue.load("judgebench", path: path)
    let right = FixedJudge(first: [("", .a)], second: [("", .b)])
    let records = try await EvaluationScoring.judge(
      benchmark,
      with: right,
      folder: folder.url,
      settings: settings
    ) { _ in }
    #expect(records.map(\.content) == Array(repeating: .verdicts([.chosen, .chosen]), count: 2))
    let file = folder.url.appendingPathComponent("scores-judgebench.jsonl").path
    #expect(try BenchmarkRecords.read(file, for: benchmark) == records)
    // The letters are those of the file's order: in the second item chosen is B first, then A.
    let lines = try String(contentsOfFile: file, encoding: .utf8)
    #expect(lines.contains(#""id":"x","verdicts":["A>B","B>A"]"#))
    #expect(lines.contains(#""id":"y","verdicts":["B>A","A>B"]"#))
    // Right in both orders.
    #expect(records.map(\.probability) == [1, 1])
    #expect(lines.split(separator: "\n").allSatisfy { $0.contains(#""probability":1.0"#) })
    let wrong = FixedJudge(first: [("", .b)], second: [("", .a)])
    let again = try await EvaluationScoring.judge(
      benchmark,
      with: wrong,
      folder: folder.url,
      settings: settings
    ) { _ in }
    #expect(again == records)
  }
}
