import AssayData
import AssayEvaluate
import AssayText
import Foundation
import Testing

/// What verdicts that cannot be read count.
@Suite struct BenchmarkVerdictRuleTests {
  private let folder = TestFolder()

  /// Two items of LLMBar: the first is read in both orders, the second in neither.
  private func figure(_ rule: UnparseableRule?) throws -> (ResultsFile.Figure, [String]) {
    let rows = (0..<2).map {
      #"{"id": "\#($0)", "input": "q", "output_1": "a", "output_2": "b", "label": 1}"#
    }
    let path = try folder.file("[\(rows.joined(separator: ","))]", "Natural/dataset.json")
    let benchmark = try BenchmarkCatalogue.load("llmbar", path: path)
    let records = [[BenchmarkVerdict.chosen, .chosen], [.unparseable, .unparseable]]
    let results = try benchmark.results(
      zip(benchmark.items, records).map { BenchmarkRecord(id: $0.id, content: .verdicts($1)) },
      unparseable: rule
    )
    return (try #require(results.sections["overall"]), results.notes)
  }

  @Test("LLMBar counts them wrong unless told otherwise, and says what each rule gives")
  func ownRule() throws {
    let (own, notes) = try figure(nil)
    #expect(own.accuracy == 0.5 && own.n == 2)
    #expect(try figure(.missing).0.accuracy == 1)
    #expect(try figure(.half).0.accuracy == 0.75)
    let note = try #require(notes.last)
    for part in ["'wrong'", "missing 100.0 %", "half 75.0 %", "wrong 50.0 %"] {
      #expect(note.contains(part), "\(note)")
    }
  }

  // Outputs 1, 2, 2, 2 and 1, 1, 2, 1 of labels 1, 1, 2, 2: three of four right, one half by chance; the two
  // orders agree in two of four, by chance in (1 x 3 + 3 x 1) / 16 = 0.375: 0.125 / 0.625 = 0.2.
  @Test("LLMBar's figures of both orders, and Cohen's kappa")
  func bothOrders() throws {
    let rows = [1, 1, 2, 2].map {
      #"{"input": "q", "output_1": "a", "output_2": "b", "label": \#($0)}"#
    }
    let path = try folder.file("[\(rows.joined(separator: ","))]", "Natural/dataset.json")
    let benchmark = try BenchmarkCatalogue.load("llmbar", path: path)
    let said: [[BenchmarkVerdict]] = [
      [.chosen, .chosen], [.rejected, .chosen], [.chosen, .chosen], [.chosen, .rejected],
    ]
    let results = try benchmark.results(
      zip(benchmark.items, said).map { BenchmarkRecord(id: $0.id, content: .verdicts($1)) }
    )
    #expect(results.sections["both orders right"]?.accuracy == 0.5)
    #expect(results.sections["orders agree"]?.accuracy == 0.5)
    let kappa = "0.500 (0.500 and 0.500 in the two orders), of the orders with each other 0.200"
    #expect(results.notes.contains { $0.hasSuffix(kappa) }, "\(results.notes)")
  }

  @Test("Auto-J's scenarios are counted by the groups of its table")
  func groups() throws {
    let rows = ["chitchat", "planning", "ranking", "unheard_of"].map {
      #"{"scenario":"\#($0)","label":0,"prompt":"q","response 1":"a","response 2":"b"}"#
    }
    let path = try folder.file(rows.joined(separator: "\n"))
    let benchmark = try BenchmarkCatalogue.load("auto-j", path: path)
    let said: [[BenchmarkVerdict]] = [
      [.chosen, .chosen], [.chosen, .rejected], [.chosen, .chosen], [.rejected, .rejected],
    ]
    let sections = try benchmark.results(
      zip(benchmark.items, said).map { BenchmarkRecord(id: $0.id, content: .verdicts($1)) }
    ).sections
    #expect(sections["General Communication"]?.accuracy == 0.75)
    #expect(sections["General Communication, both orders right"]?.accuracy == 0.5)
    #expect(sections["NLP Tasks"]?.n == 1 && sections["both orders right"]?.accuracy == 0.5)
  }

  @Test("of a clone of LLMBar only dataset.json files are read")
  func clone() throws {
    let row = #"{"input": "q", "output_1": "a", "output_2": "b", "label": 2}"#
    _ = try folder.file("[\(row)]", "D/LLMBar/Natural/dataset.json")
    _ = try folder.file("{\"a\":\n1}", "D/LLMBar/Natural/evaluators/X/statistics.json")
    _ = try folder.file("[\(row)]", "D/CaseStudy/Base/dataset.json")
    let path = folder.url.appendingPathComponent("D").path
    let items = try BenchmarkCatalogue.load("llmbar", path: path).items
    #expect(items.map(\.subset) == ["Natural"])
    #expect(items[0].chosen == ["b"])
  }

  @Test("content as a list of text parts is read, as in pairs")
  func parts() throws {
    let row =
      #"{"id": 1, "subset": "hep-cpp", "prompt": [{"role": "user", "content": [{"type": "text", "#
      + #""text": "hi"}]}], "chosen": "a", "rejected": "b"}"#
    let items = try BenchmarkCatalogue.load("rewardbench", path: try folder.file(row)).items
    #expect(items[0].prompt == [.user("hi")])
  }

  @Test("rows with problems are left out when told, counted and named")
  func skipped() throws {
    let rows = [
      #"{"input": "q", "output_1": "a", "output_2": "b", "label": 1}"#,
      #"{"input": "q", "output_1": "a", "output_2": "b", "label": 3}"#, "not json",
    ]
    let path = try folder.file(rows.joined(separator: "\n"), "Natural.jsonl")
    #expect(throws: EvaluateError.self) { try BenchmarkCatalogue.load("llmbar", path: path) }
    let source = BenchmarkSource(path, policy: .skipping)
    #expect(try BenchmarkCatalogue.load("llmbar", from: source).items.count == 1)
    #expect(source.report.keptCount == 1 && source.report.skippedCount == 2)
    #expect(Set(source.report.examples.map(\.line)) == [2, 3])
  }
}
