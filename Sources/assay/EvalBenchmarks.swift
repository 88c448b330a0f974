import ArgumentParser
import AssayReward
import AssayBase
import AssayData
import AssayEvaluate
import Foundation

extension EvalOptions {
  /// Reads the benchmarks, and says what was left out or will be cut.
  ///
  /// - Throws: `DataError` or `EvaluateError`.
  func load(_ rows: RowOptions, _ length: TextLength?) throws -> [any Benchmark] {
    try benchmarks.map { argument in
      let source = BenchmarkSource(
        argument.path,
        policy: rows.policy,
        limit: rows.limit(length?.items)
      )
      let benchmark = try BenchmarkCatalogue.load(argument.name, from: source)
      try rows.tell(source.report, of: argument.path)
      if let marker = rows.marker(length?.items) {
        rows.tellCut(try benchmark.items.count(where: marker), of: benchmark.items.count)
      }
      return benchmark
    }
  }

  /// Writes a benchmark's page, `report-NAME.html`, where there is a folder for it.
  ///
  /// - Throws: `FileError`.
  func writePage(
    _ benchmark: any Benchmark,
    _ run: String,
    _ records: [BenchmarkRecord],
    _ results: BenchmarkResults
  ) throws {
    guard let out else { return }
    let name = type(of: benchmark).name
    let page = RunPage(
      name,
      runs: [run],
      [RunPage.tally(benchmark, records, rule: unparseableRule)]
    )
    let html = try page.html(
      RunPage.figures(benchmark, [run: results.sections]),
      notes: results.notes
    )
    let folder = URL(fileURLWithPath: out)
    try DurableFile.makeFolder(folder)
    try DurableFile.write(
      Data(html.utf8),
      to: folder.appendingPathComponent("report-\(name).html")
    )
  }

  /// Writes `results.json`.
  ///
  /// - Throws: `FileError`.
  func write(_ results: ResultsFile, to folder: URL) throws {
    try DurableFile.makeFolder(folder)
    try DurableFile.write(try results.json(), to: folder.appendingPathComponent("results.json"))
  }
}
