import AssayBase
import AssayData
import AssayEvaluate
import AssayReward
import AssayText
import Foundation
import Testing

@Suite struct DiagnosisTests {
  private let folder = TestFolder()

  private func benchmark(_ rows: [(prompt: String, chosen: String, rejected: String)]) throws
    -> any Benchmark
  {
    let lines = rows.enumerated().map {
      #"{"id": "\#($0)", "prompt": "\#($1.prompt)", "chosen": "\#($1.chosen)", "rejected": "\#($1.rejected)"}"#
    }
    return try BenchmarkCatalogue.load(
      "pairs",
      path: try folder.file(lines.joined(separator: "\n"))
    )
  }

  private func records(_ benchmark: any Benchmark, _ margin: (Int) -> Double) -> [BenchmarkRecord] {
    benchmark.items.enumerated().map {
      BenchmarkRecord(id: $1.id, chosen: [margin($0)], rejected: [0])
    }
  }

  @Test(
    "training prompts among the items are found, exactly and nearly, and left out of one figure"
  )
  func leaks() throws {
    let long = "a b c d e f g h i j k l m n o p q r s t"
    // Of the 13 runs of eight words of the first twenty, the last word changes one: 12 of 13 are known.
    let near = "a b c d e f g h i j k l m n o p q r s X"
    // Only the first half is known: 3 of 13 runs.
    let other = "a b c d e f g h i j 1 2 3 4 5 6 7 8 9 0"
    let benchmark = try benchmark(
      ["  HELLO   there", near, other, "new"].map { ($0, "good", "bad") }
    )
    let pairs = ["hello there", long].enumerated().map {
      PreferencePair(id: "\($0)", prompt: [.user($1)], chosen: "x", rejected: "y")
    }
    let leaks = TrainingLeaks(files: ["train.jsonl"], pairs)
    #expect(benchmark.items.map { leaks.kind(of: $0.prompt) } == [.exact, .near, nil, nil])
    // The items that are learnt from are right, one of the two others is.
    let figures = leaks.figures(benchmark, records(benchmark) { $0 < 3 ? 1 : -1 }, rule: nil)
    #expect(figures.exact == 1 && figures.near == 1 && figures.share == 0.5)
    #expect(figures.clean?.accuracy == 0.5 && figures.clean?.n == 2)
  }

  @Test("baselines know nothing: longer, constant, chance and shuffled scores")
  func baselines() throws {
    // The better response is longer in three of four.
    let rows = (0..<200).map { index in
      ("q\(index)", index % 4 == 0 ? "a" : "abc", "ab")
    }
    let benchmark = try benchmark(rows.map { (prompt: $0.0, chosen: $0.1, rejected: $0.2) })
    let figures = Baselines.figures(benchmark, records(benchmark) { _ in 1 }, rule: nil)
    #expect(figures["longer"]?["overall"] == 0.75 && figures["constant"]?["overall"] == 0.5)
    // 3,200 draws of one half: three standard errors are 0.027.
    #expect(abs((figures["chance"]?["overall"] ?? 0) - 0.5) < 0.03)
    // Half of the scores are 1 and half 0: a draw without putting back is right in about one of four, and
    // a tie in two of them.
    #expect(abs((figures["shuffled"]?["overall"] ?? 0) - 0.5) < 0.03)
    let judged = benchmark.items.map {
      BenchmarkRecord(id: $0.id, content: .verdicts([.chosen, .chosen]))
    }
    let turned = Baselines.figures(benchmark, judged, rule: nil)["shuffled"]?["overall"] ?? 0
    #expect(abs(turned - 0.5) < 0.03)
  }

  @Test(
    "wrong labels are estimated where sure scores contradict them, and none where none do",
    arguments: [0.0, 0.1, 0.25]
  )
  func noise(share: Double) throws {
    var covered = 0
    for seed in 0..<20 {
      var random = SeededRandom(UInt64(seed))
      let margins = (0..<600).map { _ -> Double in
        let size = 6 * random.unit()
        let isRight = random.unit() < 1 / (1 + exp(-size))
        return (isRight != (random.unit() < share)) ? size : -size
      }
      let estimate = try #require(LabelNoise.estimate(margins))
      #expect(abs(estimate.value - share) < 0.1)
      if estimate.lower <= share + 0.005, estimate.upper >= share - 0.005 { covered += 1 }
    }
    // 95 of 100, and never fewer than 16 of 20 but once in 400.
    #expect(covered >= 16)
    #expect(LabelNoise.estimate([1, 2, 3]) == nil)
  }

