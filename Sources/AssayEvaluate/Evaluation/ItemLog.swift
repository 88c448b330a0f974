// The records of a benchmark's items while they are made.
import AssayBase
import AssayData
import AssayText
import Foundation

/// How far an evaluation is.
package struct EvaluationProgress {
  /// Items that are done.
  package var done: Int
  /// Tokens read and written since the last time.
  package var tokens: Int
  /// The mean outcome of the items that are done; `nil` where none has one.
  package var accuracy: Double?
}

/// Keeps each item's record, in a file as soon as it is there.
///
/// Items are done in any order; at the end the file has the order of the items, so that two runs leave
/// the same bytes.
struct ItemLog {
  private let benchmark: any Benchmark
  private let file: URL?
  private let writer: RecordWriter?
  private let onProgress: (EvaluationProgress) throws -> Void
  /// One for each item; `nil` where it is not done.
  private(set) var records: [BenchmarkRecord?]
  private var done = 0
  private var (sum, counted) = (0.0, 0)

  /// Opens the file of records in a folder, and tells what is done.
  ///
  /// - Parameters:
  ///   - benchmark: What is evaluated.
  ///   - folder: The folder of `scores-NAME.jsonl`; `nil` keeps none.
  ///   - baseline: Of a baseline its name, which the file has as well: `scores-NAME.BASELINE.jsonl`.
  ///   - settings: What the records depend on.
  ///   - force: Whether to begin them anew.
  ///   - onProgress: Hears of progress; what it throws ends the work.
  /// - Throws: `EvaluateError`, `DataError`, or what `onProgress` throws.
  init(
    _ benchmark: any Benchmark,
    folder: URL?,
    baseline: String? = nil,
    settings: RecordSettings,
    force: Bool,
    onProgress: @escaping (EvaluationProgress) throws -> Void
  ) throws {
    self.benchmark = benchmark
    self.onProgress = onProgress
    records = [BenchmarkRecord?](repeating: nil, count: benchmark.items.count)
    if let folder {
      let name = ["scores-\(type(of: benchmark).name)", baseline].compactMap(\.self)
      let file = folder.appendingPathComponent(name.joined(separator: ".") + ".jsonl")
      try Self.claim(file, benchmark, settings: settings, force: force)
      let (writer, lines, _) = try RecordWriter.resume(file.path)
      records = try BenchmarkRecords.match(
        lines.enumerated().map { ($0 + 1, $1) },
        file: file.path,
        benchmark: benchmark,
        isComplete: false
      )
      (self.file, self.writer) = (file, writer)
    } else {
      (file, writer) = (nil, nil)
    }
    for case (let index, let record?) in records.enumerated() { count(record, at: index) }
    try tell(TokenCount(prompt: 0, completion: 0))
  }

  /// Adds the record of an item: its line is in the file when the call returns.
  ///
  /// - Throws: `DataError`.
  mutating func add(_ record: BenchmarkRecord, _ line: JSONValue, at index: Int) throws {
    try writer?.append(line)
    records[index] = record
    count(record, at: index)
  }

  /// Tells what is done, and tokens since the last time.
  func tell(_ tokens: TokenCount) throws {
    try onProgress(
      EvaluationProgress(
        done: done,
        tokens: tokens.total,
        accuracy: counted == 0 ? nil : sum / Double(counted)
      )
    )
  }

  /// Puts the file's lines into the order of the items.
  ///
  /// - Returns: The records, one for each item.
  /// - Throws: `FileError`.
  func finish() throws -> [BenchmarkRecord] {
    if let file {
      var places: [String: Int] = [:]
      for (place, item) in benchmark.items.enumerated() { places[item.id] = place }
      let lines = try Data(contentsOf: file).split(separator: 0x0a).map { line in
        let id = (try? JSONValue(parsing: Array(line)))?["id"]?.string
        return (place: id.flatMap { places[$0] } ?? .max, line: line)
      }
      let sorted = lines.sorted { $0.place < $1.place }
      if sorted.map(\.place) != lines.map(\.place) {
        try DurableFile.write(Data(sorted.flatMap { $0.line + [0x0a] }), to: file)
      }
    }
    return records.compactMap(\.self)
  }

  private mutating func count(_ record: BenchmarkRecord, at index: Int) {
    done += 1
    let rule = type(of: benchmark).unparseable ?? .half
    guard let outcome = benchmark.outcome(of: benchmark.items[index], record: record, rule: rule)
    else { return }
    sum += outcome
    counted += 1
  }

  /// Checks that the records of a file were made with these settings, of these items.
  ///
  /// - Throws: `EvaluateError` or `DataError`.
  private static func claim(
    _ file: URL,
    _ benchmark: any Benchmark,
    settings: RecordSettings,
    force: Bool
  ) throws {
    let (name, folder) = (type(of: benchmark).name, file.deletingLastPathComponent())
    var settings = settings
    settings.set("items of --benchmark \(name)", BenchmarkItem.digest(benchmark.items))
    do { try DurableFile.makeFolder(folder) } catch FileError.fileSystem(_, _, let reason) {
      throw DataError.unwritable(path: folder.path, reason: reason)
    }
    if case .unknown(let path) = try settings.claim(file.path, force: force) {
      throw EvaluateError.badFile(
        file: path,
        reason: "missing, so that nothing says what made the scores beside it; choose another "
          + "folder, or begin them anew with --force"
      )
    }
  }
}
