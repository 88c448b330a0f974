import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayText

/// What one request asks of the model: it renders and tokenizes here, and waits for the rest.
struct ModelClient: Sendable {
  /// What is scored.
  enum Item: Sendable {
    /// As `assay score` takes it.
    case input(ScoringInput)
    /// A rendered conversation that ends with the response: a model that criticizes opens its
    /// critique behind it.
    case conversation(String)
    /// The same as tokens, whose ids are those of the model.
    case tokens([Int32])
  }

  let model: ServedModel
  let scope: RequestScope

  // MARK: Scores

  /// Scores responses as `assay score` does.
  ///
  /// - Parameters:
  ///   - items: What to score.
  ///   - settings: How critiques are written.
  /// - Returns: One score an item, in their order.
  /// - Throws: `RewardError`, `TextError`, or what ends the request.
  func scores(_ items: [Item], _ settings: CritiqueSettings) async throws -> [Score] {
    let reading = try ScoreReading(model.text, hasHead: model.hasHead)
    guard model.kind == .cloud else { return try await passes(items, reading) }
    let writer = CritiqueWriter(model.text, settings: settings)
    let requests = try items.enumerated().flatMap { index, item in
      switch item {
      case .input(let input): return try writer.requests(input, index: index)
      case .conversation(let text):
        return try critiques(behind: model.text.tokenizer.encode(text), writer, index)
      case .tokens(let tokens): return try critiques(behind: tokens, writer, index)
      }
    }
    let written = try await texts(requests)
    let samples = settings.samples
    return try items.indices.map {
      try reading.score(Array(written[$0 * samples..<($0 + 1) * samples]), index: $0)
    }
  }

  private func critiques(
    behind tokens: [Int32],
    _ writer: CritiqueWriter,
    _ index: Int
  ) throws -> [GenerationRequest] {
    let leadIn = model.text.manifest.leadIn ?? ""
    let prefix = try model.text.renderer.critiquePrefix(behind: tokens, leadIn: leadIn)
    return try writer.requests(behind: prefix ?? tokens, index: index)
  }

  private func passes(_ items: [Item], _ reading: ScoreReading) async throws -> [Score] {
    let sequences = try items.enumerated().map { index, item in
      switch item {
      case .input(let input): try reading.sequence(input, index: index)
      case .conversation(let text): try reading.sequence(.rendered(text), index: index)
      case .tokens(let tokens): try reading.sequence(tokens, index: index)
      }
    }
    let values = try await values(
      sequences.map { JudgementReading.Pass(tokens: $0.tokens, index: $0.scoredIndex) },
      .reward
    )
    return try sequences.indices.map {
      try reading.score(sequences[$0], reward: values[$0], index: $0)
    }
  }

  // MARK: Verdicts

  /// Judges pairs as `assay judge` does.
  ///
  /// - Parameters:
  ///   - pairs: What to judge.
  ///   - settings: How the model reads and writes.
  /// - Returns: One verdict a pair, in their order.
  /// - Throws: `RewardError`, `TextError`, or what ends the request.
  func verdicts(_ pairs: [PreferencePair], _ settings: JudgeSettings) async throws -> [PairVerdict]
  {
    let reading = try JudgementReading(model.text, settings: settings)
    guard reading.task == .chain else {
      let passes = try pairs.enumerated().map { try reading.passes($1, index: $0) }
      let values = try await values(passes.flatMap(\.self), .verdict(letters: reading.letters))
      return try pairs.indices.map {
        try reading.verdict(
          pairs[$0].id,
          passes[$0],
          probabilities: Array(values[2 * $0..<2 * $0 + 2]),
          index: $0
        )
      }
    }
    let requests = try pairs.enumerated().map { try reading.requests($1, index: $0) }
    let written = try await texts(requests.flatMap(\.self))
    var start = 0
    return pairs.indices.map { index in
      let own = Array(written[start..<start + requests[index].count])
      start += own.count
      return reading.verdict(pairs[index].id, reading.judgements(own), of: own)
    }
  }

  // MARK: Work

  /// Lets the model write texts.
  func texts(_ requests: [GenerationRequest]) async throws -> [Generation] {
    var texts = [Generation?](repeating: nil, count: requests.count)
    for try await event in scope.submit(.texts(requests)).events {
      if case .text(let place, let text) = event { texts[place] = text }
    }
    return try complete(texts)
  }

  private func values(
    _ passes: [JudgementReading.Pass],
    _ reading: ModelWork.Reading
  ) async throws -> [Float] {
    var values = [Float?](repeating: nil, count: passes.count)
    for try await event in scope.submit(.passes(passes, reading)).events {
      if case .value(let place, let value) = event { values[place] = value }
    }
    return try complete(values)
  }

  /// A task that is cancelled sees its stream end early, without an error.
  private func complete<Value>(_ values: [Value?]) throws -> [Value] {
    let there = values.compactMap(\.self)
    guard there.count == values.count else { throw scope.reason ?? .disconnected }
    return there
  }
}
