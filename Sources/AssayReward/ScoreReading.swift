import AssayBase
import AssayGenerate
import AssayModel
import AssayText

/// What a model reads to score an input, and the score that comes of what it gives.
///
/// It needs no weights: the command line and the server make the same scores of the same numbers.
package struct ScoreReading: Sendable {
  let text: ModelText
  let renderer: SequenceRenderer
  let places: HeadPlaces

  /// Makes one.
  ///
  /// - Parameter text: A model's texts.
  /// - Throws: `RewardError.noHead`.
  package init(_ text: ModelText) throws {
    guard let places = text.places, text.manifest.kind.scores else {
      throw RewardError.noHead(kind: text.manifest.kind.rawValue)
    }
    self.text = text
    self.places = places
    renderer = text.renderer
  }

  /// What a classic model reads: tokens, and the places of its head.
  ///
  /// - Parameters:
  ///   - input: What to score.
  ///   - index: Its index, for the error.
  /// - Returns: The pass.
  /// - Throws: `RewardError` naming the item, or `TextError` where the template does not fit.
  package func pass(_ input: ScoringInput, index: Int) throws -> ModelPass {
    switch input {
    case .response(let prompt, let response):
      do {
        if let pass = try steps(prompt: prompt, response: response) {
          return try checked(pass, index)
        }
      } catch let error as HeadPlaceError {
        throw RewardError.noPlace(index: index, reason: error.description)
      }
      return try pass(tokens(prompt: prompt, response: response), index: index)
    case .rendered(let rendered):
      return try pass(text.tokenizer.encode(rendered), index: index)
    case .conversation(let tokens): return try pass(tokens, index: index)
    }
  }

  /// As above, of tokens that are there.
  private func pass(_ tokens: [Int32], index: Int) throws -> ModelPass {
    guard !tokens.isEmpty else { throw RewardError.empty(index: index) }
    do {
      let found = try places.find(in: tokens)
      return try checked(ModelPass(tokens: found.tokens, places: found.places), index)
    } catch let error as HeadPlaceError {
      throw RewardError.noPlace(index: index, reason: error.description)
    }
  }

  private func checked(_ pass: ModelPass, _ index: Int) throws -> ModelPass {
    let (count, maximum) = (pass.tokens.count, text.contextTokens)
    guard count <= maximum else {
      throw RewardError.tooLong(index: index, tokens: count, maximum: maximum)
    }
    return pass
  }

  /// The score of a classic model.
  ///
  /// - Parameters:
  ///   - pass: What was read.
  ///   - reward: What the head gave.
  ///   - index: The item's index, for the error.
  /// - Returns: The score.
  /// - Throws: `RewardError.notFinite`.
  package func score(_ pass: ModelPass, reward: PassValue, index: Int) throws -> Score {
    let head = text.head
    let names = head?.attributes ?? []
    for part in reward.parts { _ = try finite(part, index) }
    return Score(
      value: try finite(reward.value, index),
      kind: text.scoreKind,
      critiques: nil,
      scoredToken: token(pass.tokens[pass.index], at: pass.index),
      tokens: TokenCount(prompt: pass.tokens.count, completion: 0),
      attributes: names.isEmpty
        ? nil : Dictionary(zip(names, reward.parts)) { first, _ in first },
      deviation: head?.hasDeviation == true ? reward.parts.first : nil,
      steps: head?.scoresSteps == true ? reward.parts : nil
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
    let spread = Spread(scored.map(\.score))
    return Score(
      value: spread.mean,
      critiques: scored,
      scoredToken: token(last?.id ?? renderer.endOfTurnID, at: last?.index ?? 0),
      tokens: TokenCount(
        prompt: critiques[0].promptTokenCount,
        completion: critiques.map { $0.tokens.count + 1 }.reduce(0, +)
      ),
      deviation: spread.deviation
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

extension ModelText {
  /// What the numbers of the model's scores mean.
  package var scoreKind: ScoreKind {
    // What is read behind critiques is a logit.
    if manifest.kind.writes { return .logit }
    if manifest.ratings != nil || head?.isRating == true { return .rating }
    return head?.isProbability == true ? .probability : .logit
  }
}
