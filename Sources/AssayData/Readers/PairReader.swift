import AssayText

/// Reads preference pairs from JSON Lines, plain or gzip.
///
/// The four shapes of TRL are told apart by their types: `prompt` present or not, texts or lists
/// of messages. Without a prompt, lists share their first messages as the prompt; texts that
/// start with "\n\nHuman:" (hh-rlhf) are read as turns; any other text is a response to an empty
/// prompt, as TRL scores it whole. Keys beyond those of the CLI's records are ignored.
///
/// Source: huggingface/trl `trl/trainer/reward_trainer.py`, `data_utils.py`.
package struct PairReader: Sendable {
  /// What to do about rows with problems.
  package var policy: ReadPolicy
  /// A length limit, if any.
  package var limit: TokenLimit<PreferencePair>?
  /// What the file calls a key, by what it is called here.
  package var columns: [String: String]
  /// Which pairs are made of several responses to one prompt.
  package var pairing = Pairing.all
  /// What the difference of two ratings is multiplied with to be a margin; 0 gives none.
  package var marginScale = 0.0
  /// What each attribute counts where rows rate one response by attributes, and neighbours answer one prompt.
  package var attributes = ["helpfulness": 1.0]

  /// Makes a reader.
  ///
  /// - Parameters:
  ///   - policy: What to do about rows with problems; by default the first one is an error.
  ///   - limit: A length limit, if any.
  ///   - columns: What the file calls a key, by what it is called here.
  package init(
    policy: ReadPolicy = .strict,
    limit: TokenLimit<PreferencePair>? = nil,
    columns: [String: String] = [:]
  ) {
    self.policy = policy
    self.limit = limit
    self.columns = columns
  }

  /// Reads all pairs of a file.
  ///
  /// - Parameter path: The file, or `-` for standard input.
  /// - Returns: The pairs in the file's order, and what became of each row.
  /// - Throws: `DataError` for a file that cannot be read, or for the first problem refused.
  package func read(_ path: String) throws -> (pairs: [PreferencePair], report: ReadReport) {
    var pairs: [PreferencePair] = []
    let report = try forEach(in: path) { pairs.append($0) }
    return (pairs, report)
  }

  /// Reads the pairs of a file one by one, with memory for one row and the ids.
  ///
  /// - Parameters:
  ///   - path: The file, or `-` for standard input.
  ///   - body: What to do with each pair.
  /// - Returns: What became of each row.
  /// - Throws: `DataError` for a file that cannot be read, or for the first problem refused;
  ///   whatever `body` throws.
  package func forEach(
    in path: String,
    _ body: (PreferencePair) throws -> Void
  ) throws -> ReadReport {
    try readRecords(
      path,
      policy: policy,
      limit: limit,
      columns: columns,
      attributes: attributes,
      id: \.id,
      rows: rows,
      parse: { (fields) throws(RowFault) in try PreferencePair(fields) },
      body
    )
  }
}

extension PairReader {
  /// The pairs of a file one by one, whatever their ids, with memory for one row.
  ///
  /// - Parameter path: The file.
  /// - Returns: The pairs, to be asked for.
  /// - Throws: `DataError` for a file that cannot be read.
  package func stream(_ path: String) throws -> RecordStream<PreferencePair> {
    try RecordStream(
      path,
      policy: policy,
      limit: limit,
      columns: columns,
      attributes: attributes,
      rows: rows,
      parse: { (fields) throws(RowFault) in try PreferencePair(fields) }
    )
  }

  /// The rows of pairs that a row is.
  func rows(_ fields: RowFields) throws(RowFault) -> [RowFields] {
    try fields.pairs(pairing, marginScale: marginScale)
  }
}

/// The loop that all readers share: every row becomes a record or a counted problem.
///
/// - Parameters:
///   - path: The file, or `-` for standard input.
///   - policy: What to do about rows with problems.
///   - limit: A length limit, if any.
///   - columns: What the file calls a key, by what it is called here.
///   - attributes: What attributes count by which neighbouring rows are joined; none joins nothing.
///   - id: A record's id, which no other has.
///   - rows: Makes several rows of one.
///   - parse: Makes a record of a row.
///   - body: What to do with each record.
/// - Returns: What became of each row.
/// - Throws: `DataError`, or what `body` and the limit throw.
package func readRecords<Record>(
  _ path: String,
  policy: ReadPolicy,
  limit: TokenLimit<Record>?,
  columns: [String: String] = [:],
  attributes: [String: Double] = [:],
  id: @escaping (Record) -> String,
  rows: @escaping (RowFields) throws(RowFault) -> [RowFields] = { (fields) throws(RowFault) in
    [fields]
  },
  parse: @escaping (RowFields) throws(RowFault) -> Record,
  _ body: (Record) throws -> Void
) throws -> ReadReport {
  let stream = try RecordStream(
    path,
    policy: policy,
    limit: limit,
    columns: columns,
    attributes: attributes,
    id: id,
    rows: rows,
    parse: parse
  )
  while let record = try stream.next() { try body(record) }
  return stream.report
}

