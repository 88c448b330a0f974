import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayTensor
import AssayText
import Testing

@Suite struct WriterTests {
  let world: TinyReward
  init() throws { world = try TinyReward() }

  private func settings(_ tokens: Int, temperature: Float = 0) -> WritingSettings {
    var settings = WritingSettings()
    settings.maximumTokens = tokens
    settings.temperature = temperature
    return settings
  }

  @Test("texts are those of the engine, in order, however many are begun together")
  func stretches() async throws {
    let model = world.model(.languageModel, head: nil)
    model.decoder.execution = Execution(isBatchInvariant: true)
    // Different lengths, so that they do not end in the order of the requests.
    let requests = world.items.enumerated().map { index, item in
      WritingRequest(
        .conversation([.user(item.prompt)]),
        settings: settings(3 + 5 * (index % 3), temperature: 1),
        seed: 5,
        draws: index % 4
      )
    }
    let renderer = try model.renderer()
    let expected = try requests.map { request in
      guard case .conversation(let messages) = request.opening else { return [String]() }
      return try GenerationEngine(model).run(
        try (0..<request.draws).map {
          GenerationRequest(
            promptTokens: try renderer.generationPrefix(prompt: messages),
            settings: .init(temperature: 1),
            maximumTokens: request.settings.maximumTokens,
            stopTokens: [renderer.endOfTurnID],
            seed: 5,
            draw: $0
          )
        }
      ).map(\.text)
    }
    for stretch in [1, 4, 2048] {
      var order: [Int] = []
      let written = try await ModelWriter(model, stretch: stretch).write(requests) { index, texts in
        order.append(index)
        #expect(texts.map(\.text) == expected[index])
      }
      #expect(order == Array(requests.indices))
      #expect(written.map { $0.map(\.text) } == expected)
    }
  }

  @Test("what is done is handed on although a later text fails to begin")
  func handsOn() async throws {
    let model = world.model(.languageModel, head: nil, contextTokens: 64)
    let short = WritingRequest(.conversation([.user("a")]), settings: settings(4))
    let long = WritingRequest(
      .conversation([.user(String(repeating: "7", count: 100))]),
      settings: settings(4)
    )
    var heard: [Int] = []
    let error = await #expect(throws: WritingError.self) {
      _ = try await ModelWriter(model, stretch: 1).write([short, long]) { index, _ in
        heard.append(index)
      }
    }
    #expect(heard == [0])
    guard case .tooLong(request: 1, let tokens, maximum: 59) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(tokens > 100)
    // Where it may, it goes on behind what is left: the first token, and the end.
    var cut = long
    cut.cutsFront = true
    let written = try await ModelWriter(model).write([cut])
    #expect(written[0][0].usage?.prompt == 59)
  }

  @Test("a critique is asked for by its lead-in, and of a chat model by its question")
  func critiques() async throws {
    let prompt = [Message.user("q")]
    let request = WritingRequest(
      .critique(prompt: prompt, response: "r", leadIn: "Is it good? My analysis: "),
      settings: settings(4),
      draws: 2
    )
    let model = world.model(.languageModel, head: nil)
    let asked = try ModelWriter(model).requests(request, index: 0)
    let expected = try model.renderer().critiquePrefix(
      prompt: prompt,
      response: "r",
      leadIn: "Is it good? My analysis: "
    )
    #expect(asked.map(\.promptTokens) == [expected, expected] && asked.map(\.draw) == [0, 1])
    let chat = ScriptedChat { request in
      ChatCompletion(text: "<think>hm</think> text \(request.draw)\n")
    }
    let written = try await RemoteWriter(chat).write([request])
    #expect(written[0].map(\.answer) == ["text 0", "text 1"])
    #expect(written[0][0].text == "<think>hm</think> text 0\n")
    #expect(
      chat.asked[0].messages == [.user("q"), .assistant("r"), .user("Is it good?")]
    )
    await #expect(throws: WritingError.rendered(request: 1)) {
      try await RemoteWriter(chat).write([request, WritingRequest(.rendered("<s>"))])
    }
  }

  @Test("thoughts without an end leave no answer, and their end begins it")
  func thoughts() async throws {
    let texts = ["<think>a", " <think>a</think>b", "a</think>b</think>c", "a"]
    let chat = ScriptedChat { ChatCompletion(text: texts[$0.draw]) }
    let request = WritingRequest(.conversation([.user("q")]), draws: 4)
    let written = try await RemoteWriter(chat).write([request])
    #expect(written[0].map(\.answer) == ["", "b", "c", "a"])
  }

  @Test("a limit is what is asked for, then what was trained, and leaves half of the context")
  func limits() throws {
    let critic = try ModelWriter(world.cloud(contextTokens: 40))
    #expect(critic.limit(nil, .critique) == 12)  // the manifest's
    #expect(critic.limit(30, .critique) == 20)
    #expect(critic.limit(30, .answer) == 30)
    #expect(critic.limit(nil, .judgement) == 20)
    let remote = RemoteWriter(ScriptedChat { _ in ChatCompletion(text: "") })
    #expect(remote.limit(nil, .critique) == 512 && remote.limit(nil, .judgement) == 1024)
    #expect(remote.limit(9, .judgement) == 9)
  }

  @Test("alternatives of the first token come with their log probabilities")
  func alternatives() async throws {
    let model = world.model(.languageModel, head: nil)
    var wanted = settings(2)
    wanted.alternatives = 3
    let request = WritingRequest(.conversation([.user("a")]), settings: wanted)
    let text = try await ModelWriter(model).write([request])[0][0]
    let top = try #require(text.generation?.topLogProbabilities.first)
    #expect(top.count == 3 && !text.firstAlternatives.isEmpty)
    #expect(
      text.firstAlternatives.values.max() == top.map { Double($0.logProbability) }.max()
    )
  }
}
