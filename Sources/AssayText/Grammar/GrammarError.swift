/// A grammar that is not compiled.
package enum GrammarError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A choice has nothing to choose from, or an empty text.
  case choice(reason: String)
  /// A regular expression cannot be read, or asks for what no automaton does.
  case regex(pattern: String, character: Int, reason: String)
  /// A regular expression needs too large an automaton.
  case regexTooLarge(pattern: String, reason: String)
  /// A part of a JSON schema is not supported, or contradicts itself.
  case schema(place: String, reason: String)
  /// A JSON schema needs too large an automaton.
  case tooLarge(reason: String)
  /// The vocabulary spells no text that the grammar allows.
  case unspellable(grammar: String)

  /// What happened, where, and what to do.
  package var description: String {
    switch self {
    case .choice(let reason): "the choice \(reason); give texts of at least one character"
    case .regex(let pattern, let character, let reason):
      "the regular expression \(Self.short(pattern)), at character \(character): \(reason)"
    case .regexTooLarge(let pattern, let reason):
      "the regular expression \(Self.short(pattern)) \(reason); repeat less, or nest less"
    case .schema(let place, let reason): "the JSON schema, at \(place): \(reason)"
    case .tooLarge(let reason): "the grammar \(reason); ask for less at once"
    case .unspellable(let grammar):
      "the model's vocabulary spells no text of the \(grammar); ask for another form"
    }
  }

  /// A pattern in quotes, long ones by their beginning.
  private static func short(_ pattern: String) -> String {
    pattern.count <= 60 ? "'\(pattern)'" : "'\(pattern.prefix(60))...'"
  }
}