extension PreferencePair {
  /// Keys that are read, beside those of ids.
  private static let keys = [
    "prompt", "chosen", "rejected", "subset", "margin", "probability", "chosen_critique",
    "rejected_critique", "chosen_feedback", "rejected_feedback",
  ]

  init(_ fields: RowFields, others: [String] = []) throws(RowFault) {
    try fields.checkSpelling(Self.keys + others)
    let answers = try Answers(fields)
    for (key, text) in [("chosen", answers.chosen), ("rejected", answers.rejected)] {
      guard !text.trimmedAsPython.isEmpty else {
        throw RowFault(kind: .emptyResponse, detail: "'\(key)' has no text")
      }
    }
    guard !answers.chosen.utf8.elementsEqual(answers.rejected.utf8) else {
      throw RowFault(kind: .identicalAnswers, detail: "chosen and rejected are the same text")
    }
    let probability = try fields.number("probability")
    if let probability, probability <= 0 || probability >= 1 {
      throw RowFault(
        kind: .outOfRange,
        detail: "'probability' must be above 0 and below 1, found \(probability)"
      )
    }
    self.init(
      id: try fields.id(),
      prompt: answers.prompt,
      chosen: answers.chosen,
      rejected: answers.rejected,
      subset: try fields.string("subset"),
      chosenCritique: try fields.critique("chosen_critique", or: "chosen_feedback"),
      rejectedCritique: try fields.critique("rejected_critique", or: "rejected_feedback"),
      margin: try fields.number("margin"),
      probability: probability
    )
  }
}

/// A prompt and two answers, whichever shape they came in.
private struct Answers {
  var prompt: [Message]
  var chosen: String
  var rejected: String

  init(_ fields: RowFields) throws(RowFault) {
    let chosen = try fields.turns("chosen")
    let rejected = try fields.turns("rejected")
    if fields.value("prompt") != nil {
      try self.init(prompt: try fields.prompt(), chosen, rejected)
      try checkPrompt()
    } else {
      try self.init(implicit: chosen, rejected)
    }
    try fields.checkNothingDropped(prompt: prompt)
  }

  private init(
    prompt: [Message],
    _ chosen: RowFields.Turns,
    _ rejected: RowFields.Turns
  ) throws(RowFault) {
    let own = try Self.answer(chosen, "chosen", to: prompt)
    let other = try Self.answer(rejected, "rejected", to: prompt)
    guard own.prompt == other.prompt else {
      throw RowFault(
        kind: .badConversation,
        detail: "chosen and rejected differ before their last turn"
      )
    }
    self.prompt = own.prompt
    self.chosen = own.text
    self.rejected = other.text
  }

  /// The one assistant's turn behind a prompt, and the conversation before it.
  ///
  /// A list may repeat the prompt, and may begin before it, as with a system's turn: then its own
  /// conversation is the prompt. Spaces around a turn make no difference.
  private static func answer(
    _ turns: RowFields.Turns,
    _ key: String,
    to prompt: [Message]
  ) throws(RowFault) -> (prompt: [Message], text: String) {
    guard case .messages(let messages) = turns else {
      if case .text(let text) = turns { return (prompt, text) }
      return (prompt, "")
    }
    let before = Array(messages.dropLast())
    let isRepeated = RowFields.repeats(before, prompt)
    guard let last = messages.last, last.role == "assistant", isRepeated || before.isEmpty else {
      let rest = messages.starts(with: prompt) ? messages.dropFirst(prompt.count) : messages[...]
      throw RowFault(
        kind: .badConversation,
        detail: "'\(key)' must be one assistant's turn behind the prompt, found \(roles(rest))"
      )
    }
    return (before.isEmpty ? prompt : before, last.content)
  }

  /// Without a prompt: what both conversations share, up to the last turn.
  private init(implicit chosen: RowFields.Turns, _ rejected: RowFields.Turns) throws(RowFault) {
    switch (Self.conversation(chosen), Self.conversation(rejected)) {
    case (.messages(let chosen), .messages(let rejected)):
      let prompt = Array(chosen.dropLast())
      guard prompt == rejected.dropLast() else {
        throw RowFault(
          kind: .badConversation,
          detail: "chosen and rejected differ before their last turn"
        )
      }
      try self.init(prompt: prompt, .messages(chosen), .messages(rejected))
      try checkPrompt()
    case (.text, .text): try self.init(prompt: [], chosen, rejected)
    default:
      throw RowFault(
        kind: .wrongType,
        detail: "chosen and rejected must both be texts or both be lists of messages"
      )
    }
  }

  private static func conversation(_ turns: RowFields.Turns) -> RowFields.Turns {
    guard case .text(let text) = turns, let messages = HumanAssistantText.messages(text) else {
      return turns
    }
    return .messages(messages)
  }

  private func checkPrompt() throws(RowFault) {
    guard prompt.last?.role != "assistant" else {
      throw RowFault(
        kind: .badConversation,
        detail: "the prompt ends with an assistant's turn"
      )
    }
  }

  private static func roles(_ messages: some Collection<Message>) -> String {
    messages.isEmpty ? "no turn" : messages.map(\.role).joined(separator: ", ")
  }
}
