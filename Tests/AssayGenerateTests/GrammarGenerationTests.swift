import AssayGenerate
import AssayModel
import AssayTensor
import AssayText
import Foundation
import Testing

@Suite struct GrammarGenerationTests {
  /// 63 bytes as text, and an end.
  private static let tokenizer = ByteTokenizer(
    bytes: Array("[]ABCthink<>/ \n.abcdefghijlmnopqrsuvwxyz0123456789:,\"{}DEFGHI".utf8)
      + [0xC3, 0xA9, 0x01]
  )
  private static let end: Int32 = 63

  private func engine(_ dtype: DType = .float32) -> GenerationEngine {
    GenerationEngine(decoder: makeDecoder(dtype: dtype), head: nil, tokenizer: Self.tokenizer)
  }

  private func bound(_ grammar: Grammar) throws -> TokenGrammar {
    try TokenGrammar(grammar, GrammarVocabulary(Self.tokenizer), ends: [Self.end])
  }

  private func requests(
    _ grammar: TokenGrammar?,
    _ settings: SamplingSettings,
    maximumTokens: Int = 24,
    count: Int = 16
  ) -> [GenerationRequest] {
    (0..<count).map { index in
      GenerationRequest(
        promptTokens: makePrompt(7 + index % 3, seed: Int32(index)),
        settings: settings,
        maximumTokens: maximumTokens,
        stopTokens: [Self.end],
        seed: UInt64(index),
        wantsLogProbabilities: true,
        topLogProbabilities: 64,
        grammar: grammar
      )
    }
  }

  static let ways = [
    SamplingSettings(), SamplingSettings(temperature: 1),
    SamplingSettings(temperature: 3, topP: 0.9),
    SamplingSettings(temperature: 2, topK: 40),
    SamplingSettings(temperature: 1, repetitionPenalty: 1.3),
    SamplingSettings(temperature: 1.5, topK: 50, topP: 0.99),
  ]

  @Test("every text is one of the grammar's, however tokens are picked", arguments: ways)
  func holds(settings: SamplingSettings) throws {
    for dtype in [DType.float32, .bfloat16] {
      let choice = try bound(.choice(["AB", "A", "hello", "bye."]))
      for text in try engine(dtype).run(requests(choice, settings)) {
        #expect(["AB", "A", "hello", "bye."].contains(text.text))
        #expect(text.finishReason == .stop)
        #expect(text.logProbabilities.allSatisfy { $0 <= 0 && $0.isFinite })
        for told in text.topLogProbabilities {
          // What is not allowed has no probability: the few others, two of them h, have all.
          #expect(told.count <= 4)
          let sum = told.reduce(0) { $0 + exp(Double($1.logProbability)) }
          #expect(abs(sum - 1) < 1e-4)
        }
      }
      let verdict = try bound(.verdict())
      for text in try engine(dtype).run(requests(verdict, settings)) {
        #expect(text.finishReason == .stop && text.tokens.count <= 24)
        #expect(RolePrompts.verdict(in: text.text) != nil, "\(text.text)")
        #expect(Set(text.decision.keys) == ["A", "B"])
      }
    }
  }

  @Test("a letter's probability is that of the whole softmax where it is written")
  func decisions() throws {
    let verdict = try bound(.verdict())
    let decoder = makeDecoder()
    for settings in Self.ways {
      for (request, result) in zip(
        requests(verdict, settings),
        try engine().run(requests(verdict, settings))
      ) {
        // The letter stands before the two brackets at the end.
        let place = result.tokens.count - 3
        let letter = result.tokens[place]
        #expect([2, 3].contains(letter))
        let logits = fullLogits(decoder, request.promptTokens + result.tokens[..<place])
        let high = Double(logits.max() ?? 0)
        let sum = logits.reduce(0) { $0 + exp(Double($1) - high) }
        for (name, id) in [("A", 2), ("B", 3)] {
          let expected = exp(Double(logits[id]) - high) / sum
          #expect(abs((result.decision[name] ?? -1) - expected) < 1e-4)
        }
      }
    }
  }

  @Test("a grammar that allows every text changes none")
  func changesNothing() throws {
    // 64 bytes that are text, each on its own.
    let tokenizer = ByteTokenizer(bytes: (0x20..<0x60).map { UInt8($0) })
    let engine = GenerationEngine(decoder: makeDecoder(), head: nil, tokenizer: tokenizer)
    let all = try TokenGrammar(
      .regex("[\\u0000-\\u007f]*"),
      GrammarVocabulary(tokenizer),
      ends: [Self.end]
    )
    for settings in Self.ways {
      let free = try engine.run(requests(nil, settings))
      let held = try engine.run(requests(all, settings))
      #expect(free.map(\.tokens) == held.map(\.tokens))
      #expect(free.map(\.finishReason) == held.map(\.finishReason))
      #expect(free.map(\.logProbabilities) == held.map(\.logProbabilities))
    }
  }

  @Test("a limit that leaves no room for an end cuts the text, and says so")
  func cut() throws {
    let long = try bound(.choice([String(repeating: "hello ", count: 10)]))
    for text in try engine().run(requests(long, SamplingSettings(), maximumTokens: 5, count: 2)) {
      #expect(text.text == "hello" && text.finishReason == .length)
    }
    // Enough for the shorter of two.
    let either = try bound(.regex("(aaaaaaaaaa|b)c"))
    for settings in Self.ways {
      for text in try engine().run(requests(either, settings, maximumTokens: 5)) {
        #expect(text.text == "bc" && text.finishReason == .stop)
      }
    }
  }

  @Test("a session lets texts with and without grammars go on side by side")
  func session() throws {
    let verdict = try bound(.verdict())
    let settings = SamplingSettings(temperature: 1)
    let mixed = zip(requests(verdict, settings), requests(nil, settings)).flatMap { [$0, $1] }
    let alone = try engine().run(mixed)
    let session = try GenerationSession(engine())
    var texts = [Generation?](repeating: nil, count: mixed.count)
    var told = [[Int32]](repeating: [], count: mixed.count)
    for request in mixed {
      _ = try session.add([request])
      try session.advance {
        told[$0].append($1.id)
      } onFinished: {
        texts[$0] = $1
      }
    }
    while !session.isIdle {
      try session.advance {
        told[$0].append($1.id)
      } onFinished: {
        texts[$0] = $1
      }
    }
    #expect(texts.compactMap { $0?.tokens } == alone.map(\.tokens))
    #expect(told == alone.map(\.tokens))
  }

  @Test("a request whose ends are not its grammar's is refused")
  func ends() throws {
    var request = requests(try bound(.verdict()), SamplingSettings())[0]
    request.stopTokens = [5]
    #expect(throws: GenerationError.self) { try engine().run([request]) }
  }
}
