// Rewards of all responses to a prompt at once, as policies are trained on groups of them.

import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayText

/// `POST /v1/groups`, and NeMo Gym's `/compare`.
///
/// Source of the latter: NVIDIA-NeMo/Gym `resources_servers/genrm_compare`. We differ where a comparison
/// fails: theirs counts a score in the middle then, here it counts for nobody, and a response without
/// any comparison has no reward, but where the request says which it is to have.
enum GroupEndpoints {
  /// Responses to compare, at most: each with each is half of their square.
  private static let maximumResponses = 128

  static let groups = Endpoint.post(
    "/v1/groups",
    summary: "A reward for each of several responses to a prompt.",
    members: [
      "prompt": "A prompt or a conversation.", "responses": "The responses to it.",
      "groups": "Several of these objects; a list of them is taken as well.",
      "pairs": "What a judge compares: all (each with each) or circular (each with the next); all.",
      "criterion": "What a judge decides by.",
    ]
  ) { exchange in
    let body = try RequestRows(
      exchange.body,
      key: "groups",
      rowKeys: ["id", "prompt", "responses"]
    )
    var fields = try RequestFields(body.options)
    let work = try GroupWork(&fields, exchange)
    try fields.finish()
    let groups = try body.records { (row, index) throws(RowRefusal) in
      try ResponseGroup(row: row, index: index)
    }
    for (index, group) in groups.enumerated() { try check(group, "record \(index)") }
    let rewards = try await work.rewards(groups)
    return body.reply(zip(groups, rewards).map { $1.json(id: $0.id) })
      .with(Reply.transformHeader, Transform.none.rawValue)
  }

  static let compare = Endpoint.post(
    "/compare",
    summary: "Rewards of several responses, as NeMo Gym's comparison server gives them.",
    members: [
      "conversation_history": "The conversation before the responses.",
      "response_objs": "The responses, as OpenAI's Responses API has them.",
      "principle": "What a judge decides by.",
      "default_score": "The reward of a response of which nothing could be read; null.",
    ]
  ) { exchange in
    var fields = try RequestFields(exchange.body)
    let key = "conversation_history"
    let messages = try Message.conversation(
      try fields.required(key, "a list of messages"),
      key: key
    )
    let objects = try fields.required("response_objs", "a list of responses").array ?? []
    let work = try GroupWork(&fields, exchange, criterionKey: "principle")
    // Their client takes numbers alone; who wants one in the place of none says so.
    let substitute = try fields.float("default_score").map(Double.init)
    try fields.finish()
    let group = ResponseGroup(id: "", prompt: messages, responses: try objects.map(outputText))
    try check(group, "'response_objs'")
    let rewards = try await work.rewards([group])[0]
    return .json([
      "rewards": .array(rewards.values.map { .numeral($0 ?? substitute) }),
      "comparison_results": .array(rewards.comparisons.map(comparison)),
      "metrics": [
        "unread": .number("\(rewards.comparisons.count { $0.probability == nil })"),
        "without_reward": .number("\(rewards.values.count { $0 == nil })"),
      ],
    ])
  }

  private static func check(_ group: ResponseGroup, _ name: String) throws(ServeError) {
    guard (1...maximumResponses).contains(group.responses.count) else {
      throw .malformedBody(
        reason: "\(name) has \(group.responses.count) responses, expected 1 to \(maximumResponses)"
      )
    }
  }

  /// The text of an object of OpenAI's Responses API, without its reasoning.
  private static func outputText(_ object: JSONValue) throws(ServeError) -> String {
    guard let output = object["output"]?.array else {
      throw RequestFields.wrong("response_objs", object, "objects with an 'output' list")
    }
    return output.filter { $0["type"]?.string == "message" }
      .flatMap { $0["content"]?.array ?? [] }
      .filter { $0["type"]?.string == "output_text" }
      .compactMap { $0["text"]?.string }.joined()
  }

  /// A comparison in their numbers: a ranking of 1 where the first response is much better, and of 6
  /// where the second one is; scores from 1 to 5.
  private static func comparison(_ comparison: GroupRewards.Comparison) -> JSONValue {
    let first = comparison.probability
    return [
      "response_i": .number("\(comparison.first)"), "response_j": .number("\(comparison.second)"),
      "judge_idx": 0,
      "score_1": .numeral(first.map { 1 + 4 * $0 }), "score_2": .numeral(first.map { 5 - 4 * $0 }),
      "ranking": .numeral(first.map { 6 - 5 * $0 }),
    ]
  }
}
