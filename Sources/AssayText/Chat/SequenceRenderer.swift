/// Turns prompts, responses and critiques into tokens: the one place where that is done.
///
/// Contents are encoded as plain text, so that no text can close its turn or open another. A
/// length limit takes tokens from the front, behind the beginning token, and never the scored one.
package struct SequenceRenderer: Sendable {
  /// Which token the reward head reads.
  package enum ScoredToken: String, Sendable, Codable, CaseIterable {
    /// The token that closes the last turn (Assay's models, CLoud).
    case endOfTurn
    /// The last token that the template writes, such as ChatML's newline behind the end of turn:
    /// what models trained by TRL read.
    case lastOfTemplate
  }

  /// What becomes of a special token's spelling in what people and models wrote.
  package enum ContentTokens: String, Sendable, Codable, CaseIterable {
    /// It stays text, so that no content closes its turn.
    case text
    /// It is read as the token, as `transformers` and most servers read it.
    case asWritten = "as-written"
  }

  /// The tokenizer.
  package let tokenizer: any Tokenizer
  /// The chat template.
  package let template: ChatTemplate
  /// The longest sequence, in tokens; `nil` sets no limit.
  package private(set) var maximumTokens: Int?
  /// Which token the reward head reads.
  package let scoredToken: ScoredToken
  /// The id of the token that closes a turn; -1, which no text has, where the template is unknown and
  /// the tokenizer names no end of text.
  package let endOfTurnID: Int32
  /// Why conversations are not rendered; `nil` where they are.
  package let refusal: TextError?
  /// What becomes of a special token's spelling in contents.
  package let contentTokens: ContentTokens

  private let specialIDs: [String: Int32]
  /// Reads what the model's own template wrote; `nil` for a preset.
  let spans: SpanReader?

  /// Makes a renderer.
  ///
  /// - Parameters:
  ///   - tokenizer: The tokenizer, which has every special token of the template.
  ///   - template: The chat template.
  ///   - maximumTokens: The longest sequence, in tokens; `nil` sets no limit.
  ///   - scoredToken: Which token the reward head reads.
  ///   - refusal: What is thrown where a conversation is to be rendered; `nil` renders it.
  ///   - contentTokens: What becomes of a special token's spelling in contents.
  /// - Throws: `TextError.missingToken` where the vocabulary lacks a special token, and
  ///   `limitTooSmall` for a limit without room for the beginning and the scored token.
  package init(
    tokenizer: any Tokenizer,
    template: ChatTemplate,
    maximumTokens: Int? = nil,
    scoredToken: ScoredToken = .endOfTurn,
    refusal: TextError? = nil,
    contentTokens: ContentTokens = .text
  ) throws {
    var specialIDs: [String: Int32] = [:]
    for token in template.specialTokens {
      guard let id = tokenizer.id(of: token) else {
        throw TextError.missingToken(spelling: token, template: template.name)
      }
      specialIDs[token] = id
    }
    let separator = tokenizer.encodePlain(template.separator, isStart: false).count
    let minimum = (template.beginning == nil ? 0 : 1) + 1 + separator
    if let maximumTokens, maximumTokens < minimum {
      throw TextError.limitTooSmall(maximumTokens: maximumTokens, minimum: minimum)
    }
    self.tokenizer = tokenizer
    self.template = template
    self.maximumTokens = maximumTokens
    self.scoredToken = scoredToken
    self.specialIDs = specialIDs
    spans = template.program.map { _ in SpanReader(tokenizer) }
    endOfTurnID = specialIDs[template.endOfTurn] ?? -1
    self.refusal = refusal
    self.contentTokens = contentTokens
  }

  /// The same without a limit: it renders whole texts, however long.
  package var unlimited: SequenceRenderer {
    var renderer = self
    renderer.maximumTokens = nil
    return renderer
  }

  /// Renders a response, scored where its turn ends.
  ///
  /// - Parameters:
  ///   - prompt: The conversation up to the assistant's turn; may be empty.
  ///   - response: The assistant's turn.
  /// - Returns: The tokens of the conversation and the index of the scored one.
  /// - Throws: The refusal, or `TextError.unknownRole` where the template has no mark for a role.
  package func render(prompt: [Message], response: String) throws -> ScoredSequence {
    if let program = template.program {
      return try render(program, prompt: prompt, response: response)
    }
    var (tokens, promptTokenCount) = try rendered(prompt: prompt, response: response)
    tokens.append(endOfTurnID)
    if scoredToken == .lastOfTemplate {
      tokens += tokenizer.encodePlain(template.separator, isStart: false)
    }
    return scored(tokens, promptTokenCount: promptTokenCount, targets: nil)
  }

  /// Renders a response with a critique of it in a further user turn, scored where that ends.
  ///
  /// The tokens are those of `critiquePrefix`, then of the critique alone, then the end of turn:
  /// what a model continues and what it is trained on are the same by construction. The critique
  /// is taken as it is, so its first space, which a template that trims takes from the end of the
  /// lead-in, belongs at its front.
  ///
  /// - Parameters:
  ///   - prompt: The conversation up to the assistant's turn; may be empty.
  ///   - response: The assistant's turn.
  ///   - critique: The critique, without end of turn.
  ///   - leadIn: What opens the critique's turn, in the user's voice; may be empty.
  ///   - trainsLeadIn: Whether the targets start at the second token of the critique's turn, as
  ///     CLoud's code has it, rather than at the critique.
  /// - Returns: The tokens, the index of the scored one and the targets.
  /// - Throws: The refusal, or `TextError.unknownRole` where the template has no mark for a role.
  package func render(
    prompt: [Message],
    response: String,
    critique: String,
    leadIn: String,
    trainsLeadIn: Bool
  ) throws -> ScoredSequence {
    var (tokens, turnStart, promptTokenCount) = try critiqueOpened(
      prompt: prompt,
      response: response,
      leadIn: leadIn
    )
    let start = trainsLeadIn ? turnStart + 1 : tokens.count
    tokens += encodeText(critique, isStart: false)
    tokens.append(endOfTurnID)
    return scored(
      tokens,
      promptTokenCount: promptTokenCount,
      targets: start..<tokens.count
    )
  }

  /// Returns the tokens up to where a model writes its critique.
  ///
  /// - Parameters:
  ///   - prompt: The conversation up to the assistant's turn; may be empty.
  ///   - response: The assistant's turn.
  ///   - leadIn: What opens the critique's turn, in the user's voice; may be empty.
  ///   - reservedTokens: How many tokens of the length limit are kept free for the critique and
  ///     its end of turn.
  /// - Returns: The tokens, cut from the front where the limit asks for it.
  /// - Throws: The refusal, `TextError.unknownRole` where the template has no mark for a role, and
  ///   `limitTooSmall` where the reserve leaves no room.
  package func critiquePrefix(
    prompt: [Message],
    response: String,
    leadIn: String,
    reservedTokens: Int = 0
  ) throws -> [Int32] {
    let tokens = try critiqueOpened(prompt: prompt, response: response, leadIn: leadIn).tokens
    guard let maximumTokens else { return tokens }
    guard maximumTokens - reservedTokens > keptTokenCount else {
      throw TextError.limitTooSmall(
        maximumTokens: maximumTokens,
        minimum: reservedTokens + keptTokenCount + 1
      )
    }
    return cut(tokens, to: maximumTokens - reservedTokens).tokens
  }

  /// Opens a critique's turn behind a conversation that came rendered.
  ///
  /// - Parameters:
  ///   - tokens: The conversation, with the end of turn of the response, and what the template puts
  ///     behind it or not.
  ///   - leadIn: What opens the critique's turn, in the user's voice; may be empty.
  /// - Returns: The tokens up to where a model writes its critique, not cut; `nil` where the last turn
  ///   is not closed.
  /// - Throws: The refusal, or `TextError.unknownRole` where the template has no mark for the user.
  package func critiquePrefix(behind tokens: [Int32], leadIn: String) throws -> [Int32]? {
    let separator = tokenizer.encodePlain(template.separator, isStart: false)
    let isSeparated = tokens.suffix(separator.count).elementsEqual(separator)
    let closed = isSeparated ? tokens.dropLast(separator.count) : tokens[...]
    guard closed.last == endOfTurnID else { return nil }
    return try closed + separator + critiqueOpening(leadIn: leadIn)
  }

  /// Returns the tokens of a prompt up to where a model writes its response.
  ///
  /// - Parameter prompt: The conversation up to the assistant's turn.
  /// - Returns: The tokens, not cut.
  /// - Throws: The refusal, or `TextError.unknownRole` where the template has no mark for a role.
  package func generationPrefix(prompt: [Message]) throws -> [Int32] {
    try checkTemplate()
    if let program = template.program {
      return encode(try parts(program, prompt, addsGenerationPrompt: true))
    }
    return encode(try template.parts(of: prompt, addsGenerationPrompt: true))
  }

  /// Renders a conversation for the language-model loss.
  ///
  /// - Parameters:
  ///   - messages: The conversation.
  ///   - targets: Which turns are learnt.
  /// - Returns: The tokens, those of the template's own text included, and which are learnt.
  /// - Throws: The refusal, or `TextError.unknownRole` where the template has no mark for a role.
  package func renderForLanguageModel(
    _ messages: [Message],
    targets: LanguageModelTargets
  ) throws -> LanguageModelSequence {
    try checkTemplate()
    if let program = template.program {
      return try renderForLanguageModel(program, messages, targets: targets)
    }
    var tokens: [Int32] = []
    var isTarget: [Bool] = []
    // Text that waits for the next special token, as neighbouring texts are encoded as one.
    var pending = ""
    func add(_ ids: [Int32], learnt: Bool) {
      tokens += ids
      isTarget += repeatElement(learnt || targets == .all, count: ids.count)
    }
    func add(_ parts: [ChatTemplate.Part]) {
      for part in parts {
        switch part {
        case .text(let text): pending += text
        case .special(let token):
          add(encodeText(pending, isStart: tokens.isEmpty), learnt: false)
          pending = ""
          if let id = specialIDs[token] { add([id], learnt: false) }
        }
      }
    }
    add(try template.beginning(of: messages))
    for message in messages {
      add(try template.opening(role: message.role))
      let learnt = message.role == "assistant"
      let (ids, openingCount) = encode(
        opening: pending,
        content: message.content,
        isStart: tokens.isEmpty
      )
      pending = ""
      add(Array(ids[..<openingCount]), learnt: false)
      add(Array(ids[openingCount...]), learnt: learnt)
      add([endOfTurnID], learnt: learnt)
      pending = template.separator
    }
    add(encodeText(pending, isStart: tokens.isEmpty), learnt: false)
    return languageModel(tokens, isTarget)
  }
}

