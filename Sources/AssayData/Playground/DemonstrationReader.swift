import AssayBase
import AssayText

/// Reads demonstrations from JSON Lines, plain or gzip.
///
/// A row has `role` and either `messages`, of which the assistant's last turn is learnt, or
/// `prompt`, `response`, `critique` and `lead_in`.
package struct DemonstrationReader: Sendable {
  /// What to do about rows with problems.
  package var policy: ReadPolicy

  /// Makes a reader.
  ///
  /// - Parameter policy: What to do about rows with problems; by default the first one is an error.
  package init(policy: ReadPolicy = .strict) { self.policy = policy }

  /// Reads all demonstrations of a file.
  ///
  /// - Parameter path: The file, or `-` for standard input.
  /// - Returns: The demonstrations in the file's order, and what became of each row.
  /// - Throws: `DataError` for a file that cannot be read, or for the first problem refused.
  package func read(
    _ path: String
  ) throws -> (demonstrations: [Demonstration], report: ReadReport) {
    var demonstrations: [Demonstration] = []
    let report = try forEach(in: path) { demonstrations.append($0) }
    return (demonstrations, report)
  }

  /// Reads the demonstrations of a file one by one, with memory for one row.
  ///
  /// - Parameters:
  ///   - path: The file, or `-` for standard input.
  ///   - body: What to do with each demonstration.
  /// - Returns: What became of each row.
  /// - Throws: `DataError` for a file that cannot be read, or for the first problem refused;
  ///   whatever `body` throws.
  package func forEach(
    in path: String,
    _ body: (Demonstration) throws -> Void
  ) throws -> ReadReport {
    // Demonstrations have no ids, and may be repeated: the row tells them apart.
    let limit: TokenLimit<(index: Int, value: Demonstration)>? = nil
    return try readRecords(
      path,
      policy: policy,
      limit: limit,
      id: { String($0.index) },
      parse: { fields throws(RowFault) in (fields.index, try Demonstration(fields)) },
      { try body($0.value) }
    )
  }
}

extension Demonstration {
  /// The demonstration as a record, which `DemonstrationReader` reads back equal.
  package var json: JSONValue {
    switch self {
    case .conversation(let role, let turns):
      ["role": .string(role.rawValue), "messages": .array(turns.map(\.json))]
    case .critique(let role, let prompt, let response, let critique, let leadIn):
      [
        "role": .string(role.rawValue),
        "prompt": PreferencePair.spelt(prompt) ?? [],
        "response": .string(response),
        "critique": .string(critique),
        "lead_in": .string(leadIn),
      ]
    }
  }

  init(_ fields: RowFields) throws(RowFault) {
    let role = try Self.role(fields)
    guard fields.value("messages") == nil else {
      guard case .messages(let turns) = try fields.turns("messages") else {
        throw RowFields.wrongType("messages", "a list of messages", try fields.required("messages"))
      }
      guard turns.count > 1, let last = turns.last, last.role == "assistant",
        turns[turns.count - 2].role != "assistant"
      else {
        throw RowFault(
          kind: .badConversation,
          detail: "'messages' must end with one assistant's turn behind another's turn"
        )
      }
      guard !last.content.trimmedAsPython.isEmpty else {
        throw RowFault(kind: .emptyResponse, detail: "the turn to learn has no text")
      }
      self = .conversation(role: role, turns)
      return
    }
    let prompt: [Message]
    switch try fields.turns("prompt") {
    case .text(let text): prompt = HumanAssistantText.prompt(text)
    case .messages(let turns): prompt = turns
    }
    guard let last = prompt.last, last.role != "assistant" else {
      throw RowFault(
        kind: .badConversation,
        detail: "'prompt' must end with a turn that the assistant answers"
      )
    }
    let critique = try Self.text("critique", fields)
    guard !critique.trimmedAsPython.isEmpty else {
      throw RowFault(kind: .emptyResponse, detail: "the critique to learn has no text")
    }
    self = .critique(
      role: role,
      prompt: prompt,
      response: try Self.text("response", fields),
      critique: critique,
      leadIn: try Self.text("lead_in", fields)
    )
  }

  private static func role(_ fields: RowFields) throws(RowFault) -> TutorRole {
    let name = try text("role", fields)
    guard let role = TutorRole(rawValue: name) else {
      let known = TutorRole.allCases.map(\.rawValue).joined(separator: ", ")
      throw RowFault(kind: .wrongType, detail: "'role' must be one of \(known), found '\(name)'")
    }
    return role
  }

  private static func text(_ key: String, _ fields: RowFields) throws(RowFault) -> String {
    guard let text = try fields.string(key) else {
      throw RowFault(kind: .missingKey, detail: "the key '\(key)' is missing")
    }
    return text
  }
}
