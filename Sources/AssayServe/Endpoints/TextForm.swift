import AssayBase
import AssayGenerate
import AssayModel
import AssayTensor
import AssayText

/// How written texts are told: as OpenAI's chat does, or as its older completions.
enum TextForm: Sendable {
  case chat
  case completion

  /// What ids of answers begin with.
  var idPrefix: String { self == .chat ? "chatcmpl" : "cmpl" }
  /// What a whole answer is called.
  var object: String { self == .chat ? "chat.completion" : "text_completion" }
  /// What a part of a streamed answer is called.
  var chunkObject: String { self == .chat ? "chat.completion.chunk" : "text_completion" }

  /// A whole text.
  func choice(
    _ text: Generation,
    at index: Int,
    wantsTokens: Bool,
    _ tokenizer: any Tokenizer
  ) -> JSONValue {
    let reward = Self.reward(text)
    // Clients differ in whether they keep what they do not know in a message or beside it.
    let content =
      self == .chat
      ? JSONMember("message", .object(Self.message(text.text) + reward))
      : JSONMember("text", .string(text.text))
    let tokens = text.tokens.indices.map { place in
      GenerationSession.Token(
        id: text.tokens[place],
        logProbability: place < text.logProbabilities.count ? text.logProbabilities[place] : 0,
        top: place < text.topLogProbabilities.count ? text.topLogProbabilities[place] : []
      )
    }
    return .object(
      [
        JSONMember("index", .number("\(index)")), content,
        JSONMember("finish_reason", .string(text.chatFinishReason)),
        JSONMember("logprobs", wantsTokens ? logProbabilities(tokens, at: 0, tokenizer) : nil),
      ] + reward
    )
  }

  /// A piece of a text that is streamed.
  ///
  /// - Parameters:
  ///   - piece: What was written.
  ///   - index: The choice.
  ///   - tokens: The tokens that are told with it.
  ///   - offset: Characters before it.
  ///   - isFirst: Whether it begins a message.
  ///   - tokenizer: Spells the tokens.
  /// - Returns: The choice of a chunk.
  func piece(
    _ piece: String,
    at index: Int,
    tokens: [GenerationSession.Token] = [],
    offset: Int = 0,
    isFirst: Bool = false,
    _ tokenizer: any Tokenizer
  ) -> JSONValue {
    let role = isFirst ? [JSONMember("role", "assistant")] : []
    return .object([
      JSONMember("index", .number("\(index)")),
      self == .chat
        ? JSONMember("delta", .object(role + [JSONMember("content", .string(piece))]))
        : JSONMember("text", .string(piece)),
      JSONMember(
        "logprobs",
        tokens.isEmpty ? nil : logProbabilities(tokens, at: offset, tokenizer)
      ), JSONMember("finish_reason", nil),
    ])
  }

  /// What a streamed text ends with.
  func end(of text: Generation, at index: Int) -> JSONValue {
    .object(
      [
        JSONMember("index", .number("\(index)")),
        self == .chat ? JSONMember("delta", .object([])) : JSONMember("text", ""),
        JSONMember("logprobs", nil), JSONMember("finish_reason", .string(text.chatFinishReason)),
      ] + Self.reward(text)
    )
  }

  /// Counts tokens as OpenAI does: a prompt once for all its choices, the end of turn as written.
  static func usage(_ texts: [Generation], choices: Int) -> JSONValue {
    let prompts = stride(from: 0, to: texts.count, by: max(1, choices)).map { texts[$0] }
    let read = prompts.map(\.promptTokenCount).reduce(0, +)
    let written = texts.map { $0.tokens.count + ($0.finishReason == .stop ? 1 : 0) }.reduce(0, +)
    return [
      "prompt_tokens": .number("\(read)"), "completion_tokens": .number("\(written)"),
      "total_tokens": .number("\(read + written)"),
    ]
  }

  /// The members of an assistant's message.
  static func message(_ text: String) -> [JSONMember] {
    [JSONMember("role", "assistant"), JSONMember("content", .string(text))]
  }

  private static func reward(_ text: Generation) -> [JSONMember] {
    text.reward.map { [JSONMember("reward", .number("\(Double($0))"))] } ?? []
  }

  // MARK: Tokens

  private func logProbabilities(
    _ tokens: [GenerationSession.Token],
    at offset: Int,
    _ tokenizer: any Tokenizer
  ) -> JSONValue {
    func text(_ id: Int32) -> String {
      String(decoding: tokenizer.bytes(of: [id], skipSpecialTokens: false), as: UTF8.self)
    }
    guard self == .completion else {
      return ["content": .array(tokens.map { Self.chat($0, tokenizer) })]
    }
    var offsets: [JSONValue] = []
    var next = offset
    for token in tokens {
      offsets.append(.number("\(next)"))
      next += text(token.id).count
    }
    let top = tokens.map { token in
      JSONValue.object(token.top.map { JSONMember(text($0.id), Self.number($0.logProbability)) })
    }
    return [
      "tokens": .array(tokens.map { .string(text($0.id)) }),
      "token_logprobs": .array(tokens.map { Self.number($0.logProbability) }),
      "top_logprobs": .array(top), "text_offset": .array(offsets),
    ]
  }

  private static func chat(
    _ token: GenerationSession.Token,
    _ tokenizer: any Tokenizer
  ) -> JSONValue {
    func members(_ id: Int32, _ logProbability: Float) -> [JSONMember] {
      let bytes = tokenizer.bytes(of: [id], skipSpecialTokens: false)
      return [
        JSONMember("token", .string(String(decoding: bytes, as: UTF8.self))),
        JSONMember("logprob", number(logProbability)),
        JSONMember("bytes", .array(bytes.map { .number("\($0)") })),
      ]
    }
    let top = token.top.map { JSONValue.object(members($0.id, $0.logProbability)) }
    return .object(
      members(token.id, token.logProbability) + [JSONMember("top_logprobs", .array(top))]
    )
  }

  /// A token that cannot be drawn at all has no finite one; OpenAI's word for it is -9999.
  private static func number(_ logProbability: Float) -> JSONValue {
    .number("\(logProbability.isFinite ? logProbability : -9999)")
  }
}

extension Generation {
  /// Why the text ended, in OpenAI's words.
  fileprivate var chatFinishReason: String { finishReason == .length ? "length" : "stop" }
}
