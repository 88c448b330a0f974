import AssayBase
import AssayModel
import AssayServe
import AssayTestSupport
import AssayText
import Foundation
import Testing

/// The requests of `Scripts/record_client_requests.py`, byte for byte.
@Suite(.timeLimit(.minutes(1))) struct ServeRecordedTests {
  private struct Recorded: Codable {
    let client: String
    let source: String
    let head: String
    let body: String
  }

  private static let recorded: [Recorded] = {
    let url = Bundle.module.url(
      forResource: "client_requests",
      withExtension: "json",
      subdirectory: "Fixtures"
    )
    let data = url.flatMap { try? Data(contentsOf: $0) } ?? Data()
    return (try? JSONDecoder().decode([Recorded].self, from: data)) ?? []
  }()

  /// A classic model whose tokenizer adds the beginning token, as those of Llama models do.
  static func classic() throws -> Model {
    let plain = try TinyModels.make(.classic)
    let bos = try #require(plain.tokenizer.id(of: "<s>"))
    let template: JSONValue = [
      "type": "TemplateProcessing",
      "single": [
        ["SpecialToken": ["id": "<s>", "type_id": 0]], ["Sequence": ["id": "A", "type_id": 0]],
      ],
      "special_tokens": ["<s>": ["id": "<s>", "ids": [.number("\(bos)")], "tokens": ["<s>"]]],
    ]
    let members = (plain.tokenizer.document.members ?? []).filter { $0.key != "post_processor" }
    return Model(
      decoder: plain.decoder,
      head: plain.head,
      tokenizer: try TokenizerFile.read(
        .object(members + [JSONMember("post_processor", template)])
      ),
      template: plain.template,
      manifest: plain.manifest
    )
  }

  private func send(_ name: String, _ client: TestClient) async throws -> JSONValue {
    let request = try #require(Self.recorded.first { $0.client == name })
    return try await RawConnection.open(client.url) { connection in
      try await connection.write(request.head + request.body)
      let answer = try await connection.answer()
      #expect(answer.status == 200, "\(name): \(answer.text)")
      return try #require(answer.json, "\(name): \(answer.text)")
    }
  }

  @Test("trainers and reward clients get the reward that scoring gives")
  func rewards() async throws {
    let source = ServeSource(name: "tiny") { try Self.classic() }
    try await withServer(source) { client, _ in
      let answer = try await client.post(
        "/v1/rewards",
        [["prompt": "How many?", "response": "3"], ["prompt": "How many?", "response": "four"]]
      )
      let scores = (answer.json?.array ?? []).map { $0["score"]?.double ?? .nan }
      #expect(scores.count == 2 && scores[0] != scores[1], "\(answer.text)")
      func check(_ name: String, _ value: (JSONValue) -> Double?) async throws {
        let value = value(try await send(name, client)) ?? .nan
        #expect(abs(value - scores[0]) < 1e-5, "\(name): \(value) and not \(scores[0])")
      }
      func first(_ answer: JSONValue) -> JSONValue? { answer["data"]?.array?.first }
      func base64(_ answer: JSONValue) -> Double? {
        let bytes = [UInt8](
          Data(base64Encoded: first(answer)?["embedding"]?.string ?? "") ?? Data()
        )
        guard bytes.count == 4 else { return nil }
        return Double(
          Float(bitPattern: bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) })
        )
      }
      try await check("verl") { first($0)?["probs"]?.array?.last?.double }
      try await check("verl on SGLang") { first($0)?["embedding"]?.array?.last?.double }
      try await check("OpenRLHF") { $0["rewards"]?.array?.first?.double }
      try await check("LLaMA-Factory") { $0["scores"]?.array?.first?.double }
      try await check("vLLM pooling of a text") { first($0)?["data"]?.array?.first?.double }
      try await check("vLLM score") { first($0)?["score"]?.double }
      try await check("openai embeddings", base64)
      try await check("langchain embeddings", base64)
      try await check("NeMo Gym compare") { $0["rewards"]?.array?.first?.double }
      try await check("openai chat of a reward") {
        $0["choices"]?.array?.first?["logprobs"]?["content"]?.array?.first?["logprob"]?.double
      }
      let ranked = try await send("vLLM rerank", client)["results"]?.array ?? []
      let best = scores[0] > scores[1] ? 0 : 1
      #expect(ranked.map { $0["index"]?.int } == [best, 1 - best])
      #expect(abs((ranked[0]["relevance_score"]?.double ?? .nan) - scores[best]) < 1e-5)
      #expect(try await send("litellm rerank", client)["results"]?.array?.count == 1)
      let tokens = try await send("vLLM tokenize", client)["tokens"]?.array?.map(\.int)
      let tokenizer = try TinyModels.make(.classic).tokenizer
      let text = "<s><|user|>How many?<|eot|><|assistant|>3<|eot|>"
      #expect(tokens == tokenizer.encode(text).map { Int($0) })
      _ = try await send("vLLM pooling of a user's turn", client)
    }
  }

  @Test(
    "clients that write get texts",
    arguments: [
      "openai chat", "langchain chat", "litellm chat", "prometheus-eval", "inspect_ai chat",
      "openai completions",
    ]
  )
  func texts(name: String) async throws {
    try await withServer(.languageModel, contextTokens: 256) { client, _ in
      let choice = try await send(name, client)["choices"]?.array?.first
      #expect((choice?["message"]?["content"] ?? choice?["text"])?.string != nil)
      #expect(["stop", "length"].contains(choice?["finish_reason"]?.string))
    }
  }

  @Test("clients find the model")
  func models() async throws {
    try await withServer(.classic) { client, _ in
      #expect(try await send("openai models.retrieve", client)["id"] == "tiny")
      let list = try await send("openai models.list", client)
      #expect(list["data"]?.array?.first?["id"] == "tiny")
    }
  }

  @Test(
    "the beginning token is added where the text has none, and left out where that is asked for"
  )
  func beginning() async throws {
    let source = ServeSource(name: "tiny") { try Self.classic() }
    let text = "<|user|>How many?<|eot|><|assistant|>3<|eot|>"
    try await withServer(source) { client, _ in
      func reward(_ members: [(String, JSONValue)]) async throws -> Double {
        let body = JSONValue.object(members.map { JSONMember($0.0, $0.1) })
        let answer = try await client.post("/classify", body)
        return try #require(
          answer.json?["data"]?.array?.first?["probs"]?.array?.first?.double,
          "\(answer.text)"
        )
      }
      let whole = try await reward([("input", .string("<s>" + text))])
      #expect(try await reward([("input", .string(text))]) == whole)
      #expect(try await reward([("input", .string(text)), ("add_special_tokens", true)]) == whole)
      let bare = try await reward([
        ("input", .string(text)), ("add_special_tokens", false),
      ])
      #expect(abs(bare - whole) > 1e-4)
      // A conversation's template writes it.
      let messages: JSONValue = [
        ["role": "user", "content": "How many?"], ["role": "assistant", "content": "3"],
      ]
      #expect(try await reward([("messages", messages)]) == whole)
      // And OpenRLHF's server adds none.
      let open = try await client.post("/get_reward", ["query": [.string(text)]])
      #expect(abs((open.json?["rewards"]?.array?.first?.double ?? .nan) - bare) < 1e-5)
    }
  }
}