  @Test("pairs that repeat or contradict an earlier one are counted")
  func labels() throws {
    let benchmark = try benchmark([
      ("q", "a", "b"), ("q", "b", "a"), ("q", "a", "b"), ("r", "b", "a"),
    ])
    let labels = LabelNoise.figures(benchmark.items, records(benchmark) { _ in 1 })
    #expect(labels.contradicting == 2 && labels.repeated == 1 && labels.noise == nil)
  }

  // a right on 0..<6, b on 3..<9, c as a, of 10: a and b alike on 3, 4, 5 and 9: 0.4; by chance
  // 0.6 * 0.6 + 0.4 * 0.4 = 0.52, kappa -0.12 / 0.48 = -0.25. None right: the last, expected 10 * 0.4^3.
  @Test("several runs: agreement two by two, and items that none has right")
  func agreement() throws {
    let benchmark = try benchmark((0..<10).map { ("q\($0)", "good", "bad") })
    let tallies = [0..<6, 3..<9, 0..<6].map { range in
      RunPage.tally(benchmark, records(benchmark) { range.contains($0) ? 1 : -1 }, rule: nil)
    }
    let found = try RunAgreement("pairs", runs: ["a", "b", "c"], tallies)
    #expect(found.pairs.map(\.runs) == [["a", "b"], ["a", "c"], ["b", "c"]])
    #expect(isClose(found.pairs[0].same.value, 0.4) && isClose(found.pairs[0].kappa, -0.25))
    #expect(found.pairs[1].same.value == 1 && found.pairs[1].kappa == 1)
    #expect(found.noneRight == ["9"] && isClose(found.noneRightExpected, 0.64))
    #expect(found.table.rows[0].prefix(3) == ["a", "b", "10"])
  }

  @Test("what a shuffled head recorded is a baseline like the others")
  func others() throws {
    let benchmark = try benchmark((0..<4).map { ("q\($0)", "good", "bad") })
    let own = records(benchmark) { _ in 1 }
    let part = ResultsFile.Evaluation.Part(
      benchmark,
      own,
      others: [ShuffledHead.name: records(benchmark) { $0 == 0 ? 1 : -1 }]
    )
    #expect(part.baselines?[ShuffledHead.name]?["overall"] == 0.25)
    #expect(part.baselineSentence?.contains("its head shuffled 25.0 %") == true)
  }

  // 40 pairs, of which the 20 surest are right and 10 of the others: half are answered with 100 %, all with
  // 75 %; 90 % right are the surest 20 + k, of which k are right and k wrong in turn: k = 4 is 22 of 24.
  @Test("the first screen has the coverage of the surest, rows left out and the model's own scores")
  func screen() throws {
    let benchmark = try benchmark((0..<40).map { ("q\($0)", "good", "bad") })
    let own = records(benchmark) { index in
      let size = 40.0 - Double(index)
      return index < 20 || index % 2 == 0 ? size / 10 : -size / 10
    }
    let tally = RunPage.tally(benchmark, own, rule: nil)
    var part = ResultsFile.Evaluation.Part(benchmark, own)
    part.leftOut = 3
    let results = try benchmark.results(own)
    let html = try RunPage("pairs", runs: ["m"], [tally]).html(
      ResultsFile(seconds: nil, methods: ["m": ["pairs": results.sections]]),
      part: part,
      facts: [RecordSettings.golden: "within 1e-06", "--seed": "7"]
    )
    #expect(html.contains("90 % right: on the surest"))
    #expect(html.contains("share answered, the surest first"))
    #expect(html.contains("3 left out") && html.contains("within 1e-06"))
    #expect(html.contains("one (7)"))
  }

  @Test("tables in Markdown and as comma-separated values")
  func formats() {
    var table = TextTable([("a|b", .left), ("n", .right)])
    table.rows = [["x, \"y\"", "1"]]
    #expect(table.markdown == "| a\\|b | n |\n| --- | ---: |\n| x, \"y\" | 1 |\n")
    #expect(table.csv == "a|b,n\r\n\"x, \"\"y\"\"\",1\r\n")
  }
}
