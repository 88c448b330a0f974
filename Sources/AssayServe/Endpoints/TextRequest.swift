import AssayBase
import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayTensor
import AssayText

/// What a request for written texts asks for.
struct TextRequest: Sendable {
  /// Most tokens of an answer where nobody says.
  private static let usualTokens = 4096

  /// Most tokens of a completion where nobody says, as OpenAI has it.
  private static let usualCompletionTokens = 16

  /// How the texts are told.
  let form: TextForm
  /// One request a choice, those of a prompt in a row.
  var requests: [GenerationRequest] = []
  /// Choices of each prompt.
  var choices = 1
  var stopStrings: [String] = []
  var wantsLogProbabilities = false
  var isStreamed = false
  /// Whether a stream ends with a chunk of counts.
  var streamsUsage = false
  /// What the draws began with, so that they can be repeated: as the client wrote it.
  var seed = JSONValue.null

  /// Reads a body of `/v1/chat/completions`.
  ///
  /// - Parameter exchange: The request.
  /// - Throws: `ServeError`, or `TextError` where the template has no mark for a role.
  init(chat exchange: Exchange) throws {
    form = .chat
    var fields = try RequestFields(exchange.body)
    let prefix = try Self.prefix(&fields, exchange)
    wantsLogProbabilities = try fields.bool("logprobs") ?? false
    let top = try fields.int("top_logprobs", 0...20) ?? 0
    guard top == 0 || wantsLogProbabilities else {
      throw ServeError.parameter(
        name: "top_logprobs",
        actual: "\(top) without logprobs",
        expected: "'logprobs': true beside it"
      )
    }
    let most = try Self.limit(&fields, exchange, prefix)
    let end = exchange.model.text.renderer.endOfTurnID
    try finish(&fields, exchange) { request in
      var request = request
      request.promptTokens = prefix.tokens
      request.maximumTokens = most
      request.topLogProbabilities = top
      request.closing = prefix.isClosed ? end : nil
      return [request]
    }
  }

  /// Reads a body of `/v1/completions`.
  ///
  /// - Parameter exchange: The request.
  /// - Throws: `ServeError`.
  init(completion exchange: Exchange) throws {
    form = .completion
    var fields = try RequestFields(exchange.body)
    let model = exchange.model
    _ = try fields.required("prompt", "a rendered text, a list of them, or token ids")
    let addsSpecials = try fields.bool("add_special_tokens") ?? true
    let context = model.text.contextTokens
    let lists = try fields.tokenLists("prompt", below: model.text.vocabularySize, most: context)
    let prompts =
      try lists
      ?? fields.strings("prompt", most: 1024)?.map {
        model.tokens(of: $0, addsSpecials: addsSpecials)
      } ?? []
    guard !prompts.isEmpty, prompts.allSatisfy({ !$0.isEmpty }) else {
      throw ServeError.parameter(name: "prompt", actual: "empty", expected: "texts with tokens")
    }
    let top = try fields.int("logprobs", 0...20)
    wantsLogProbabilities = top != nil
    let most = try fields.int("max_tokens", 1...Int.max) ?? Self.usualCompletionTokens
    for (index, prompt) in prompts.enumerated() {
      // Clients may ask for as many tokens as an integer holds.
      let (sum, isBeyond) = prompt.count.addingReportingOverflow(most)
      let tokens = isBeyond ? Int.max : sum
      guard tokens <= context else {
        throw ServeError.tooLong(
          item: "prompt \(index), with 'max_tokens',",
          tokens: tokens,
          maximum: context
        )
      }
    }
    try fields.refuse("suffix", unless: { $0.string?.isEmpty ?? false }, "texts go on at the end")
    try finish(&fields, exchange) { request in
      prompts.map { prompt in
        var request = request
        request.promptTokens = prompt
        request.maximumTokens = most
        request.topLogProbabilities = top ?? 0
        return request
      }
    }
  }

  /// Reads what both have in common, and makes the requests.
  private mutating func finish(
    _ fields: inout RequestFields,
    _ exchange: Exchange,
    _ prompts: (GenerationRequest) -> [GenerationRequest]
  ) throws {
    choices = try fields.int("n", 1...128) ?? 1
    let asked = fields.value("seed")
    let seed = try fields.seed() ?? Self.freshSeed(exchange)
    self.seed = asked ?? .number("\(seed)")
    let settings = try Self.sampling(&fields, exchange)
    stopStrings = try fields.strings("stop", most: 16) ?? []
    isStreamed = try fields.bool("stream") ?? false
    if let options = fields.value("stream_options") {
      streamsUsage = options["include_usage"]?.bool ?? false
    }
    let grammar = try fields.grammar(exchange.model.text)
    try Self.refuseOthers(&fields, exchange)
    try fields.finish()
    let usual = GenerationRequest(
      promptTokens: [],
      settings: settings,
      maximumTokens: 0,
      stopTokens: [exchange.model.text.renderer.endOfTurnID],
      stopStrings: stopStrings,
      seed: seed,
      wantsLogProbabilities: wantsLogProbabilities,
      grammar: grammar
    )
    requests = prompts(usual).flatMap { request in
      (0..<choices).map { choice in
        var request = request
        request.draw = choice
        return request
      }
    }
  }

