import AssayText

/// What an endpoint takes of what OpenAI has; it is learnt from what it refuses.
package struct ChatDialect: Sendable, Equatable {
  /// What an endpoint calls the most tokens of an answer.
  package enum LimitName: String, Sendable {
    /// What every server knows but some of OpenAI's models, which reason.
    case maxTokens = "max_tokens"
    /// What those want.
    case maxCompletionTokens = "max_completion_tokens"
  }

  /// What it calls the most tokens of an answer.
  package var limit = LimitName.maxTokens
  /// Whether it takes seeds; without, draws cannot be repeated.
  package var takesSeeds = true
  /// Whether it takes a temperature and `top_p`; without, it draws as it likes.
  package var takesSampling = true
  /// Whether it takes turns of the system; without, what they say opens the first turn of the user.
  package var takesSystemTurns = true

  /// OpenAI's own.
  package init() {}

  /// The dialect to ask in behind a refusal, which differs in one thing.
  ///
  /// - Parameters:
  ///   - refusal: What the endpoint says.
  ///   - messages: What was sent in this dialect.
  /// - Returns: Another dialect; `nil` where the refusal is of none of these.
  func adapted(to refusal: String, of messages: [Message]) -> ChatDialect? {
    var other = self
    let words = Set(
      refusal.lowercased().split { !($0.isLetter || $0 == "_") }.map(String.init)
    )
    let isUnknown = !words.isDisjoint(with: Self.unknownWords)
    if limit == .maxTokens,
      words.contains("max_completion_tokens") || isUnknown && words.contains("max_tokens")
    {
      other.limit = .maxCompletionTokens
    } else if takesSeeds, words.contains("seed") {
      other.takesSeeds = false
    } else if takesSampling, isUnknown, words.contains("temperature") || words.contains("top_p") {
      other.takesSampling = false
    } else if takesSystemTurns, !words.isDisjoint(with: Self.systemWords),
      messages.first?.role == "system"
    {
      other.takesSystemTurns = false
    } else {
      return nil
    }
    return other
  }

  /// Words of refusals of a setting as such, not of its value alone.
  private static let unknownWords: Set = [
    "unsupported", "unsupported_parameter", "unsupported_value", "support", "supported", "unknown",
    "unrecognized", "unexpected", "extra", "extra_forbidden", "forbidden", "permitted", "default",
    "deprecated",
  ]
  /// Words of refusals of a system's turn, of templates ("roles must alternate") and of routers
  /// ("developer instruction is not enabled") too.
  private static let systemWords: Set = ["system", "developer", "role", "roles", "alternate"]

  /// Takes over what another request found out.
  mutating func learn(_ other: ChatDialect) {
    if other.limit == .maxCompletionTokens { limit = other.limit }
    takesSeeds = takesSeeds && other.takesSeeds
    takesSampling = takesSampling && other.takesSampling
    takesSystemTurns = takesSystemTurns && other.takesSystemTurns
  }
}

extension [Message] {
  /// The conversation with what the system says before the first turn of the user, in it.
  ///
  /// Source: what templates do whose model has no system turn, such as Gemma 3's.
  package var withoutSystemTurn: [Message] {
    guard let system = first, system.role == "system" else { return self }
    var rest = Array(dropFirst())
    guard let user = rest.first, user.role == "user" else {
      return [.user(system.content)] + rest
    }
    rest[0] = .user(system.content + "\n\n" + user.content)
    return rest
  }
}
