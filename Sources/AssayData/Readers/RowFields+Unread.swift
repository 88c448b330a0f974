// What stands in a row and is not read: nothing that would change the result is dropped in silence.

import AssayBase
import AssayText

extension RowFields {
  /// Refuses a row with a key that is a slip of one that is read, as `respones` or `Margin`.
  ///
  /// Other keys are the file's own and are left out; so are those that only count or number one that is
  /// read, as `responses` or `response_2`.
  ///
  /// - Parameter read: The keys that are read.
  /// - Throws: `RowFault` of the kind `missingKey`.
  func checkSpelling(_ read: [String]) throws(RowFault) {
    for member in row.members ?? [] where !read.contains(member.key) && !member.value.isEmpty {
      guard let meant = read.first(where: { Self.isSlip(member.key, of: $0) }) else { continue }
      throw RowFault(
        kind: .missingKey,
        detail: "'\(member.key)' is not read; did you mean '\(meant)'?"
      )
    }
  }

  /// Whether a key is another in other letters, or but for a letter.
  static func isSlip(_ key: String, of known: String) -> Bool {
    // A key's own words: `notes` are no votes.
    guard abs(key.utf8.count - known.utf8.count) <= 3, key != "notes" else { return false }
    let (given, meant) = (letters(key), letters(known))
    guard given != meant else { return true }
    if given.starts(with: meant), given.count == meant.count + 1, let last = given.last {
      let isNumbered = key.utf8.count > known.utf8.count + 1
      if isNumbered || last == UInt8(ascii: "s") || (0x30...0x39).contains(last) { return false }
    }
    return meant.count >= 5 && isOneSlip(given, meant)
  }

  /// A key's letters and digits, small.
  private static func letters(_ key: String) -> [UInt8] {
    key.lowercased().utf8.filter { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
  }

  /// Whether two words differ in one letter, more, less or other, or in two exchanged ones.
  private static func isOneSlip(_ word: [UInt8], _ other: [UInt8]) -> Bool {
    let start = zip(word, other).prefix { $0 == $1 }.count
    let (rest, rival) = (word.dropFirst(start), other.dropFirst(start))
    if rest.count != rival.count {
      return rest.dropFirst().elementsEqual(rival) || rest.elementsEqual(rival.dropFirst())
    }
    let isExchanged =
      rest.count >= 2 && rest.prefix(2).reversed().elementsEqual(rival.prefix(2))
      && rest.dropFirst(2).elementsEqual(rival.dropFirst(2))
    return isExchanged || rest.dropFirst().elementsEqual(rival.dropFirst())
  }

  /// Refuses a row that holds a part of the conversation under a key that is not read.
  ///
  /// - Parameters:
  ///   - prompt: What was read of the row as its prompt.
  ///   - key: Where it was read.
  /// - Throws: `RowFault` of the kind `unsupported` or `missingKey`.
  func checkNothingDropped(prompt: [Message], key: String = "prompt") throws(RowFault) {
    try checkSystem(prompt)
    for other in ["tools", "functions", "documents", "images", "audio"]
    where value(other)?.isEmpty == false {
      throw RowFault(kind: .unsupported, detail: "'\(other)' is not read; expected text alone")
    }
    if value("history")?.isEmpty == false, value(key) != nil {
      throw RowFault(
        kind: .unsupported,
        detail: "'history' is not read; expected its turns as the first messages of '\(key)'"
      )
    }
    guard prompt.isEmpty, value(key) == nil else {
      return try checkOtherPrompts(prompt, key)
    }
    // Keys of tables are often spelt with capitals.
    for member in row.members ?? []
    where Self.otherPrompts.contains(member.key.lowercased()) && !member.value.isEmpty {
      throw RowFault(
        kind: .missingKey,
        detail: "the key 'prompt' is missing, and '\(member.key)' is not read: name it 'prompt'"
      )
    }
  }

  private func checkSystem(_ prompt: [Message]) throws(RowFault) {
    let read = prompt.first?.role == "system" ? prompt.first?.content.trimmedAsPython : nil
    for member in row.members ?? []
    where Self.systems.contains(member.key.lowercased()) && !member.value.isEmpty
      && (read == nil || member.value.string?.trimmedAsPython != read)
    {
      throw RowFault(
        kind: .unsupported,
        detail:
          "'\(member.key)' is not read; expected it as the first message of 'prompt', with the role "
          + "system"
      )
    }
  }

  /// Refuses what is asked beside the prompt and is no part of it.
  private func checkOtherPrompts(_ prompt: [Message], _ key: String) throws(RowFault) {
    for other in ["messages", "conversation", "conversations"] where other != key {
      // A whole conversation may repeat the prompt, with the response behind it.
      let asked = (value(other)?.array ?? []).filter { turn in
        let role = (turn["role"] ?? turn["from"])?.string ?? ""
        return ["system", "developer", "user", "human"].contains(role)
      }
      let texts = asked.compactMap { ($0["content"] ?? $0["value"])?.string?.trimmedAsPython }
      guard texts.contains(where: { text in !prompt.contains { $0.content.contains(text) } }) else {
        continue
      }
      throw RowFault(
        kind: .unsupported,
        detail:
          "'\(key)' is read, and '\(other)' beside it says something else; expected one of them"
      )
    }
    for member in row.members ?? []
    where member.key != key && Self.besidePrompts.contains(member.key.lowercased()) {
      guard let text = member.value.string?.trimmedAsPython, !text.isEmpty,
        !prompt.contains(where: { $0.content.contains(text) })
      else { continue }
      throw RowFault(
        kind: .unsupported,
        detail:
          "'\(member.key)' stands beside '\(key)' and is not read; expected all that is asked in "
          + "'\(key)'"
      )
    }
  }

  /// Refuses a row whose response stands under a key that is not read, since another was read.
  ///
  /// - Parameters:
  ///   - texts: All that was read.
  ///   - key: Where it was read.
  /// - Throws: `RowFault` of the kind `unsupported`.
  func checkSameConversation(in texts: [String], of key: String) throws(RowFault) {
    for other in ["prompt", "response"] where other != key {
      guard let text = value(other)?.string?.trimmedAsPython, !text.isEmpty,
        !texts.contains(where: { $0.contains(text) })
      else { continue }
      throw RowFault(
        kind: .unsupported,
        detail:
          "'\(key)' is read, and '\(other)' beside it says something else; expected one of them"
      )
    }
  }

  /// What data sets call a system's turn.
  private static let systems: Set<String> = [
    "system", "system_prompt", "systemprompt", "system_message", "system_instruction",
  ]
  /// What data sets call a prompt, beside `prompt`.
  private static let otherPrompts: Set<String> = besidePrompts.union([
    "prompt", "context", "task", "messages", "conversation", "conversations", "history", "user",
    "prompts",
  ])
  /// What may be asked in a row that has a prompt too.
  private static let besidePrompts: Set<String> = [
    "question", "query", "instruction", "instructions", "input", "context", "problem", "post",
    "user_prompt", "user_input",
  ]
}

extension JSONValue {
  /// Whether this is `null`, or a text, a list or an object with nothing in it.
  var isEmpty: Bool {
    switch self {
    case .null: true
    case .string(let text): text.isEmpty
    case .array(let values): values.isEmpty
    case .object(let members): members.isEmpty
    case .bool, .number: false
    }
  }
}
