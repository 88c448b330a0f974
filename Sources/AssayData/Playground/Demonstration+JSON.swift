import AssayBase
import AssayText

extension Demonstration {
  /// The demonstration as a record, a row of `instruct.jsonl`.
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
}

extension RecordWriter {
  /// Appends a demonstration, a row of `instruct.jsonl`.
  ///
  /// - Parameter demonstration: The demonstration.
  /// - Throws: `DataError.unwritable` where writing fails.
  package func append(_ demonstration: Demonstration) throws {
    try append(demonstration.json)
  }
}
