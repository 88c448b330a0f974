// Scores the candidates of a benchmark with a model, behind what is recorded.
import AssayData
import AssayReward
import AssayText
import Foundation

/// What scores depend on; they are kept beside the scores, so that no two models share a folder.
package struct EvaluationSettings: Codable, Equatable, Sendable {
  /// The model's folder.
  package var model: String
  /// Names, sizes and dates of its files.
  package var weights: String
  /// Critiques that a score is the mean of.
  package var samples: Int
  /// Temperature of the critiques.
  package var temperature: Double
  /// Tokens a critique may have, where that was asked for.
  package var critiqueTokens: Int?
  /// The type of products.
  package var dtype: String
  /// Seed of the draws.
  package var seed: UInt64
  /// How a judge compares, where the model is one.
  package var judging: String?
  /// What is scored, as a number that other items do not have.
  package var items = ""

  /// Makes settings.
  ///
  /// - Parameters:
  ///   - folder: The model's folder.
  ///   - critiques: How critiques are written.
  ///   - dtype: The type of products.
  package init(model folder: URL, critiques: CritiqueSettings, dtype: String) {
    model = folder.standardizedFileURL.path
    let manager = FileManager.default
    let names = ((try? manager.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
    let parts = ["config.json", "tokenizer.json", "tokenizer_config.json", "assay.json"]
    weights = names.filter { $0.hasSuffix(".safetensors") || parts.contains($0) }.map { name in
      let file = try? manager.attributesOfItem(atPath: folder.appendingPathComponent(name).path)
      let date = (file?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
      return "\(name) \((file?[.size] as? Int) ?? 0) \(Int(date))"
    }.joined(separator: ", ")
    samples = critiques.samples
    temperature = Double(critiques.temperature)
    critiqueTokens = critiques.tokens
    self.dtype = dtype
    seed = critiques.seed
  }

  /// Makes settings of a judge.
  ///
  /// - Parameters:
  ///   - folder: The model's folder.
  ///   - judge: What judges.
  ///   - rule: How its judgements are read.
  ///   - dtype: The type of products.
  package init(model folder: URL, judge: JudgeRater, rule: VerdictRule, dtype: String) {
    var critiques = CritiqueSettings()
    critiques.seed = judge.settings.seed
    self.init(model: folder, critiques: critiques, dtype: dtype)
    judging = Self.words(
      judge.task,
      judge.prompts,
      judge.settings,
      "\(judge.judgementTokens) tokens",
      rule
    )
  }

  /// Makes settings of a judge at an endpoint, whose version nobody here knows.
  ///
  /// - Parameters:
  ///   - name: The model's name there.
  ///   - judge: What judges.
  ///   - rule: How its judgements are read.
  package init(name: String, judge: JudgeRater, rule: VerdictRule) {
    model = name
    weights = "endpoint"
    samples = 1
    temperature = 0
    dtype = "endpoint"
    seed = judge.settings.seed
    judging = Self.words(
      judge.task,
      judge.prompts,
      judge.settings,
      judge.settings.tokens.map { "\($0) tokens" } ?? "default tokens",
      rule
    )
  }

  private static func words(
    _ task: RolePrompts.JudgeTask,
    _ prompts: RolePrompts,
    _ settings: JudgeSettings,
    _ tokens: String,
    _ rule: VerdictRule
  ) -> String {
    [
      task.rawValue, prompts.name, "\(settings.votes) votes",
      "temperature \(settings.temperature.map { "\($0)" } ?? "default")", "top-p \(settings.topP)",
      tokens, rule.rawValue,
    ].joined(separator: ", ")
  }

  /// The names of what differs.
  package func differences(from other: EvaluationSettings) -> [String] {
    let pairs: [(String, Bool)] = [
      ("model", model == other.model), ("version of the model's files", weights == other.weights),
      ("number of samples", samples == other.samples),
      ("temperature", temperature == other.temperature),
      ("critique length", critiqueTokens == other.critiqueTokens), ("dtype", dtype == other.dtype),
      ("seed", seed == other.seed), ("way of judging", judging == other.judging),
      ("benchmark file", items == other.items),
    ]
    return pairs.filter { !$0.1 }.map(\.0)
  }
}

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
  ///   - isCut: Whether an item does not fit, which its line then says; `nil`: none.
  ///   - onProgress: Called with the items that are done, and the tokens read and written since the
  ///     last call, first with those recorded before; what it throws ends the scoring.
  /// - Returns: One record for each item, in the order of the items.
  /// - Throws: `EvaluateError`, `DataError`, or what the scorer and `onProgress` throw.
  package static func score(
    _ benchmark: any Benchmark,
    with scorer: any Scorer,
    folder: URL?,
    settings: EvaluationSettings,
    isCut: ((BenchmarkItem) throws -> Bool)? = nil,
    onProgress: (_ done: Int, _ tokens: Int) throws -> Void
  ) async throws -> [BenchmarkRecord] {
    let items = benchmark.items
    let name = type(of: benchmark).name
    var records = [BenchmarkRecord?](repeating: nil, count: items.count)
    var writer: RecordWriter?
    if let folder { (writer, records) = try resume(benchmark, folder: folder, settings: settings) }
    var done = records.count { $0 != nil }
    try onProgress(done, 0)
    for start in stride(from: 0, to: items.count, by: stretch) {
      let range = start..<min(start + stretch, items.count)
      guard range.contains(where: { records[$0] == nil }) else { continue }
      var candidates: [BenchmarkCandidate] = []
      var owners: [String] = []
      var places: [BenchmarkCandidate: Int] = [:]
      for item in items[range] {
        for candidate in item.candidates where places[candidate] == nil {
          places[candidate] = candidates.count
          candidates.append(candidate)
          owners.append(item.id)
        }
      }
      let scores: [Score]
      do {
        scores = try await scorer.score(
          candidates.map { .response(prompt: $0.prompt, response: $0.response) }
        ) { _, score in try onProgress(done, score.tokens.prompt + score.tokens.completion) }
      } catch let error as RewardError {
        throw failure(error, benchmark: name, owners: owners)
      }
      for index in range where records[index] == nil {
        let item = items[index]
        let values = try item.candidates.map { candidate in
          let value = places[candidate].map { scores[$0].value } ?? .nan
          guard value.isFinite else {
            throw EvaluateError.unscored(
              benchmark: name,
              id: item.id,
              reason: "a reward is \(value)"
            )
          }
          return value
        }
        let scores = BenchmarkScores(
          chosen: Array(values.prefix(item.chosen.count)),
          rejected: Array(values.dropFirst(item.chosen.count))
        )
        try writer?.append(scores.json(id: item.id, isCut: try isCut?(item) ?? false))
        records[index] = BenchmarkRecord(id: item.id, content: .scores(scores))
        done += 1
      }
      try onProgress(done, 0)
    }
    return records.compactMap { $0 }
  }

  package static func failure(
    _ error: RewardError,
    benchmark: String,
    owners: [String]
  ) -> any Error {
    let (index, reason): (Int, String)
    switch error {
    case .noHead, .noJudge, .noLetter, .renderedText: return error
    case .notFinite(let item, let value): (index, reason) = (item, "a reward is \(value)")
    case .empty(let item): (index, reason) = (item, "a response has no tokens")
    case .tooLong(let item, let tokens, let maximum):
      (index, reason) = (item, "it has \(tokens) tokens, and the model reads \(maximum)")
    }
    guard owners.indices.contains(index) else { return error }
    return EvaluateError.unscored(benchmark: benchmark, id: owners[index], reason: reason)
  }

  package static func resume(
    _ benchmark: any Benchmark,
    folder: URL,
    settings: EvaluationSettings
  ) throws -> (RecordWriter, [BenchmarkRecord?]) {
    let name = type(of: benchmark).name
    let file = folder.appendingPathComponent("scores-\(name).jsonl")
    let settingsFile = folder.appendingPathComponent("scores-\(name).settings.json")
    var settings = settings
    settings.items = digest(benchmark.items)
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let size = try? FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int
      if let size, size > 0 {
        guard let data = try? Data(contentsOf: settingsFile),
          let other = try? JSONDecoder().decode(EvaluationSettings.self, from: data)
        else {
          throw EvaluateError.badFile(
            file: settingsFile.path,
            reason: "missing or damaged, so that nothing says what made the scores beside it; "
              + "choose another folder, or delete those scores"
          )
        }
        let differing = settings.differences(from: other)
        guard differing.isEmpty else {
          throw EvaluateError.otherSettings(file: settingsFile.path, differing: differing)
        }
      }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try encoder.encode(settings).write(to: settingsFile, options: .atomic)
    } catch let error as CocoaError {
      throw DataError.unwritable(path: folder.path, reason: error.localizedDescription)
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

  /// FNV-1a, 64 bits, of the ids and texts of all items.
  ///
  /// Source: Fowler, Noll and Vo, http://www.isthe.com/chongo/tech/comp/fnv.
  private static func digest(_ items: [BenchmarkItem]) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ text: String) {
      // The byte 0xFF, which no UTF-8 text has, ends a text.
      for byte in Array(text.utf8) + [0xFF] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
    for item in items {
      add(item.id)
      for message in item.prompt {
        add(message.role)
        add(message.content)
      }
      for response in item.chosen { add(response) }
      add("")
      for response in item.rejected { add(response) }
    }
    return String(hash, radix: 16)
  }
}
