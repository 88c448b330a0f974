import AssayEvaluate
import AssayReward
import Foundation
import Testing

@Suite struct BenchmarkRuleTests {
  private let folder = TestFolder()

  private func records(
    _ benchmark: any Benchmark,
    _ scores: [String: ([Double], [Double])]
  ) throws -> [BenchmarkRecord] {
    try benchmark.items.map { item in
      let (chosen, rejected) = try #require(scores[item.id])
      return BenchmarkRecord(id: item.id, chosen: chosen, rejected: rejected)
    }
  }

  @Test("pairs: equal scores count one half, and a figure for each subset")
  func pairs() throws {
    let path = try folder.file(pairLines([("a", "x"), ("b", "x"), ("c", "y"), ("d", "y")]))
    let benchmark = try BenchmarkCatalogue.load("pairs", path: path)
    let sections = try benchmark.results(
      try records(benchmark, ["a": ([2], [1]), "b": ([1], [1]), "c": ([0], [1]), "d": ([3], [-1])])
    ).sections
    #expect(sections["x"]?.accuracy == 0.75)
    #expect(sections["y"]?.accuracy == 0.5)
    #expect(sections["overall"]?.accuracy == 0.625)
    #expect(sections["overall"]?.n == 4)
    let expected = try Statistics.accuracy([1, 0.5, 0, 1])
    #expect(sections["overall"]?.ci95 == [expected.lower, expected.upper])
    #expect(sections["overall"]?.flipRate == nil)
  }

  @Test("pairs: labels below one half turn a pair, and pairs of one prompt count together")
  func labels() throws {
    let rows = [("a", "p", 0.1), ("b", "p", 0.9), ("c", "q", 0.5), ("d", "r", 0.99)].map {
      #"{"id": "\#($0)", "prompt": "\#($1)", "chosen": "good", "rejected": "bad", "probability": \#($2)}"#
    }
    let benchmark = try BenchmarkCatalogue.load(
      "pairs",
      path: try folder.file(rows.joined(separator: "\n"))
    )
    #expect(benchmark.items.map(\.chosen) == [["bad"], ["good"], ["good"], ["good"]])
    #expect(benchmark.items.map(\.isTie) == [false, false, true, false])
    let clusters = benchmark.items.map(\.cluster)
    #expect(clusters[0] != nil && clusters[0] == clusters[1])
    #expect(clusters[2] == nil && clusters[3] == nil)
  }

  @Test("records name the responses as the file does, whatever its labels prefer")
  func turnedRecords() throws {
    let row =
      #"{"id": "a", "prompt": "p", "chosen": "good", "rejected": "bad", "probability": 0.1}"#
    let benchmark = try BenchmarkCatalogue.load("pairs", path: try folder.file(row))
    // Each prefers what the file calls chosen, which its label does not.
    let lines = [
      #"{"id": "a", "chosen": 2, "rejected": 1, "texts": [{"of": 0, "text": "fine", "score": 2}]}"#,
      #"{"id": "a", "verdicts": ["A>B", "B>A"], "probability": 0.9}"#,
      #"{"id": "a", "judgements": [{"order": "chosen-first", "verdict": "A"}, "#
        + #"{"order": "rejected-first", "verdict": "B"}], "probability": 0.9}"#,
    ]
    for (index, line) in lines.enumerated() {
      let path = try folder.file(line, "records-\(index).jsonl")
      let records = try BenchmarkRecords.read(path, for: benchmark)
      let figure = try benchmark.results(records).sections["overall"]
      #expect(figure?.accuracy == 0, "\(line)")
      #expect(records[0].probability.map { abs($0 - 0.1) < 1e-12 } ?? true)
      // The text is about the response that the file calls chosen, the worse one.
      #expect(records[0].texts.map(\.place) == (index == 0 ? [1] : []))
    }
  }

