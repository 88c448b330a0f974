import AssayText
import Foundation

/// What a reward's number means.
package enum ScoreKind: String, Codable, Sendable {
  /// An unbounded logit: differences of two rewards are log-odds of preference.
  case logit
  /// A rating, in the unit of those that the model learnt from or was asked for.
  case rating
  /// A probability, from 0 to 1.
  case probability
}

/// A critique and the reward read at its closing token.
package struct ScoredCritique: Codable, Equatable, Sendable {
  /// What the model wrote.
  package var text: String
  /// The reward read where this critique closes, a logit.
  package var score: Double
  /// `stop` where the model closed the critique itself, `length` where it was cut.
  package var finishReason: FinishReason

  enum CodingKeys: String, CodingKey {
    case text, score
    case finishReason = "finish_reason"
  }

  /// Makes a scored critique.
  package init(text: String, score: Double, finishReason: FinishReason) {
    self.text = text
    self.score = score
    self.finishReason = finishReason
  }
}

/// The token whose hidden state the reward was read from.
package struct ScoredTokenRecord: Codable, Equatable, Sendable {
  /// Its id.
  package var id: Int32
  /// Its spelling.
  package var text: String
  /// Its index in the sequence.
  package var index: Int

  /// Makes a scored token.
  package init(id: Int32, text: String, index: Int) {
    self.id = id
    self.text = text
    self.index = index
  }
}

/// The reward of one response.
package struct Score: Codable, Equatable, Sendable {
  /// The reward: with critiques, the mean over them.
  package var value: Double
  /// What the number means.
  package var kind: ScoreKind
  /// The critiques; `nil` for a classic model.
  package var critiques: [ScoredCritique]?
  /// The token that was read; of the last critique where there are several.
  package var scoredToken: ScoredTokenRecord
  /// What was read and written.
  package var tokens: TokenCount
  /// The numbers that a head with attributes gives beside the score; `nil` of another.
  package var attributes: [String: Double]?
  /// The standard deviation over the heads of a model that has several, over several critiques (over the
  /// number less one), or of the distribution of a rating: how sure the model is; `nil` where there is one number.
  package var deviation: Double?
  /// The scores of the response's steps, of which the lowest is the score; `nil` of a model that knows
  /// no steps.
  package var steps: [Double]?

  enum CodingKeys: String, CodingKey {
    case value = "score"
    case kind, critiques, tokens, attributes, steps
    case deviation = "std"
    case scoredToken = "scored_token"
  }

  /// Makes a score.
  package init(
    value: Double,
    kind: ScoreKind = .logit,
    critiques: [ScoredCritique]?,
    scoredToken: ScoredTokenRecord,
    tokens: TokenCount,
    attributes: [String: Double]? = nil,
    deviation: Double? = nil,
    steps: [Double]? = nil
  ) {
    self.value = value
    self.kind = kind
    self.critiques = critiques
    self.scoredToken = scoredToken
    self.tokens = tokens
    self.attributes = attributes
    self.deviation = deviation
    self.steps = steps
  }
}

extension Score {
  /// The reward as a logit: of a probability its own, within what a double can tell from 0 and 1.
  package var logit: Double {
    guard kind == .probability else { return value }
    let p = min(max(value, 1e-15), 1 - 1e-15)
    return log(p / (1 - p))
  }
}

/// What is scored.
package enum ScoringInput: Hashable, Sendable {
  /// A response to a prompt, rendered through the model's chat template.
  case response(prompt: [Message], response: String)
  /// A rendered text, taken as it is: special tokens in it are read as such, nothing is added. A
  /// classic model is read at its last token; a critic continues it.
  case rendered(String)
  /// A conversation that ends with the response, rendered as the model's tokens: a classic model is
  /// read at its last token; a critic opens its critique behind it.
  case conversation([Int32])
}