  /// How tokens are picked, by what a request says.
  private static func sampling(
    _ fields: inout RequestFields,
    _ exchange: Exchange
  ) throws(ServeError) -> SamplingSettings {
    var settings = SamplingSettings()
    settings.temperature = try fields.float("temperature") ?? exchange.settings.temperature ?? 1
    settings.topP =
      try fields.float("top_p", most: 1, isAboveZero: true) ?? exchange.settings.topP ?? 1
    // vLLM's names of what OpenAI does not have; -1 is its word for all.
    settings.topK = max(0, try fields.int("top_k", -1...Int(Int32.max)) ?? 0)
    // The command line's range: beyond it logits may become infinite.
    settings.repetitionPenalty =
      try fields.float("repetition_penalty", least: 0.01, most: 100) ?? 1
    return settings
  }

  /// Most tokens of a choice: what a request says, else what is usual, where there is room.
  private static func limit(
    _ fields: inout RequestFields,
    _ exchange: Exchange,
    _ prefix: (tokens: [Int32], isClosed: Bool)
  ) throws -> Int {
    let room = exchange.model.text.contextTokens - prefix.tokens.count - (prefix.isClosed ? 1 : 0)
    guard room > 0 else {
      throw ServeError.tooLong(
        item: "the conversation",
        tokens: prefix.tokens.count,
        maximum: exchange.model.text.contextTokens - 1
      )
    }
    let completion = try fields.int("max_completion_tokens", 1...Int.max)
    let maximum = try completion ?? fields.int("max_tokens", 1...Int.max)
    fields.ignore("max_tokens")
    guard maximum ?? 0 <= room else {
      throw ServeError.parameter(
        name: completion == nil ? "max_tokens" : "max_completion_tokens",
        actual: "\(maximum ?? 0)",
        expected: "at most \(room), what the conversation's \(prefix.tokens.count) tokens leave of "
          + "the model's \(exchange.model.text.contextTokens)"
      )
    }
    // Pages for the most tokens are set aside, so what nobody asked for is bounded.
    let spare = exchange.model.cacheTokens - prefix.tokens.count - 2 * DecoderCache.pageTokens
    let usual = max(1, min(usualTokens, room, spare))
    let operators = exchange.settings.critiques.tokens
    // A critique has the tokens that it has for /v1/rewards, so that its reward is the same.
    let own =
      prefix.isClosed
      ? WritingRole.critique.limit(operators, of: exchange.model.text) : operators ?? usual
    return min(maximum ?? own, room)
  }

  /// The tokens to continue, and whether a reward is read where the text closes.
  ///
  /// A model that criticizes continues a conversation that ends with a response as it was trained to:
  /// with a critique of it, and a reward.
  private static func prefix(
    _ fields: inout RequestFields,
    _ exchange: Exchange
  ) throws -> (tokens: [Int32], isClosed: Bool) {
    let value = try fields.required("messages", "a list of messages")
    let messages = try Message.conversation(value)
    for (index, message) in (value.array ?? []).enumerated() {
      for key in ["tool_calls", "tool_call_id", "function_call", "audio"]
      where !(message[key].map(Self.asksNothing) ?? true) {
        throw ServeError.unsupported(
          name: "messages[\(index)].\(key)",
          advice: "the template has no place for it; leave it out"
        )
      }
    }
    let text = exchange.model.text
    if exchange.model.kind.scores, let last = messages.last, last.role == "assistant" {
      // Whole: one that is too long is refused with its length.
      let tokens = try text.renderer.unlimited.critiquePrefix(
        prompt: messages.dropLast(),
        response: last.content,
        leadIn: text.manifest.leadIn ?? ""
      )
      return (tokens, true)
    }
    return (try text.renderer.generationPrefix(prompt: messages), false)
  }

  /// Another one for each request, so that asking twice draws twice; answers name it.
  private static func freshSeed(_ exchange: Exchange) -> UInt64 {
    let mixed =
      exchange.settings.critiques.seed &+ UInt64(exchange.number) &* 0x9E37_79B9_7F4A_7C15
    // So small that every client's numbers hold it.
    return mixed >> 16
  }
}