extension SequenceRenderer {
  func checkTemplate() throws {
    if let refusal { throw refusal }
  }

  /// Finishes a conversation for the language-model loss: cut, and never asked for its first token.
  func languageModel(_ tokens: [Int32], _ isTarget: [Bool]) -> LanguageModelSequence {
    var isTarget = isTarget
    let (kept, removed) = cut(tokens, to: maximumTokens ?? tokens.count)
    isTarget.removeSubrange(keptTokenCount..<keptTokenCount + removed)
    if !isTarget.isEmpty { isTarget[0] = false }
    return LanguageModelSequence(tokens: kept, isTarget: isTarget, removedTokenCount: removed)
  }

  /// The tokens of text that may hold contents; a start has no token before it, and each text of a pair is one.
  func encodeText(_ text: String, isStart: Bool) -> [Int32] {
    let isStart = isStart || template.isPair
    return contentTokens == .text
      ? tokenizer.encodePlain(text, isStart: isStart) : tokenizer.encode(text, isStart: isStart)
  }

  /// Tokens at the front that no limit takes: the beginning.
  private var keptTokenCount: Int { template.beginning == nil ? 0 : 1 }

  /// What stands between the response and the critique's turn.
  ///
  /// The separator is text of its own there, as special tokens stand on both sides.
  private var responseEnd: [Int32] {
    [endOfTurnID] + tokenizer.encodePlain(template.separator, isStart: false)
  }