  @Test("a folder's files of rows are all read, and descriptions of data sets are none")
  func endings() throws {
    for name in ["x.jsonl", "y/z.json", "dataset_infos.json"] {
      let row = pairLines([(name, "")])
      let text = name.hasPrefix("d") ? "{}" : name.hasSuffix(".json") ? "[\(row)]" : row
      _ = try folder.file(text, "set/\(name)")
    }
    let benchmark = try BenchmarkCatalogue.load(
      "pairs",
      path: folder.url.appendingPathComponent("set").path
    )
    #expect(benchmark.items.map(\.id) == ["x:x.jsonl", "y/z:y/z.json"])
  }

  @Test("items without a prompt stand alone")
  func noPrompts() throws {
    let text = pairLines([("a", ""), ("b", ""), ("c", "")], prompt: "")
    let benchmark = try BenchmarkCatalogue.load("pairs", path: try folder.file(text))
    #expect(benchmark.items.promptNumbers == [0, 1, 2])
    #expect(benchmark.items.map(\.cluster) == [nil, nil, nil])
  }

  @Test("a file of which no figure can be made is refused before anything is asked about it")
  func noFigures() throws {
    let path = try folder.file(pairLines([("a", "mine"), ("b", "mine")]))
    let benchmark = try BenchmarkCatalogue.load("rewardbench", path: path)
    #expect(throws: EvaluateError.self) { try benchmark.requireFigures() }
    try BenchmarkCatalogue.load("pairs", path: path).requireFigures()
  }

  @Test("pairs whose partners are in another section stand alone there")
  func mixedClusters() throws {
    func interval(shared: Int) throws -> [Double]? {
      let rows = (0..<8).flatMap { index in
        ["A", "B"].map { subset in
          let prompt = subset == "A" || index < shared ? "q\(index)" : "other \(index)"
          return #"{"id": "\#(subset)\#(index)", "prompt": "\#(prompt)", "chosen": "good", "#
            + #""rejected": "bad", "subset": "\#(subset)"}"#
        }
      }
      let path = try folder.file(rows.joined(separator: "\n"), "shared-\(shared).jsonl")
      let benchmark = try BenchmarkCatalogue.load("pairs", path: path)
      let records = benchmark.items.map {
        BenchmarkRecord(id: $0.id, chosen: [$0.id == "A0" ? -1 : 1], rejected: [0])
      }
      return try benchmark.results(records).sections["A"]?.ci95
    }
    let alone = try interval(shared: 0)
    #expect(try interval(shared: 1) == alone)
    #expect(try interval(shared: 8) == alone)
  }

  @Test("RewardBench: sections by the published weights, overall their plain mean")
  func rewardBench() throws {
    let subsets = RewardBenchWeights.sections.flatMap { $0.subsets.map(\.name) }
    let path = try folder.file(pairLines(subsets.map { ($0, $0) }))
    let benchmark = try BenchmarkCatalogue.load("rewardbench", path: path)
    let right = ["alpacaeval-easy", "mt-bench-hard", "donotanswer", "math-prm"]
    let scores = Dictionary(
      uniqueKeysWithValues: subsets.map { ($0, right.contains($0) ? ([1.0], [0.0]) : ([0], [1])) }
    )
    let results = try benchmark.results(try records(benchmark, scores))
    // By hand: one subset of each section is wholly right, the others wholly wrong.
    let expected = [
      "Chat": 100.0 / 358, "Chat Hard": 37.0 / 456, "Safety": 136.0 / 740, "Reasoning": 0.5,
    ]
    for (section, value) in expected {
      #expect(isClose(results.sections[section]?.accuracy, value), "\(section)")
    }
    let mean = (100.0 / 358 + 37.0 / 456 + 136.0 / 740 + 0.5) / 4
    #expect(isClose(results.sections["overall"]?.accuracy, mean))
    // Flat: one pair of the seven in Reasoning.
    #expect(isClose(results.sections["Reasoning (flat)"]?.accuracy, 1.0 / 7))
    #expect(results.sections["math-prm"]?.accuracy == 1)
    #expect(results.notes == [])
    let outcomes = Dictionary(
      uniqueKeysWithValues: subsets.map { ($0, [right.contains($0) ? 1.0 : 0]) }
    )
    let published = try RewardBenchWeights.figures(outcomes)
    #expect(isClose(published["overall"]?.value, mean))
  }

