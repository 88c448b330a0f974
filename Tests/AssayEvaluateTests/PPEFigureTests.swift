import AssayEvaluate
import AssayText
import Foundation
import Testing

/// PPE's figures that are no accuracies, on worked examples.
@Suite struct PPEFigureTests {
  private let folder = TestFolder()

  private static func row(_ id: String, _ truth: [Int], _ conflicts: String) -> String {
    let responses = truth.indices.map { #""response_\#($0 + 1)":"\#(id)-\#($0)""# }
    return
      #"{"id":"\#(id)","prompt":"q","scores":\#(truth),"sampled_conflict_pairs":\#(conflicts),"#
      + responses.joined(separator: ",") + "}"
  }

  @Test("best of k: the curve's end, its height, its distance to the best choice, AUC and pairs")
  func bestOfK() throws {
    let rows = [
      Self.row("x", [1, 0, 0], "[[0,1],[2,0]]"), Self.row("y", [0, 1, 1], "[[0,1]]"),
    ]
    let path = try folder.file(rows.joined(separator: "\n"), "math.jsonl")
    let benchmark = try BenchmarkCatalogue.load("ppe-best-of-k", path: path)
    #expect(benchmark.items.map(\.chosen) == [["x-0"], ["y-1", "y-2"]])
    // x: the right one has 2, the wrong ones 3 and 1. y: all have the same.
    let records = [
      BenchmarkRecord(id: "x", chosen: [2], rejected: [3, 1]),
      BenchmarkRecord(id: "y", chosen: [5, 5], rejected: [5]),
    ]
    let results = try benchmark.results(records)
    let figures = try #require(results.named["math"])
    // x: of one 1/3, of two only {2, 1} is right: 1/3, of three none. y: always 2/3.
    // Their means: 1/2, 1/2, 1/3; of the best choice (1/3 + 2/3)/2, (2/3 + 1)/2, 1.
    #expect(isClose(figures["end score"], 1.0 / 3) && isClose(figures["max score"], 0.5))
    #expect(isClose(figures["loss"], (0 + 1.0 / 9 + 4.0 / 9) / 3))
    #expect(isClose(results.sections["overall"]?.accuracy, 1.0 / 3))
    // Scaled: right 0.5, 0.5, 0.5; wrong 1, 0, 0.5: each right one beats one of three and ties with one.
    #expect(isClose(figures["AUC"], 0.5))
    // x: 2 does not beat 3 and beats 1; y: equal scores are wrong.
    #expect(isClose(figures["pairs"], 0.25))
  }

  @Test("best of k: a prompt without a right response is never right")
  func noneRight() throws {
    let path = try folder.file(Self.row("x", [0, 0], "[]"), "math.jsonl")
    let benchmark = try BenchmarkCatalogue.load("ppe-best-of-k", path: path)
    let results = try benchmark.results([BenchmarkRecord(id: "x", chosen: [], rejected: [2, 1])])
    #expect(results.sections["overall"]?.accuracy == 0)
    #expect(results.named["math"] == ["end score": 0, "max score": 0, "loss": 0])
  }

  /// Four battles of each two models, of which the first wins so many; all of it several times.
  private func battles(repeats: Int) throws -> (any Benchmark, [(String, String)]) {
    let wins = [
      ("a", "b", 2), ("a", "c", 3), ("a", "d", 4), ("b", "c", 3), ("b", "d", 3), ("c", "d", 3),
    ]
    var (rows, pairs): ([String], [(String, String)]) = ([], [])
    for _ in 0..<repeats {
      for (first, second, count) in wins {
        for battle in 0..<4 {
          let winner = battle < count ? "model_a" : "model_b"
          rows.append(
            #"{"prompt":"q","response_1":"r","response_2":"s","model_a":"\#(first)","#
              + #""model_b":"\#(second)","winner":"\#(winner)"}"#
          )
          pairs.append((first, second))
        }
      }
    }
    let path = try folder.file(rows.joined(separator: "\n"), "human.jsonl")
    return (try BenchmarkCatalogue.load("ppe", path: path), pairs)
  }

  private func figures(repeats: Int, isRight: ((String, String)) -> Bool) throws -> [String: Double]
  {
    let (benchmark, pairs) = try battles(repeats: repeats)
    let records = zip(benchmark.items, pairs).map { item, pair in
      BenchmarkRecord(
        id: item.id,
        chosen: [isRight(pair) ? 1 : 0],
        rejected: [isRight(pair) ? 0 : 1]
      )
    }
    return try #require(try benchmark.results(records).named["human"])
  }

  @Test("human preference: scores that say what people said rank the models as they do")
  func agreeing() throws {
    let same = try figures(repeats: 10) { _ in true }
    let other = try figures(repeats: 10) { _ in false }
    for name in ["row-wise Pearson", "Spearman", "Kendall"] {
      #expect(isClose(same[name], 1) && isClose(other[name], -1))
    }
    let told = try #require(same["separability"])
    #expect(told > 0 && told <= 1)
    #expect(isClose(same["confidence agreement"], told))
    #expect(isClose(other["confidence agreement"], -told))
  }

  @Test("human preference: two models that change places")
  func exchanged() throws {
    // Of 12 battles people give a 9, b 8, c 5, d 2; with those of b and c turned round b has 6 and c 7.
    let figures = try figures(repeats: 1) { $0 != ("b", "c") }
    #expect(isClose(figures["Spearman"], 1 - 6 * 2.0 / (4 * 15)))
    #expect(isClose(figures["Kendall"], (5 - 1) / 6.0))
    // a and d win as often as before: 1. b against a, c, d: .5, .75, .75 and then .5, .25, .75: 0.
    // c against a, b, d: .25, .25, .75 and then .25, .75, .75: (1/12) / (1/6).
    #expect(isClose(figures["row-wise Pearson"], (1 + 0 + 0.5 + 1) / 4))
    // 24 battles tell no two models apart but those that are furthest.
    #expect((figures["separability"] ?? 1) < 0.5)
  }

  @Test("human preference without models, or of two alone, has no ranking")
  func unnamed() throws {
    let row = #"{"prompt":"q","response_1":"r","response_2":"s","winner":"model_a"}"#
    let path = try folder.file(row, "human.jsonl")
    let benchmark = try BenchmarkCatalogue.load("ppe", path: path)
    let results = try benchmark.results(
      [BenchmarkRecord(id: benchmark.items[0].id, chosen: [1], rejected: [0])]
    )
    #expect(results.named.isEmpty)
  }
}

/// What annotators' agreement allows, and what tokens cost.
@Suite struct CeilingTests {
  private let folder = TestFolder()

