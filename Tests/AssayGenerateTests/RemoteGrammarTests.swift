import AssayBase
import AssayGenerate
import AssayTestSupport
import AssayText
import Foundation
import Testing

@Suite struct RemoteGrammarTests {
  private func request(_ grammar: Grammar?) -> ChatRequest {
    var settings = WritingSettings()
    settings.grammar = grammar
    return ChatRequest(messages: [.user("u")], settings: settings)
  }

  @Test("each field asks for a grammar in its own words")
  func fields() async throws {
    let schema = try Grammar.jsonSchema(["type": "integer"])
    let cases: [(StructuredOutput, Grammar, String, String)] = [
      (
        .structuredOutputs, try .choice(["a", "b"]), "structured_outputs", #"{"choice":["a","b"]}"#
      ),
      (.structuredOutputs, try .regex("a+"), "structured_outputs", #"{"regex":"a+"}"#),
      (.structuredOutputs, schema, "structured_outputs", #"{"json":{"type":"integer"}}"#),
      (.structuredOutputs, try .jsonObject(), "structured_outputs", #"{"json_object":true}"#),
      (.guided, try .choice(["a"]), "guided_choice", #"["a"]"#),
      (.guided, try .regex("a+"), "guided_regex", #""a+""#),
      (.guided, schema, "guided_json", #"{"type":"integer"}"#),
      (.guided, try .jsonObject(), "response_format", #"{"type":"json_object"}"#),
      (.guided, try .letter(), "guided_choice", #"["A","B"]"#),
      (.responseFormat, try .jsonObject(), "response_format", #"{"type":"json_object"}"#),
      (
        .responseFormat, schema, "response_format",
        #"{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":{"type":"integer"}}}"#
      ),
    ]
    for (field, grammar, name, expected) in cases {
      let server = try ChatServer { _, respond in respond(.completion("yes")) }
      var settings = quickSettings()
      settings.structuredOutput = field
      _ = try await withEndpoint(server, settings: settings) {
        try await $0.complete([request(grammar)])
      }
      let received = try #require(server.received.first)
      let text = try #require(received.member(name))
      let same =
        try JSONValue(parsing: Array(text.utf8)) == JSONValue(parsing: Array(expected.utf8))
      #expect(same, "\(name): \(text)")
    }
  }

  @Test("a verdict in OpenAI's form is read as any other")
  func verdicts() throws {
    let form = try StructuredOutput.responseFormat.member(.verdict).value
    let schema = try #require(form["json_schema"]?["schema"])
    // What OpenAI would write is what our own grammar of the schema admits.
    _ = try Grammar.jsonSchema(schema)
    let text = #"{"reasons":"[[B]] is worse","verdict":"[[A]]"}"#
    #expect(RolePrompts.verdict(in: text) == .a)
    #expect(RolePrompts.verdict(in: #"{"verdict":"B"}"#) == .b)
    let pattern = try #require(
      StructuredOutput.structuredOutputs.member(.verdict).value["regex"]?.string
    )
    _ = try Grammar.regex(pattern)
  }

  @Test("without a field, or in one that has no form for it, nothing is asked")
  func refused() async throws {
    let server = try ChatServer { _, respond in respond(.completion("yes")) }
    await #expect(throws: EndpointError.self) {
      try await withEndpoint(server) { try await $0.complete([request(.choice(["a"]))]) }
    }
    var settings = quickSettings()
    settings.structuredOutput = .responseFormat
    await #expect(throws: EndpointError.self) {
      try await withEndpoint(server, settings: settings) {
        try await $0.complete([request(.regex("a"))])
      }
    }
    #expect(server.received.isEmpty)
  }

  @Test("an answer that was asked for in another form is another record, whatever the field")
  func keys() throws {
    let keys = try [nil, Grammar.choice(["a"]), .choice(["b"]), .regex("a")].map {
      request($0).key(model: "m")
    }
    #expect(Set(keys).count == 4)
  }

  @Test("alternatives are those of the token that is the answer, not of thoughts before it")
  func answerToken() throws {
    func completion(_ content: String, _ tokens: [(String, [(String, Double)])]) -> ChatCompletion?
    {
      let entries = tokens.map { token, top -> JSONValue in
        [
          "token": .string(token), "logprob": .number("-0.1"),
          "top_logprobs": .array(
            top.map { ["token": .string($0.0), "logprob": .number("\($0.1)")] }
          ),
        ]
      }
      let body: JSONValue = [
        "choices": [
          [
            "message": ["content": .string(content)], "finish_reason": "stop",
            "logprobs": ["content": .array(entries)],
          ]
        ]
      ]
      return ChatCompletion(body: Array(body.compact.utf8))
    }
    let thoughts = [("Okay", [("Okay", -0.1), ("A", -6.0), ("B", -7.0)]), (" B is right", [])]
    let answer = ("B", [("B", -0.2), ("A", -1.8)])
    let end = ("<|im_end|>", [("<|im_end|>", -0.01)])
    for tokens in [[answer], thoughts + [answer], thoughts + [("\n\n", []), answer, end]] {
      let read = try #require(completion("B", tokens)).firstAlternatives
      #expect(read == ["B": -0.2, "A": -1.8])
    }
    // Behind words, and between marks.
    let spelt = [("Answer", [("Answer", -0.1)]), (":", []), (" B", answer.1)]
    #expect(completion("Answer: B", spelt)?.firstAlternatives["A"] == -1.8)
    let bold = [("**", [("**", -0.1)]), ("B", answer.1), ("**", [])]
    #expect(completion("**B**", bold)?.firstAlternatives["A"] == -1.8)
    // Where the answer is not among the tokens, nothing is known of it.
    #expect(completion("B", thoughts.dropLast() + [])?.firstAlternatives == [:])
  }
}
