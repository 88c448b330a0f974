// What trainers ask a reward model that runs elsewhere: OpenRLHF's and LLaMA-Factory's protocols.
//
// Source: OpenRLHF/OpenRLHF `openrlhf/cli/serve_rm.py` and `openrlhf/utils/remote_rm_utils.py`;
// hiyouga/LLaMA-Factory `src/llamafactory/api/protocol.py`.

import AssayBase
import AssayModel
import AssayReward
import AssayText

/// `POST /get_reward` and `POST /v1/score/evaluation`.
enum TrainerEndpoints {
  static let endpoints = [
    Endpoint.post(
      "/get_reward",
      summary: "Rewards, as OpenRLHF's reward server gives them.",
      members: ["query": "Prompts and responses together, rendered."],
      takesAnyName: true,
      handle: openRLHF
    ),
    Endpoint.post(
      "/v1/score/evaluation",
      summary: "Rewards, as LLaMA-Factory's server gives them.",
      members: ["messages": "Rendered texts.", "max_length": "Tokens that none may have more of."],
      takesAnyName: true,
      handle: llamaFactory
    ),
  ]

  /// Answers OpenRLHF's client.
  ///
  /// `query` is prompt and response together, rendered; a turn that is not closed is closed, as theirs
  /// does. `scores` are in (0, 1), as OpenRLHF filters prompts by them, but of ratings as they are.
  private static func openRLHF(_ exchange: Exchange) async throws -> Reply {
    try exchange.requireReward()
    var fields = try RequestFields(exchange.body)
    _ = try fields.required("query", "a list of rendered texts")
    let texts = try fields.strings("query") ?? []
    // What they are for is in the query already.
    fields.ignore("prompts", "labels")
    try fields.finish()
    let scores = try await scores(texts, exchange) { exchange.model.closedTurn($0) }
    let transform = Transform.activation(of: exchange.model.text.scoreKind) ?? Transform.none
    let raw = JSONValue.array(scores.map { Transform.none.json($0.value) })
    return Reply.json([
      "rewards": raw, "scores": .array(scores.map { transform.json($0.value) }),
      "extra_logs": ["reward": raw],
    ]).with(Reply.transformHeader, "rewards=none, scores=\(transform.rawValue)")
  }

  private static func llamaFactory(_ exchange: Exchange) async throws -> Reply {
    try exchange.requireReward()
    var fields = try RequestFields(exchange.body)
    _ = try fields.required("messages", "a list of rendered texts")
    let texts = try fields.strings("messages") ?? []
    let longest = try fields.int("max_length", 1...Int.max)
    try fields.finish()
    let tokenizer = exchange.model.text.tokenizer
    for (index, text) in texts.enumerated() {
      let count = longest == nil ? 0 : tokenizer.encode(text).count
      guard count <= longest ?? 0 else {
        throw ServeError.tooLong(item: "messages[\(index)]", tokens: count, maximum: longest ?? 0)
      }
    }
    let scores = try await scores(texts, exchange) { exchange.model.closed($0) }
    return Reply.json([
      "id": .string(exchange.id("scoreval")), "object": "score.evaluation",
      "model": .string(exchange.model.name),
      "scores": .array(scores.map { Transform.none.json($0.value) }),
    ]).with(Reply.transformHeader, Transform.none.rawValue)
  }

  /// Scores rendered texts, in which all special tokens are written: these servers add none.
  private static func scores(
    _ texts: [String],
    _ exchange: Exchange,
    _ finished: ([Int32]) -> [Int32]
  ) async throws -> [Score] {
    let tokenizer = exchange.model.text.tokenizer
    return try await exchange.score(
      texts.map { .conversation(finished(tokenizer.encode($0))) }
    )
  }
}
