// POST /v1/chat/completions, of models that continue texts.

import AssayBase
import AssayGenerate
import AssayModel
import AssayTensor
import AssayText

/// `POST /v1/chat/completions`.
enum ChatEndpoint {
  static let endpoint = Endpoint.post("/v1/chat/completions") { exchange in
    guard exchange.model.writes else {
      throw ServeError.wrongKind(
        endpoint: exchange.path,
        kind: exchange.model.kind.rawValue,
        needed: "a judge, a cloud or a language model"
      )
    }
    let request = try ChatCompletionRequest(exchange)
    return request.isStreamed
      ? ChatStream(exchange, request).reply() : try await whole(exchange, request)
  }

  private static func whole(
    _ exchange: Exchange,
    _ request: ChatCompletionRequest
  ) async throws -> Reply {
    let texts = try await exchange.port.texts(request.requests)
    let tokenizer = exchange.model.text.tokenizer
    let choices = texts.enumerated().map { index, text -> JSONValue in
      var choice = [
        JSONMember("index", .number("\(index)")),
        JSONMember("message", ["role": "assistant", "content": .string(text.text)]),
        JSONMember("finish_reason", .string(text.chatFinishReason)),
        JSONMember(
          "logprobs",
          request.wantsLogProbabilities ? ChatTokens.all(of: text, tokenizer) : nil
        ),
      ]
      if let reward = text.reward {
        choice.append(JSONMember("reward", .number("\(Double(reward))")))
      }
      return .object(choice)
    }
    return Reply.json([
      "id": .string(exchange.id("chatcmpl")), "object": "chat.completion",
      "created": .number("\(exchange.created)"), "model": .string(exchange.settings.modelName),
      "choices": .array(choices), "usage": usage(texts), "seed": request.seed,
    ])
  }

  /// Counts tokens as OpenAI does: the prompt once for all choices, the end of turn as written.
  static func usage(_ texts: [Generation]) -> JSONValue {
    let read = texts.first?.promptTokenCount ?? 0
    let written = texts.map { $0.tokens.count + ($0.finishReason == .stop ? 1 : 0) }.reduce(0, +)
    return [
      "prompt_tokens": .number("\(read)"), "completion_tokens": .number("\(written)"),
      "total_tokens": .number("\(read + written)"),
    ]
  }
}

extension Generation {
  /// Why the text ended, in OpenAI's words.
  var chatFinishReason: String { finishReason == .length ? "length" : "stop" }
}

/// Tokens and their log probabilities as OpenAI spells them.
enum ChatTokens {
  /// All tokens of a text.
  static func all(of text: Generation, _ tokenizer: any Tokenizer) -> JSONValue {
    let entries = text.tokens.indices.map { place in
      json(
        text.tokens[place],
        text.logProbabilities[place],
        place < text.topLogProbabilities.count ? text.topLogProbabilities[place] : [],
        tokenizer
      )
    }
    return ["content": .array(entries)]
  }

  /// One token of a text.
  static func json(
    _ token: Int32,
    _ logProbability: Float,
    _ top: [TokenLogProbability],
    _ tokenizer: any Tokenizer
  ) -> JSONValue {
    let likely = top.map { JSONValue.object(members($0.id, $0.logProbability, tokenizer)) }
    return .object(
      members(token, logProbability, tokenizer) + [JSONMember("top_logprobs", .array(likely))]
    )
  }

  private static func members(
    _ token: Int32,
    _ logProbability: Float,
    _ tokenizer: any Tokenizer
  ) -> [JSONMember] {
    let bytes = tokenizer.bytes(of: [token], skipSpecialTokens: false)
    // A token that cannot be drawn at all has no finite one; OpenAI's word for it is -9999.
    let value = logProbability.isFinite ? logProbability : -9999
    return [
      JSONMember("token", .string(String(decoding: bytes, as: UTF8.self))),
      JSONMember("logprob", .number("\(value)")),
      JSONMember("bytes", .array(bytes.map { .number("\($0)") })),
    ]
  }
}
