import AssayGenerate
import AssayModel
import AssayTensor
import AssayText
import Testing

@Suite struct GenerationLimitTests {
  let decoder = makeDecoder()

  func run(
    _ requests: [GenerationRequest],
    options: GenerationEngine.Options = .init(),
    tokenizer: any Tokenizer = LetterTokenizer()
  ) throws -> [Generation] {
    try GenerationEngine(decoder: decoder, head: makeHead(), tokenizer: tokenizer, options: options)
      .run(requests)
  }

  @Test("a stop string ends the text before it, also when it spans tokens")
  func stopStrings() throws {
    let prompt = makePrompt(14)
    let free = try run([GenerationRequest(promptTokens: prompt, maximumTokens: 30)])[0]
    let letters = Array(free.text)
    let closing = try #require((0..<64).first { !free.tokens.contains($0) })
    for start in [0, 1, 7, 12, 31] {
      let stop = String(letters[start..<start + 5])
      let cut = try #require(free.text.firstRange(of: stop)?.lowerBound)
      let expected = String(free.text[..<cut])
      let result = try run([
        GenerationRequest(
          promptTokens: prompt,
          maximumTokens: 30,
          stopStrings: ["never here", stop],
          closing: closing
        )
      ])[0]
      #expect(result.text == expected)
      #expect(result.finishReason == .stopString)
      #expect(result.tokens == Array(free.tokens[..<((expected.count + 1) / 2)]))
      #expect(result.scoredToken?.index == prompt.count + result.tokens.count)
    }
  }

  @Test("a stop string of characters that span tokens is found once they are complete")
  func stopCharacters() throws {
    // Every id is one byte of "e acute" or of the euro sign, in turn.
    let bytes = (0..<64).map { [UInt8(0xC3), 0xA9, 0xE2, 0x82, 0xAC, 0x61, 0x62, 0x63][$0 % 8] }
    let tokenizer = ByteTokenizer(bytes: bytes)
    let requests = (0..<40).map {
      GenerationRequest(
        promptTokens: makePrompt(8, seed: Int32($0)),
        settings: .init(temperature: 3),
        maximumTokens: 60,
        stopStrings: ["\u{E9}", "\u{20AC}"],
        seed: UInt64($0)
      )
    }
    let results = try run(requests, tokenizer: tokenizer)
    #expect(results.contains { $0.finishReason == .stopString })
    for result in results {
      #expect(!result.text.contains("\u{E9}") && !result.text.contains("\u{20AC}"))
    }
  }

  @Test("a stop token ends the text and is not part of it")
  func stopTokens() throws {
    let prompt = makePrompt(14)
    let free = try run([GenerationRequest(promptTokens: prompt, maximumTokens: 30)])[0]
    let first = try #require(free.tokens.firstIndex(of: free.tokens[6]))
    let result = try run([
      GenerationRequest(promptTokens: prompt, maximumTokens: 30, stopTokens: [free.tokens[6]])
    ])[0]
    #expect(result.tokens == Array(free.tokens[..<first]))
    #expect(result.text == LetterTokenizer().decode(result.tokens, skipSpecialTokens: true))
    #expect(result.finishReason == .stop)
  }

  @Test("a maximum of no tokens gives an empty text")
  func noTokens() throws {
    let results = try run([
      GenerationRequest(promptTokens: makePrompt(5), maximumTokens: 0),
      GenerationRequest(promptTokens: makePrompt(5), maximumTokens: 2),
      GenerationRequest(promptTokens: makePrompt(5), maximumTokens: 0, closing: 9),
    ])
    #expect(results[0].tokens.isEmpty && results[0].text.isEmpty)
    #expect(results[0].finishReason == .length && results[0].reward == nil)
    #expect(results[1].tokens.count == 2)
    let reward = try #require(results[2].reward)
    #expect(abs(reward - fullReward(decoder, makeHead(), makePrompt(5) + [9])) < 1e-4)
    #expect(results[2].scoredToken == .init(id: 9, index: 5))
  }