  @Test("the page of labels by several annotators marks the agreement ceiling on its first screen")
  func page() throws {
    let rows = [[1, 1, 2], [0, 1, 2]].map { votes in
      #"{"instruction":"i","input":"","response1":"a","response2":"b","annotator1":\#(votes[0]),"#
        + #""annotator2":\#(votes[1]),"annotator3":\#(votes[2])}"#
    }
    let path = try folder.file(rows.joined(separator: "\n"))
    let benchmark = try BenchmarkCatalogue.load("pandalm", path: path)
    let records = benchmark.items.map {
      BenchmarkRecord(id: $0.id, content: .verdicts([.chosen, .chosen]))
    }
    let part = ResultsFile.Evaluation.Part(benchmark, records)
    // Two of three say the same, then one of three: (2/3 + 1/3) / 2.
    #expect(isClose(part.agreementCeiling?["overall"], 0.5))
    let tally = RunPage.tally(benchmark, records, rule: nil)
    let html = try RunPage("pandalm", runs: ["m"], [tally]).html(
      ResultsFile(
        seconds: nil,
        methods: ["m": ["pandalm": try benchmark.results(records).sections]]
      ),
      part: part
    )
    let first = try #require(html.components(separatedBy: "<h2>Most informative").first)
    #expect(first.contains("the agreement ceiling of the annotators: 50.0 %"))
    #expect(first.contains("agreement ceiling</span> <b> 50.0 %"))
    #expect(part.remarks.contains { $0.contains("more than 50.0 %") })
    let other = try folder.file(pairLines([("i", "s")]), "pairs.jsonl")
    let pairs = try BenchmarkCatalogue.load("pairs", path: other)
    let alone = ResultsFile.Evaluation.Part(
      pairs,
      [BenchmarkRecord(id: "i", chosen: [1], rejected: [0])]
    )
    #expect(alone.agreementCeiling == nil)
  }

  @Test("1,000 items cost what their tokens do")
  func price() {
    // 2 items: 3,000 tokens read, 500 written. 1,000 of them: 1.5 million and 0.25 million.
    let price = TokenPrice(prompt: 0.2, completion: 4)
    let tokens = TokenCount(prompt: 3000, completion: 500)
    #expect(isClose(price.cost(of: tokens, per: 2), 1.5 * 0.2 + 0.25 * 4))
    #expect(price.text(of: tokens, per: 2) == "$1.30")
    // Less than a dollar has two digits: 10,000 x 0.15 + 2,000 x 0.6 millionths.
    let cheap = TokenPrice(prompt: 0.15, completion: 0.6)
    #expect(cheap.text(of: TokenCount(prompt: 10, completion: 2), per: 1) == "$0.0027")
    #expect(price.text == "$0.2 read and $4 written")
  }
}
