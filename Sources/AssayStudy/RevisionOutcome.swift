/// Whether a response was right before and behind its revisions.
package struct RevisionOutcome: Codable, Equatable, Sendable {
  /// The prompt's id.
  package var id: String
  /// Whether the first response was right.
  package var before: Bool
  /// Whether the response revised with a critique is right.
  package var guided: Bool
  /// Whether the response revised without one is right.
  package var unguided: Bool

  /// Makes an outcome.
  package init(id: String, before: Bool, guided: Bool, unguided: Bool) {
    self.id = id
    self.before = before
    self.guided = guided
    self.unguided = unguided
  }
}