  @Test("no requests give no texts")
  func noRequests() throws { #expect(try run([]).isEmpty) }

  @Test("a request beyond the context is refused with the positions it needs")
  func context() throws {
    let fits = GenerationRequest(promptTokens: makePrompt(100), maximumTokens: 28)
    #expect(try run([fits])[0].tokens.count == 28)
    var scored = fits
    scored.closing = 9
    #expect(throws: GenerationError.exceedsContext(request: 1, needed: 129, context: 128)) {
      try run([fits, scored])
    }
    #expect(throws: GenerationError.exceedsContext(request: 0, needed: 141, context: 128)) {
      try run([GenerationRequest(promptTokens: makePrompt(140), maximumTokens: 1)])
    }
    #expect(throws: GenerationError.exceedsContext(request: 0, needed: .max, context: 128)) {
      try run([GenerationRequest(promptTokens: makePrompt(5), maximumTokens: .max)])
    }
  }

  @Test("a request beyond the memory budget is refused with the bytes it needs")
  func memory() throws {
    let page = DecoderCache.pageBytes(decoder)
    let request = GenerationRequest(promptTokens: makePrompt(40), maximumTokens: 30)
    #expect(
      throws: GenerationError.exceedsMemory(
        request: 0,
        neededBytes: 5 * page,
        budgetBytes: 4 * page
      )
    ) {
      try run([request], options: .init(cacheBytes: 4 * page))
    }
    let results = try run([request, request], options: .init(cacheBytes: 6 * page))
    #expect(results[0].tokens.count == 30)
    #expect(results[0] == results[1])
  }

  @Test("a request that makes no sense is refused before any work")
  func settings() throws {
    let good = GenerationRequest(promptTokens: [1], maximumTokens: 1)
    #expect(throws: GenerationError.emptyPrompt(request: 1)) {
      try run([good, GenerationRequest(promptTokens: [], maximumTokens: 1)])
    }
    #expect(throws: GenerationError.unknownToken(request: 0, token: 64, vocabularySize: 64)) {
      try run([GenerationRequest(promptTokens: [64], maximumTokens: 1)])
    }
    for settings in [
      SamplingSettings(temperature: -1), SamplingSettings(temperature: .nan),
      SamplingSettings(topK: -1), SamplingSettings(topP: 0), SamplingSettings(topP: 1.1),
      SamplingSettings(repetitionPenalty: 0),
    ] {
      #expect(throws: GenerationError.self) {
        try run([GenerationRequest(promptTokens: [1], settings: settings, maximumTokens: 1)])
      }
    }
  }

  @Test("logits that are no numbers end the work", arguments: [Float(0), 1])
  func damaged(temperature: Float) throws {
    let decoder = makeDecoder()
    for parameter in decoder.parameters { parameter.value.fillInPlace(.nan) }
    let engine = GenerationEngine(decoder: decoder, head: nil, tokenizer: LetterTokenizer())
    let settings = SamplingSettings(temperature: temperature)
    let request = GenerationRequest(promptTokens: [1], settings: settings, maximumTokens: 2)
    #expect(throws: GenerationError.notFinite(request: 0)) { try engine.run([request]) }
  }

  @Test("an error of the receiver ends the work")
  func receiverError() throws {
    struct Full: Error {}
    let requests = (0..<4).map {
      GenerationRequest(promptTokens: makePrompt(5 + $0), maximumTokens: 3 + $0)
    }
    let engine = GenerationEngine(decoder: decoder, head: nil, tokenizer: LetterTokenizer())
    var calls = 0
    #expect(throws: Full.self) {
      try engine.run(requests) { _, _ in
        calls += 1
        throw Full()
      }
    }
    #expect(calls == 1)
  }

  @Test("a cancelled task ends the work between two steps")
  func cancellation() async throws {
    let task = Task {
      let engine = GenerationEngine(
        decoder: makeDecoder(),
        head: nil,
        tokenizer: LetterTokenizer(),
        options: .init(batchSequences: 1)
      )
      var count = 0
      do {
        _ = try engine.run(
          (0..<50).map {
            GenerationRequest(promptTokens: makePrompt(5 + $0), maximumTokens: 3)
          }
        ) { _, _ in
          count += 1
          if count == 2 { withUnsafeCurrentTask { $0?.cancel() } }
        }
        return (count, false)
      } catch is CancellationError {
        return (count, true)
      }
    }
    let (count, wasCancelled) = try await task.value
    #expect(wasCancelled)
    #expect(count == 2)
  }
}
