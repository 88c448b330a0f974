// Which tokens a head reads.

import AssayText

/// A token, by its id or by its spelling in the model's vocabulary.
package enum HeadToken: Equatable, Sendable, CustomStringConvertible {
  /// By its id.
  case id(Int32)
  /// By its spelling: of a special token, or of text whose last token it is.
  case spelling(String)

  /// The id, or the spelling in quotes.
  package var description: String {
    switch self {
    case .id(let id): "id \(id)"
    case .spelling(let text): "\"\(text.replacing("\n", with: "\\n"))\""
    }
  }
}

/// Which tokens of a text a head reads.
package enum HeadPosition: Equatable, Sendable {
  /// The first one: an encoder's.
  case first
  /// The last one.
  case last
  /// The last one that is not padding, as transformers' sequence classification has it.
  case lastBut(padding: Int32)
  /// The one before the first padding; the last one where there is none, or where it comes first.
  case before(padding: Int32)
  /// The last one of a kind.
  case lastOf(HeadToken)
  /// One that is put behind the text, where it is not the last already.
  case appended(Int32)
  /// The one behind which the model would answer: the opened assistant's turn.
  case next
  /// Each of a kind: the ends of steps.
  case each(HeadToken)
  /// The end of each piece of the response that a text ends, behind a prompt without template.
  case ends(String)
  /// The one behind which the answer to each step would come: steps are turns of the user, answered by
  /// this text.
  case turns(answer: String)

  /// Tokens that are put behind a text.
  package var addedTokens: Int { if case .appended = self { 1 } else { 0 } }

  /// Whether it is the last token of a text without padding.
  package var isLast: Bool {
    switch self {
    case .last, .lastBut, .before: true
    default: false
    }
  }

  /// Whether there are several, one a step.
  var isStepwise: Bool {
    switch self {
    case .each, .ends, .turns: true
    default: false
    }
  }
}

extension HeadPosition: CustomStringConvertible {
  /// The rule, for people.
  package var description: String {
    switch self {
    case .first: "the first token"
    case .last: "the last token"
    case .lastBut(let id): "the last token but padding (id \(id))"
    case .before(let id): "the token before padding (id \(id))"
    case .lastOf(let token): "the last token \(token)"
    case .appended(let id): "the reward token (id \(id)) behind the text"
    case .next: "the opened assistant's turn"
    case .each(let token): "each token \(token)"
    case .ends(let text): "the end of each step (\(HeadToken.spelling(text)))"
    case .turns(let answer): "the opened turn behind each step (answered \"\(answer)\")"
    }
  }
}

/// Why a text has no place for a head to read at.
package struct HeadPlaceError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The reason, which goes on a sentence about the text.
  package let description: String

  /// Makes one.
  package init(description: String) { self.description = description }
}

/// The places of a head, for a vocabulary.
package struct HeadPlaces: Sendable {
  /// The rule.
  package let position: HeadPosition
  /// The token that `position` names, where it names one.
  package let token: Int32?
  private let pattern: [Int32]?

  /// Makes one.
  ///
  /// - Parameters:
  ///   - descriptor: The head.
  ///   - tokenizer: What knows the spellings.
  /// - Throws: `HeadError.token` for a token that the vocabulary lacks.
  package init(_ descriptor: HeadDescriptor, tokenizer: any Tokenizer) throws {
    position = descriptor.position
    token =
      switch position {
      case .lastBut(let id), .before(let id), .appended(let id): id
      case .lastOf(let token), .each(let token): try Self.id(token, tokenizer)
      case .ends(let text): try Self.id(.spelling(text), tokenizer)
      case .first, .last, .next, .turns: nil
      }
    pattern = descriptor.gate?.pattern.map { tokenizer.encode($0) }
    if pattern?.isEmpty == true { throw HeadError.token(descriptor.gate?.pattern ?? "") }
  }

  private static func id(_ token: HeadToken, _ tokenizer: any Tokenizer) throws -> Int32 {
    switch token {
    case .id(let id): return id
    case .spelling(let text):
      if let id = tokenizer.id(of: text), tokenizer.isSpecial(id) { return id }
      guard let id = tokenizer.encode(text).last else { throw HeadError.token(text) }
      return id
    }
  }

  /// Finds the places of a text.
  ///
  /// - Parameter tokens: The text's tokens, at least one.
  /// - Returns: The tokens that are read, and the indices of those where hidden states are: the gate's
  ///   first where there is one, then the head's in order.
  /// - Throws: `HeadPlaceError` where a place is not there.
  package func find(in tokens: [Int32]) throws(HeadPlaceError) -> (
    tokens: [Int32], places: [Int]
  ) {
    var tokens = tokens
    if case .appended(let id) = position, tokens.last != id { tokens.append(id) }
    let places = try places(in: tokens)
    guard let pattern else { return (tokens, places) }
    let starts = 0..<max(0, tokens.count - pattern.count + 1)
    guard let start = starts.last(where: { tokens[$0..<$0 + pattern.count].elementsEqual(pattern) })
    else {
      throw HeadPlaceError(
        description: "opens no assistant's turn behind a prompt, where this model's gate reads"
      )
    }
    return (tokens, [start] + places)
  }

  private func places(in tokens: [Int32]) throws(HeadPlaceError) -> [Int] {
    let last = tokens.count - 1
    switch position {
    case .first: return [0]
    case .last, .appended, .next: return [last]
    case .lastBut(let id): return [tokens.lastIndex { $0 != id } ?? last]
    case .before(let id):
      let first = tokens.firstIndex(of: id) ?? 0
      return [first == 0 ? last : first - 1]
    case .lastOf(let token):
      guard let place = tokens.lastIndex(where: { $0 == self.token }) else {
        throw HeadPlaceError(description: "has no token \(token), where this model's head reads")
      }
      return [place]
    case .each(let token):
      let places = tokens.indices.filter { tokens[$0] == self.token }
      guard !places.isEmpty else {
        throw HeadPlaceError(
          description: "has no token \(token), which ends each step for this model's head"
        )
      }
      return places
    case .ends, .turns:
      throw HeadPlaceError(
        description: "is rendered already, and this model's head needs to know its steps: give "
          + "\"prompt\" and \"response\""
      )
    }
  }
}
