import AssayBase
import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayServe
import AssayTensor
import AssayTestSupport
import AssayText
import Testing

@Suite(.timeLimit(.minutes(1))) struct ServeEndpointTests {
  private let text = "<s><|user|>How many?<|eot|><|assistant|>3<|eot|>"

  @Test("tokens and their text are told as the tokenizer has them")
  func tokens() async throws {
    let tokenizer = try TinyModels.make(.classic).tokenizer
    try await withServer(.classic) { client, _ in
      let answer = try await client.post(
        "/tokenize",
        ["prompt": .string(text), "return_token_strs": true]
      )
      let ids = answer.json?["tokens"]?.array?.compactMap(\.int) ?? []
      #expect(ids == tokenizer.encode(text).map { Int($0) }, "\(answer.text)")
      #expect(answer.json?["count"]?.int == ids.count)
      #expect(answer.json?["max_model_len"] == 96)
      #expect(answer.json?["token_strs"]?.array?.first == "<s>")
      let back = try await client.post(
        "/detokenize",
        ["tokens": .array(ids.map { .number("\($0)") })]
      )
      #expect(back.json?["prompt"]?.string == text, "\(back.text)")
      // A conversation is opened for an answer unless it is told otherwise.
      let messages: JSONValue = [["role": "user", "content": "How many?"]]
      for (opens, expected) in [
        (true, "<s><|user|>How many?<|eot|><|assistant|>"), (false, "<s><|user|>How many?<|eot|>"),
      ] {
        let answer = try await client.post(
          "/tokenize",
          ["messages": messages, "add_generation_prompt": .bool(opens)]
        )
        let ids = answer.json?["tokens"]?.array?.compactMap(\.int)
        #expect(ids == tokenizer.encode(expected).map { Int($0) }, "\(answer.text)")
      }
    }
  }

  @Test("a conversation is told whole, however long, and refused with its whole length")
  func longConversation() async throws {
    let model = try TinyModels.make(.cloud)
    let words = String(repeating: "z ", count: 200)
    let renderer = try model.renderer().unlimited
    let whole = try renderer.renderForLanguageModel(
      [.user(words), .assistant("3")],
      targets: .all
    ).tokens
    let opened = try renderer.critiquePrefix(
      prompt: [.user(words)],
      response: "3",
      leadIn: model.manifest.leadIn ?? ""
    )
    #expect(whole.count > 200 && opened.count > whole.count)
    let messages: JSONValue = [
      ["role": "user", "content": .string(words)], ["role": "assistant", "content": "3"],
    ]
    try await withServer(.cloud) { client, _ in
      let answer = try await client.post(
        "/tokenize",
        ["messages": messages, "add_generation_prompt": false]
      )
      let ids = answer.json?["tokens"]?.array?.compactMap(\.int)
      #expect(ids == whole.map { Int($0) }, "\(answer.text)")
      let refused = try await client.post("/v1/chat/completions", ["messages": messages])
      #expect(refused.status == 400 && refused.code == "context_length_exceeded")
      #expect(refused.text.contains("\(opened.count) tokens"), "\(refused.text)")
    }
  }

  @Test("completions continue texts as the engine does, whole and streamed")
  func completions() async throws {
    let model = try TinyModels.make(.languageModel)
    let end = try model.renderer().endOfTurnID
    let prompts = ["<s><|user|>How many?<|eot|><|assistant|>", "Anna has"]
    let expected = try GenerationEngine(model).run(
      prompts.flatMap { prompt in
        (0..<2).map {
          GenerationRequest(
            promptTokens: model.tokenizer.encode(prompt),
            settings: .init(temperature: 1.5),
            maximumTokens: 6,
            stopTokens: [end],
            seed: 7,
            draw: $0,
            wantsLogProbabilities: true,
            topLogProbabilities: 1
          )
        }
      }
    )
    let body: [JSONMember] = [
      JSONMember("prompt", .array(prompts.map { .string($0) })), JSONMember("n", 2),
      JSONMember("max_tokens", 6), JSONMember("temperature", .number("1.5")),
      JSONMember("seed", 7), JSONMember("logprobs", 1),
    ]
    try await withServer(.languageModel) { client, _ in
      let answer = try await client.post("/v1/completions", .object(body))
      let choices = answer.json?["choices"]?.array ?? []
      #expect(choices.map { $0["text"]?.string } == expected.map(\.text), "\(answer.text)")
      #expect(answer.json?["object"] == "text_completion")
      for (choice, text) in zip(choices, expected) {
        let logprobs = choice["logprobs"]
        let values = logprobs?["token_logprobs"]?.array?.compactMap(\.double) ?? []
        #expect(values.count == text.tokens.count)
        for (value, expected) in zip(values, text.logProbabilities) {
          #expect(abs(value - Double(expected)) < 1e-4)
        }
        #expect(logprobs?["text_offset"]?.array?.first == (text.tokens.isEmpty ? nil : 0))
      }
      let read = prompts.map { model.tokenizer.encode($0).count }.reduce(0, +)
      #expect(answer.json?["usage"]?["prompt_tokens"]?.int == read)
      let stream = try await client.post(
        "/v1/completions",
        .object(body + [JSONMember("stream", true)])
      )
      var texts = [String](repeating: "", count: 4)
      for event in stream.text.split(separator: "\n\n").dropLast() {
        let chunk = try JSONValue(parsing: Array(event.dropFirst("data: ".count).utf8))
        #expect(chunk["object"] == "text_completion")
        for choice in chunk["choices"]?.array ?? [] {
          texts[choice["index"]?.int ?? 0] += choice["text"]?.string ?? ""
        }
      }
      #expect(texts == expected.map(\.text))
    }
  }

  @Test("a classic model's reward comes through chat as NVIDIA's reward models tell it")
  func chatReward() async throws {
    try await withServer(.classic) { client, _ in
      let record = try await client.post("/v1/rewards", ["prompt": "How many?", "response": "3"])
      let reward = try #require(record.json?["score"]?.double)
      let answer = try await client.post(
        "/v1/chat/completions",
        [
          "model": "tiny", "temperature": 0, "max_tokens": 16,
          "messages": [
            ["role": "user", "content": "How many?"], ["role": "assistant", "content": "3"],
          ],
        ]
      )
      let choice = try #require(answer.json?["choices"]?.array?.first, "\(answer.text)")
      #expect(choice["message"]?["content"]?.string == "reward:\(reward)")
      #expect(choice["message"]?["reward"]?.double == reward)
      let entry = choice["logprobs"]?["content"]?.array?.first
      #expect(entry?["token"] == "reward" && entry?["logprob"]?.double == reward)
    }
  }

  @Test("a critic closes a response that came without its end, and writes behind it")
  func unfinished() async throws {
    let open = String(text.dropLast("<|eot|>".count))
    try await withServer(.cloud, batchInvariant: true) { client, _ in
      func reward(_ path: String, _ body: JSONValue) async throws -> Double? {
        let answer = try await client.post(path, body).json
        return (answer?["rewards"] ?? answer?["data"]?.array?.first?["probs"])?.array?.first?.double
      }
      let record = try await client.post("/v1/rewards", ["prompt": "How many?", "response": "3"])
      let expected = try #require(record.json?["score"]?.double)
      for text in [text, open] {
        #expect(try await reward("/get_reward", ["query": [.string(text)]]) == expected)
        #expect(try await reward("/classify", ["input": .string(text)]) == expected)
      }
    }
  }

  @Test("the OpenAPI document has every path, and each names what it answers to errors")
  func openAPI() async throws {
    try await withServer(.classic) { client, _ in
      let document = try #require(try await client.get("/openapi.json").json)
      #expect(document["openapi"] == "3.1.0")
      let paths = document["paths"]?.members ?? []
      let nowhere = try await client.get("/nowhere").text
      let missing = paths.map(\.key).filter { !$0.contains("{") && !nowhere.contains(" \($0)") }
      #expect(missing.isEmpty)
      let known = paths.flatMap { $0.value.members?.map(\.key) ?? [] }
      #expect(known.count == paths.count && paths.count > 20)
      for (path, operation) in paths.map({ ($0.key, $0.value.members?.first) }) {
        #expect(operation?.value["summary"]?.string?.isEmpty == false, "\(path)")
        #expect(operation?.value["responses"]?["default"] != nil, "\(path)")
        #expect((operation?.key == "post") == (operation?.value["requestBody"] != nil))
      }
    }
  }
}