  private func encode(_ parts: [ChatTemplate.Part], isStart: Bool = true) -> [Int32] {
    var tokens: [Int32] = []
    var pending = ""
    for part in parts {
      switch part {
      case .text(let text): pending += text
      case .special(let token):
        tokens += encodeText(pending, isStart: isStart && tokens.isEmpty)
        pending = ""
        if let id = specialIDs[token] { tokens.append(id) }
      }
    }
    return tokens + encodeText(pending, isStart: isStart && tokens.isEmpty)
  }

  /// Encodes the text that opens a turn together with its content, as one text.
  ///
  /// The newline that ends an opening may share a token with those that start a content. Returns
  /// how many tokens come before the first that holds content.
  private func encode(
    opening: String,
    content: String,
    isStart: Bool
  ) -> (ids: [Int32], openingCount: Int) {
    let ids = encodeText(opening + template.content(content), isStart: isStart)
    let alone = tokenizer.encodePlain(opening, isStart: isStart)
    return (ids, zip(ids, alone).prefix { $0 == $1 }.count)
  }

  /// The conversation up to and without the end of the assistant's turn.
  private func rendered(
    prompt: [Message],
    response: String
  ) throws -> (tokens: [Int32], promptTokenCount: Int) {
    try checkTemplate()
    guard !template.isPair || prompt.count == 1 else {
      throw TextError.notPair(messages: prompt.count)
    }
    let conversation = prompt + [.assistant(response)]
    var parts = try template.beginning(of: conversation)
    for message in prompt { parts += try template.turn(message) }
    parts += try template.opening(role: "assistant")
    var opening = ""
    while case .text(let text) = parts.last {
      opening = text + opening
      parts.removeLast()
    }
    let front = encode(parts)
    let (ids, openingCount) = encode(
      opening: opening,
      content: response,
      isStart: front.isEmpty
    )
    return (front + ids, front.count + openingCount)
  }

