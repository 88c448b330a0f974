/// Conversations rendered by a model's own template.
///
/// Where a turn begins and ends is told by the origins of the template's output, so that nothing is
/// assumed about how it spells turns.
extension SequenceRenderer {
  /// The parts that a template writes of a conversation.
  ///
  /// - Throws: `TextError.omittedContent` where it leaves out what a role says that is none of the usual
  ///   ones. A system's turn that it leaves out is left out wherever the model is used.
  func parts(
    _ program: ChatProgram,
    _ messages: [Message],
    addsGenerationPrompt: Bool = false
  ) throws -> [ChatProgram.Part] {
    try checkTemplate()
    let rendered = try program.render(messages, addsGenerationPrompt: addsGenerationPrompt)
    let parts = (spans ?? SpanReader(tokenizer)).parts(of: rendered)
    for (index, message) in messages.enumerated()
    where !["system", "user", "assistant", "tool"].contains(message.role) {
      let content = message.content.trimmedAsPython
      let isThere = parts.contains { $0.isContent(of: index) } || rendered.text.contains(content)
      guard content.isEmpty || isThere else { throw TextError.omittedContent(role: message.role) }
    }
    return parts
  }

  /// The tokens of parts; texts that no special token parts are encoded as one.
  func encode(_ parts: some Sequence<ChatProgram.Part>) -> [Int32] {
    var tokens: [Int32] = []
    var pending = ""
    for part in parts {
      switch part {
      case .text(let text, _): pending += text
      case .special(let id):
        tokens += encodeText(pending, isStart: tokens.isEmpty)
        pending = ""
        tokens.append(id)
      }
    }
    return tokens + encodeText(pending, isStart: tokens.isEmpty)
  }

  /// How many tokens come before the first that holds text of a message.
  private func tokenCount(
    _ tokens: [Int32],
    of parts: [ChatProgram.Part],
    before message: Int
  ) -> Int {
    guard let first = parts.firstIndex(where: { $0.isContent(of: message) }) else {
      return tokens.count
    }
    return zip(tokens, encode(parts[..<first])).prefix { $0 == $1 }.count
  }

  func render(
    _ program: ChatProgram,
    prompt: [Message],
    response: String
  ) throws -> ScoredSequence {
    let parts = try parts(program, prompt + [.assistant(response)])
    guard
      response.trimmedAsPython.isEmpty || parts.contains(where: { $0.isContent(of: prompt.count) })
    else { throw TextError.omittedContent(role: "assistant") }
    var tokens = encode(parts)
    let promptTokenCount = tokenCount(tokens, of: parts, before: prompt.count)
    if scoredToken == .endOfTurn {
      guard let end = tokens.lastIndex(of: endOfTurnID) else {
        throw TextError.unknownTurn(
          reason: "does not close the assistant's turn by a special token"
        )
      }
      tokens.removeSubrange((end + 1)...)
    }
    return scored(
      tokens,
      promptTokenCount: min(promptTokenCount, tokens.count),
      targets: nil
    )
  }

  /// The parts of a conversation whose last turn, the user's, holds what opens a critique, up to that
  /// opening's end.
  private func critiqueParts(
    _ program: ChatProgram,
    _ conversation: [Message],
    leadIn: String
  ) throws -> [ChatProgram.Part] {
    // An empty turn would leave no trace of where it begins.
    let text = leadIn.isEmpty ? "." : leadIn
    let parts = try parts(program, conversation + [.user(text)])
    guard let last = parts.lastIndex(where: { $0.isContent(of: conversation.count) }) else {
      throw TextError.unknownTurn(reason: "leaves out what the user says")
    }
    return Array(parts[..<(leadIn.isEmpty ? last : last + 1)])
  }

  /// The conversation up to where a critique is written, where its turn starts, and where the
  /// response does.
  func critiqueOpened(
    _ program: ChatProgram,
    prompt: [Message],
    response: String,
    leadIn: String
  ) throws -> (tokens: [Int32], turnStart: Int, promptTokenCount: Int) {
    let parts = try critiqueParts(program, prompt + [.assistant(response)], leadIn: leadIn)
    let tokens = encode(parts)
    // The critique's turn starts behind the end of the response's turn and what separates turns.
    guard let end = parts.lastIndex(of: .special(endOfTurnID)) else {
      throw TextError.unknownTurn(reason: "does not close the assistant's turn by a special token")
    }
    let separator = tokenizer.encodePlain(template.separator, isStart: false).count
    return (
      tokens,
      min(encode(parts[..<(end + 1)]).count + separator, tokens.count),
      tokenCount(tokens, of: parts, before: prompt.count)
    )
  }

  /// What opens a critique's turn, behind an exchange that is closed and separated.
  func critiqueOpening(_ program: ChatProgram, leadIn: String) throws -> [Int32] {
    let (tokens, turnStart, _) = try critiqueOpened(
      program,
      prompt: [.user("What?")],
      response: "That.",
      leadIn: leadIn
    )
    return Array(tokens[turnStart...])
  }

  func renderForLanguageModel(
    _ program: ChatProgram,
    _ messages: [Message],
    targets: LanguageModelTargets
  ) throws -> LanguageModelSequence {
    let parts = try parts(program, messages)
    var tokens: [Int32] = []
    var isTarget: [Bool] = []
    func add(_ ids: [Int32], learnt: Bool) {
      tokens += ids
      isTarget += repeatElement(learnt || targets == .all, count: ids.count)
    }
    // Texts up to the next special token, each with whether it is learnt.
    var pending: [(text: String, isLearnt: Bool)] = []
    func flush() {
      let isStart = tokens.isEmpty
      let whole = encodeText(pending.map(\.text).joined(), isStart: isStart)
      guard let first = pending.firstIndex(where: \.isLearnt),
        let last = pending.lastIndex(where: \.isLearnt)
      else {
        pending = []
        return add(whole, learnt: false)
      }
      let before = encodeText(pending[..<first].map(\.text).joined(), isStart: isStart)
      let behind = encodeText(pending[(last + 1)...].map(\.text).joined(), isStart: false)
      let start = zip(whole, before).prefix { $0 == $1 }.count
      let rest = zip(whole[start...].reversed(), behind.reversed()).prefix { $0 == $1 }.count
      add(Array(whole[..<start]), learnt: false)
      add(Array(whole[start..<whole.count - rest]), learnt: true)
      add(Array(whole[(whole.count - rest)...]), learnt: false)
      pending = []
    }
    var closes = false
    for part in parts {
      switch part {
      case .text(let text, let origin):
        var isLearnt = false
        if case .content(let index) = origin { isLearnt = messages[index].role == "assistant" }
        pending.append((text, isLearnt))
        if isLearnt { closes = true }
      case .special(let id):
        flush()
        // The token that closes the assistant's turn is learnt with it.
        add([id], learnt: closes)
        closes = false
      }
    }
    flush()
    return languageModel(tokens, isTarget)
  }
}
