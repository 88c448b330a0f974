// A part of a comparison.

/// A part of a comparison that needs no other part to be done.
///
/// Parts may share stages, as the first critiques; whoever comes first makes them.
package struct StudyPart: Codable, Hashable, Sendable, CustomStringConvertible {
  /// The name of a method or variant.
  package let method: String
  /// The seed of its training.
  package let seed: Int
  /// What its learning rate is multiplied with.
  package let factor: Double
  /// Whether this is a trial of the search.
  package let isTrial: Bool

  /// As `cloud, seed 1`.
  package var description: String {
    isTrial ? "search: \(method), learning rate x \(factor)" : "\(method), seed \(seed)"
  }
}
