// Asks a judge about the items of a benchmark, behind what is recorded.
import AssayBase
import AssayGenerate
import AssayReward
import AssayText
import Foundation

extension EvaluationScoring {
  /// Asks about all items of a benchmark: for ratings, a choice, or the first wrong step.
  ///
  /// Answers stand in `scores-NAME.jsonl` as scores, with the texts behind them; items that have a line
  /// are not asked about again.
  ///
  /// - Parameters:
  ///   - benchmark: What to ask about.
  ///   - asking: What is asked, and who answers.
  ///   - folder: The folder of the records; `nil` keeps none.
  ///   - settings: What the answers depend on.
  ///   - force: Whether to begin the records anew.
  ///   - onProgress: As for `score`.
  /// - Returns: One record for each item, in the order of the items.
  /// - Throws: `EvaluateError` for an item that cannot be asked about so, `DataError`, or what the writer
  ///   and `onProgress` throw.
  package static func ask(
    _ benchmark: any Benchmark,
    with asking: ItemAsking,
    folder: URL?,
    settings: RecordSettings,
    force: Bool = false,
    onProgress: @escaping (EvaluationProgress) throws -> Void
  ) async throws -> [BenchmarkRecord] {
    let (items, name) = (benchmark.items, type(of: benchmark).name)
    let questions = try items.map { item in
      guard let question = type(of: benchmark).question(of: item, asking.reading.form) else {
        throw EvaluateError.unscored(
          benchmark: name,
          id: item.id,
          reason: "it cannot be judged by \(asking.reading.form.rawValue); give another --judge-by"
        )
      }
      return question
    }
    var settings = settings
    settings.set(asking.reading)
    var log = try ItemLog(
      benchmark,
      folder: folder,
      settings: settings,
      force: force,
      onProgress: onProgress
    )
    let open = items.indices.filter { log.records[$0] == nil }
    for start in stride(from: 0, to: open.count, by: stretch) {
      let part = Array(open[start..<min(start + stretch, open.count)])
      let asked = part.map { asking.reading.requests(items[$0], questions[$0]) }
      let owners = asked.enumerated().flatMap { place, own in own.map { _ in place } }
      var (done, own) = (0, [[Written]]())
      do {
        try await RewardError.naming(item: { owners[$0] }) {
          _ = try await asking.writer.write(asked.flatMap(\.self)) { _, texts in
            own.append(texts)
            guard own.count == asked[done].count else { return }
            let record = asking.reading.record(items[part[done]], questions[part[done]], own)
            try log.add(record, line(record, items[part[done]]), at: part[done])
            try log.tell(record.tokens ?? TokenCount(prompt: 0, completion: 0))
            (done, own) = (done + 1, [])
          }
        }
      } catch let error as RewardError {
        throw failure(error, benchmark: name, owners: part.map { items[$0].id })
      }
    }
    return try log.finish()
  }

  private static func line(_ record: BenchmarkRecord, _ item: BenchmarkItem) -> JSONValue {
    guard case .scores(let scores) = record.content else { return ["id": .string(item.id)] }
    let tokens = record.tokens ?? TokenCount(prompt: 0, completion: 0)
    return scores.json(of: item, isCut: false, tokens: tokens, record.texts)
  }
}
