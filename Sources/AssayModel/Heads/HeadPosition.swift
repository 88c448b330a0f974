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
  /// Those before a prompt and two responses.
  case compared(HeadDescriptor.Compared)
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
    case .compared(let ids): "the ids \(ids.source), \(ids.first) and \(ids.second)"
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