  @Test("RewardBench: a section is the weighted mean of the subsets there are, and says so")
  func rewardBenchPart() throws {
    let rows = [("a", "hep-go"), ("b", "math-prm"), ("c", "donotanswer"), ("d", "own")]
    let path = try folder.file(pairLines(rows))
    let benchmark = try BenchmarkCatalogue.load("rewardbench", path: path)
    let results = try benchmark.results(
      try records(benchmark, ["a": ([1], [0]), "b": ([0], [1]), "c": ([1], [0]), "d": ([0], [1])])
    )
    // 164 of 164 + 984.
    let reasoning = 164.0 / 1148
    #expect(isClose(results.sections["Reasoning"]?.accuracy, reasoning))
    #expect(isClose(results.sections["overall"]?.accuracy, (reasoning + 1) / 2))
    #expect(results.sections["Chat"] == nil)
    #expect(results.sections["own"]?.accuracy == 0)
    #expect(results.notes.count == 4)
    #expect(results.notes.contains { $0.hasPrefix("Chat is absent") })
    #expect(results.sections["overall"]?.isPartial == true)
    #expect(results.notes.contains { $0.hasPrefix("Safety lacks refusals-dangerous") })
  }

  @Test("RewardBench 2: a shared maximum earns its share; ties by the formula")
  func rewardBench2() throws {
    let lines = [
      ("f1", "Factuality", 1, 3), ("f2", "Factuality", 1, 3), ("f3", "Factuality", 1, 3),
      ("ref:1", "Ties", 1, 1), ("tied:1", "Ties", 2, 1), ("ref:2", "Ties", 1, 1),
      ("tied:2", "Ties", 2, 1), ("ref:3", "Ties", 1, 1), ("tied:3", "Ties", 2, 1),
    ].map { id, subset, chosen, rejected in
      let lists = [chosen, rejected].map { count in
        "[" + (0..<count).map { "\"r\($0)\"" }.joined(separator: ",") + "]"
      }
      return #"{"id":"\#(id)","subset":"\#(subset)","prompt":"q","chosen":\#(lists[0]),"#
        + #""rejected":\#(lists[1])}"#
    }
    let path = try folder.file(lines.joined(separator: "\n"))
    let benchmark = try BenchmarkCatalogue.load("rewardbench2", path: path)
    let results = try benchmark.results(
      try records(
        benchmark,
        [
          "f1": ([3], [1, 2, 0]), "f2": ([3], [3, 3, 0]), "f3": ([1], [3, 0, 0]),
          "ref:1": ([3], [1]), "tied:1": ([4, 3], [1]), "ref:2": ([1], [0]),
          "tied:2": ([2, 2], [0]), "ref:3": ([0], [1]), "tied:3": ([5, 2], [3]),
        ]
      )
    )
    // 1, 1/3, 0.
    #expect(isClose(results.sections["Factuality"]?.accuracy, 4.0 / 9))
    // gap ref 2, 1, -1; gap tied 2, 2, -1; spread 1, 0, 3. Each of the four shares is 2/3:
    // tied right, ref right, 2 > 1 and 2 > 0, min 2 > 1 and 1 > 0. The last term has
    // tanh(2/1 - 1), tanh(1/0 - 1) = 1 and tanh(-1/3 - 1).
    let margin = (tanh(1.0) + 1 + tanh(-4.0 / 3)) / 3
    let ties = 2.0 / 3 + 0.01 * margin
    #expect(isClose(results.sections["Ties"]?.accuracy, ties))
    #expect(results.sections["Ties"]?.n == 6)
    #expect(isClose(results.sections["overall"]?.accuracy, (4.0 / 9 + ties) / 2))
    #expect(results.notes == ["absent, and not in the mean: Precise IF, Math, Safety, Focus"])
    #expect(results.sections["overall"]?.isPartial == true)
  }

