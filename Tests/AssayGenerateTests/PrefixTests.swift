// Prompts that begin alike, prompts in pieces, and batches that give the same bits.

import AssayGenerate
import AssayModel
import AssayTensor
import AssayTestSupport
import AssayText
import Testing

@Suite struct PrefixTests {
  private func engine(
    _ decoder: Decoder,
    _ options: GenerationEngine.Options = .init()
  ) -> GenerationEngine {
    GenerationEngine(
      decoder: decoder,
      head: makeHead(),
      tokenizer: LetterTokenizer(),
      options: options
    )
  }

  /// Requests whose prompts have beginnings of several lengths in common; two samples of each.
  private var requests: [GenerationRequest] {
    let stem = makePrompt(50)
    let prompts = [
      stem + makePrompt(9, seed: 1), stem + makePrompt(3, seed: 2), Array(stem.prefix(48)),
      Array(stem.prefix(32)), Array(stem.prefix(33)) + makePrompt(20, seed: 3),
      makePrompt(40, seed: 4), Array(stem.prefix(10)),
    ]
    return prompts.enumerated().flatMap { index, prompt in
      (0..<2).map { sample in
        GenerationRequest(
          promptTokens: prompt,
          settings: SamplingSettings(temperature: 1),
          maximumTokens: 12,
          seed: UInt64(index * 2 + sample),
          wantsLogProbabilities: true,
          closing: 9
        )
      }
    }
  }

  @Test(
    "prompts that begin alike give what each gives alone, also in pieces and with little room",
    arguments: [DType.float32, .bfloat16],
    [4096, 20, 7]
  )
  func sharing(dtype: DType, prefillTokens: Int) throws {
    let decoder = makeDecoder(dtype: dtype)
    let page = DecoderCache.pageBytes(decoder)
    let bound: Float = dtype == .float32 ? 1e-5 : 0.05
    let alone = try requests.map { try engine(decoder).run([$0])[0] }
    for bytes in [1 << 30, 12 * page] {
      let options = GenerationEngine.Options(cacheBytes: bytes, prefillTokens: prefillTokens)
      let together = try engine(decoder, options).run(requests)
      #expect(together.count == alone.count)
      // In bfloat16 another token may be drawn where two are nearly as likely; up to there, what
      // both drew is equally likely.
      var compared = 0
      for (a, b) in zip(alone, together) {
        let common = zip(a.tokens, b.tokens).prefix { $0 == $1 }.count
        for (x, y) in zip(a.logProbabilities, b.logProbabilities).prefix(common) {
          #expect(abs(x - y) < bound)
        }
        compared += common
        if dtype == .float32 { #expect(a.tokens == b.tokens) }
        guard a.tokens == b.tokens else { continue }
        #expect(abs((a.reward ?? 0) - (b.reward ?? 9)) < bound)
      }
      #expect(compared >= alone.map(\.tokens.count).reduce(0, +) / 2, "\(compared) tokens")
    }
  }

  @Test("pages of a common beginning are held once")
  func room() throws {
    let decoder = makeDecoder()
    let stem = makePrompt(80)
    // 6 pages each; 5 of them in common. The longest is begun first.
    let requests = (0..<3).map {
      GenerationRequest(
        promptTokens: stem + makePrompt(4, seed: Int32($0)),
        maximumTokens: 12 - 4 * $0,
        seed: UInt64($0)
      )
    }
    let budget = 8 * DecoderCache.pageBytes(decoder)
    var order: [Int] = []
    let results = try engine(decoder, .init(cacheBytes: budget)).run(requests) { index, _ in
      order.append(index)
    }
    // All three are in the batch at once: the shortest ends first, though it was begun last.
    #expect(order == [2, 1, 0])
    for (request, result) in zip(requests, results) {
      #expect(try engine(decoder).run([request])[0].tokens == result.tokens)
    }
  }

  @Test(
    "batch-invariant engines give every text and reward the same bit for bit in every batch",
    .kernels,
    arguments: [DType.float32, .bfloat16],
    WeightFormat.allCases
  )
  func invariance(dtype: DType, format: WeightFormat) throws {
    var decoder = makeDecoder(dtype: dtype)
    decoder.execution.weights = format
    decoder.execution.isBatchInvariant = true
    let together = try engine(decoder).run(requests)
    let pieces = try engine(decoder, .init(batchSequences: 3, prefillTokens: 11)).run(requests)
    for (index, request) in requests.enumerated() {
      let alone = try engine(decoder).run([request])[0]
      for other in [together[index], pieces[index]] {
        #expect(alone.tokens == other.tokens)
        #expect(alone.logProbabilities == other.logProbabilities)
        #expect(alone.reward == other.reward)
      }
      #expect(alone.reward != nil)
    }
    // Without their plain form, weights give the same.
    decoder.packForInference()
    let packed = try engine(decoder).run(requests)
    #expect(packed.map(\.tokens) == together.map(\.tokens))
    #expect(packed.map(\.reward) == together.map(\.reward))
  }

  @Test("the likeliest tokens are those of a full forward pass")
  func likeliest() throws {
    let decoder = makeDecoder()
    let request = GenerationRequest(
      promptTokens: makePrompt(20),
      settings: SamplingSettings(temperature: 0.8),
      maximumTokens: 6,
      wantsLogProbabilities: true,
      topLogProbabilities: 3
    )
    let result = try engine(decoder).run([request])[0]
    #expect(result.topLogProbabilities.count == result.tokens.count)
    var sequence = request.promptTokens
    for (index, top) in result.topLogProbabilities.enumerated() {
      let logits = fullLogits(decoder, sequence).map { $0 / 0.8 }
      let best = logits.indices.sorted { logits[$0] > logits[$1] }.prefix(3)
      #expect(top.map(\.id) == best.map(Int32.init))
      #expect(zip(top, top.dropFirst()).allSatisfy { $0.logProbability >= $1.logProbability })
      if let own = top.first(where: { $0.id == result.tokens[index] }) {
        #expect(abs(own.logProbability - result.logProbabilities[index]) < 1e-5)
      }
      sequence.append(result.tokens[index])
    }
    #expect(result.topLogProbabilities.count == 6)
  }
}
