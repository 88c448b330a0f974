// Source: the protocols of vllm-project/vllm (`vllm/entrypoints/pooling/scoring/protocol.py`), and of
// Cohere's and Jina's rerankers, which it follows. We differ where vLLM puts a sigmoid on one label
// unless it is told not to.

import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayText

/// `POST /score` and `/rerank`: how good responses are to a prompt.
enum ScoreEndpoints {
  static let endpoints = [
    Endpoint.post(
      "/score",
      "/v1/score",
      summary: "Rewards of responses to prompts, as vLLM's scoring gives them.",
      members: [
        "text_1": "A prompt, or a list of them; also 'queries' or 'data_1'.",
        "text_2":
          "A response, or a list of them; also 'documents', 'items' or 'data_2'. Lists go pair by "
          + "pair, and one prompt goes with all responses.",
        "use_activation": "Whether logits go through a sigmoid; false.",
      ],
      handle: score
    ),
    Endpoint.post(
      "/rerank",
      "/v1/rerank",
      "/v2/rerank",
      summary: "Responses to a prompt, the best first, as Cohere, Jina and vLLM give them.",
      members: [
        "query": "The prompt.", "documents": "The responses.",
        "top_n": "How many are told; all.",
        "use_activation": "Whether logits go through a sigmoid; false.",
      ],
      handle: rerank
    ),
  ]

  private static func score(_ exchange: Exchange) async throws -> Reply {
    try exchange.requireReward()
    var fields = try RequestFields(exchange.body)
    let names = [("text_1", "text_2"), ("queries", "documents"), ("queries", "items")]
    let (first, second) =
      (names + [("data_1", "data_2")]).first {
        exchange.body[$0.0] != nil && exchange.body[$0.1] != nil
      } ?? names[0]
    let prompts = try texts(first, &fields)
    let responses = try texts(second, &fields)
    let options = try RewardOptions(&fields, exchange)
    try fields.finish()
    guard prompts.count == 1 || prompts.count == responses.count else {
      throw ServeError.parameter(
        name: second,
        actual: "\(responses.count) texts beside \(prompts.count)",
        expected: "as many as in '\(first)', or one there"
      )
    }
    let all = prompts.count == 1 ? responses.map { _ in prompts[0] } : prompts
    let scores = try await exchange.score(
      zip(all, responses).map { .response(prompt: [.user($0)], response: $1) }
    )
    return ClassifyEndpoints.list(exchange, "score", scores, options.transform) { index, score in
      [
        "index": .number("\(index)"), "object": "score",
        "score": options.transform.json(score.value),
      ]
    }
  }

  private static func rerank(_ exchange: Exchange) async throws -> Reply {
    try exchange.requireReward()
    var fields = try RequestFields(exchange.body)
    let query = try fields.required("query", "a text")
    guard let prompt = query.string else { throw RequestFields.wrong("query", query, "a text") }
    let documents = try texts("documents", &fields)
    let most = try fields.int("top_n", 0...Int.max) ?? 0
    let tells = try fields.bool("return_documents") ?? true
    let options = try RewardOptions(&fields, exchange)
    try fields.refuse("rank_fields", "a document has one text")
    try fields.refuse("max_chunks_per_doc", unless: { $0 == 1 }, "documents are read whole")
    try fields.refuse("max_tokens_per_doc", "documents are read whole")
    try fields.finish()
    let scores = try await exchange.score(
      documents.map { .response(prompt: [.user(prompt)], response: $0) }
    )
    let order = scores.indices.sorted { (-scores[$0].value, $0) < (-scores[$1].value, $1) }
    let results = order.prefix(most == 0 ? order.count : most).map { index -> JSONValue in
      var members = [JSONMember("index", .number("\(index)"))]
      if tells { members.append(JSONMember("document", ["text": .string(documents[index])])) }
      let value = options.transform.json(scores[index].value)
      return .object(members + [JSONMember("relevance_score", value)])
    }
    return Reply.json([
      "id": .string(exchange.id("rerank")), "model": .string(exchange.model.name),
      "usage": ClassifyEndpoints.usage(scores), "results": .array(results),
      "transform": .string(options.transform.rawValue),
    ]).with(Reply.transformHeader, options.transform.rawValue)
  }

  /// Texts, or objects with one.
  private static func texts(
    _ key: String,
    _ fields: inout RequestFields
  ) throws(ServeError) -> [String] {
    let expected = "a text or a list of texts"
    let value = try fields.required(key, expected)
    let list = value.array ?? [value]
    let texts = list.compactMap { $0.string ?? $0["text"]?.string }
    guard !texts.isEmpty, texts.count == list.count else {
      throw RequestFields.wrong(key, value, expected)
    }
    return texts
  }
}
