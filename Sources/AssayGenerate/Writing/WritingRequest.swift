import AssayText

/// What a text is, which says how long it is where nobody does.
package enum WritingRole: Sendable {
  /// An answer, a revision, or whatever else a conversation asks for.
  case answer
  /// A critique of a response.
  case critique
  /// A comparison of two responses.
  case judgement

  /// Tokens of a text where neither settings nor a manifest say.
  package var usualTokens: Int { self == .judgement ? 1024 : 512 }
}

/// Texts to write behind one beginning.
package struct WritingRequest: Sendable, Equatable {
  /// What is continued.
  package enum Opening: Sendable, Equatable {
    /// A conversation, by the assistant's next turn.
    case conversation([Message])
    /// A response to a prompt, by a critique of it.
    ///
    /// `leadIn` opens the critique's turn, in the user's voice; `nil` is what the model was trained
    /// with. A model here goes on behind it, in the same turn, and a response that is too long is cut
    /// at its front. An endpoint is asked by its last sentence, and opens a turn of its own.
    case critique(prompt: [Message], response: String, leadIn: String?)
    /// A rendered text, special tokens and all; only of a model here.
    case rendered(String)
    /// A conversation that ends with a response, as tokens, by a critique of it: the model's own
    /// lead-in opens its turn; only of a model here.
    case answered([Int32])
  }

  /// What is continued.
  package var opening: Opening
  /// How the texts are drawn.
  package var settings: WritingSettings
  /// Where the seed of the draws starts; what is drawn depends on the opening and the draw too, and on
  /// nothing else.
  package var seed: UInt64
  /// How many texts are written.
  package var draws: Int
  /// Which of the texts of its seed is the first of them.
  package var firstDraw: Int
  /// Whether a reward is read where a text closes; only of a model here that has a head.
  package var readsReward: Bool
  /// Whether a conversation that leaves no room for the text is cut at its front, and not refused.
  package var cutsFront: Bool

  /// Makes a request.
  package init(
    _ opening: Opening,
    settings: WritingSettings = WritingSettings(),
    seed: UInt64 = 0,
    draws: Int = 1,
    firstDraw: Int = 0,
    readsReward: Bool = false,
    cutsFront: Bool = false
  ) {
    self.opening = opening
    self.settings = settings
    self.seed = seed
    self.draws = draws
    self.firstDraw = firstDraw
    self.readsReward = readsReward
    self.cutsFront = cutsFront
  }
}

/// A text that was written.
package struct Written: Sendable, Equatable {
  /// All that was written.
  package var text: String
  /// What counts of it: what stands behind a reasoning model's thoughts.
  ///
  /// That is nothing where `<think>` has no end. An endpoint's has no white space around it, which is
  /// the chat model's and not the answer's.
  package var answer: String
  /// Why it ended.
  package var finishReason: FinishReason
  /// Tokens read and written, with the one that ended the text; `nil` where an endpoint does not say.
  package var usage: TokenCount?
  /// Log probabilities of what the first token could have been; empty where nobody asked.
  package var firstAlternatives: [String: Double]
  /// Tokens, log probabilities and reward, of a model here.
  package var generation: Generation?

  /// Makes a text.
  package init(
    text: String,
    answer: String,
    finishReason: FinishReason = .stop,
    usage: TokenCount? = nil,
    firstAlternatives: [String: Double] = [:],
    generation: Generation? = nil
  ) {
    self.text = text
    self.answer = answer
    self.finishReason = finishReason
    self.usage = usage
    self.firstAlternatives = firstAlternatives
    self.generation = generation
  }
}

/// An opening that a writer cannot continue.
package enum WritingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A rendered text or tokens were given to an endpoint, which renders conversations itself.
  case rendered(request: Int)
  /// An opening has no tokens.
  case empty(request: Int)
  /// An opening leaves no room for the text.
  case tooLong(request: Int, tokens: Int, maximum: Int)

  /// The error with another index in the place of the request's.
  package func mapped(_ index: (Int) -> Int) -> WritingError {
    switch self {
    case .rendered(let request): .rendered(request: index(request))
    case .empty(let request): .empty(request: index(request))
    case .tooLong(let request, let tokens, let maximum):
      .tooLong(request: index(request), tokens: tokens, maximum: maximum)
    }
  }

  /// One sentence: what happened, where, and what to do.
  package var description: String {
    switch self {
    case .rendered(let request):
      "request \(request) is a rendered text, which an endpoint does not continue; give a conversation"
    case .empty(let request): "request \(request) has no tokens; give at least one to continue"
    case .tooLong(let request, let tokens, let maximum):
      "request \(request) has \(tokens) tokens, and \(maximum) fit beside the text to write; shorten "
        + "it, or write fewer tokens"
    }
  }
}

extension StringProtocol {
  /// What stands behind a reasoning model's thoughts; nothing where these have no end.
  var withoutThoughts: String {
    if let end = ranges(of: "</think>").last { return String(self[end.upperBound...]) }
    return drop(while: \.isWhitespace).hasPrefix("<think>") ? "" : String(self)
  }
}
