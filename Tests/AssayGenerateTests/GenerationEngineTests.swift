import AssayGenerate
import AssayModel
import AssayTensor
import AssayText
import Foundation
import Testing

@Suite struct GenerationEngineTests {
  let decoder = makeDecoder()
  let head = makeHead()

  func engine(_ options: GenerationEngine.Options = .init()) -> GenerationEngine {
    GenerationEngine(decoder: decoder, head: head, tokenizer: LetterTokenizer(), options: options)
  }

  /// Requests of many kinds, some with one prompt.
  var mixed: [GenerationRequest] {
    (0..<24).map { index in
      let settings = [
        SamplingSettings(),
        SamplingSettings(temperature: 1),
        SamplingSettings(temperature: 0.8, topK: 5),
        SamplingSettings(temperature: 1.2, topP: 0.7, repetitionPenalty: 1.3),
      ][index % 4]
      return GenerationRequest(
        promptTokens: makePrompt(5 + index / 3 * 6, seed: Int32(index / 3)),
        settings: settings,
        maximumTokens: [7, 21, 40][index % 3],
        stopTokens: index % 5 == 0 ? [3, 4, 5] : [],
        stopStrings: index % 7 == 0 ? ["cd"] : [],
        seed: UInt64(index) &* 77,
        wantsLogProbabilities: true,
        closing: index % 2 == 0 ? 9 : nil
      )
    }
  }

  @Test("a greedy token is the most likely one of a full forward pass at every step")
  func greedy() throws {
    let prompts = [makePrompt(16), makePrompt(17, seed: 2), makePrompt(1, seed: 3)]
    let requests = prompts.map { GenerationRequest(promptTokens: $0, maximumTokens: 40) }
    for (prompt, result) in zip(prompts, try engine().run(requests)) {
      #expect(result.tokens.count == 40)
      #expect(result.finishReason == .length)
      #expect(result.promptTokenCount == prompt.count)
      var sequence = prompt
      for token in result.tokens {
        #expect(argmax(fullLogits(decoder, sequence)) == token)
        sequence.append(token)
      }
    }
  }

  @Test("what a request gives does not depend on the requests beside it")
  func batchIndependence() throws {
    let requests = mixed
    let together = try engine().run(requests)
    for (request, result) in zip(requests, together) {
      let alone = try engine().run([request])[0]
      #expect(alone.tokens == result.tokens)
      #expect(alone.text == result.text)
      #expect(alone.finishReason == result.finishReason)
      #expect(alone.scoredToken == result.scoredToken)
      #expect((alone.reward == nil) == (result.reward == nil))
      #expect(abs((alone.reward ?? 0) - (result.reward ?? 0)) < 1e-5)
      for (a, b) in zip(alone.logProbabilities, result.logProbabilities) {
        #expect(abs(a - b) < 1e-4)
      }
    }
  }

  @Test("more requests than places give the same as places for all")
  func continuousBatching() throws {
    let requests = mixed
    let roomy = try engine().run(requests)
    let pageBytes = DecoderCache.pageBytes(decoder)
    let tight = engine(
      .init(cacheBytes: 14 * pageBytes, batchSequences: 3, prefillTokens: 64)
    )
    var seen: [Int] = []
    let results = try tight.run(requests) { index, _ in seen.append(index) }
    #expect(seen.sorted() == Array(requests.indices))
    for (a, b) in zip(roomy, results) {
      #expect(a.tokens == b.tokens)
      #expect(abs((a.reward ?? 0) - (b.reward ?? 0)) < 1e-5)
    }
  }

  @Test("samples of one prompt are those of prompts read one by one", arguments: [1, 15, 16, 33])
  func prefixSharing(length: Int) throws {
    let requests = (0..<9).map {
      GenerationRequest(
        promptTokens: makePrompt(length),
        settings: .init(temperature: 1),
        maximumTokens: 20,
        seed: UInt64($0),
        closing: 9
      )
    }
    let shared = try engine().run(requests)
    let few = try engine(.init(batchSequences: 2)).run(requests)
    // Places for all, but pages for a few at a time.
    let tight = try engine(.init(cacheBytes: 9 * DecoderCache.pageBytes(decoder))).run(requests)
    #expect(Set(shared.map(\.tokens)).count > 5)
    for (index, request) in requests.enumerated() {
      let alone = try engine().run([request])[0]
      #expect(alone.tokens == shared[index].tokens)
      #expect(alone.tokens == few[index].tokens)
      #expect(alone.tokens == tight[index].tokens)
      #expect(abs((alone.reward ?? 0) - (shared[index].reward ?? 1)) < 1e-5)
    }
  }

