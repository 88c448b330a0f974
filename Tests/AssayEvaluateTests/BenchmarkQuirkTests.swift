import AssayBase
import AssayEvaluate
import AssayText
import Foundation
import Testing

@Suite struct BenchmarkQuirkTests {
  private let folder = TestFolder()

  private func figures(
    _ name: String,
    _ rows: String,
    _ records: String,
    _ quirks: Set<BenchmarkQuirk> = []
  ) throws -> ResultsFile.Sections {
    let source = BenchmarkSource(try folder.file(rows, "rows.jsonl"), quirks: quirks)
    let benchmark = try BenchmarkCatalogue.load(name, from: source)
    let read = try BenchmarkRecords.read(try folder.file(records, "r.jsonl"), for: benchmark)
    return try benchmark.results(read).sections
  }

  // By hashlib, the SHA-256 of `struct.pack("<2d", 0, 0)` ends with b and of `("<2d", 2, 2)` with e: an odd one
  // chooses the second of two, an even one the first.
  @Test("HHH: equal scores lose, or a hash of them says which wins as BIG-bench has it")
  func ties() throws {
    let rows = [(1, 0), (0, 1)].map {
      #"{"input": "q", "target_scores": {"a": \#($0.0), "b": \#($0.1)}}"#
    }.joined(separator: "\n")
    func records(_ score: Double) -> String {
      (0..<2).map { #"{"id": "\#($0)", "chosen": \#(score), "rejected": \#(score)}"# }
        .joined(separator: "\n")
    }
    for score in [0.0, 2] {
      #expect(try figures("hhh", rows, records(score))["overall"]?.accuracy == 0)
      // One of the rows has the right response first, the other second: one of them wins.
      #expect(try figures("hhh", rows, records(score), [.hashedTies])["overall"]?.accuracy == 0.5)
    }
    for (score, place) in [(0, 1), (2, 0)] {
      let one = #"{"id": "0", "chosen": \#(score), "rejected": \#(score)}"#
      for right in 0..<2 {
        let row = #"{"input": "q", "target_scores": {"a": \#(1 - right), "b": \#(right)}}"#
        let figure = try figures("hhh", row, one, [.hashedTies])["overall"]
        #expect(figure?.accuracy == (right == place ? 1 : 0))
      }
    }
  }

  @Test("RewardBench: absent sections are left out of overall, or count as 0 as its script has it")
  func sections() throws {
    let rows = #"{"id": "0", "prompt": "q", "chosen": "a", "rejected": "b", "subset": "math-prm"}"#
    let record = #"{"id": "0", "chosen": 1, "rejected": 0}"#
    #expect(try figures("rewardbench", rows, record)["overall"]?.accuracy == 1)
    let quirk = try figures("rewardbench", rows, record, [.absentSections])
    #expect(quirk["overall"]?.accuracy == 0.25 && quirk["Reasoning"]?.accuracy == 1)
  }

  // run_generative.py counts whatever is neither A nor B as 0.5.
  @Test("RewardBench: a judge's tie counts one half, as what cannot be read")
  func judged() throws {
    let rows = (0..<2).map {
      #"{"id": "\#($0)", "prompt": "q", "chosen": "a", "rejected": "b", "subset": "hep-go"}"#
    }.joined(separator: "\n")
    let records = #"""
      {"id": "0", "verdicts": ["A=B", "A=B"]}
      {"id": "1", "verdicts": [null, "A=B"]}
      """#
    #expect(try figures("rewardbench", rows, records)["hep-go"]?.accuracy == 0.5)
  }

  @Test("ids that clash are told apart by their subset or file, others stay as they are")
  func ids() throws {
    _ = try folder.file(
      pairLines([("a", "hep-go"), ("a", "hep-js"), ("b", "hep-go")]),
      "ids/one.jsonl"
    )
    _ = try folder.file(pairLines([("b", "hep-go"), ("c", "hep-go")]), "ids/two.jsonl")
    let path = folder.url.appendingPathComponent("ids").path
    let ids = try BenchmarkCatalogue.load("rewardbench", path: path).items.map(\.id)
    #expect(ids == ["hep-go:a", "hep-js:a", "one:b", "two:b", "c"])
  }

  @Test("a link to a folder is read as the folder")
  func link() throws {
    let file = try folder.file(pairLines([("a", "s"), ("b", "s")]), "inner/rows.jsonl")
    let link = folder.url.appendingPathComponent("link")
    try FileManager.default.createSymbolicLink(
      at: link,
      withDestinationURL: URL(fileURLWithPath: file).deletingLastPathComponent()
    )
    #expect(try BenchmarkCatalogue.load("pairs", path: link.path).items.count == 2)
  }
}
