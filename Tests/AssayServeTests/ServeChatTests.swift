import AssayBase
import AssayGenerate
import AssayModel
import AssayServe
import AssayTensor
import AssayTestSupport
import AssayText
import Testing

@Suite(.timeLimit(.minutes(1))) struct ServeChatTests {
  private let question: JSONValue = [["role": "user", "content": "How many apples?"]]

  private func body(_ members: [(String, JSONValue)]) -> JSONValue {
    .object([JSONMember("messages", question)] + members.map { JSONMember($0.0, $0.1) })
  }

  /// What the model continues.
  private func prefix(_ model: Model) throws -> [Int32] {
    try model.renderer().generationPrefix(prompt: [.user("How many apples?")])
  }

  private func chunks(_ answer: Answer) throws -> [JSONValue] {
    let events = answer.text.split(separator: "\n\n").map { $0.dropFirst("data: ".count) }
    #expect(events.last == "[DONE]")
    return try events.dropLast().map { try JSONValue(parsing: Array($0.utf8)) }
  }

  @Test("choices are the draws of the engine")
  func choices() async throws {
    let model = try TinyModels.make(.languageModel)
    let end = try model.renderer().endOfTurnID
    let expected = try GenerationEngine(model).run(
      try (0..<3).map {
        GenerationRequest(
          promptTokens: try prefix(model),
          settings: .init(temperature: 1.5, topP: 0.9),
          maximumTokens: 12,
          stopTokens: [end],
          seed: 7,
          draw: $0,
          wantsLogProbabilities: true,
          topLogProbabilities: 2
        )
      }
    )
    try await withServer(.languageModel) { client, _ in
      let answer = try await client.post(
        "/v1/chat/completions",
        body([
          ("model", "tiny"), ("n", 3), ("temperature", .number("1.5")), ("top_p", .number("0.9")),
          ("max_tokens", 12), ("seed", 7), ("logprobs", true), ("top_logprobs", 2),
          ("user", "somebody"), ("tools", []), ("frequency_penalty", 0),
        ])
      )
      #expect(answer.status == 200, "\(answer.text)")
      let choices = try #require(answer.json?["choices"]?.array)
      #expect(choices.map { $0["index"]?.int } == [0, 1, 2])
      #expect(choices.map { $0["message"]?["content"]?.string } == expected.map(\.text))
      for (choice, text) in zip(choices, expected) {
        let entries = try #require(choice["logprobs"]?["content"]?.array)
        #expect(entries.count == text.tokens.count)
        for (entry, value) in zip(entries, text.logProbabilities) {
          #expect(abs((entry["logprob"]?.double ?? 1) - Double(value)) < 1e-4)
          #expect(entry["top_logprobs"]?.array?.count == 2)
        }
        #expect(
          choice["finish_reason"]?.string == (text.finishReason == .length ? "length" : "stop")
        )
      }
      #expect(answer.json?["seed"]?.int == 7)
      let written = expected.map { $0.tokens.count + ($0.finishReason == .stop ? 1 : 0) }
      #expect(answer.json?["usage"]?["completion_tokens"]?.int == written.reduce(0, +))
    }
  }

  @Test("a stream's pieces are the whole text, of every choice", arguments: [[], ["es", "has 3"]])
  func stream(stop: [String]) async throws {
    try await withServer(.languageModel) { client, _ in
      for seed in 0..<6 {
        let members: [(String, JSONValue)] = [
          ("n", 2), ("temperature", .number("1.2")), ("seed", .number("\(seed)")),
          ("max_tokens", 40), ("stop", .array(stop.map { .string($0) })), ("logprobs", true),
        ]
        let whole = try await client.post("/v1/chat/completions", body(members))
        let streamed = try await client.post(
          "/v1/chat/completions",
          body(members + [("stream", true), ("stream_options", ["include_usage": true])])
        )
        #expect(streamed.headers["content-type"] == "text/event-stream")
        let chunks = try chunks(streamed)
        #expect(chunks.last?["usage"] == whole.json?["usage"])
        for choice in whole.json?["choices"]?.array ?? [] {
          let own = chunks.flatMap { $0["choices"]?.array ?? [] }
            .filter { $0["index"] == choice["index"] }
          #expect(own.first?["delta"]?["role"]?.string == "assistant")
          let text = own.compactMap { $0["delta"]?["content"]?.string }.joined()
          #expect(text == choice["message"]?["content"]?.string)
          #expect(own.compactMap { $0["finish_reason"]?.string }.count == 1)
          #expect(own.last?["finish_reason"] == choice["finish_reason"])
        }
      }
    }
  }

  /// A model of few tokens whose words begin with a space, as SentencePiece's do, or are one.
  private static let spaced = ServeSource(name: "tiny") {
    let mark = "\u{2581}"
    let pieces: JSONValue = [
      ["?", 0], [.string(mark), -1], [.string(mark + "a"), -2], ["b", -2],
    ]
    let added = ChatTemplate.assaySpecialTokens.enumerated().map { index, token -> JSONValue in
      ["id": .number("\(4 + index)"), "content": .string(token), "special": true]
    }
    let spaces: JSONValue = ["type": "Metaspace", "prepend_scheme": "always"]
    let document: JSONValue = [
      "added_tokens": .array(added), "pre_tokenizer": spaces, "decoder": spaces,
      "model": ["type": "Unigram", "unk_id": 0, "vocab": pieces],
    ]
    let tokenizer = try TokenizerFile.read(json: Array(document.compact.utf8))
    var configuration = ModelConfiguration(
      hiddenSize: 16,
      layerCount: 1,
      headCount: 2,
      feedForwardSize: 32,
      vocabularySize: tokenizer.vocabularySize
    )
    configuration.contextTokens = 96
    return Model(
      decoder: Decoder(random: configuration, seed: 3),
      head: nil,
      tokenizer: tokenizer,
      template: .assay,
      manifest: ModelManifest(kind: .languageModel)
    )
  }

  @Test("a text that begins with a lone space is streamed as it is told whole")
  func streamedSpaces() async throws {
    try await withServer(Self.spaced) { client, _ in
      let members: [(String, JSONValue)] = [
        ("n", 64), ("temperature", 2), ("seed", 1), ("max_tokens", 12), ("logprobs", true),
      ]
      let whole = try await client.post("/v1/chat/completions", body(members))
      let streamed = try await client.post(
        "/v1/chat/completions",
        body(members + [("stream", true)])
      )
      let parts = try chunks(streamed).flatMap { $0["choices"]?.array ?? [] }
      let choices = try #require(whole.json?["choices"]?.array, "\(whole.text)")
      var lone = 0
      for choice in choices {
        let tokens = choice["logprobs"]?["content"]?.array?.map { $0["token"]?.string } ?? []
        if tokens.count > 1, tokens[0] == " " { lone += 1 }
        let text = parts.filter { $0["index"] == choice["index"] }
          .compactMap { $0["delta"]?["content"]?.string }.joined()
        #expect(text == choice["message"]?["content"]?.string)
      }
      #expect(choices.count == 64 && lone > 0)
    }
  }

  @Test("a model that criticizes writes a critique behind a response, with its reward")
  func critique() async throws {
    try await withServer(.cloud) { client, _ in
      let record = try await client.post(
        "/v1/rewards",
        ["prompt": "How many apples?", "response": "3"]
      )
      let messages: JSONValue = [
        ["role": "user", "content": "How many apples?"], ["role": "assistant", "content": "3"],
      ]
      let members: JSONValue = ["messages": messages, "temperature": 0, "max_tokens": 8]
      let whole = try await client.post("/v1/chat/completions", members)
      let critique = record.json?["critiques"]?.array?.first
      let choice = whole.json?["choices"]?.array?.first
      #expect(choice?["message"]?["content"] == critique?["text"])
      #expect(choice?["reward"] == critique?["score"])
      // Behind a question it writes a response, and nothing is scored.
      let plain = try await client.post("/v1/chat/completions", body([("max_tokens", 4)]))
      #expect(plain.status == 200)
      #expect(plain.json?["choices"]?.array?.first?["reward"] == nil)
    }
  }

  @Test("requests without a seed draw anew, and their seed repeats them")
  func seeds() async throws {
    try await withServer(.languageModel) { client, _ in
      let members: [(String, JSONValue)] = [("temperature", 2), ("max_tokens", 30)]
      let first = try await client.post("/v1/chat/completions", body(members))
      let second = try await client.post("/v1/chat/completions", body(members))
      func text(_ answer: Answer) -> String? {
        answer.json?["choices"]?.array?.first?["message"]?["content"]?.string
      }
      #expect(text(first) != text(second))
      let seed = try #require(first.json?["seed"])
      let again = try await client.post("/v1/chat/completions", body(members + [("seed", seed)]))
      #expect(text(again) == text(first))
    }
  }
}