  /// The conversation up to where a critique is written, where its turn starts, and where the
  /// response does.
  private func critiqueOpened(
    prompt: [Message],
    response: String,
    leadIn: String
  ) throws -> (tokens: [Int32], turnStart: Int, promptTokenCount: Int) {
    if let program = template.program {
      return try critiqueOpened(program, prompt: prompt, response: response, leadIn: leadIn)
    }
    let (tokens, promptTokenCount) = try rendered(prompt: prompt, response: response)
    let closed = tokens + responseEnd
    return (closed + (try critiqueOpening(leadIn: leadIn)), closed.count, promptTokenCount)
  }

  private func critiqueOpening(leadIn: String) throws -> [Int32] {
    try checkTemplate()
    if let program = template.program { return try critiqueOpening(program, leadIn: leadIn) }
    return encode(
      try template.opening(role: "user") + [.text(template.content(leadIn))],
      isStart: false
    )
  }

  /// Takes tokens from the front, behind the beginning token, until a limit is kept.
  private func cut(_ tokens: [Int32], to maximum: Int) -> (tokens: [Int32], removed: Int) {
    let removed = max(0, tokens.count - maximum)
    var tokens = tokens
    tokens.removeSubrange(keptTokenCount..<keptTokenCount + removed)
    return (tokens, removed)
  }

  /// Finishes tokens that end with the scored one; of a pair of texts the first is scored.
  func scored(
    _ tokens: [Int32],
    promptTokenCount: Int,
    targets: Range<Int>?
  ) -> ScoredSequence {
    let (kept, removed) = cut(tokens, to: maximumTokens ?? tokens.count)
    // Where something was taken, what stood within it now starts behind the beginning token.
    func moved(_ index: Int) -> Int { removed == 0 ? index : max(keptTokenCount, index - removed) }
    return ScoredSequence(
      tokens: kept,
      scoredIndex: template.isPair ? 0 : kept.count - 1,
      promptTokenCount: moved(promptTokenCount),
      targets: targets.map { moved($0.lowerBound)..<moved($0.upperBound) },
      removedTokenCount: removed,
      isResponseCut: removed > 0 && keptTokenCount + removed > promptTokenCount
    )
  }
}
