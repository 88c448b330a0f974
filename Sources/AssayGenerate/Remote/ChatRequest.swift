import AssayBase
import AssayData
import AssayText

/// A conversation that an endpoint is to continue.
package struct ChatRequest: Sendable, Equatable {
  /// The conversation.
  package var messages: [Message]
  /// How the answer is drawn.
  package var settings: WritingSettings
  /// Where the seed of the draw starts; what is sent depends on the conversation and the draw too.
  package var seed: UInt64
  /// Which of several answers to the same conversation this is, from 0.
  package var draw: Int

  /// Makes a request.
  ///
  /// - Parameters:
  ///   - messages: The conversation.
  ///   - settings: How the answer is drawn.
  ///   - seed: Where the seed of the draw starts.
  ///   - draw: Which of several answers this is, from 0.
  package init(
    messages: [Message],
    settings: WritingSettings = WritingSettings(),
    seed: UInt64 = 0,
    draw: Int = 0
  ) {
    self.messages = messages
    self.settings = settings
    self.seed = seed
    self.draw = draw
  }

  /// The body to post; what is left at its default is not sent.
  ///
  /// - Parameters:
  ///   - model: The model's name at the endpoint.
  ///   - dialect: What the endpoint takes.
  ///   - structure: What asks for the grammar of the answer, if it has one.
  /// - Returns: An object whose keys have a fixed order.
  package func body(
    model: String,
    dialect: ChatDialect = ChatDialect(),
    structure: JSONMember? = nil
  ) -> JSONValue {
    let sent = dialect.takesSystemTurns ? messages : messages.withoutSystemTurn
    var members = [
      JSONMember("model", .string(model)),
      JSONMember("messages", .array(sent.map(\.json))),
    ]
    if dialect.takesSampling {
      members.append(JSONMember("temperature", .number("\(settings.temperature)")))
      if settings.topP < 1 { members.append(JSONMember("top_p", .number("\(settings.topP)"))) }
    }
    // vLLM's names of what OpenAI does not have.
    if settings.topK > 0 { members.append(JSONMember("top_k", .number("\(settings.topK)"))) }
    if settings.repetitionPenalty != 1 {
      members.append(JSONMember("repetition_penalty", .number("\(settings.repetitionPenalty)")))
    }
    members.append(JSONMember(dialect.limit.rawValue, .number("\(settings.maximumTokens)")))
    if !settings.stop.isEmpty {
      members.append(JSONMember("stop", .array(settings.stop.map { .string($0) })))
    }
    if dialect.takesSeeds { members.append(JSONMember("seed", .number("\(sentSeed)"))) }
    if let alternatives = settings.alternatives {
      members.append(JSONMember("logprobs", true))
      members.append(JSONMember("top_logprobs", .number("\(alternatives)")))
    }
    if let structure { members.append(structure) }
    return .object(members)
  }

  /// What records know the request by: the same model, conversation, settings, seed and draw.
  ///
  /// The endpoint's address is not part of it, so that a server may move to another port, nor is
  /// its dialect.
  ///
  /// - Parameter model: The model's name at the endpoint.
  /// - Returns: 64 hexadecimal digits.
  package func key(model: String) -> String {
    let asked = body(model: model).compact
    // Whatever field asks for the grammar, it is the same request.
    let grammar = settings.grammar.map { "\n" + StructuredOutput.spelling($0.source) } ?? ""
    return Digest.hex("\(draw)\n" + asked + grammar)
  }

  /// 31 bits, which every server takes, from all that tells two draws apart.
  ///
  /// It does not depend on a row's place in a file, so that rows can be added or taken away.
  private var sentSeed: UInt32 {
    let turns = JSONValue.array(messages.map(\.json))
    let digits = Digest.hex("\(seed) \(draw)\n" + turns.compact).prefix(8)
    return (UInt32(digits, radix: 16) ?? 0) >> 1
  }
}
