import AssayEvaluate
import Foundation
import Testing

@Suite struct BenchmarkVerdictTests {
  private let folder = TestFolder()

  private func judgeBench(_ labels: [String]) throws -> any Benchmark {
    let lines = labels.enumerated().map {
      #"{"pair_id":"p\#($0)","source":"livebench-math","question":"q","response_A":"a","#
        + #""response_B":"b","label":"\#($1)"}"#
    }
    return try BenchmarkCatalogue.load(
      "judgebench",
      path: try folder.file(lines.joined(separator: "\n"))
    )
  }

  private func results(
    _ benchmark: any Benchmark,
    _ verdicts: [String],
    _ rule: UnparseableRule? = nil
  ) throws -> BenchmarkResults {
    let lines = zip(benchmark.items, verdicts).map { #"{"id":"\#($0.id)","verdicts":\#($1)}"# }
    let path = try folder.file(lines.joined(separator: "\n"), "verdicts.jsonl")
    return try benchmark.results(
      try BenchmarkRecords.read(path, for: benchmark),
      unparseable: rule
    )
  }

  @Test(
    "JudgeBench: right and tie passes, right and wrong fails",
    arguments: [
      (#"["A>B","B>A"]"#, 1.0), (#"["A>B","A=B"]"#, 1), (#"["A=B","B>A"]"#, 1),
      (#"["A>B","A>B"]"#, 0), (#"["B>A","A>B"]"#, 0), (#"["A=B","A=B"]"#, 0),
      (#"["A>B",null]"#, 1), (#"["B>A",null]"#, 0), (#"["?","?"]"#, 0),
    ]
  )
  func judgeBenchRule(verdicts: String, expected: Double) throws {
    let benchmark = try judgeBench(["A>B"])
    #expect(try results(benchmark, [verdicts]).sections["overall"]?.accuracy == expected)
  }

  @Test("JudgeBench: where B is better, B>A is right in the first order and A>B in the second")
  func otherLabel() throws {
    let benchmark = try judgeBench(["B>A", "B>A"])
    let sections = try results(benchmark, [#"["B>A","A>B"]"#, #"["A>B","B>A"]"#]).sections
    #expect(sections["overall"]?.accuracy == 0.5)
    #expect(sections["Math"] == sections["livebench-math"])
    #expect(sections["overall"]?.flipRate == 0)
  }

  @Test("elsewhere the orders are averaged, and what cannot be read counts one half")
  func averaged() throws {
    let benchmark = try BenchmarkCatalogue.load(
      "pairs",
      path: try folder.file(pairLines(["a", "b", "c", "d"].map { ($0, "s") }))
    )
    let verdicts = [#"["A>B","B>A"]"#, #"["A>B","A>B"]"#, #"["[?]","B>A"]"#, #"[null,""]"#]
    let half = try results(benchmark, verdicts)
    // 1, 1/2, 3/4, 1/2.
    let whole = try #require(half.sections["overall"])
    #expect(whole.accuracy == 0.6875 && whole.n == 4)
    // Only a is right in both orders; b contradicts itself, and c differs too; 3 of 8 cannot be read.
    #expect(whole.strict == 0.25 && whole.flipRate == 0.25 && whole.inconsistentRate == 0.5)
    #expect(whole.unparseableRate == 0.375 && whole.missingRate == 0.375)
    // The first one shown is A in either order: of five verdicts b's two and a's first one say so.
    #expect(whole.firstShare == 0.6)
    // What each rule makes of it.
    #expect(half.notes.count == 1)
    let missing = try results(benchmark, verdicts, .missing)
    // 1, 1/2, 1 of the one that can be read; d is left out, which the notes say too.
    #expect(isClose(missing.sections["overall"]?.accuracy ?? 0, 2.5 / 3))
    #expect(missing.sections["overall"]?.n == 3 && missing.notes.count == 2)
    let text = String(
      decoding: try ResultsFile(seconds: 1, methods: ["m": ["pairs": half.sections]]).json(),
      as: UTF8.self
    )
    #expect(text.contains("\"flip_rate\" : 0.25") && text.contains("\"both_right\" : 0.25"))
    #expect(text.contains("\"unparseable_rate\" : 0.375"))
    #expect(text.contains("\"first_share\" : 0.6"))
  }

  @Test("without any verdict there is no figure of those that are read")
  func nothing() throws {
    let benchmark = try BenchmarkCatalogue.load(
      "pairs",
      path: try folder.file(pairLines([("a", "s")]))
    )
    #expect(
      sentence { _ = try results(benchmark, [#"["?","?"]"#], .missing) }
        == "No figure of pairs can be computed: none of the 1 items has a verdict that can be read."
    )
  }

  @Test("Auto-J: a judge must call a tie")
  func tie() throws {
    let benchmark = try BenchmarkCatalogue.load(
      "auto-j",
      path: try folder.file(#"{"label":2,"prompt":"q","response 1":"a","response 2":"b"}"#)
    )
    #expect(
      try results(benchmark, [#"["A=B","A>B"]"#]).sections["overall"]?.accuracy == 0.5
    )
  }

  // The authors count right and wrong 0 (their sum is 0), right and tie 1; the one rule 1/2 and 3/4.
  @Test("JudgeBench: beside the authors' figure the mean over orders")
  func orders() throws {
    let benchmark = try judgeBench(["A>B", "A>B"])
    let sections = try results(benchmark, [#"["A>B","A>B"]"#, #"["A>B","A=B"]"#]).sections
    #expect(sections["overall"]?.accuracy == 0.5)
    #expect(sections["mean over orders"]?.accuracy == 0.625)
    let scored = try benchmark.results(
      benchmark.items.map { BenchmarkRecord(id: $0.id, chosen: [1], rejected: [0]) }
    )
    #expect(scored.sections["mean over orders"] == nil)
  }

  @Test("LLMBar: A is output_1, whichever is better")
  func llmbar() throws {
    let benchmark = try BenchmarkCatalogue.load(
      "llmbar",
      path: try folder.file(#"[{"input":"q","output_1":"a","output_2":"b","label":2}]"#, "N.json")
    )
    #expect(try results(benchmark, [#"["B>A","A>B"]"#]).sections["N"]?.accuracy == 1)
    #expect(try results(benchmark, [#"["A>B","B>A"]"#]).sections["overall"]?.accuracy == 0)
  }
}
