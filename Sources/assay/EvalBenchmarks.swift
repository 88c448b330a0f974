import ArgumentParser
import AssayReward
import AssayBase
import AssayData
import AssayEvaluate
import Foundation

extension EvalOptions {
  /// How long an item may be, by its benchmark's type; `nil` for what has a limit elsewhere.
  typealias Lengths = (any Benchmark.Type) -> TokenLimit<BenchmarkItem>?

  /// Reads the benchmarks, and says what was left out or will be cut.
  ///
  /// - Throws: `DataError` or `EvaluateError`.
  func load(
    _ rows: RowOptions,
    _ lengths: Lengths?
  ) throws -> [(benchmark: any Benchmark, leftOut: Int)] {
    try benchmarks.map { argument in
      let length = BenchmarkCatalogue.all.first { $0.name == argument.name }.flatMap {
        lengths?($0)
      }
      let source = BenchmarkSource(
        argument.path,
        policy: rows.policy,
        limit: rows.limit(length),
        quirks: Set(quirks)
      )
      let benchmark = try BenchmarkCatalogue.load(argument.name, from: source)
      try benchmark.requireFigures()
      try rows.tell(source.report, of: argument.path)
      if let marker = rows.marker(length) {
        rows.tellCut(try benchmark.items.count(where: marker), of: benchmark.items.count)
      }
      return (benchmark, source.report.skippedCount)
    }
  }

  /// What baselines recorded beside a file of scores, by name.
  ///
  /// - Throws: As reading records.
  func baselines(
    beside scores: String,
    _ benchmark: any Benchmark
  ) throws -> [String: [BenchmarkRecord]] {
    let url = URL(fileURLWithPath: scores)
    let path = url.deletingPathExtension().path + ".\(ShuffledHead.name).jsonl"
    guard url.pathExtension == "jsonl", FileManager.default.fileExists(atPath: path) else {
      return [:]
    }
    return [ShuffledHead.name: try BenchmarkRecords.read(path, for: benchmark)]
  }

  /// The training prompts to look for; `nil` where none are given.
  ///
  /// - Throws: `DataError`.
  func leaks(_ rows: RowOptions) throws -> TrainingLeaks? {
    guard !train.isEmpty else { return nil }
    let reader = PairReader(policy: rows.policy)
    return TrainingLeaks(
      files: train.map { URL(fileURLWithPath: $0).lastPathComponent },
      try train.flatMap { file in
        let (pairs, report) = try reader.read(file)
        try rows.tell(report, of: file)
        return pairs
      }
    )
  }

  /// A benchmark's page.
  ///
  /// - Throws: `StatisticsError`.
  func page(
    _ benchmark: any Benchmark,
    _ run: String,
    _ records: [BenchmarkRecord]
  ) throws -> RunPage {
    let tally = RunPage.tally(benchmark, records, rule: unparseableRule)
    return try RunPage(type(of: benchmark).name, runs: [run], [tally])
  }

  /// Writes a page, `report-NAME.html`, where there is a folder for it.
  ///
  /// - Returns: The page.
  /// - Throws: `EncodingError` or `FileError`.
  func write(
    _ page: RunPage,
    _ results: BenchmarkResults,
    _ part: ResultsFile.Evaluation.Part,
    _ settings: [String: String]
  ) throws -> String {
    let (name, run) = (page.benchmark, page.runs[0])
    let html = try page.html(
      ResultsFile(seconds: nil, methods: [run: [name: results.sections]]),
      part: part,
      facts: settings,
      notes: results.notes
    )
    guard let out else { return html }
    let folder = URL(fileURLWithPath: out)
    try DurableFile.makeFolder(folder)
    try DurableFile.write(Data(html.utf8), to: folder.appendingPathComponent("report-\(name).html"))
    return html
  }

  /// Writes what the benchmark's own script would have written, where that is asked for.
  ///
  /// - Throws: `FileError`.
  func writeOfficial(_ one: Evaluated, _ sections: ResultsFile.Sections, model: String) throws {
    guard official, let out,
      let file = OfficialOutput(one.benchmark, one.records, sections, model: model)
    else { return }
    let folder = URL(fileURLWithPath: out)
    try DurableFile.makeFolder(folder)
    try DurableFile.write(Data(file.text.utf8), to: folder.appendingPathComponent(file.name))
  }

  /// Writes `results.json`.
  ///
  /// - Throws: `FileError`.
  func write(_ results: ResultsFile, to folder: URL) throws {
    try DurableFile.makeFolder(folder)
    try DurableFile.write(try results.json(), to: folder.appendingPathComponent("results.json"))
  }
}
