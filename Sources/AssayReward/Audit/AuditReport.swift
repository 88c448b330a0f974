/// What an audit found out about a model and rows that it would score.
package struct AuditReport: Codable, Equatable, Sendable {
  /// What is so of every row.
  package var model: AuditedModel
  /// The rows, in the data's order.
  package var rows: [AuditedRow]

  /// Why a score would be another one elsewhere.
  package enum Problem: String, Codable, Sendable, CaseIterable {
    /// Scored alone, a row has another score than among others.
    case batch
    /// Padded, a row has another score than without.
    case padding
    /// The scored token is the padding token, which other tools pass over.
    case padIsScored = "pad-is-scored"
    /// Other tools read the score at another token.
    case scoredToken = "scored-token"
    /// A message spells a special token: other tools read it as one.
    case contentTokens = "content-tokens"
    /// Other tools begin the text with a second beginning token.
    case doubledBeginning = "doubled-bos"
    /// Other tools put tokens of their own around the text.
    case addedTokens = "added-tokens"
    /// The tokens of the rendered text are others than those that are scored here.
    case otherTokens = "other-tokens"
    /// The row is longer than the model's context.
    case truncation

    /// What is wrong, as the end of a sentence, and what to do.
    package var text: String {
      switch self {
      case .batch: "its score depends on what is scored beside it (--batch-invariant)"
      case .padding: "its score depends on padding"
      case .padIsScored:
        "the scored token is the padding token, which transformers passes over; give the model a "
          + "padding token of its own"
      case .scoredToken: "other tools read its score at another token"
      case .contentTokens:
        "a message spells a special token, which other tools read as one; take it out, or score with "
          + "--content-tokens as-written"
      case .doubledBeginning:
        "other tools begin the rendered text with a second beginning token; tokenize it with "
          + "add_special_tokens=False"
      case .addedTokens:
        "other tools put tokens of their own around the rendered text; tokenize it with "
          + "add_special_tokens=False"
      case .otherTokens: "other tools make other tokens of the rendered text"
      case .truncation:
        "it is longer than the model's context, where tools cut at different ends; shorten it"
      }
    }
  }

  /// The problems of all rows with how many have each, in the order of their list.
  package var problems: [(problem: Problem, rows: Int)] {
    Problem.allCases.compactMap { problem in
      let count = rows.count { $0.problems.contains(problem) }
      return count == 0 ? nil : (problem, count)
    }
  }
}

/// What is so of every row that a model scores.
package struct AuditedModel: Codable, Equatable, Sendable {
  /// What the model is for.
  package var kind: String
  /// What the chat template is called.
  package var template: String
  /// The padding token of `config.json`, which transformers passes over; `nil` where it has none.
  package var configuredPadding: ScoredTokenName?
  /// The padding token of the tokenizer.
  package var tokenizerPadding: ScoredTokenName?
  /// The tokens that end a text or a turn.
  package var ends: [ScoredTokenName]
  /// Whether padding is one of them.
  package var isPaddingAnEnd: Bool
  /// What other tools put before a text.
  package var addedInFront: [ScoredTokenName]
  /// What other tools put behind a text.
  package var addedBehind: [ScoredTokenName]
  /// The system turn that the template writes where a conversation has none.
  package var defaultSystem: String?
  /// Tokens that the model reads at most.
  package var contextTokens: Int

  enum CodingKeys: String, CodingKey {
    case kind, template, ends
    case configuredPadding = "config_pad"
    case tokenizerPadding = "tokenizer_pad"
    case isPaddingAnEnd = "pad_is_end"
    case addedInFront = "added_in_front"
    case addedBehind = "added_behind"
    case defaultSystem = "default_system"
    case contextTokens = "context_tokens"
  }
}

/// A token by id and spelling.
package struct ScoredTokenName: Codable, Hashable, Sendable {
  /// Its id.
  package var id: Int32
  /// Its spelling.
  package var text: String
}

/// What an audit found out about one row.
package struct AuditedRow: Codable, Equatable, Sendable {
  /// A special token that a message spells.
  package struct ContentToken: Codable, Equatable, Sendable {
    /// Which message, from 0; the response is the last.
    package var message: Int
    /// Who speaks.
    package var role: String
    /// The token.
    package var token: ScoredTokenName
  }

  /// The score, computed in several ways; `nil` where a way is none for the model or the row.
  package struct Scores: Codable, Equatable, Sendable {
    /// With nothing beside it.
    package var alone: Double?
    /// With all rows.
    package var batch: Double?
    /// With padding behind it, as long as the longest row.
    package var paddedRight: Double?
    /// With padding before it, which moves its positions.
    package var paddedLeft: Double?

    enum CodingKeys: String, CodingKey {
      case alone, batch
      case paddedRight = "padded_right"
      case paddedLeft = "padded_left"
    }
  }

  /// What another tool would make of the row.
  package struct Reading: Codable, Equatable, Sendable {
    /// Which tool, and how it is called.
    package var tool: String
    /// How many tokens it reads.
    package var tokenCount: Int
    /// The token that it scores.
    package var scored: ScoredTokenRecord
    /// The score there; `nil` where it does not fit the model.
    package var score: Double?

    enum CodingKeys: String, CodingKey {
      case tool, scored, score
      case tokenCount = "tokens"
    }
  }

  /// Its id.
  package var id: String
  /// The rendered text.
  package var text: String
  /// The tokens that are read.
  package var tokens: [ScoredTokenName]
  /// The token that is scored; `nil` where a critique is written first, and its end is.
  package var scored: ScoredTokenRecord?
  /// Tokens that a length limit took from the front.
  package var removedTokens: Int
  /// Beginning tokens at the front: two are one too many.
  package var beginnings: Int
  /// Special tokens that messages spell.
  package var contentTokens: [ContentToken]
  /// The score, computed in several ways.
  package var scores: Scores
  /// What other tools make of it.
  package var readings: [Reading]
  /// What is wrong.
  package var problems: [AuditReport.Problem]

  enum CodingKeys: String, CodingKey {
    case id, text, tokens, scored, beginnings, scores, readings, problems
    case removedTokens = "removed_tokens"
    case contentTokens = "content_tokens"
  }
}

/// Rows whose scores would be others elsewhere.
package struct AuditFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// The model as it was given.
  package let model: String
  /// How many rows have a problem that was not accepted.
  package let failed: Int
  /// How many rows there are.
  package let rows: Int
  /// The first of them.
  package let firstID: String
  /// Its problem.
  package let problem: AuditReport.Problem

  /// Finds the rows that fail; `nil` where none does.
  ///
  /// - Parameters:
  ///   - report: What was found.
  ///   - model: The model as it was given.
  ///   - accepted: Problems that are known and do not fail.
  package init?(_ report: AuditReport, model: String, accepted: Set<AuditReport.Problem>) {
    let failing = report.rows.compactMap { row in
      row.problems.first { !accepted.contains($0) }.map { (row.id, $0) }
    }
    guard let first = failing.first else { return nil }
    self.model = model
    failed = failing.count
    rows = report.rows.count
    firstID = first.0
    problem = first.1
  }

  /// One sentence: what happened, where, and what to do.
  package var description: String {
    "\(model): \(failed) of \(rows) rows would have another score elsewhere, the first being "
      + "\(firstID): \(problem.text) (\(problem.rawValue))."
  }
}
