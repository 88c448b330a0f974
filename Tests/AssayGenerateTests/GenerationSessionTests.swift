import AssayGenerate
import AssayModel
import AssayTensor
import AssayTestSupport
import Testing

@Suite struct GenerationSessionTests {
  let decoder = makeDecoder()

  func engine(
    _ options: GenerationEngine.Options = .init(),
    isBatchInvariant: Bool = false
  ) -> GenerationEngine {
    GenerationEngine(
      decoder: Decoder(
        decoder.weights,
        execution: Execution(isBatchInvariant: isBatchInvariant)
      ),
      head: makeHead(),
      tokenizer: LetterTokenizer(),
      options: options
    )
  }

  /// Requests of several lengths, some with one prompt, some with a common beginning.
  var requests: [GenerationRequest] {
    (0..<12).map { index in
      GenerationRequest(
        promptTokens: makePrompt(20 + index / 2 * 5),
        settings: index % 2 == 0 ? .init() : .init(temperature: 1),
        maximumTokens: [5, 17, 30][index % 3],
        stopStrings: index == 7 ? ["cd"] : [],
        seed: UInt64(index),
        wantsLogProbabilities: true,
        closing: index % 4 == 0 ? 9 : nil
      )
    }
  }

  /// Runs a session to its end, after every step of which a body may change it.
  func run(
    _ session: GenerationSession,
    between: (Int) throws -> Void = { _ in }
  ) throws -> (texts: [Int: Generation], tokens: [Int: [Int32]], order: [Int]) {
    var texts: [Int: Generation] = [:]
    var tokens: [Int: [Int32]] = [:]
    var order: [Int] = []
    var step = 0
    while !session.isIdle {
      try session.advance {
        tokens[$0, default: []].append($1.id)
      } onFinished: {
        #expect(texts[$0] == nil)
        texts[$0] = $1
        order.append($0)
      }
      try between(step)
      step += 1
    }
    return (texts, tokens, order)
  }

  @Test(
    "requests that join at any step give what they give alone",
    .kernels,
    arguments: [false, true]
  )
  func joining(isBatchInvariant: Bool) throws {
    let requests = requests
    for stride in [1, 3] {
      let session = try GenerationSession(
        engine(.init(prefillTokens: 48), isBatchInvariant: isBatchInvariant)
      )
      var next = 1
      _ = try session.add([requests[0]])
      let result = try run(session) { step in
        guard step % stride == 0, next < requests.count else { return }
        let indices = try session.add([requests[next]])
        #expect(indices == next..<next + 1)
        next += 1
      }
      #expect(result.texts.count == requests.count)
      for (index, request) in requests.enumerated() {
        let alone = try engine(isBatchInvariant: isBatchInvariant).run([request])[0]
        let joined = try #require(result.texts[index])
        if isBatchInvariant {
          #expect(joined == alone)
        } else {
          #expect(joined.tokens == alone.tokens && joined.text == alone.text)
          #expect(abs((joined.reward ?? 0) - (alone.reward ?? 0)) < 1e-5)
        }
        // What a stop string takes back was told already.
        #expect(result.tokens[index, default: []].starts(with: joined.tokens))
      }
      #expect(session.usedPages == 0 && session.runningCount == 0)
    }
  }

  /// An engine whose model gives no numbers behind one token.
  func damagedEngine(
    _ token: Int32,
    _ options: GenerationEngine.Options = .init()
  ) throws -> GenerationEngine {
    let decoder = makeDecoder()
    let embedding = try #require(decoder.parameters.first { $0.name == "embed_tokens" })
    embedding.value.narrowed(axis: 0, start: Int(token), count: 1).fillInPlace(.nan)
    return GenerationEngine(
      decoder: decoder,
      head: makeHead(),
      tokenizer: LetterTokenizer(),
      options: options
    )
  }

  /// Runs a session to its end; what fails is gathered.
  func runFailing(
    _ session: GenerationSession
  ) throws -> (texts: [Int: Generation], tokens: [Int: [Int32]], failed: Set<Int>) {
    var texts: [Int: Generation] = [:]
    var tokens: [Int: [Int32]] = [:]
    var failed: Set<Int> = []
    while !session.isIdle {
      try session.advance {
        tokens[$0, default: []].append($1.id)
      } onFailed: { index, error in
        #expect(error == .notFinite(request: index))
        #expect(failed.insert(index).inserted)
      } onFinished: {
        texts[$0] = $1
      }
    }
    #expect(failed.isDisjoint(with: texts.keys))
    #expect(session.usedPages == 0 && session.runningCount == 0 && session.waitingCount == 0)
    return (texts, tokens, failed)
  }