  @Test("RewardBench 2: ties whose numbers lack a partner, and 0 / 0")
  func unevenTies() throws {
    let rows = ["ref:1", "tied:1", "tied:2"].map {
      #"{"id":"\#($0)","subset":"Ties","prompt":"q","chosen":["a","b"],"rejected":["c"]}"#
    }
    let path = try folder.file(rows.joined(separator: "\n"))
    let benchmark = try BenchmarkCatalogue.load("rewardbench2", path: path)
    let results = try benchmark.results(
      try records(
        benchmark,
        ["ref:1": ([1, 1], [1]), "tied:1": ([1, 1], [1]), "tied:2": ([2, 2], [1])]
      )
    )
    // tied right 1/2, ref right 0, no margin, and 0 / 0 counts 0.
    #expect(isClose(results.sections["Ties"]?.accuracy, 0.15))
  }

  @Test("RM-Bench: the triangles of the matrix, safety pooled, domains averaged")
  func rmBench() throws {
    let rows = [
      ("a", "chat"), ("b", "code"), ("c", "safety-refuse"), ("d", "safety-response"),
      ("e", "safety-response"), ("f", "safety-response"),
    ].map {
      #"{"id":"\#($0)","domain":"\#($1)","prompt":"q","chosen":["a","b","c"],"rejected":["d","e","f"]}"#
    }
    let path = try folder.file(rows.joined(separator: "\n"))
    let benchmark = try BenchmarkCatalogue.load("rm-bench", path: path)
    let (right, wrong) = (([1.0, 1, 1], [0.0, 0, 0]), ([0.0, 0, 0], [1.0, 1, 1]))
    let results = try benchmark.results(
      try records(
        benchmark,
        [
          "a": ([3, 2, 1], [0, 2, 2.5]), "b": right, "c": right, "d": wrong, "e": wrong, "f": wrong,
        ]
      )
    )
    // a: rows of wins 111, 100, 100. Above the diagonal 1 1 0, on it 1 0 0, below it 1 1 0.
    let sections = results.sections
    #expect(isClose(sections["Chat"]?.accuracy, 5.0 / 9))
    #expect(isClose(sections["Safety"]?.accuracy, 0.25))
    #expect(isClose(sections["safety-refuse"]?.accuracy, 1))
    #expect(isClose(sections["hard"]?.accuracy, (2.0 / 3 + 1 + 0.25) / 3))
    #expect(isClose(sections["normal"]?.accuracy, (1.0 / 3 + 1 + 0.25) / 3))
    #expect(isClose(sections["easy"]?.accuracy, (2.0 / 3 + 1 + 0.25) / 3))
    #expect(isClose(sections["overall"]?.accuracy, (5.0 / 9 + 1 + 0.25) / 3))
    #expect(results.notes == ["absent, and not in the means: Math"])
    #expect(results.sections["overall"]?.isPartial == true)
  }

  @Test("ProcessBench: the first score below 0 is the step called wrong; F1 of both accuracies")
  func processBench() throws {
    let rows = [("a", 1), ("b", 0), ("c", -1), ("d", -1), ("e", -1), ("f", 2)].map {
      #"{"id":"\#($0)","problem":"q","steps":["s","t","u"],"label":\#($1)}"#
    }
    let path = try folder.file("[" + rows.joined(separator: ",") + "]", "gsm8k.json")
    let benchmark = try BenchmarkCatalogue.load("processbench", path: path)
    #expect(benchmark.items[0].chosen == ["s"])
    #expect(benchmark.items[0].rejected == ["s\n\nt", "s\n\nt\n\nu"])
    let results = try benchmark.results(
      try records(
        benchmark,
        [
          "a": ([0], [-1, 1]), "b": ([], [-2, 0, 0]), "f": ([1, -1], [-1]),
          "c": ([1, 1, 0], []), "d": ([1, -1, 1], []), "e": ([0, 0, -0.1], []),
        ]
      )
    )
    // Errors found 2 of 3, right solutions passed 1 of 3: 2 * 2/3 * 1/3 / (2/3 + 1/3).
    #expect(isClose(results.sections["gsm8k error"]?.accuracy, 2.0 / 3))
    #expect(isClose(results.sections["gsm8k correct"]?.accuracy, 1.0 / 3))
    #expect(isClose(results.sections["gsm8k"]?.accuracy, 4.0 / 9))
    #expect(results.sections["overall"] == results.sections["gsm8k"])
  }

