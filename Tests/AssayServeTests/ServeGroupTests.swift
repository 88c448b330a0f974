import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayServe
import AssayTestSupport
import AssayText
import Testing

@Suite(.timeLimit(.minutes(1))) struct ServeGroupTests {
  private let prompt = "How many apples are left?"
  private let responses = ["Anna has 3 apples.", "She has three apples left.", "3"]

  private var group: JSONValue {
    ["prompt": .string(prompt), "responses": .array(responses.map { .string($0) })]
  }

  private func probability(_ model: Model, _ first: String, _ second: String) async throws -> Double
  {
    let pair = PreferencePair(
      id: "p",
      prompt: [.user(prompt)],
      chosen: first,
      rejected: second
    )
    return try #require(try await JudgeRater(model).judge([pair])[0].probability)
  }

  @Test(
    "a model that scores gives each response of a group its score, and none where it does not fit"
  )
  func scores() async throws {
    let model = try TinyModels.make(.classic)
    let expected = try await ModelScorer(model).score(
      responses.map { .response(prompt: [.user(prompt)], response: $0) }
    )
    try await withServer(.classic) { client, _ in
      let answer = try await client.post("/v1/groups", group)
      let rewards = answer.json?["rewards"]?.array?.map { $0.double ?? .nan } ?? []
      #expect(rewards.count == 3, "\(answer.text)")
      for (reward, score) in zip(rewards, expected) { #expect(abs(reward - score.value) < 1e-5) }
      let long: JSONValue = [
        "id": "g", "prompt": "a",
        "responses": ["b", .string(String(repeating: "z ", count: 200))],
      ]
      let many = try await client.post("/v1/groups", ["groups": [long, group]])
      let records = many.json?.array ?? []
      #expect(records.map { $0["id"]?.string } == ["g", "1"], "\(many.text)")
      let values = records.first?["rewards"]?.array ?? []
      #expect(values.first?.double != nil && values.last == .null)
      let problem = records.first?["problems"]?.array?.first
      #expect(problem?["response"] == 1 && problem?["reason"]?.string?.contains("tokens") == true)
    }
  }

  @Test("a judge's rewards are mean probabilities over its comparisons, each in both orders")
  func comparisons() async throws {
    let model = try TinyModels.make(.judge, contextTokens: 256)
    let p01 = try await probability(model, responses[0], responses[1])
    let p02 = try await probability(model, responses[0], responses[2])
    let p12 = try await probability(model, responses[1], responses[2])
    let p20 = try await probability(model, responses[2], responses[0])
    let expected = [(p01 + p02) / 2, (1 - p01 + p12) / 2, (1 - p02 + 1 - p12) / 2]
    let circular = [(p01 + 1 - p20) / 2, (1 - p01 + p12) / 2, (p20 + 1 - p12) / 2]
    try await withServer(.judge, contextTokens: 256) { client, _ in
      for (pairs, expected) in [("all", expected), ("circular", circular)] {
        let members = (group.members ?? []) + [JSONMember("pairs", .string(pairs))]
        let answer = try await client.post("/v1/groups", .object(members))
        let rewards = answer.json?["rewards"]?.array?.map { $0.double ?? .nan } ?? []
        #expect(rewards.count == 3, "\(answer.text)")
        for (reward, value) in zip(rewards, expected) { #expect(abs(reward - value) < 1e-5) }
      }
      let alone = try await client.post("/v1/groups", ["prompt": "a", "responses": ["b"]])
      #expect(alone.json?["rewards"]?.array == [.null], "\(alone.text)")
      #expect(alone.json?["problems"]?.array?.first?["reason"]?.string?.contains("other") == true)
    }
  }

  @Test("a judge without a readable verdict gives no reward, and none in the middle")
  func unread() async throws {
    // Random weights write no verdict.
    try await withServer(.languageModel, contextTokens: 1024) { client, _ in
      let body = (group.members ?? []) + [JSONMember("max_tokens", 4), JSONMember("task", "chain")]
      let answer = try await client.post("/v1/groups", .object(body))
      #expect(answer.json?["rewards"]?.array == [.null, .null, .null], "\(answer.text)")
      #expect(answer.json?["problems"]?.array?.count == 3)
      let objects = responses.map { text -> JSONValue in
        [
          "output": [
            ["type": "message", "content": [["type": "output_text", "text": .string(text)]]]
          ]
        ]
      }
      let asked: JSONValue = [
        "conversation_history": [["role": "user", "content": .string(prompt)]],
        "response_objs": .array(objects), "principle": "Be right.", "max_tokens": 4,
        "task": "chain",
      ]
      let compare = try await client.post("/compare", asked)
      #expect(compare.json?["rewards"]?.array == [.null, .null, .null], "\(compare.text)")
      let results = compare.json?["comparison_results"]?.array ?? []
      #expect(results.count == 3 && results.allSatisfy { $0["ranking"] == .null })
      #expect(compare.json?["metrics"] == ["unread": 3, "without_reward": 3])
      // Numbers in the place of none, where the client says which.
      let filled = try await client.post(
        "/compare",
        .object((asked.members ?? []) + [JSONMember("default_score", .number("0.25"))])
      )
      #expect(filled.json?["rewards"]?.array?.map(\.double) == [0.25, 0.25, 0.25])
      #expect(filled.json?["metrics"]?["without_reward"] == 3)
    }
  }

  @Test("several criteria are judged in one call, each by itself")
  func criteria() async throws {
    try await withServer(.judge, contextTokens: 256) { client, _ in
      func judge(_ criteria: [String]) async throws -> JSONValue? {
        let answer = try await client.post(
          "/v1/judgements",
          [
            "prompt": .string(prompt),
            "responses": [.string(responses[0]), .string(responses[1])],
            "criteria": .array(criteria.map { .string($0) }),
          ]
        )
        #expect(answer.status == 200, "\(answer.text)")
        return answer.json
      }
      let both = try await judge(["Be brief.", "Be right."])
      let brief = both?["criteria"]?["Be brief."]
      let right = both?["criteria"]?["Be right."]
      let (first, second) = (brief?["probability"]?.double, right?["probability"]?.double)
      #expect(first != second)
      let mean = ((first ?? .nan) + (second ?? .nan)) / 2
      #expect(abs((both?["probability"]?.double ?? .nan) - mean) < 1e-9)
      let alone = try await judge(["Be right."])?["criteria"]?["Be right."]
      #expect(abs((alone?["probability"]?.double ?? .nan) - (second ?? 0)) < 1e-5)
    }
  }
}