  @Test(
    "a text whose logits are no numbers fails alone, and its pages serve others",
    arguments: [false, true]
  )
  func failing(isDamaged: Bool) throws {
    let good = GenerationRequest(promptTokens: makePrompt(20), maximumTokens: 24, closing: 9)
    let alone = try engine().run([good])[0]
    let known = good.promptTokens + alone.tokens + [9]
    let token = try #require((Int32(0)..<64).first { !known.contains($0) })
    // Three places: one of the texts that fail has none yet.
    let options = GenerationEngine.Options(batchSequences: 3)
    let session = try GenerationSession(
      isDamaged ? damagedEngine(token, options) : engine(options)
    )
    #expect(try session.add([good]) == 0..<1)
    try session.advance { _, _ in
    } onFinished: { _, _ in
    }
    let bad = (0..<3).map { draw in
      GenerationRequest(
        promptTokens: makePrompt(18, seed: 3) + [token],
        // So small that logits become infinite.
        settings: .init(temperature: 1, repetitionPenalty: isDamaged ? 1 : .leastNonzeroMagnitude),
        maximumTokens: 12,
        draw: draw
      )
    }
    #expect(try session.add(bad) == 1..<4)
    let first = try runFailing(session)
    #expect(first.failed == [1, 2, 3])
    #expect(first.texts[0]?.tokens == alone.tokens)
    #expect(abs((first.texts[0]?.reward ?? 0) - (alone.reward ?? 1)) < 1e-5)
    _ = try session.add([good, good])
    let second = try runFailing(session)
    #expect(second.failed.isEmpty && second.texts.count == 2)
    for text in second.texts.values { #expect(text.tokens == alone.tokens) }
  }

  @Test("a text that comes to such logits ends there, and those beside it go on")
  func failingLater() throws {
    let token: Int32 = 63
    let session = try GenerationSession(damagedEngine(token))
    let prompt = makePrompt(20).filter { $0 != token }
    let requests = (0..<12).map { draw in
      GenerationRequest(
        promptTokens: prompt,
        settings: .init(temperature: 50),
        maximumTokens: draw < 6 ? 100 : 5,
        draw: draw
      )
    }
    _ = try session.add(requests)
    let result = try runFailing(session)
    #expect(!result.failed.isEmpty && !result.texts.isEmpty)
    #expect(result.failed.count + result.texts.count == requests.count)
    for index in result.failed { #expect(result.tokens[index]?.last == token) }
    for (index, text) in result.texts {
      #expect(!text.tokens.dropLast().contains(token))
      #expect(text.tokens == result.tokens[index])
    }
  }

  @Test("a short request that comes during a long one is finished first")
  func overtaking() throws {
    let session = try GenerationSession(engine())
    _ = try session.add([GenerationRequest(promptTokens: makePrompt(8), maximumTokens: 100)])
    let result = try run(session) { step in
      guard step == 4 else { return }
      _ = try session.add([
        GenerationRequest(promptTokens: makePrompt(9, seed: 2), maximumTokens: 3)
      ])
    }
    #expect(result.order == [1, 0])
  }

  @Test("cancelled requests give nothing, disturb nobody and leave no page in use")
  func cancelling() throws {
    let requests = requests
    let alone = try requests.map { try engine().run([$0])[0] }
    let pageBytes = DecoderCache.pageBytes(decoder)
    // Few places and pages: some requests run, some wait in their group, some in the queue.
    let options = [
      GenerationEngine.Options(),
      .init(cacheBytes: 14 * pageBytes, batchSequences: 3, prefillTokens: 16),
    ]
    for (option, cancelled) in zip(
      options + options,
      [[0, 3, 4, 5], [1, 2, 3, 10], [11], [0, 1]]
    ) {
      for step in 0..<8 {
        let session = try GenerationSession(engine(option))
        _ = try session.add(requests)
        if step == 0 { session.cancel(cancelled) }
        var gone: Set<Int> = step == 0 ? Set(cancelled) : []
        var finished: Set<Int> = []
        var count = 0
        while !session.isIdle {
          try session.advance {
            #expect(!gone.contains($0))
            _ = $1
          } onFinished: { index, text in
            #expect(!gone.contains(index))
            finished.insert(index)
            #expect(text.tokens == alone[index].tokens)
          }
          count += 1
          if count == step {
            gone = Set(cancelled).subtracting(finished)
            session.cancel(cancelled)
          }
        }
        #expect(finished.union(gone) == Set(requests.indices))
        #expect(session.usedPages == 0 && session.runningCount == 0 && session.waitingCount == 0)
      }
    }
  }

  @Test("cancelling everything while prompts are read ends at once")
  func cancellingUnread() throws {
    let session = try GenerationSession(engine(.init(prefillTokens: 4)))
    let indices = try session.add(requests)
    try session.advance { _, _ in
    } onFinished: { _, _ in
    }
    #expect(session.usedPages > 0)
    session.cancel(indices)
    #expect(session.isIdle && session.usedPages == 0)
  }

  @Test("a request that can never fit is refused alone; one that does not fit now waits")
  func memory() throws {
    let page = DecoderCache.pageBytes(decoder)
    let session = try GenerationSession(engine(.init(cacheBytes: 5 * page)))
    let fits = GenerationRequest(promptTokens: makePrompt(40), maximumTokens: 30)
    let large = GenerationRequest(promptTokens: makePrompt(60), maximumTokens: 50)
    let alone = try engine().run([fits])[0]
    _ = try session.add([fits])
    try session.advance { _, _ in
    } onFinished: { _, _ in
    }
    #expect(
      throws: GenerationError.exceedsMemory(
        request: 0,
        neededBytes: 7 * page,
        budgetBytes: 5 * page
      )
    ) { try session.add([large]) }
    #expect(throws: GenerationError.exceedsContext(request: 1, needed: 129, context: 128)) {
      try session.add([
        fits, GenerationRequest(promptTokens: makePrompt(100), maximumTokens: 29),
      ])
    }
    #expect(try session.add([fits]) == 1..<2)
    #expect(session.waitingCount == 1)
    let result = try run(session)
    #expect(result.texts[0]?.tokens == alone.tokens && result.texts[1]?.tokens == alone.tokens)
  }
}
