import AssayBase
import AssayText

/// A prompt to answer or a text to continue, perhaps with responses that are there already.
package struct PromptRecord: Hashable, Sendable {
  /// What is continued.
  package enum Content: Hashable, Sendable {
    /// A conversation, which the chat template renders.
    case messages([Message])
    /// A rendered text, taken as it is: special tokens in it are read as such.
    case text(String)
  }

  /// The file's own id, or the 0-based row where it has none.
  package var id: String
  /// What is continued.
  package var content: Content
  /// The solution that responses are checked by, if any.
  package var answer: String?
  /// Responses that are there already.
  package var responses: [String]?
  /// Which of them are right, as many as responses.
  package var right: [Bool]?

  /// The conversation; empty for a rendered text.
  package var messages: [Message] {
    if case .messages(let messages) = content { return messages }
    return []
  }
}

/// Reads prompts from JSON Lines, plain or gzip.
///
/// A row has `prompt` (a string or messages), `messages`, or `question`; or, where such are asked for,
/// a rendered `text`. It may have `answer`, `responses` and `right`.
package struct PromptReader: Sendable {
  /// What rows hold.
  package enum Shape: Sendable {
    /// Conversations to be answered.
    case conversations
    /// Conversations or rendered texts.
    case conversationsOrTexts
    /// Conversations with responses, as many in each row.
    case candidates
  }

  /// What to do about rows with problems.
  package var policy: ReadPolicy
  /// A length limit, if any.
  package var limit: TokenLimit<PromptRecord>?
  /// What rows hold.
  package var shape: Shape

  /// Makes a reader.
  ///
  /// - Parameters:
  ///   - shape: What rows hold.
  ///   - policy: What to do about rows with problems; by default the first one is an error.
  ///   - limit: A length limit, if any.
  package init(
    _ shape: Shape,
    policy: ReadPolicy = .strict,
    limit: TokenLimit<PromptRecord>? = nil
  ) {
    self.shape = shape
    self.policy = policy
    self.limit = limit
  }

  /// Reads all prompts of a file.
  ///
  /// - Parameter path: The file, or `-` for standard input.
  /// - Returns: The prompts in the file's order, and what became of each row.
  /// - Throws: `DataError` for a file that cannot be read, or for the first problem refused.
  package func read(_ path: String) throws -> (prompts: [PromptRecord], report: ReadReport) {
    var prompts: [PromptRecord] = []
    let report = try readRecords(
      path,
      policy: policy,
      limit: limit,
      id: \.id,
      parse: { (fields) throws(RowFault) in
        let record = try PromptRecord(fields, takesText: shape == .conversationsOrTexts)
        if shape == .candidates {
          try record.checkResponses(count: prompts.first?.responses?.count)
        }
        return record
      }
    ) { prompts.append($0) }
    return (prompts, report)
  }
}

extension PromptRecord {
  /// Keys that are read, beside those of ids.
  private static let keys = [
    "prompt", "messages", "question", "text", "answer", "responses", "right",
  ]

  init(_ fields: RowFields, takesText: Bool) throws(RowFault) {
    try fields.checkSpelling(Self.keys)
    id = try fields.id()
    answer = try fields.string("answer")
    responses = try fields.list("responses", of: "strings", \.string)
    right = try fields.list("right", of: "true and false", \.bool)
    if takesText, let text = try fields.string("text") {
      guard !text.isEmpty else {
        throw RowFault(kind: .badConversation, detail: "the text is empty")
      }
      try fields.checkSameConversation(in: [text], of: "text")
      content = .text(text)
      return
    }
    let (messages, key) = try Self.conversation(fields, takesText: takesText)
    guard let last = messages.last, last.role != "assistant" else {
      throw RowFault(
        kind: .badConversation,
        detail: messages.isEmpty
          ? "the prompt is empty" : "the prompt ends with an assistant's turn"
      )
    }
    try fields.checkNothingDropped(prompt: messages, key: key)
    if key == "messages" {
      try fields.checkSameConversation(in: messages.map(\.content), of: key)
    }
    content = .messages(messages)
  }

  private static func conversation(
    _ fields: RowFields,
    takesText: Bool
  ) throws(RowFault) -> (messages: [Message], key: String) {
    if fields.value("prompt") != nil { return (try fields.prompt(), "prompt") }
    if fields.value("messages") != nil {
      guard case .messages(let messages) = try fields.turns("messages") else {
        throw RowFields.wrongType("messages", "a list of messages", try fields.required("messages"))
      }
      return (messages, "messages")
    }
    if let question = try fields.string("question") { return ([.user(question)], "question") }
    throw RowFault(
      kind: .missingKey,
      detail: "the key 'prompt' is missing"
        + (takesText ? "; expected 'prompt', 'messages' or 'text'" : "")
    )
  }

  fileprivate func checkResponses(count: Int?) throws(RowFault) {
    guard let responses, !responses.isEmpty, responses.count == count ?? responses.count,
      right.map({ $0.count == responses.count }) ?? true
    else {
      throw RowFault(
        kind: .wrongType,
        detail: "expected 'responses', as many as in the rows before, and 'right', if any, as long"
      )
    }
  }
}

extension RowFields {
  /// A list of values of one kind; `nil` where the key is absent.
  fileprivate func list<Value>(
    _ key: String,
    of kind: String,
    _ value: (JSONValue) -> Value?
  ) throws(RowFault) -> [Value]? {
    guard let list = self.value(key) else { return nil }
    let values = (list.array ?? []).compactMap(value)
    guard let all = list.array, all.count == values.count else {
      throw Self.wrongType(key, "a list of \(kind)", list)
    }
    return values
  }
}
