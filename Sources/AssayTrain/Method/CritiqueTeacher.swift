import AssayData

/// Whose critiques a critic learns.
package enum CritiqueTeacher: String, CaseIterable, Codable, Sendable {
  /// Whoever wrote those in the pairs.
  case pairs
  /// The start model itself, unfiltered.
  case own = "self"
  /// A teacher that errs as often as the start model.
  case equal
  /// A teacher that errs, less often than the start model.
  case stronger
  /// One that never errs: an upper bound.
  case exact
}

/// Critiques by a world's teachers, which see neither the label nor the other response; `nil` where there
/// is none of a response.
package typealias CritiqueTeachers =
  @Sendable (_ teacher: CritiqueTeacher, _ pair: PreferencePair, _ response: String) -> String?
