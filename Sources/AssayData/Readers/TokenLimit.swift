/// A length limit on records.
package struct TokenLimit<Record>: Sendable {
  /// The most tokens a record may have.
  package var maximumTokens: Int
  /// Returns how many tokens a record has, the longer side of a pair.
  package var measure: @Sendable (Record) throws -> Int
  /// Shortens a record that is too long until it fits; `nil` where no part of it would, or where records are
  /// not shortened.
  package var shorten: (@Sendable (Record) throws -> Record?)?

  /// Makes a limit.
  ///
  /// - Parameters:
  ///   - maximumTokens: The most tokens a record may have.
  ///   - measure: Returns how many tokens a record has.
  ///   - shorten: Shortens a record until it fits, if any.
  package init(
    maximumTokens: Int,
    measure: @escaping @Sendable (Record) throws -> Int,
    shorten: (@Sendable (Record) throws -> Record?)? = nil
  ) {
    self.shorten = shorten
    self.maximumTokens = maximumTokens
    self.measure = measure
  }
}
