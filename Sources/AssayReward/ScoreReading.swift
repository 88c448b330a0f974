import AssayGenerate
import AssayModel
import AssayText

/// What a model reads to score an input, and the score that comes of what it gives.
///
/// It needs no weights: the command line and the server make the same scores of the same numbers.
package struct ScoreReading: Sendable {
  let text: ModelText
  let renderer: SequenceRenderer

  /// Makes one.
  ///
  /// - Parameter text: A model's texts.
  /// - Throws: `RewardError.noHead`.
  package init(_ text: ModelText) throws {
    guard text.hasHead, text.manifest.kind.scores else {
      throw RewardError.noHead(kind: text.manifest.kind.rawValue)
    }
    self.text = text
    renderer = text.renderer
  }

  /// The tokens that a classic model reads, and the index of the one that is scored.
  ///
  /// - Parameters:
  ///   - input: What to score.
  ///   - index: Its index, for the error.
  /// - Returns: The sequence.
  /// - Throws: `RewardError` naming the item.
  package func sequence(_ input: ScoringInput, index: Int) throws -> ScoredSequence {
    switch input {
    case .response(let prompt, let response):
      return try renderer.render(prompt: prompt, response: response)
    case .rendered(let rendered):
      return try sequence(text.tokenizer.encode(rendered), index: index)
    case .conversation(let tokens): return try sequence(tokens, index: index)
    }
  }

  /// As above, of tokens that are there; the last one is scored.
  private func sequence(_ tokens: [Int32], index: Int) throws -> ScoredSequence {
    guard !tokens.isEmpty else { throw RewardError.empty(index: index) }
    guard tokens.count <= text.contextTokens else {
      throw RewardError.tooLong(
        index: index,
        tokens: tokens.count,
        maximum: text.contextTokens
      )
    }
    return ScoredSequence(
      tokens: tokens,
      scoredIndex: tokens.count - 1,
      promptTokenCount: tokens.count
    )
  }

  /// The score of a classic model.
  ///
  /// - Parameters:
  ///   - sequence: What was read.
  ///   - reward: What the head gave.
  ///   - index: The item's index, for the error.
  /// - Returns: The score.
  /// - Throws: `RewardError.notFinite`.
  package func score(
    _ sequence: ScoredSequence,
    reward: Double,
    index: Int
  ) throws -> Score {
    Score(
      value: try finite(reward, index),
      kind: text.manifest.ratings == nil ? .logit : .rating,
      critiques: nil,
      scoredToken: token(sequence.tokens[sequence.scoredIndex], at: sequence.scoredIndex),
      tokens: TokenCount(prompt: sequence.tokens.count, completion: 0)
    )
  }

  /// The score of a model that criticizes first.
  ///
  /// - Parameters:
  ///   - critiques: All critiques of one response, at least one.
  ///   - index: The item's index, for the error.
  /// - Returns: The mean over them.
  /// - Throws: `RewardError.notFinite`.
  package func score(_ critiques: [Generation], index: Int) throws -> Score {
    precondition(!critiques.isEmpty, "a score needs a critique")
    let scored = try critiques.map {
      ScoredCritique(
        text: $0.text,
        score: try finite($0.reward.map(Double.init) ?? .nan, index),
        finishReason: $0.finishReason
      )
    }
    let last = critiques[critiques.count - 1].scoredToken
    return Score(
      value: scored.map(\.score).reduce(0, +) / Double(scored.count),
      critiques: scored,
      scoredToken: token(last?.id ?? renderer.endOfTurnID, at: last?.index ?? 0),
      tokens: TokenCount(
        prompt: critiques[0].promptTokenCount,
        completion: critiques.map { $0.tokens.count + 1 }.reduce(0, +)
      )
    )
  }

  private func token(_ id: Int32, at index: Int) -> ScoredTokenRecord {
    let bytes = text.tokenizer.bytes(of: [id], skipSpecialTokens: false)
    return ScoredTokenRecord(id: id, text: String(decoding: bytes, as: UTF8.self), index: index)
  }

  private func finite(_ value: Double, _ index: Int) throws -> Double {
    guard value.isFinite else { throw RewardError.notFinite(index: index, value: value) }
    return value
  }
}
