import AssayData
import AssayText

/// A response's id and its score, as `assay score` writes them.
package struct ScoreRecord: Codable, Equatable, Sendable {
  /// The response's id.
  package var id: String
  /// Its score, whose members stand beside the id.
  package var score: Score
  /// Whether the row did not fit, so that its beginning was not read.
  package var isCut: Bool

  private enum CodingKeys: String, CodingKey {
    case id
    case isCut = "cut"
  }

  /// Makes a record.
  package init(id: String, score: Score, isCut: Bool = false) {
    self.id = id
    self.score = score
    self.isCut = isCut
  }

  /// Reads the id and the members of a score.
  ///
  /// - Throws: `DecodingError`.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    id = try container.decode(String.self, forKey: .id)
    isCut = try container.decodeIfPresent(Bool.self, forKey: .isCut) ?? false
    score = try Score(from: decoder)
  }

  /// Writes the id and the members of the score side by side.
  ///
  /// - Throws: `EncodingError`.
  package func encode(to encoder: any Encoder) throws {
    try score.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(id, forKey: .id)
    if isCut { try container.encode(true, forKey: .isCut) }
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

extension JudgedRecord {
  /// What a scorer or a critic reads: a response, or the chosen and then the rejected one.
  package var inputs: [ScoringInput] {
    switch self {
    case .response(let response): [response.input]
    case .pair(let pair):
      [pair.chosen, pair.rejected].map { .response(prompt: pair.prompt, response: $0) }
    }
  }
}
