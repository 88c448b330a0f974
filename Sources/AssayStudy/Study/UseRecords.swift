// The records of best-of-N and of revision.

/// What a method thinks of a policy's sampled responses to one prompt.
package struct CandidateScores: Codable, Equatable, Sendable {
  /// The prompt's id.
  package var id: String
  /// Whether each sampled response is right.
  package var right: [Bool]
  /// A score for each; of judges the mean preference over the other different responses.
  package var scores: [Double]

  /// Makes a record.
  package init(id: String, right: [Bool], scores: [Double]) {
    self.id = id
    self.right = right
    self.scores = scores
  }
}

/// What became of a response that was revised.
package struct RevisionRecord: Codable, Equatable, Sendable {
  /// The prompt's id.
  package var id: String
  /// The critique; `nil` where it was revised without.
  package var critique: String?
  /// The response before.
  package var before: String
  /// The response behind it.
  package var after: String
  /// Whether the response was right before.
  package var wasRight: Bool
  /// Whether it is now.
  package var isRight: Bool

  /// Makes a record.
  package init(
    id: String,
    critique: String?,
    before: String,
    after: String,
    wasRight: Bool,
    isRight: Bool
  ) {
    self.id = id
    self.critique = critique
    self.before = before
    self.after = after
    self.wasRight = wasRight
    self.isRight = isRight
  }

  enum CodingKeys: String, CodingKey {
    case id, critique, before, after
    case wasRight = "was_right"
    case isRight = "is_right"
  }
}