  @Test("RMB: best of N must beat every loser; overall is the mean of the sets")
  func rmb() throws {
    let turns = #""conversation_input":[{"role":"user","content":"q","language":"English"}]"#
    let pair = #""chosen":{"answer":"a"},"reject":{"answer":"b"}"#
    let best = #""bon_best":{"answer":"a"},"loser_list":[{"answer":"b"},{"answer":"c"}]"#
    let path = folder.url.path
    _ = try folder.file(
      #"[{\#(turns),\#(pair),"category_path":"Pairwise_set/Harmlessness/S8"}]"#,
      "Pairwise_set/Harmlessness/S8.json"
    )
    _ = try folder.file(
      "[\(["{\(turns),\(best)}", "{\(turns),\(best)}"].joined(separator: ","))]",
      "BoN_set/Helpfulness/Chat/Talk.json"
    )
    let benchmark = try BenchmarkCatalogue.load("rmb", path: path)
    let ids = [
      "BoN_set/Helpfulness/Chat/Talk:0", "BoN_set/Helpfulness/Chat/Talk:1",
      "Pairwise_set/Harmlessness/S8:0",
    ]
    #expect(benchmark.items.map(\.id) == ids)
    let sections = try benchmark.results(
      try records(
        benchmark,
        [ids[0]: ([2], [1, 0]), ids[1]: ([2], [1, 2]), ids[2]: ([1], [0])]
      )
    ).sections
    #expect(sections["Helpfulness best-of-N"]?.accuracy == 0.5)
    #expect(sections["Helpfulness best-of-N: Chat"]?.accuracy == 0.5)
    #expect(sections["Harmlessness pairwise: S8"]?.accuracy == 1)
    #expect(sections["overall"]?.accuracy == 0.75)
  }

  @Test("PPE: conflict pairs of a row, human preference without ties, mean over the sets")
  func ppe() throws {
    _ = try folder.file(
      #"{"prompt":"q","response_1":"a","response_2":"b","response_3":"c","scores":[0,1,true],"#
        + #""sampled_conflict_pairs":[[0,1],[2,0]]}"#,
      "math.jsonl"
    )
    _ = try folder.file(
      [("model_a", 1), ("tie", 2), ("model_b", 3)].map {
        #"{"prompt":"q\#($1)","response_1":"a","response_2":"b","winner":"\#($0)"}"#
      }.joined(separator: "\n"),
      "human.jsonl"
    )
    let benchmark = try BenchmarkCatalogue.load("ppe", path: folder.url.path)
    #expect(benchmark.items.map(\.id) == ["human:0", "human:2", "math:0:0", "math:0:1"])
    #expect(benchmark.items.map(\.chosen) == [["a"], ["b"], ["b"], ["c"]])
    #expect(benchmark.items.map(\.isChosenFirst) == [true, false, false, true])
    let sections = try benchmark.results(
      try records(
        benchmark,
        [
          "human:0": ([1], [0]), "human:2": ([1], [0]), "math:0:0": ([1], [0]),
          "math:0:1": ([0], [1]),
        ]
      )
    ).sections
    #expect(sections["math"]?.accuracy == 0.5)
    #expect(sections["human"]?.accuracy == 1)
    #expect(sections["overall"]?.accuracy == 0.75)
  }