/// Gives responses rewards.
package protocol Scorer {
  /// Scores responses.
  ///
  /// - Parameters:
  ///   - inputs: What to score.
  ///   - onScored: Called with the index and score of each input once it is known, in any order.
  /// - Returns: One score an input, in their order.
  /// - Throws: `RewardError`, or what the model throws.
  nonisolated(nonsending) func score(
    _ inputs: [ScoringInput],
    onScored: (Int, Score) throws -> Void
  ) async throws -> [Score]
}

extension Scorer {
  /// Scores responses, all at once.
  nonisolated(nonsending) package func score(_ inputs: [ScoringInput]) async throws -> [Score] {
    try await score(inputs) { _, _ in }
  }
}

/// A request that cannot be scored.
package enum RewardError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The model does not compare two responses.
  case noJudge(kind: String)
  /// A verdict of one letter is not one token of the vocabulary.
  case noLetter(letter: String)
  /// Enforced reasons and their verdict do not fit the tokens that a judgement may have.
  case fewTokens(tokens: Int, minimum: Int)
  /// The model has no reward head.
  case noHead(kind: String)
  /// A score has no standard deviation, which caution asks for.
  case noDeviation
  /// A reward is infinite or not a number.
  case notFinite(index: Int, value: Double)
  /// A text has no tokens.
  case empty(index: Int)
  /// A rendered text was given to an endpoint, which renders conversations itself.
  case renderedText(index: Int)
  /// A text lacks a token at which the model's head reads.
  case noPlace(index: Int, reason: String)
  /// A text is longer than the model reads.
  case tooLong(index: Int, tokens: Int, maximum: Int)

  /// Calls `body`, which works on a stretch of a list; its errors name indices among all.
  ///
  /// - Parameters:
  ///   - first: The index of the stretch's first item among all.
  ///   - body: The work.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  package nonisolated(nonsending) static func inStretch<Result>(
    from first: Int,
    _ body: () async throws -> Result
  ) async throws -> Result {
    do {
      return try await body()
    } catch let error as RewardError {
      throw error.mapped { first + $0 }
    }
  }

  /// The error with another index in the place of an item's.
  package func mapped(_ index: (Int) -> Int) -> RewardError {
    switch self {
    case .noJudge, .noLetter, .fewTokens, .noHead, .noDeviation: self
    case .notFinite(let item, let value): .notFinite(index: index(item), value: value)
    case .empty(let item): .empty(index: index(item))
    case .renderedText(let item): .renderedText(index: index(item))
    case .noPlace(let item, let reason): .noPlace(index: index(item), reason: reason)
    case .tooLong(let item, let tokens, let maximum):
      .tooLong(index: index(item), tokens: tokens, maximum: maximum)
    }
  }

  /// One sentence: what happened, where, and what to do.
  package var description: String {
    switch self {
    case .noJudge(let kind):
      "a \(kind) model does not compare responses; judge with a judge, a pair or a language model"
    case .noLetter(let letter):
      "the letter \(letter) alone is not one token behind this chat template; ask for rationales "
        + "(--task chain)"
    case .fewTokens(let tokens, let minimum):
      "a judgement may have \(tokens) tokens, and reasons with a verdict need \(minimum); give "
        + "more (--max-tokens, in requests max_tokens)"
    case .noHead(let kind):
      "a \(kind) model has no reward head; score with a classic or cloud model, or say which logits are "
        + "the score by --head (such as logit:0 or logit:Yes-No)"
    case .noDeviation:
      "the model gives one number a response, so that nothing says how sure it is; train one of several "
        + "heads (classic.heads), or write several critiques (--critiques)"
    case .notFinite(let index, let value):
      "the reward of item \(index) is \(value); the model's weights are damaged"
    case .empty(let index): "item \(index) has no tokens to score"
    case .renderedText(let index):
      "item \(index) is a rendered text, which an endpoint does not continue; give \"prompt\" and "
        + "\"response\""
    case .noPlace(let index, let reason): "item \(index) \(reason)"
    case .tooLong(let index, let tokens, let maximum):
      "item \(index) has \(tokens) tokens, more than the \(maximum) that the model reads; shorten it"
    }
  }
}
