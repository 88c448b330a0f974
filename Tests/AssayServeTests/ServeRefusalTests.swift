import AssayBase
import AssayModel
import AssayServe
import AssayText
import Foundation
import NIOHTTP1
import Testing

@Suite(.timeLimit(.minutes(1))) struct ServeRefusalTests {
  /// A request that is refused.
  struct Case: Sendable, CustomTestStringConvertible {
    let path: String
    let body: String
    let status: Int
    /// What the message names.
    let words: [String]
    var testDescription: String { "\(path) \(body.prefix(60))" }

    init(_ path: String, _ body: String, _ status: Int, _ words: String...) {
      (self.path, self.body, self.status, self.words) = (path, body, status, words)
    }
  }

  private static let messages = #""messages": [{"role": "user", "content": "Hi"}]"#

  static let ofCritics = [
    Case("/v1/rewards", "", 400, "empty"),
    Case("/v1/rewards", "{", 400, "byte 1"),
    Case("/v1/rewards", "\"text\"", 400, "a record"),
    Case("/v1/rewards", "[]", 400, "empty"),
    Case("/v1/rewards", #"[{"prompt": "a", "response": "b"}, {"prompt": "a"}]"#, 400, "record 1"),
    Case("/v1/rewards", #"{"prompt": "a", "response": 3}"#, 400, "'response'", "a number"),
    Case(
      "/v1/rewards",
      #"{"prompt": "a", "response": "b", "samples": 0}"#,
      400,
      "'samples'",
      "1 to"
    ),
    Case("/v1/rewards", #"{"records": 1}"#, 400, "'records'", "a list"),
    Case("/v1/rewards", #"{"records": [{"text": "a"}], "colour": 1}"#, 400, "'colour'"),
    Case(
      "/v1/rewards",
      #"{"records": [{"text": "a"}, {"text": "a", "samples": 4}]}"#,
      400,
      "record 1",
      "'samples'"
    ),
    Case("/v1/rewards", #"[{"text": "a", "temperature": 2}]"#, 400, "record 0", "'temperature'"),
    Case("/v1/rewards", #"{"text": "a", "model": "other"}"#, 404, "'other'", "'tiny'"),
    Case("/v1/rewards", "{\"text\": \"\u{1}\"}", 400, "control character"),
    Case(
      "/v1/rewards",
      "{\"text\": \"\(String(repeating: "z ", count: 200))\"}",
      400,
      "item 0",
      "tokens",
      "87"
    ),
    Case("/classify", #"{"model": "tiny"}"#, 400, "'input'", "missing"),
    Case("/classify", #"{"input": []}"#, 400, "'input'", "empty"),
    Case("/classify", #"{"input": [1, -1]}"#, 400, "'input'", "token ids from 0"),
    Case("/classify", #"{"input": [[1], [99999999999999999999]]}"#, 400, "token ids"),
    Case("/classify", #"{"input": [[1], []]}"#, 400, "'input'", "token ids"),
    Case("/classify", #"{"input": [[1], "a"]}"#, 400, "'input'", "token ids"),
    Case("/classify", #"{"input": "a", "add_special_tokens": 1}"#, 400, "add_special_tokens"),
    Case("/classify", #"{"input": "a", "model": 3}"#, 400, "'model'", "a string"),
    Case("/classify", #"{"input": "a", "add_generation_prompt": true}"#, 400, "'messages'"),
    Case(
      "/classify",
      "{\"input\": [\(String(repeating: "1,", count: 96))1]}",
      400,
      "item 0",
      "97 tokens"
    ),
    Case("/score", #"{"text_1": ["a", "b"], "text_2": ["c"]}"#, 400, "'text_2'", "as many as"),
    Case("/score", #"{"text_1": "a"}"#, 400, "'text_2'", "missing"),
    Case("/rerank", #"{"query": "a", "documents": [1]}"#, 400, "'documents'", "list of texts"),
    Case("/tokenize", "{}", 400, "'prompt'", "missing"),
    Case("/detokenize", #"{"tokens": ["a"]}"#, 400, "'tokens'", "token ids"),
    Case("/detokenize", #"{"tokens": [[1], [2]]}"#, 400, "'tokens'"),
    Case("/v1/completions", #"{"prompt": ""}"#, 400, "'prompt'", "tokens"),
    Case("/v1/completions", #"{"prompt": "a", "max_tokens": 1000}"#, 400, "96"),
    Case(
      "/v1/completions",
      #"{"prompt": "a", "max_tokens": 9223372036854775807}"#,
      400,
      "prompt 0",
      "9223372036854775807 tokens",
      "96"
    ),
    Case("/v1/completions", #"{"prompt": "a", "suffix": "b"}"#, 400, "'suffix'"),
    Case("/v1/groups", #"{"prompt": "a"}"#, 400, "record 0", "'responses'"),
    Case("/v1/groups", #"{"prompt": "a", "responses": []}"#, 400, "0 responses"),
    Case("/v1/groups", #"{"prompt": "a", "responses": ["b"], "pairs": "all"}"#, 400, "'pairs'"),
    Case("/compare", #"{"conversation_history": []}"#, 400, "'conversation_history'"),
    Case("/v1/rewards", #"{"text": "a", "too_long": "skip"}"#, 400, "'too_long'", "cut"),
    Case("/classify", #"{"input": "a", "truncate_prompt_tokens": 3}"#, 400, "truncate_prompt"),
    Case("/pooling", #"{"input": "a", "task": "embed"}"#, 400, "'task'", "classify"),
    Case("/pooling", "{\(messages)}", 400, "'messages'", "assistant"),
    Case("/get_reward", #"{"query": 5}"#, 400, "'query'", "5"),
    Case("/v1/score/evaluation", #"{"messages": ["a b c"], "max_length": 1}"#, 400, "messages[0]"),
    Case("/v1/judgements", #"{"prompt": "a"}"#, 400, "cloud", "a judge"),
    Case("/v1/chat/completions", "{}", 400, "'messages'", "missing"),
    Case("/v1/chat/completions", #"{"messages": [{"role": "x", "content": ""}]}"#, 400, "x"),
    Case("/v1/chat/completions", #"{"messages": [{"role": "user"}]}"#, 400, "'messages'"),
    Case("/v1/chat/completions", "{\(messages), \"tools\": [{}]}", 400, "'tools'"),
    Case(
      "/v1/chat/completions",
      "{\(messages), \"response_format\": {\"type\": \"xml\"}}",
      400,
      "response_format"
    ),
    Case(
      "/v1/chat/completions",
      "{\(messages), \"temperature\": -1}",
      400,
      "'temperature'",
      "at least 0"
    ),
    Case("/v1/chat/completions", "{\(messages), \"top_p\": 0}", 400, "'top_p'", "above 0"),
    Case(
      "/v1/chat/completions",
      "{\(messages), \"repetition_penalty\": 1e-40}",
      400,
      "'repetition_penalty'",
      "at least 0.01 and at most 100"
    ),
    Case("/v1/completions", #"{"prompt": "a", "repetition_penalty": 101}"#, 400, "at most 100"),
    Case("/v1/chat/completions", "{\(messages), \"n\": 1000}", 400, "'n'", "1 to 128"),
    Case("/v1/chat/completions", "{\(messages), \"max_tokens\": 1000}", 400, "'max_tokens'", "96"),
    Case(
      "/v1/chat/completions",
      "{\(messages), \"max_completion_tokens\": 9223372036854775807}",
      400,
      "'max_completion_tokens'",
      "96"
    ),
    Case("/v1/chat/completions", "{\(messages), \"top_logprobs\": 2}", 400, "logprobs"),
    Case("/v1/chat/completions", "{\(messages), \"stop\": 3}", 400, "'stop'"),
    Case("/v1/chat/completions", "{\(messages), \"logit_bias\": {\"3\": 1}}", 400, "logit_bias"),
    Case("/v1/chat/completions", "{\(messages), \"magic\": true}", 400, "'magic'"),
    Case("/nowhere", "{}", 404, "/v1/rewards", "/health"),
    Case("/health", "{}", 405, "GET"),
  ]

  static let ofOthers: [(ModelKind, Case)] = [
    (.classic, Case("/v1/completions", #"{"prompt": "a"}"#, 400, "classic", "a judge")),
    (.classic, Case("/v1/chat/completions", "{\(messages)}", 400, "assistant's turn")),
    (
      .classic,
      Case(
        "/v1/chat/completions",
        #"{"messages": [{"role": "assistant", "content": "b"}], "stream": true}"#,
        400,
        "'stream'"
      )
    ),
    (.judge, Case("/v1/judgements", #"{"criteria": [], "pairs": []}"#, 400, "empty")),
    (
      .judge,
      Case("/v1/groups", #"{"prompt": "a", "responses": ["b"], "pairs": "x"}"#, 400, "circular")
    ),
    (
      .classic,
      Case("/v1/rewards", #"{"prompt": "a", "response": "b", "samples": 2}"#, 400, "critiques")
    ),
    (.judge, Case("/v1/rewards", #"{"text": "a"}"#, 400, "judge", "/v1/judgements")),
    (.judge, Case("/get_reward", #"{"query": ["a"]}"#, 400, "judge", "classic")),
    (.judge, Case("/v1/judgements", #"{"prompt": "a", "chosen": "b"}"#, 400, "'rejected'")),
    (
      .judge,
      Case(
        "/v1/judgements",
        #"{"prompt": "a", "responses": ["b", "c"], "task": "guess"}"#,
        400,
        "chain or token"
      )
    ),
    (.pair, Case("/v1/chat/completions", "{\(messages)}", 400, "pair")),
  ]

  private func check(_ refused: Case, _ client: TestClient) async throws {
    let answer = try await client.send(.POST, refused.path, refused.body)
    #expect(answer.status == refused.status, "\(refused.testDescription): \(answer.text)")
    let error = answer.json?["error"]
    #expect(error?["type"]?.string == "invalid_request_error")
    #expect(error?["code"]?.string != nil)
    let message = error?["message"]?.string ?? ""
    for word in refused.words {
      #expect(message.contains(word), "\(refused.testDescription): \(message)")
    }
  }

  @Test("what makes no sense is refused with what is wrong, where, and what is expected")
  func refusals() async throws {
    try await withServer(.cloud) { client, _ in
      for refused in Self.ofCritics { try await check(refused, client) }
      #expect(try await client.get("/v1/rewards").headers["allow"] == "POST")
      #expect(try await client.post("/v1/rewards", ["prompt": "a", "response": "b"]).status == 200)
    }
  }

  @Test("a model is not used for what it is not for")
  func kinds() async throws {
    for kind in [ModelKind.classic, .judge, .pair] {
      try await withServer(kind) { client, _ in
        for (_, refused) in Self.ofOthers.filter({ $0.0 == kind }) {
          try await check(refused, client)
        }
      }
    }
  }

  @Test("a body with more bytes than allowed is refused, as it comes and as it is announced")
  func bodyCap() async throws {
    try await withServer(.classic) {
      $0.maximumBodyBytes = 1000
    } _: { client, _ in
      for count in [1001, 3000, 200_000] {
        let answer = try await client.send(
          .POST,
          "/v1/rewards",
          String(repeating: " ", count: count)
        )
        #expect(answer.status == 413 && answer.code == "body_too_large")
        #expect(answer.headers["connection"] == "close")
      }
      #expect(try await client.post("/v1/rewards", ["prompt": "a", "response": "b"]).status == 200)
    }
  }

  @Test("with a key, everything but /health asks for it")
  func key() async throws {
    let key = try ServerKey("sesame")
    try await withServer(.classic) {
      $0.key = key
    } _: { client, _ in
      for headers in [[:], ["Authorization": "Bearer wrong"], ["Authorization": "sesame"]] {
        for path in ["/v1/rewards", "/get_reward", "/nowhere"] {
          let answer = try await client.post(path, [], headers: headers)
          #expect(answer.status == (path == "/nowhere" ? 404 : 401))
        }
        let answer = try await client.send(.GET, "/metrics", headers: headers)
        #expect(answer.status == 401 && answer.code == "invalid_api_key")
        #expect(answer.headers["www-authenticate"] == "Bearer")
        #expect(answer.json?["error"]?["type"]?.string == "authentication_error")
      }
      #expect(try await client.get("/health").status == 200)
      let body: JSONValue = ["prompt": "a", "response": "b"]
      let right = ["Authorization": "Bearer sesame"]
      #expect(try await client.post("/v1/rewards", body, headers: right).status == 200)
    }
  }

  @Test("a host beyond this machine needs a key, or the word that none is wanted")
  func openHost() throws {
    var settings = ServeSettings()
    for host in ["127.0.0.1", "127.1.2.3", "localhost", "::1"] {
      settings.host = host
      try settings.validate()
    }
    for host in ["0.0.0.0", "::", "example.org", "127.0.0.1.example.org"] {
      settings.host = host
      settings.allowsAnyone = false
      #expect(throws: ServeError.openHost(host: host)) { try settings.validate() }
      settings.allowsAnyone = true
      try settings.validate()
    }
    settings.allowsAnyone = false
    settings.key = try ServerKey("k")
    try settings.validate()
  }
}
