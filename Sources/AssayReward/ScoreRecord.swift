import AssayData
import AssayText

/// A response's id and its score, as `assay score` writes them.
package struct ScoreRecord: Codable, Equatable, Sendable {
  /// The response's id.
  package var id: String
  /// Its score, whose members stand beside the id.
  package var score: Score

  private enum CodingKeys: String, CodingKey { case id }

  /// Makes a record.
  package init(id: String, score: Score) {
    self.id = id
    self.score = score
  }

  /// Reads the id and the members of a score.
  ///
  /// - Throws: `DecodingError`.
  package init(from decoder: any Decoder) throws {
    id = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .id)
    score = try Score(from: decoder)
  }

  /// Writes the id and the members of the score side by side.
  ///
  /// - Throws: `EncodingError`.
  package func encode(to encoder: any Encoder) throws {
    try score.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(id, forKey: .id)
  }
}

extension ResponseRecord {
  /// What a scorer reads.
  package var input: ScoringInput {
    switch content {
    case .response(let prompt, let response): .response(prompt: prompt, response: response)
    case .text(let text): .rendered(text)
    }
  }
}
