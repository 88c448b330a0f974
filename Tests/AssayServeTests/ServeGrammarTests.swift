import AssayBase
import AssayModel
import AssayTestSupport
import AssayText
import Testing

@Suite(.timeLimit(.minutes(1))) struct ServeGrammarTests {
  private func body(_ members: [(String, JSONValue)], draws: Int = 4) -> JSONValue {
    .object(
      [
        JSONMember("messages", [["role": "user", "content": "How many apples?"]]),
        JSONMember("temperature", 1), JSONMember("max_tokens", 40), JSONMember("seed", 3),
        JSONMember("n", .number("\(draws)")),
      ] + members.map { JSONMember($0.0, $0.1) }
    )
  }

  private static let schema: JSONValue = [
    "type": "object",
    "properties": ["n": ["type": "integer", "minimum": 0, "maximum": 99]],
    "required": ["n"],
    "additionalProperties": false,
  ]

  /// Whether a document is what the schema wants.
  private static func isRight(_ text: String) -> Bool {
    let document = try? JSONValue(parsing: Array(text.utf8))
    return document?.members?.map(\.key) == ["n"] && (0...99).contains(document?["n"]?.int ?? -1)
  }

  @Test("judgements can be held to a verdict, with its likelihood from the same pass")
  func judgements() async throws {
    try await withServer(.languageModel, contextTokens: 1024) { client, _ in
      let pair: JSONValue = ["prompt": "How many?", "chosen": "three", "rejected": "two"]
      for (form, unparseable) in [("free", 8), ("enforced", 0)] {
        let answer = try await client.post(
          "/v1/judgements",
          [
            "pairs": [pair], "verdicts": .string(form), "task": "chain", "votes": 8,
            "max_tokens": 16,
            "aggregate": form == "free" ? "votes" : "likelihood",
          ]
        )
        let verdict = answer.json?.array?.first
        #expect(verdict?["votes"]?["unparseable"]?.int == unparseable, "\(answer.text)")
        if form == "enforced" {
          let letters = verdict?["judgements"]?.array?.compactMap { $0["letters"]?["mass"]?.double }
          #expect(letters?.count == 8 && letters?.allSatisfy { $0 > 0 && $0 <= 1 } == true)
          #expect(verdict?["probability"]?.double != nil)
        }
      }
      let wrong = try await client.post(
        "/v1/judgements",
        ["pairs": [pair], "verdicts": "strict"]
      )
      #expect(wrong.status == 400 && wrong.text.contains("free or enforced"))
    }
  }

  @Test("every client's field holds the answers to its form")
  func fields() async throws {
    let digits: @Sendable (String) -> Bool = { $0.count == 3 && $0.allSatisfy(\.isNumber) }
    let chosen: @Sendable (String) -> Bool = { ["yes", "no"].contains($0) }
    let object: @Sendable (String) -> Bool = {
      (try? JSONValue(parsing: Array($0.utf8)))?.members != nil
    }
    let cases: [(String, JSONValue, @Sendable (String) -> Bool)] = [
      ("guided_choice", ["yes", "no"], chosen), ("guided_regex", "[0-9]{3}", digits),
      ("guided_json", Self.schema, Self.isRight),
      ("guided_json", .string(Self.schema.compact), Self.isRight),
      ("structured_outputs", ["choice": ["yes", "no"]], chosen),
      ("structured_outputs", ["regex": "[0-9]{3}"], digits),
      ("structured_outputs", ["json": Self.schema, "disable_fallback": true], Self.isRight),
      ("structured_outputs", ["json_object": true], object),
      ("response_format", ["type": "json_object"], object),
      (
        "response_format",
        [
          "type": "json_schema",
          "json_schema": ["name": "x", "strict": true, "schema": Self.schema],
        ],
        Self.isRight
      ),
    ]
    try await withServer(.languageModel) { client, _ in
      for (name, value, isRight) in cases {
        let answer = try await client.post("/v1/chat/completions", body([(name, value)]))
        #expect(answer.status == 200, "\(name): \(answer.text)")
        let choices = answer.json?["choices"]?.array ?? []
        #expect(choices.count == 4)
        for choice in choices {
          let text = choice["message"]?["content"]?.string ?? ""
          #expect(isRight(text), "\(name): \(text)")
          #expect(choice["finish_reason"] == "stop")
        }
      }
      let completion = try await client.post(
        "/v1/completions",
        ["prompt": ["a", "b"], "max_tokens": 8, "guided_choice": ["yes", "no"]]
      )
      let texts = completion.json?["choices"]?.array ?? []
      #expect(texts.count == 2, "\(completion.text)")
      for choice in texts {
        #expect(chosen(choice["text"]?.string ?? ""), "\(completion.text)")
      }
      // Text is what is written anyway.
      let plain = try await client.post("/v1/chat/completions", body([]))
      let text = try await client.post(
        "/v1/chat/completions",
        body([("response_format", ["type": "text"])])
      )
      #expect(plain.json?["choices"] == text.json?["choices"])
    }
  }

  @Test("a stream holds to its form, too")
  func streams() async throws {
    try await withServer(.languageModel) { client, _ in
      let answer = try await client.post(
        "/v1/chat/completions",
        body([("guided_choice", ["yes", "no"]), ("stream", true)], draws: 1)
      )
      let chunks = try answer.text.split(separator: "\n\n").map { $0.dropFirst("data: ".count) }
        .dropLast().map { try JSONValue(parsing: Array($0.utf8)) }
      let text = chunks.compactMap {
        $0["choices"]?.array?.first?["delta"]?["content"]?.string
      }.joined()
      #expect(["yes", "no"].contains(text))
    }
  }

  @Test("what cannot be kept is refused with its place, before anything is written")
  func refusals() async throws {
    let cases: [([(String, JSONValue)], String)] = [
      ([("guided_regex", "a(?=b)")], "character 2"), ([("guided_regex", 3)], "guided_regex"),
      ([("guided_choice", [])], "no texts"), ([("guided_choice", ["a", 1])], "guided_choice"),
      ([("guided_json", ["not": [:]])], "#/not"), ([("guided_json", "x")], "guided_json"),
      ([("response_format", ["type": "xml"])], "response_format"),
      ([("response_format", ["type": "json_schema"])], "json_schema"),
      ([("structured_outputs", ["grammar": "x"])], "structured_outputs.grammar"),
      ([("structured_outputs", ["regex": "a", "choice": ["b"]])], "structured_outputs"),
      ([("guided_grammar", "x")], "guided_grammar"),
      ([("guided_regex", "a"), ("response_format", ["type": "json_object"])], "guided_regex"),
      ([("guided_regex", "(a{1,9999}){1,9999}")], "guided_regex"),
    ]
    try await withServer(.languageModel) { client, _ in
      for (members, named) in cases {
        let answer = try await client.post("/v1/chat/completions", body(members))
        #expect(answer.status == 400, "\(named)")
        let message = answer.json?["error"]?["message"]?.string ?? ""
        #expect(message.contains(named), "\(message)")
      }
    }
  }
}
