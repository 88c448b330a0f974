import AssayText

/// A response to score.
package struct ResponseRecord: Hashable, Sendable {
  /// What is scored.
  package enum Content: Hashable, Sendable {
    /// A response to a prompt, which the chat template renders.
    case response(prompt: [Message], response: String)
    /// A rendered text, taken as it is: special tokens in it are read as such.
    case text(String)
  }

  /// The file's own id, or the 0-based row where it has none.
  package var id: String
  /// What is scored.
  package var content: Content

  /// Makes a record.
  package init(id: String, content: Content) {
    self.id = id
    self.content = content
  }
}

/// Reads responses to score from JSON Lines, plain or gzip.
///
/// A row has `prompt` and `response`, or `messages` that end with the assistant's turn, or a
/// rendered `text`.
package struct ResponseReader: Sendable {
  /// What to do about rows with problems.
  package var policy: ReadPolicy
  /// A length limit, if any.
  package var limit: TokenLimit<ResponseRecord>?

  /// Makes a reader.
  ///
  /// - Parameters:
  ///   - policy: What to do about rows with problems; by default the first one is an error.
  ///   - limit: A length limit, if any.
  package init(policy: ReadPolicy = .strict, limit: TokenLimit<ResponseRecord>? = nil) {
    self.policy = policy
    self.limit = limit
  }

  /// Reads all responses of a file.
  ///
  /// - Parameter path: The file, or `-` for standard input.
  /// - Returns: The responses in the file's order, and what became of each row.
  /// - Throws: `DataError` for a file that cannot be read, or for the first problem refused.
  package func read(
    _ path: String
  ) throws -> (responses: [ResponseRecord], report: ReadReport) {
    var responses: [ResponseRecord] = []
    let report = try forEach(in: path) { responses.append($0) }
    return (responses, report)
  }

  /// Reads the responses of a file one by one, with memory for one row and the ids.
  ///
  /// - Parameters:
  ///   - path: The file, or `-` for standard input.
  ///   - body: What to do with each response.
  /// - Returns: What became of each row.
  /// - Throws: `DataError` for a file that cannot be read, or for the first problem refused;
  ///   whatever `body` throws.
  package func forEach(
    in path: String,
    _ body: (ResponseRecord) throws -> Void
  ) throws -> ReadReport {
    try readRecords(
      path,
      policy: policy,
      limit: limit,
      id: \.id,
      parse: { (fields) throws(RowFault) in try ResponseRecord(fields) },
      body
    )
  }
}

extension ResponseRecord {
  init(_ fields: RowFields, others: [String] = []) throws(RowFault) {
    try fields.checkSpelling(["prompt", "response", "messages", "text"] + others)
    id = try fields.id()
    let text: String
    if let rendered = try fields.string("text") {
      text = rendered
      try fields.checkSameConversation(in: [text], of: "text")
      content = .text(rendered)
    } else {
      let (prompt, response) = try Self.conversation(fields)
      text = response
      content = .response(prompt: prompt, response: response)
    }
    guard !text.trimmedAsPython.isEmpty else {
      throw RowFault(kind: .emptyResponse, detail: "the response has no text")
    }
  }

  private static func conversation(
    _ fields: RowFields
  ) throws(RowFault) -> (prompt: [Message], response: String) {
    var messages: [Message]
    let key = fields.value("messages") == nil ? "prompt" : "messages"
    if fields.value("messages") != nil {
      guard case .messages(let list) = try fields.turns("messages") else {
        throw RowFields.wrongType("messages", "a list of messages", try fields.required("messages"))
      }
      messages = list
    } else {
      messages = try fields.prompt()
      switch try fields.turns("response") {
      case .text(let text): messages.append(.assistant(text))
      case .messages(let list):
        // A list may repeat the prompt, as a pair's may; else it goes on behind it.
        let isWhole =
          list.starts(with: messages) && list.count > messages.count
          || RowFields.repeats(Array(list.dropLast()), messages)
        guard isWhole || list.first?.role == "assistant" else {
          throw RowFault(
            kind: .badConversation,
            detail:
              "'response' begins with a turn of the \(list.first?.role ?? ""); expected the assistant's, "
              + "or the prompt's own turns"
          )
        }
        messages = isWhole ? list : messages + list
      }
    }
    guard let last = messages.popLast(), last.role == "assistant",
      messages.last?.role != "assistant"
    else {
      throw RowFault(
        kind: .badConversation,
        detail: "the conversation must end with one assistant's turn"
      )
    }
    try fields.checkNothingDropped(prompt: messages, key: key)
    if key == "messages" {
      try fields.checkSameConversation(in: (messages + [last]).map(\.content), of: key)
    }
    return (messages, last.content)
  }
}
