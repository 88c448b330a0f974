import AssayBase
import AssayText

/// Typed access to the keys of a row; `null` is as good as absent.
package struct RowFields {
  /// The row, an object.
  package let row: JSONValue
  /// Rows before this one.
  package let index: Int
  /// Whether texts may spell numbers where a number is asked for, as in tables.
  package let spellsNumbers: Bool

  /// Makes fields of a row.
  ///
  /// - Parameters:
  ///   - row: The row.
  ///   - index: Rows before it.
  ///   - spellsNumbers: Whether texts may spell numbers.
  /// - Throws: `RowFault` where it is no object.
  package init(
    _ row: JSONValue,
    index: Int,
    spellsNumbers: Bool = false
  ) throws(RowFault) {
    guard row.members != nil else {
      throw RowFault(kind: .malformedJSON, detail: "not a JSON object: found \(row.kind)")
    }
    (self.row, self.index, self.spellsNumbers) = (row, index, spellsNumbers)
  }

  /// A row under the names of its keys here.
  ///
  /// - Parameters:
  ///   - row: The row; what is no object is left as it is.
  ///   - columns: What the row calls a key, by what it is called here; what the row has under the name
  ///     here is then another thing, and left out.
  /// - Returns: The row, or a fault where it lacks a key that it was said to have.
  static func renamed(
    _ row: JSONValue,
    _ columns: [String: String]
  ) -> Result<JSONValue, RowFault> {
    guard !columns.isEmpty, let members = row.members else { return .success(row) }
    var named: [JSONMember] = []
    for (key, column) in columns.sorted(by: { $0.key < $1.key }) {
      guard let value = row[column] else {
        return .failure(
          RowFault(
            kind: .missingKey,
            detail: "the column '\(column)', which is to be the '\(key)', is missing"
          )
        )
      }
      named.append(JSONMember(key, value))
    }
    let taken = Set(columns.keys).union(columns.values)
    return .success(.object(members.filter { !taken.contains($0.key) } + named))
  }

  /// The value of a key; `nil` where it is absent or `null`.
  package func value(_ key: String) -> JSONValue? {
    guard let value = row[key], !value.isNull else { return nil }
    return value
  }

  /// The value of a key that the row needs.
  ///
  /// - Throws: `RowFault` where it is absent.
  package func required(_ key: String) throws(RowFault) -> JSONValue {
    guard let value = value(key) else {
      throw RowFault(kind: .missingKey, detail: "the key '\(key)' is missing")
    }
    return value
  }

  /// The fault of a value that has another type than its key asks for.
  package static func wrongType(_ key: String, _ expected: String, _ value: JSONValue) -> RowFault {
    RowFault(
      kind: .wrongType,
      detail: "'\(key)' must be \(expected), found \(value.kind)"
    )
  }

  /// A string; `nil` where the key is absent.
  ///
  /// - Throws: `RowFault` for any other value.
  package func string(_ key: String) throws(RowFault) -> String? {
    guard let value = value(key) else { return nil }
    guard let string = value.string else { throw Self.wrongType(key, "a string", value) }
    return string
  }

  /// The number that a value of the row is, or spells where texts may.
  func double(_ value: JSONValue?) -> Double? { value?.numeric(spelt: spellsNumbers) }

  /// A finite number; `nil` where the key is absent.
  ///
  /// - Throws: `RowFault` for any other value.
  package func number(_ key: String) throws(RowFault) -> Double? {
    guard let value = value(key) else { return nil }
    guard let number = double(value) else { throw Self.wrongType(key, "a number", value) }
    guard number.isFinite else {
      throw RowFault(kind: .outOfRange, detail: "'\(key)' must be finite, found \(value.compact)")
    }
    return number
  }

  /// The row's own id (`id` or `pair_id`, a string or a number), or its 0-based index.
  func id() throws(RowFault) -> String { try ownID(["id", "pair_id"]) ?? String(index) }

  /// The first of some keys that has a value, which is a string or a number.
  ///
  /// - Throws: `RowFault` for any other value.
  package func ownID(_ keys: [String]) throws(RowFault) -> String? {
    for key in keys {
      switch value(key) {
      case nil: continue
      case .string(let id): return id
      case .number(let digits): return digits
      case .some(let other): throw Self.wrongType(key, "a string or a number", other)
      }
    }
    return nil
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
  package enum Turns: Equatable {
    case text(String)
    case messages([Message])
  }

  /// A string, or a list of at least one message.
  ///
  /// - Throws: `RowFault` for any other value, or a message with a part that is not read.
  package func turns(_ key: String) throws(RowFault) -> Turns {
    switch try required(key) {
    case .string(let text): return .text(text)
    case .array(let rows):
      var messages: [Message] = []
      for (index, row) in rows.enumerated() {
        messages.append(try Self.message(row, key, isLast: index == rows.count - 1))
      }
      guard !messages.isEmpty else {
        throw RowFault(kind: .badConversation, detail: "'\(key)' has no messages")
      }
      return .messages(messages)
    case let other: throw Self.wrongType(key, "a string or a list of messages", other)
    }
  }

  /// The conversation of the key `prompt`: a string or messages.
  ///
  /// - Throws: `RowFault` where it is missing or something else.
  func prompt() throws(RowFault) -> [Message] {
    switch try turns("prompt") {
    case .text(let text): return HumanAssistantText.prompt(text)
    case .messages(let messages): return messages
    }
  }

  /// Whether what stands before a response's last turn repeats the prompt, but for spaces around a turn;
  /// it may begin before it, as with a system's turn.
  static func repeats(_ before: [Message], _ prompt: [Message]) -> Bool {
    !before.isEmpty && before.count >= prompt.count
      && zip(before.suffix(prompt.count), prompt).allSatisfy { own, given in
        own.role == given.role && own.content.trimmedAsPython == given.content.trimmedAsPython
      }
  }

  /// Parts of messages that stand beside `content`.
  private static let unreadParts = ["tool_calls", "function_call", "audio", "images"]
  /// Thoughts, which templates leave out of all turns but the last.
  private static let thoughts = ["reasoning_content", "reasoning", "thinking"]

  private static func message(
    _ row: JSONValue,
    _ key: String,
    isLast: Bool
  ) throws(RowFault) -> Message {
    for part in unreadParts + (isLast ? thoughts : []) where row[part]?.isEmpty == false {
      throw RowFault(
        kind: .unsupported,
        detail:
          "'\(key)' has a message with '\(part)', which is not read; expected all that was said in "
          + "'content'"
      )
    }
    guard let role = row["role"]?.string, let content = row["content"] else {
      throw wrongType(key, "a string or a list of messages with role and content", row)
    }
    // OpenAI's later name of the same role.
    let speaker = role == "developer" ? "system" : role
    let name = row["name"] ?? .null
    guard name.string != nil || name == .null else {
      throw wrongType("\(key) name", "a string", name)
    }
    if let text = content.string {
      return Message(role: speaker, content: text, name: name.string)
    }
    // OpenAI's list of parts, all of which must be text.
    var text = ""
    for part in content.array ?? [.null] {
      guard part["type"]?.string == "text", let piece = part["text"]?.string else {
        throw wrongType("\(key) content", "a string or a list of text parts", content)
      }
      text += piece
    }
    return Message(role: speaker, content: text, name: name.string)
  }
}

extension JSONValue {
  /// The number that this is; where numbers may be spelt as texts, also the one that a text is.
  func numeric(spelt: Bool) -> Double? {
    guard spelt, let string else { return double }
    return (try? JSONValue(parsing: Array(string.utf8), takesNonFinite: true))?.double
  }
}

/// Conversations spelt in one string, as Anthropic's hh-rlhf has them; others write `User:` for `Human:`.
enum HumanAssistantText {
  private static let assistant = "\n\nAssistant:"

  /// Returns a prompt that is spelt as a text: turns, one user's turn, or no turn where it is empty.
  static func prompt(_ text: String) -> [Message] {
    messages(text) ?? (text.isEmpty ? [] : [.user(text)])
  }

  /// Returns the turns of a text that starts with a human's turn, `nil` for any other text.
  ///
  /// The line breaks before the first turn may be missing, where an assistant's turn follows. A last
  /// turn without text, which opens the answer, is left out.
  static func messages(_ text: String) -> [Message]? {
    var bytes = Array(text.utf8)
    let isOpen = text.hasPrefix("Human:") || text.hasPrefix("User:")
    if isOpen, text.contains(assistant) { bytes = Array("\n\n".utf8) + bytes }
    let humans = ["\n\nHuman:", "\n\nUser:"]
    guard let human = humans.first(where: { bytes.starts(with: $0.utf8) }) else { return nil }
    let marks = [(human, "user"), (assistant, "assistant")]
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
