// The reward endpoints of vLLM and SGLang. Rewards are raw unless `use_activation` asks for a sigmoid.
//
// Source: the protocols of vllm-project/vllm (`/classify`, `/pooling`) and sgl-project/sglang
// (`/classify` with `text`, `/v1/embeddings`). We differ where vLLM puts a sigmoid on one label unless
// it is told not to: what went through a transform says so in `transform` and in a header.

import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayText
import Foundation

/// What a request of vLLM's or SGLang's shape is about.
private struct RewardInputs {
  var items: [ScoringInput]
  var transform = Transform.none
  /// Whether one text was given, and not a list of them.
  var isSingle = false
  /// Whether numbers are asked for as the base64 text of float32, as OpenAI's client does.
  var isBase64 = false

  /// Reads the members that these protocols share.
  ///
  /// - Parameters:
  ///   - exchange: The request.
  ///   - key: What texts are called: `input` or `text`.
  ///   - encodes: Whether the protocol has numbers in base64.
  /// - Throws: `ServeError`.
  init(_ exchange: Exchange, key: String, encodes: Bool) throws(ServeError) {
    try exchange.requireReward()
    var fields = try RequestFields(exchange.body)
    try fields.checkModel(exchange.settings.modelName)
    if let messages = fields.value("messages") {
      items = [try Self.conversation(messages)]
    } else {
      let expected = "a rendered text or a list of them, or token ids"
      isSingle = try fields.required(key, expected).string != nil
      let size = exchange.model.text.vocabularySize
      if let lists = try fields.tokenLists(key, below: size) {
        items = lists.map { .conversation($0) }
      } else {
        items = (try fields.strings(key) ?? []).map {
          .conversation(exchange.model.text.tokenizer.encode($0))
        }
      }
      guard !items.isEmpty else {
        throw .parameter(name: key, actual: "an empty list", expected: expected)
      }
    }
    // The flag's names, the newest first.
    for name in ["use_activation", "activation", "softmax"] {
      if try fields.bool(name) == true { transform = .sigmoid }
    }
    try fields.refuseTextChanges(exchange)
    if let task = try fields.string("task"), task != "classify" {
      throw .unsupported(name: "task", advice: "the only task of a reward model is 'classify'")
    }
    try fields.refuse("dimensions", "a reward has one number")
    isBase64 = encodes && fields.value("encoding_format")?.string == "base64"
    try fields.refuse(
      "encoding_format",
      unless: { $0.string == "float" || isBase64 },
      "numbers are sent as JSON numbers" + (encodes ? " or in base64" : "")
    )
    fields.ignore("user", "priority", "request_id", "cache_salt", "rid")
    try fields.finish()
  }

  /// A vector of one number: a list, or base64 of its little-endian float32.
  func json(_ score: Score) -> JSONValue {
    let value = transform.json(score.value)
    guard isBase64 else { return [value] }
    let bits = Float(value.double ?? .nan).bitPattern.littleEndian
    return .string(withUnsafeBytes(of: bits) { Data($0).base64EncodedString() })
  }

  private static func conversation(_ value: JSONValue) throws(ServeError) -> ScoringInput {
    let messages = try Message.conversation(value)
    guard let last = messages.last, last.role == "assistant" else {
      throw .parameter(
        name: "messages",
        actual: "without a response at its end",
        expected: "a conversation that ends with an assistant's turn"
      )
    }
    return .response(prompt: messages.dropLast(), response: last.content)
  }
}

extension Message {
  /// Reads the `messages` of a request.
  ///
  /// - Throws: `ServeError.parameter`.
  static func conversation(_ value: JSONValue) throws(ServeError) -> [Message] {
    do throws(RowRefusal) {
      return try list(value, key: "messages")
    } catch {
      throw .parameter(
        name: "messages",
        actual: error.detail,
        expected: "a list of messages with role and content"
      )
    }
  }
}

