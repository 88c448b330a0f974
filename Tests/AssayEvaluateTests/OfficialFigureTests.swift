import AssayBase
import AssayEvaluate
import Foundation
import Testing

/// Figures of the benchmarks' own scripts on random scores; see `Scripts/record_benchmarks.py`.
@Suite struct OfficialFigureTests {
  private static let recorded = Bundle.module.url(
    forResource: "benchmarks",
    withExtension: "json",
    subdirectory: "Fixtures"
  )

  @Test(
    "twelve benchmarks give the figures of their own scripts on the same scores",
    arguments: [
      "rewardbench", "rewardbench2", "rm-bench", "judgebench", "llmbar", "ppe", "rmb", "crosseval",
      "auto-j", "pandalm", "hhh", "processbench",
    ]
  )
  func figures(name: String) throws {
    let folder = TestFolder()
    let data = try Data(contentsOf: try #require(Self.recorded))
    let parts = try #require(JSONValue(parsing: Array(data)).array)
    let part = try #require(parts.first { $0["name"]?.string == name })
    func lines(_ key: String) throws -> String {
      try #require(part[key]?.array).map(\.compact).joined(separator: "\n") + "\n"
    }
    let benchmark = try BenchmarkCatalogue.load(
      name,
      path: try folder.file(try lines("rows"), "rows.jsonl")
    )
    let path = try folder.file(try lines("records"), "records.jsonl")
    let (own, records) = try BenchmarkRecords.open(path, for: benchmark)
    let sections = try own.results(records).sections
    for member in try #require(part["figures"]?.members) {
      let found = try #require(sections[member.key], "\(member.key) has no figure")
      #expect(isClose(found.accuracy, try #require(member.value.double)), "\(member.key)")
    }
  }
}