  @Test("the reward is that of a full forward pass over prompt, text and closing token")
  func reward() throws {
    let requests = (0..<12).map {
      GenerationRequest(
        promptTokens: makePrompt(10 + $0, seed: Int32($0)),
        settings: .init(temperature: 1.5),
        maximumTokens: [0, 1, 6, 30][$0 % 4],
        stopTokens: $0 < 6 ? [1, 2, 3, 4, 5] : [],
        stopStrings: $0 % 3 == 2 ? ["b"] : [],
        seed: UInt64($0),
        closing: Int32($0 % 2 == 0 ? 9 : 7)
      )
    }
    let results = try engine().run(requests)
    #expect(Set(results.map(\.finishReason)) == [.stop, .length, .stopString])
    for (request, result) in zip(requests, results) {
      let closing = try #require(request.closing)
      let sequence = request.promptTokens + result.tokens + [closing]
      #expect(result.scoredToken == .init(id: closing, index: sequence.count - 1))
      #expect(!result.tokens.contains(closing))
      let reward = try #require(result.reward)
      #expect(abs(reward - fullReward(decoder, head, sequence)) < 1e-4)
    }
  }

  @Test("the closing token ends the text and is not part of it")
  func closingEnds() throws {
    let free = try engine().run([GenerationRequest(promptTokens: makePrompt(9), maximumTokens: 30)]
    )[0]
    let closing = free.tokens[4]
    let first = try #require(free.tokens.firstIndex(of: closing))
    let result = try engine().run([
      GenerationRequest(promptTokens: makePrompt(9), maximumTokens: 30, closing: closing)
    ])[0]
    #expect(result.tokens == Array(free.tokens[..<first]))
    #expect(result.finishReason == .stop)
    #expect(result.scoredToken?.index == 9 + first)
  }

  @Test("without a head there is no reward, and the closing token still ends the text")
  func noHead() throws {
    let request = GenerationRequest(
      promptTokens: makePrompt(9),
      maximumTokens: 30,
      closing: 9
    )
    let scored = try engine().run([request])[0]
    let plain = try GenerationEngine(decoder: decoder, head: nil, tokenizer: LetterTokenizer())
      .run([request])[0]
    #expect(plain.reward == nil)
    #expect(plain.scoredToken == nil)
    #expect(plain.tokens == scored.tokens)
  }

  @Test("log probabilities are those of a full forward pass", arguments: [Float(0), 0.7])
  func logProbabilities(temperature: Float) throws {
    let prompt = makePrompt(21)
    let result = try engine().run([
      GenerationRequest(
        promptTokens: prompt,
        settings: .init(temperature: temperature),
        maximumTokens: 25,
        seed: 3,
        wantsLogProbabilities: true
      )
    ])[0]
    #expect(result.logProbabilities.count == 25)
    var sequence = prompt
    for (token, own) in zip(result.tokens, result.logProbabilities) {
      let factor = temperature == 0 ? 1 : Double(temperature)
      let logits = fullLogits(decoder, sequence).map { Double($0) / factor }
      let high = logits.max() ?? 0
      let sum = logits.map { exp($0 - high) }.reduce(0, +)
      #expect(abs(Double(own) - (logits[Int(token)] - high - log(sum))) < 1e-4)
      sequence.append(token)
    }
  }

  @Test("a repetition penalty counts prompt and text, each id once")
  func repetitionPenalty() throws {
    let prompt = makePrompt(12) + makePrompt(12)
    let penalty: Float = 1.7
    let result = try engine().run([
      GenerationRequest(
        promptTokens: prompt,
        settings: .init(repetitionPenalty: penalty),
        maximumTokens: 30
      )
    ])[0]
    var sequence = prompt
    for token in result.tokens {
      var logits = fullLogits(decoder, sequence)
      for id in Set(sequence) {
        let before = logits[Int(id)]
        logits[Int(id)] = before > 0 ? before / penalty : before * penalty
      }
      #expect(argmax(logits) == token)
      sequence.append(token)
    }
  }

  @Test("bfloat16 generates and scores within its precision")
  func bfloat16() throws {
    let half = makeDecoder(dtype: .bfloat16)
    let engine = GenerationEngine(decoder: half, head: head, tokenizer: LetterTokenizer())
    let requests = (0..<6).map {
      GenerationRequest(
        promptTokens: makePrompt(20, seed: Int32($0 / 3)),
        settings: .init(temperature: 1),
        maximumTokens: 12,
        seed: UInt64($0),
        closing: 9
      )
    }
    for (request, result) in zip(requests, try engine.run(requests)) {
      let sequence = request.promptTokens + result.tokens + [9]
      let reward = try #require(result.reward)
      #expect(abs(reward - fullReward(decoder, head, sequence)) < 0.15)
    }
  }

  @Test("LibTorch's own operations give what the kernels give")
  func composed() throws {
    let half = makeDecoder(dtype: .float16)
    let engine = GenerationEngine(decoder: half, head: head, tokenizer: LetterTokenizer())
    let requests = (0..<4).map {
      GenerationRequest(
        promptTokens: makePrompt(20, seed: Int32($0 / 2)),
        settings: .init(temperature: 1),
        maximumTokens: 8,
        seed: UInt64($0),
        closing: 9
      )
    }
    for (request, result) in zip(requests, try engine.run(requests)) {
      let sequence = request.promptTokens + result.tokens + [9]
      let reward = try #require(result.reward)
      #expect(abs(reward - fullReward(decoder, head, sequence)) < 0.05)
    }
  }
}
