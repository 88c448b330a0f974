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

  /// What an endpoint calls the most tokens of an answer.
  package enum LimitName: String, Sendable {
    /// What every server knows but some of OpenAI's models, which reason.
    case maxTokens = "max_tokens"
    /// What those want.
    case maxCompletionTokens = "max_completion_tokens"
  }

  /// The body to post; what is left at its default is not sent.
  ///
  /// - Parameters:
  ///   - model: The model's name at the endpoint.
  ///   - limit: What the endpoint calls the most tokens of an answer.
  ///   - structure: What asks for the grammar of the answer, if it has one.
  /// - Returns: An object whose keys have a fixed order.
  package func body(
    model: String,
    limit: LimitName = .maxTokens,
    structure: JSONMember? = nil
  ) -> JSONValue {
    let turns = JSONValue.array(messages.map(\.json))
    var members = [
      JSONMember("model", .string(model)),
      JSONMember("messages", turns),
      JSONMember("temperature", .number("\(settings.temperature)")),
    ]
    if settings.topP < 1 { members.append(JSONMember("top_p", .number("\(settings.topP)"))) }
    // vLLM's names of what OpenAI does not have.
    if settings.topK > 0 { members.append(JSONMember("top_k", .number("\(settings.topK)"))) }
    if settings.repetitionPenalty != 1 {
      members.append(JSONMember("repetition_penalty", .number("\(settings.repetitionPenalty)")))
    }
    members.append(JSONMember(limit.rawValue, .number("\(settings.maximumTokens)")))
    if !settings.stop.isEmpty {
      members.append(JSONMember("stop", .array(settings.stop.map { .string($0) })))
    }
    members.append(JSONMember("seed", .number("\(sentSeed(turns))")))
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
  /// what it calls the most tokens.
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
  private func sentSeed(_ turns: JSONValue) -> UInt32 {
    let digits = Digest.hex("\(seed) \(draw)\n" + turns.compact).prefix(8)
    return (UInt32(digits, radix: 16) ?? 0) >> 1
  }
}
