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
  ///   - baseline: Of a baseline its name, behind which its records stand; see `ItemLog`.
  ///   - settings: What the scores depend on.
  ///   - force: Whether to begin the records anew.
  ///   - isCut: Whether an item does not fit, which its line then says; `nil`: none.
  ///   - onProgress: Called with what is done, first with what was recorded before; what it throws ends
  ///     the scoring.
  /// - Returns: One record for each item, in the order of the items.
  /// - Throws: `EvaluateError`, `DataError`, or what the scorer and `onProgress` throw.
  package static func score(
    _ benchmark: any Benchmark,
    with scorer: any Scorer,
    folder: URL?,
    baseline: String? = nil,
    settings: RecordSettings,
    force: Bool = false,
    isCut: ((BenchmarkItem) throws -> Bool)? = nil,
    onProgress: @escaping (EvaluationProgress) throws -> Void
  ) async throws -> [BenchmarkRecord] {
    let items = benchmark.items
    let name = type(of: benchmark).name
    var log = try ItemLog(
      benchmark,
      folder: folder,
      baseline: baseline,
      settings: settings,
      force: force,
      onProgress: onProgress
    )
    for start in stride(from: 0, to: items.count, by: stretch) {
      let range = start..<min(start + stretch, items.count)
      guard range.contains(where: { log.records[$0] == nil }) else { continue }
      let asked = Candidates(of: Array(items[range]))
      var known = [Score?](repeating: nil, count: asked.all.count)
      // What is scored is on the disk at once, in whatever order it comes.
      func record(_ place: Int) throws {
        let item = items[range.lowerBound + place]
        let scored = item.candidates.compactMap { asked.place($0).flatMap { known[$0] } }
        guard log.records[range.lowerBound + place] == nil, scored.count == item.candidates.count
        else { return }
        let values = scored.map { type(of: benchmark).readsLogits ? $0.logit : $0.value }
        let scores = try Self.scores(of: item, values, benchmark: name)
        // What several items ask for is read once, for the first of them.
        let tokens = asked.all.indices.filter { asked.owners[$0] == place }
          .compactMap { known[$0]?.tokens }.reduce(TokenCount(prompt: 0, completion: 0), +)
        let texts = RecordedText.critiques(scored)
        var record = BenchmarkRecord(
          id: item.id,
          content: .scores(scores),
          tokens: tokens,
          texts: texts
        )
        record.isCut = try isCut?(item) ?? false
        try log.add(
          record,
          scores.json(of: item, isCut: record.isCut, tokens: tokens, texts),
          at: range.lowerBound + place
        )
      }
      do {
        _ = try await scorer.score(
          asked.all.map { .response(prompt: $0.prompt, response: $0.response) }
        ) { index, score in
          known[index] = score
          for place in asked.users[index] { try record(place) }
          try log.tell(score.tokens)
        }
      } catch let error as RewardError {
        throw failure(error, benchmark: name, owners: asked.owners.map { items[start + $0].id })
      }
      // An item without candidates waits for none.
      for place in 0..<range.count { try record(place) }
    }
    return try log.finish()
  }

  /// The candidates of neighbouring items, each once.
  private struct Candidates {
    private(set) var all: [BenchmarkCandidate] = []
    /// The first item that asks for each, and all that do.
    private(set) var owners: [Int] = []
    private(set) var users: [[Int]] = []
    private var places: [BenchmarkCandidate: Int] = [:]

    init(of items: [BenchmarkItem]) {
      for (index, item) in items.enumerated() {
        for candidate in item.candidates {
          if let place = places[candidate] {
            if users[place].last != index { users[place].append(index) }
            continue
          }
          places[candidate] = all.count
          all.append(candidate)
          owners.append(index)
          users.append([index])
        }
      }
    }

    func place(_ candidate: BenchmarkCandidate) -> Int? { places[candidate] }
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
    return BenchmarkScores(values, of: item)
  }

  package static func failure(
    _ error: RewardError,
    benchmark: String,
    owners: [String]
  ) -> any Error {
    let (index, reason): (Int, String)
    switch error {
    case .noHead, .noJudge, .noLetter, .fewTokens, .noDeviation, .renderedText: return error
    case .notFinite(let item, let value): (index, reason) = (item, "a reward is \(value)")
    case .empty(let item): (index, reason) = (item, "a response has no tokens")
    case .noPlace(let item, let why): (index, reason) = (item, "a response " + why)
    case .tooLong(let item, let tokens, let maximum):
      (index, reason) = (item, "it has \(tokens) tokens, and the model reads \(maximum)")
    }
    guard owners.indices.contains(index) else { return error }
    return EvaluateError.unscored(benchmark: benchmark, id: owners[index], reason: reason)
  }
}