extension RequestFields {
  /// Refuses what would add something to rendered texts, or take something away.
  fileprivate mutating func refuseTextChanges(_ exchange: Exchange) throws(ServeError) {
    try refuse(
      "add_special_tokens",
      unless: { $0 == false },
      "texts are read as they are; render all special tokens into them, the first one too"
    )
    try refuse(
      "truncate_prompt_tokens",
      unless: { ($0.int ?? 0) == -1 || ($0.int ?? 0) >= exchange.model.text.contextTokens },
      "texts are never cut; shorten them"
    )
    try refuse(
      "chat_template_kwargs",
      unless: { $0.members?.isEmpty ?? false },
      "the model's own template has no variables"
    )
    try refuse("chat_template", "the model's own template is used")
    try refuse(
      "add_generation_prompt",
      unless: { $0 == false },
      "the conversation ends with the response"
    )
    try refuse("mm_processor_kwargs", "texts only")
  }
}

/// `POST /classify` of vLLM and SGLang, `POST /pooling` of vLLM, `POST /v1/embeddings` and `/encode`
/// of SGLang.
enum ClassifyEndpoints {
  static let endpoints = [
    Endpoint.post("/classify") { exchange in
      // SGLang calls the texts `text`, vLLM `input`.
      exchange.body["text"] == nil
        ? try await classify(exchange) : try await embed(exchange)
    },
    Endpoint.post("/v1/classify", handle: classify),
    Endpoint.post("/encode", handle: embed),
    Endpoint.post("/pooling", "/v1/pooling", handle: pool),
    Endpoint.post("/v1/embeddings", handle: embedWithUsage),
  ]

  private static func rewards(
    _ exchange: Exchange,
    key: String,
    encodes: Bool = false
  ) async throws -> (scores: [Score], inputs: RewardInputs) {
    let inputs = try RewardInputs(exchange, key: key, encodes: encodes)
    let options = ModelScorer.Options(critiques: exchange.settings.critiqueDefaults)
    let scores = try await ModelScorer(exchange.port, options: options).score(inputs.items)
    return (scores, inputs)
  }

  private static func list(
    _ exchange: Exchange,
    _ prefix: String,
    _ scores: [Score],
    _ transform: Transform,
    _ item: (Int, Score) -> JSONValue
  ) -> Reply {
    Reply.json([
      "id": .string(exchange.id(prefix)), "object": "list",
      "created": .number("\(exchange.created)"), "model": .string(exchange.settings.modelName),
      "data": .array(scores.enumerated().map(item)), "usage": usage(scores),
      "transform": .string(transform.rawValue),
    ]).with(Reply.transformHeader, transform.rawValue)
  }

  private static func usage(_ scores: [Score]) -> JSONValue {
    let read = scores.map(\.tokens.prompt).reduce(0, +)
    let written = scores.map(\.tokens.completion).reduce(0, +)
    return [
      "prompt_tokens": .number("\(read)"), "total_tokens": .number("\(read + written)"),
      "completion_tokens": .number("\(written)"), "prompt_tokens_details": nil,
    ]
  }

  private static func classify(_ exchange: Exchange) async throws -> Reply {
    let (scores, inputs) = try await rewards(exchange, key: "input")
    let transform = inputs.transform
    return list(exchange, "classify", scores, transform) { index, score in
      [
        "index": .number("\(index)"), "label": "LABEL_0",
        "probs": [transform.json(score.value)], "num_classes": 1,
      ]
    }
  }

  private static func pool(_ exchange: Exchange) async throws -> Reply {
    let (scores, inputs) = try await rewards(exchange, key: "input", encodes: true)
    return list(exchange, "pool", scores, inputs.transform) { index, score in
      ["index": .number("\(index)"), "object": "pooling", "data": inputs.json(score)]
    }
  }

  private static func embed(_ exchange: Exchange) async throws -> Reply {
    let (scores, inputs) = try await rewards(exchange, key: "text")
    let items = scores.map { score -> JSONValue in
      [
        "embedding": inputs.json(score),
        "meta_info": ["prompt_tokens": .number("\(score.tokens.prompt)")],
      ]
    }
    // SGLang answers a list only to a list.
    return Reply.json(inputs.isSingle ? items[0] : .array(items))
      .with(Reply.transformHeader, inputs.transform.rawValue)
  }

  private static func embedWithUsage(_ exchange: Exchange) async throws -> Reply {
    let (scores, inputs) = try await rewards(exchange, key: "input", encodes: true)
    return list(exchange, "embd", scores, inputs.transform) { index, score in
      ["index": .number("\(index)"), "object": "embedding", "embedding": inputs.json(score)]
    }
  }
}
