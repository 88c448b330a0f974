import AssayBase
import AssayText

/// Typed access to the keys of a row; `null` is as good as absent.
struct RowFields {
  let row: JSONValue
  let index: Int

  init(_ row: JSONValue, index: Int) throws(RowFault) {
    guard row.members != nil else {
      throw RowFault(kind: .malformedJSON, detail: "not a JSON object: found \(row.kind)")
    }
    self.row = row
    self.index = index
  }

  func value(_ key: String) -> JSONValue? {
    guard let value = row[key], !value.isNull else { return nil }
    return value
  }

  func required(_ key: String) throws(RowFault) -> JSONValue {
    guard let value = value(key) else {
      throw RowFault(kind: .missingKey, detail: "the key '\(key)' is missing")
    }
    return value
  }

  static func wrongType(_ key: String, _ expected: String, _ value: JSONValue) -> RowFault {
    RowFault(
      kind: .wrongType,
      detail: "'\(key)' must be \(expected), found \(value.kind)"
    )
  }

  func string(_ key: String) throws(RowFault) -> String? {
    guard let value = value(key) else { return nil }
    guard let string = value.string else { throw Self.wrongType(key, "a string", value) }
    return string
  }

  func number(_ key: String) throws(RowFault) -> Double? {
    guard let value = value(key) else { return nil }
    guard let number = value.double else { throw Self.wrongType(key, "a number", value) }
    guard number.isFinite else {
      throw RowFault(kind: .outOfRange, detail: "'\(key)' must be finite, found \(value.compact)")
    }
    return number
  }

  /// The row's own id (`id` or `pair_id`, a string or a number), or its 0-based index.
  func id() throws(RowFault) -> String {
    for key in ["id", "pair_id"] {
      switch value(key) {
      case nil: continue
      case .string(let id): return id
      case .number(let digits): return digits
      case .some(let other): throw Self.wrongType(key, "a string or a number", other)
      }
    }
    return String(index)
  }

  /// A text under one of two keys, as a string or, as CLoud writes it, a list of one string.
  func critique(_ key: String, or other: String) throws(RowFault) -> String? {
    let used = value(key) != nil ? key : other
    guard let value = value(used) else { return nil }
    if let list = value.array, list.count == 1, let text = list[0].string { return text }
    guard let text = value.string else {
      throw Self.wrongType(used, "a string or a list of one string", value)
    }
    return text
  }

  /// A string, or a list of messages.
  enum Turns: Equatable {
    case text(String)
    case messages([Message])
  }

  func turns(_ key: String) throws(RowFault) -> Turns {
    switch try required(key) {
    case .string(let text): return .text(text)
    case .array(let rows):
      var messages: [Message] = []
      for row in rows { messages.append(try Self.message(row, key)) }
      guard !messages.isEmpty else {
        throw RowFault(kind: .badConversation, detail: "'\(key)' has no messages")
      }
      return .messages(messages)
    case let other: throw Self.wrongType(key, "a string or a list of messages", other)
    }
  }

  private static func message(_ row: JSONValue, _ key: String) throws(RowFault) -> Message {
    guard let role = row["role"]?.string, let content = row["content"] else {
      throw wrongType(key, "a string or a list of messages with role and content", row)
    }
    if let text = content.string { return Message(role: role, content: text) }
    // OpenAI's list of parts, all of which must be text.
    var text = ""
    for part in content.array ?? [.null] {
      guard part["type"]?.string == "text", let piece = part["text"]?.string else {
        throw wrongType("\(key) content", "a string or a list of text parts", content)
      }
      text += piece
    }
    return Message(role: role, content: text)
  }
}

/// Conversations spelt in one string, as Anthropic's hh-rlhf has them.
enum HumanAssistantText {
  private static let marks = [("\n\nHuman:", "user"), ("\n\nAssistant:", "assistant")]

  /// Returns a prompt that is spelt as a text: turns, one user's turn, or no turn where it is empty.
  static func prompt(_ text: String) -> [Message] {
    messages(text) ?? (text.isEmpty ? [] : [.user(text)])
  }

  /// Returns the turns of a text that starts with a human's turn, `nil` for any other text.
  ///
  /// A last turn without text, which opens the answer, is left out.
  static func messages(_ text: String) -> [Message]? {
    let bytes = Array(text.utf8)
    guard bytes.starts(with: marks[0].0.utf8) else { return nil }
    var messages: [Message] = []
    var role = ""
    var start = 0
    func close(at end: Int) {
      guard !role.isEmpty else { return }
      let content = String(decoding: bytes[start..<end], as: UTF8.self)
      messages.append(Message(role: role, content: content.trimmedAsPython))
    }
    var index = 0
    while index < bytes.count {
      guard bytes[index] == 0x0A,
        let mark = marks.first(where: { bytes[index...].starts(with: $0.0.utf8) })
      else {
        index += 1
        continue
      }
      close(at: index)
      role = mark.1
      index += mark.0.utf8.count
      start = index
    }
    close(at: bytes.count)
    if let last = messages.last, last.role == "assistant", last.content.isEmpty {
      messages.removeLast()
    }
    return messages
  }
}
