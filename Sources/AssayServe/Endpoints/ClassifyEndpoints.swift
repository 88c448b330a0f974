// The reward endpoints of vLLM and SGLang. Rewards are raw unless `use_activation` asks for a sigmoid.
//
// Source: the protocols of vllm-project/vllm (`/classify`, `/pooling`) and sgl-project/sglang
// (`/classify` with `text`, `/v1/embeddings`). We differ where vLLM puts a sigmoid on one label unless
// it is told not to: what went through a transform says so in `transform` and in a header.

import AssayBase
import AssayModel
import AssayReward
import AssayText

/// `POST /classify` of vLLM and SGLang, `POST /pooling` of vLLM, `POST /v1/embeddings` and `/encode`
/// of SGLang.
enum ClassifyEndpoints {
  private static let members: KeyValuePairs = [
    "input": "A rendered text, a list of them, or token ids.",
    "messages": "A conversation instead, rendered by the model's template.",
    "add_special_tokens":
      "Whether the tokenizer's special tokens are added where they are missing; true.",
    "use_activation": "Whether logits go through a sigmoid; false.",
  ]

  static let endpoints = [
    Endpoint.post(
      "/classify",
      summary: "Rewards, as vLLM's classification gives them, or SGLang's where texts are 'text'.",
      members: members
    ) { exchange in
      // SGLang calls the texts `text` or `input_ids`, vLLM `input`.
      exchange.body["text"] == nil && exchange.body["input_ids"] == nil
        ? try await classify(exchange) : try await embed(exchange)
    },
    Endpoint.post(
      "/v1/classify",
      summary: "Rewards, as vLLM's classification gives them.",
      members: members,
      handle: classify
    ),
    Endpoint.post(
      "/encode",
      summary: "Rewards, as SGLang gives them.",
      members: [
        "text": "A rendered text or a list of them.", "input_ids": "Token ids in their place.",
      ],
      handle: embed
    ),
    Endpoint.post(
      "/pooling",
      "/v1/pooling",
      summary: "Rewards, as vLLM's pooling gives them.",
      members: members,
      handle: pool
    ),
    Endpoint.post(
      "/v1/embeddings",
      summary: "Rewards as embeddings of one number.",
      members: members,
      handle: embedWithUsage
    ),
  ]

  private static func rewards(
    _ exchange: Exchange,
    key: String,
    encodes: Bool = false
  ) async throws -> (scores: [Score], inputs: RewardInputs) {
    let inputs = try RewardInputs(exchange, key: key, encodes: encodes)
    return (try await exchange.score(inputs.items), inputs)
  }

  /// A list of numbers, as OpenAI has lists.
  static func list(
    _ exchange: Exchange,
    _ prefix: String,
    _ scores: [Score],
    _ transform: Transform,
    _ item: (Int, Score) -> JSONValue
  ) -> Reply {
    let members =
      exchange.head(prefix, "list") + [
        JSONMember("data", .array(scores.enumerated().map(item))),
        JSONMember("usage", usage(scores)),
        JSONMember("transform", .string(transform.rawValue)),
      ]
    return Reply.json(.object(members)).with(Reply.transformHeader, transform.rawValue)
  }

  /// Counts tokens of scores.
  static func usage(_ scores: [Score]) -> JSONValue {
    let read = scores.map(\.tokens.prompt).reduce(0, +)
    let written = scores.map(\.tokens.completion).reduce(0, +)
    return [
      "prompt_tokens": .number("\(read)"), "total_tokens": .number("\(read + written)"),
      "completion_tokens": .number("\(written)"), "prompt_tokens_details": nil,
    ]
  }

  private static func classify(_ exchange: Exchange) async throws -> Reply {
    let (scores, inputs) = try await rewards(exchange, key: "input")
    let transform = inputs.options.transform
    return list(exchange, "classify", scores, transform) { index, score in
      [
        "index": .number("\(index)"), "label": "LABEL_0",
        "probs": [transform.json(score.value)], "num_classes": 1,
      ]
    }
  }

  private static func pool(_ exchange: Exchange) async throws -> Reply {
    let (scores, inputs) = try await rewards(exchange, key: "input", encodes: true)
    return list(exchange, "pool", scores, inputs.options.transform) { index, score in
      ["index": .number("\(index)"), "object": "pooling", "data": inputs.options.json(score)]
    }
  }

  private static func embed(_ exchange: Exchange) async throws -> Reply {
    let key = exchange.body["text"] == nil ? "input_ids" : "text"
    let (scores, inputs) = try await rewards(exchange, key: key)
    let items = scores.map { score -> JSONValue in
      [
        "embedding": inputs.options.json(score),
        "meta_info": ["prompt_tokens": .number("\(score.tokens.prompt)")],
      ]
    }
    // SGLang answers a list only to a list.
    return Reply.json(inputs.isSingle ? items[0] : .array(items))
      .with(Reply.transformHeader, inputs.options.transform.rawValue)
  }

  private static func embedWithUsage(_ exchange: Exchange) async throws -> Reply {
    let (scores, inputs) = try await rewards(exchange, key: "input", encodes: true)
    return list(exchange, "embd", scores, inputs.options.transform) { index, score in
      [
        "index": .number("\(index)"), "object": "embedding",
        "embedding": inputs.options.json(score),
      ]
    }
  }
}
