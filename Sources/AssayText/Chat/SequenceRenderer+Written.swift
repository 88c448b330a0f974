/// What a template writes, as other tools have it: one text, in which all spellings are equal.
extension SequenceRenderer {
  /// A conversation as one text.
  ///
  /// - Parameter messages: The conversation, the response last.
  /// - Returns: What `apply_chat_template(tokenize=False)` gives.
  /// - Throws: The refusal, or `TextError` where the template does not take the conversation.
  package func written(_ messages: [Message]) throws -> String {
    try checkTemplate()
    if let program = template.program {
      return try program.render(messages, addsGenerationPrompt: false).text
    }
    return try template.text(of: messages, addsGenerationPrompt: false)
  }

  /// The special tokens that other tools would read in a text which here stays text.
  ///
  /// - Parameter content: What a person or a model wrote.
  /// - Returns: Their ids, in the text's order.
  package func tokensSpelt(in content: String) -> [Int32] {
    tokenizer.encode(content).filter { tokenizer.isSpecial($0) }
  }

  /// Whether the template takes a system turn, and does not leave it out.
  package var takesSystem: Bool {
    let asked = [Message.user("?")]
    guard let alone = try? generationPrefix(prompt: asked) else { return true }
    let told = try? generationPrefix(prompt: [.system("Be fair.")] + asked)
    return told != nil && told != alone
  }

  /// What the template writes of its own before a conversation without a system turn.
  ///
  /// Read off two conversations: what stands before the user's turn of the one without, less what
  /// opens that turn behind a system turn in the other.
  ///
  /// - Returns: The text without special tokens and the role's name; `nil` where there is none, or
  ///   where the template takes no system turn.
  package var systemWritten: String? {
    let (asked, told) = ("What?", "Speak.")
    guard let alone = try? written([.user(asked), .assistant(asked)]),
      let behind = try? written([.system(told), .user(asked), .assistant(asked)]),
      let start = alone.firstRange(of: asked)?.lowerBound,
      let end = behind.firstRange(of: told)?.upperBound,
      let next = behind[end...].firstRange(of: asked)?.lowerBound
    else { return nil }
    // Token by token, as special tokens may end with the same letters.
    let front = tokenizer.encode(String(alone[..<start]))
    let between = tokenizer.encode(String(behind[end..<next]), isStart: false)
    let shared = zip(front.reversed(), between.reversed()).prefix { $0 == $1 }.count
    var text = tokenizer.decode(front.dropLast(shared), skipSpecialTokens: true).trimmedAsPython
    if text.hasPrefix("system") { text = String(text.dropFirst("system".count)).trimmedAsPython }
    return text.isEmpty ? nil : text
  }
}