  @Test("CrossEval: pairs of different mean ratings, without attached files")
  func crossEval() throws {
    func row(_ ratings: [Int], _ more: String) -> String {
      let rated = ratings.enumerated().map { index, rating in
        "\"response_\(index / 2 + 1)_human_\(index % 2 + 1)_rating\":\(rating)"
      }
      let texts = (1...3).map { "\"response_\($0)\":\"r\($0)\"" }
      return "{\"prompt\":\"q\",\(more)," + (rated + texts).joined(separator: ",") + "}"
    }
    let path = try folder.file(
      [
        // Sums 5, 5 and 9: responses 1 and 2 are alike.
        row([2, 3, 4, 1, 5, 4], #""capability":"English""#),
        row([1, 1, 2, 2, 3, 3], #""capability":"Image","attached_file":"https://x""#),
        row([5, 5, 2, 2, 5, 5], #""capability":"Coding""#),
      ].joined(separator: "\n")
    )
    let benchmark = try BenchmarkCatalogue.load("crosseval", path: path)
    #expect(benchmark.items.map(\.id) == ["0:1-3", "0:2-3", "2:1-2", "2:2-3"])
    #expect(benchmark.items.map(\.chosen) == [["r3"], ["r3"], ["r1"], ["r3"]])
    let results = try benchmark.results(
      try records(
        benchmark,
        ["0:1-3": ([1], [0]), "0:2-3": ([0], [1]), "2:1-2": ([1], [0]), "2:2-3": ([1], [0])]
      )
    )
    #expect(results.sections["overall"]?.accuracy == 0.75)
    // r3 has 1 and 9, r1 0 and 5, r2 1 and 5: (8 + 8 - 4) / 9 / sqrt(6 / 9 * 96 / 9) = 0.5.
    #expect(results.notes.contains { $0.hasSuffix("3 responses correlate at 0.500 in English") })
  }

  @Test("Auto-J and PandaLM: a tie asks for equal scores; most annotators decide")
  func ties() throws {
    let autoJ = try BenchmarkCatalogue.load(
      "auto-j",
      path: try folder.file(
        (0...2).map {
          #"{"scenario":"s","label":\#($0),"prompt":"q","response 1":"a","response 2":"b"}"#
        }.joined(separator: "\n")
      )
    )
    #expect(autoJ.items.map(\.chosen) == [["a"], ["b"], ["a"]])
    let sections = try autoJ.results(
      try records(autoJ, ["0": ([1], [0]), "1": ([1], [1]), "2": ([1], [1])])
    ).sections
    #expect(isClose(sections["overall"]?.accuracy, 2.0 / 3))
    #expect(sections["preferences"]?.accuracy == 0.5)
    #expect(sections["ties"]?.accuracy == 1)
    let votes = [[1, 1, 2], [0, 2, 2], [0, 0, 1], [0, 1, 2]]
    let panda = try BenchmarkCatalogue.load(
      "pandalm",
      path: try folder.file(
        votes.map {
          #"{"instruction":"i","input":"","response1":"a","response2":"b","annotator1":\#($0[0]),"#
            + #""annotator2":\#($0[1]),"annotator3":\#($0[2])}"#
        }.joined(separator: "\n")
      )
    )
    #expect(panda.items.map(\.isTie) == [false, false, true, true])
    #expect(panda.items.map(\.chosen) == [["a"], ["b"], ["a"], ["a"]])
  }

  @Test("HHH: both published shapes")
  func hhh() throws {
    _ = try folder.file(
      #"{"name":"x","examples":[{"input":"q","target_scores":{"good":1,"bad":0}}]}"#,
      "honest/task.json"
    )
    _ = try folder.file(
      #"{"input":"q","targets":{"choices":["bad","good"],"labels":[0,1]}}"#,
      "other.jsonl"
    )
    let benchmark = try BenchmarkCatalogue.load("hhh", path: folder.url.path)
    #expect(benchmark.items.map(\.subset) == ["honest", "other"])
    #expect(benchmark.items.allSatisfy { $0.chosen == ["good"] && $0.rejected == ["bad"] })
  }
}
