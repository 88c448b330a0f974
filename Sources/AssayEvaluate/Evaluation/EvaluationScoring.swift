// Scores the candidates of a benchmark with a model, behind what is recorded.
import AssayBase
import AssayData
import AssayReward
import AssayText
import Foundation

/// Scores benchmarks, resuming behind what is recorded.
package enum EvaluationScoring {
  /// Items that are scored together.
  ///
  /// A stretch that was cut short is scored again as a whole, so that its draws are those of a run
  /// without interruption.
  package static let stretch = 64

  /// Scores all candidates of a benchmark.
  ///
  /// With a folder, each item's scores are appended to `scores-NAME.jsonl` there, in the format that
  /// `BenchmarkRecords.read` reads; items that have a line are not scored again.
  ///
  /// - Parameters:
  ///   - benchmark: What to score.
  ///   - scorer: What scores.
  ///   - folder: The folder of the records; `nil` keeps none.
  ///   - settings: What the scores depend on.
  ///   - force: Whether to begin the records anew.
  ///   - isCut: Whether an item does not fit, which its line then says; `nil`: none.
  ///   - onProgress: Called with the items that are done, and the tokens read and written since the
  ///     last call, first with those recorded before; what it throws ends the scoring.
  /// - Returns: One record for each item, in the order of the items.
  /// - Throws: `EvaluateError`, `DataError`, or what the scorer and `onProgress` throw.
  package static func score(
    _ benchmark: any Benchmark,
    with scorer: any Scorer,
    folder: URL?,
    settings: RecordSettings,
    force: Bool = false,
    isCut: ((BenchmarkItem) throws -> Bool)? = nil,
    onProgress: (_ done: Int, _ tokens: Int) throws -> Void
  ) async throws -> [BenchmarkRecord] {
    let items = benchmark.items
    let name = type(of: benchmark).name
    var records = [BenchmarkRecord?](repeating: nil, count: items.count)
    var writer: RecordWriter?
    if let folder {
      (writer, records) = try resume(benchmark, folder: folder, settings: settings, force: force)
    }
    var done = records.count { $0 != nil }
    try onProgress(done, 0)
    for start in stride(from: 0, to: items.count, by: stretch) {
      let range = start..<min(start + stretch, items.count)
      guard range.contains(where: { records[$0] == nil }) else { continue }
      var candidates: [BenchmarkCandidate] = []
      var owners: [String] = []
      var places: [BenchmarkCandidate: Int] = [:]
      var next = start
      for item in items[range] {
        for candidate in item.candidates where places[candidate] == nil {
          places[candidate] = candidates.count
          candidates.append(candidate)
          owners.append(item.id)
        }
      }
      var known = [Double?](repeating: nil, count: candidates.count)
      // What is scored is on the disk at once, in the order of the items.
      func record() throws {
        while next < range.upperBound {
          let item = items[next]
          let values = item.candidates.compactMap { places[$0].flatMap { known[$0] } }
          guard values.count == item.candidates.count else { return }
          defer { next += 1 }
          guard records[next] == nil else { continue }
          let scores = try Self.scores(of: item, values, benchmark: name)
          try writer?.append(scores.json(id: item.id, isCut: try isCut?(item) ?? false))
          records[next] = BenchmarkRecord(id: item.id, content: .scores(scores))
          done += 1
        }
      }
      do {
        _ = try await scorer.score(
          candidates.map { .response(prompt: $0.prompt, response: $0.response) }
        ) { index, score in
          known[index] = score.value
          try record()
          try onProgress(done, score.tokens.prompt + score.tokens.completion)
        }
      } catch let error as RewardError {
        throw failure(error, benchmark: name, owners: owners)
      }
      try record()
    }
    return records.compactMap { $0 }
  }

  /// The scores of an item's candidates.
  ///
  /// - Throws: `EvaluateError.unscored` for one that is no number.
  private static func scores(
    of item: BenchmarkItem,
    _ values: [Double],
    benchmark: String
  ) throws -> BenchmarkScores {
    if let value = values.first(where: { !$0.isFinite }) {
      throw EvaluateError.unscored(
        benchmark: benchmark,
        id: item.id,
        reason: "a reward is \(value)"
      )
    }
    return BenchmarkScores(
      chosen: Array(values.prefix(item.chosen.count)),
      rejected: Array(values.dropFirst(item.chosen.count))
    )
  }

  package static func failure(
    _ error: RewardError,
    benchmark: String,
    owners: [String]
  ) -> any Error {
    let (index, reason): (Int, String)
    switch error {
    case .noHead, .noJudge, .noLetter, .fewTokens, .renderedText: return error
    case .notFinite(let item, let value): (index, reason) = (item, "a reward is \(value)")
    case .empty(let item): (index, reason) = (item, "a response has no tokens")
    case .noPlace(let item, let why): (index, reason) = (item, "a response " + why)
    case .tooLong(let item, let tokens, let maximum):
      (index, reason) = (item, "it has \(tokens) tokens, and the model reads \(maximum)")
    }
    guard owners.indices.contains(index) else { return error }
    return EvaluateError.unscored(benchmark: benchmark, id: owners[index], reason: reason)
  }

  package static func resume(
    _ benchmark: any Benchmark,
    folder: URL,
    settings: RecordSettings,
    force: Bool
  ) throws -> (RecordWriter, [BenchmarkRecord?]) {
    let name = type(of: benchmark).name
    let file = folder.appendingPathComponent("scores-\(name).jsonl")
    var settings = settings
    settings.set("items of --benchmark \(name)", digest(benchmark.items))
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
    let (writer, lines, _) = try RecordWriter.resume(file.path)
    let records = try BenchmarkRecords.match(
      lines.enumerated().map { ($0 + 1, $1) },
      file: file.path,
      benchmark: benchmark,
      isComplete: false
    )
    return (writer, records)
  }

  /// The hash of the ids and texts of all items.
  private static func digest(_ items: [BenchmarkItem]) -> String {
    let texts = items.flatMap { item in
      [item.id] + item.prompt.flatMap { [$0.role, $0.content] } + item.chosen + [""]
        + item.rejected
    }
    return Digest.hex(texts.map { "\($0.utf8.count):\($0)" }.joined())
  }
}
