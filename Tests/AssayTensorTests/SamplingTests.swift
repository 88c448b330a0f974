import AssayTensor
import AssayTestSupport
import Foundation
import Testing

@Suite struct SamplingTests {
  private func rows(_ settings: SamplingSettings, _ seeds: Range<UInt64>) -> [SamplingRow] {
    seeds.map { SamplingRow(settings: settings, seed: $0, step: 0) }
  }

  /// The same logits in each of a number of rows.
  private func repeated(_ logits: [Float], _ count: Int) -> Tensor {
    Tensor((0..<count).flatMap { _ in logits }, [count, logits.count])
  }

  private func softmax(_ logits: [Float], temperature: Double = 1) -> [Double] {
    let weights = logits.map { exp(Double($0) / temperature) }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }

  @Test("temperature 0, top-k 1 and a tiny top-p all pick the most likely token")
  func greedy() {
    let logits = Tensor.normal([50, 37], deviation: 2, seed: 1)
    let best = logits.argmax(axis: 1).integers.map(Int32.init)
    for settings in [
      SamplingSettings(), SamplingSettings(temperature: 1, topK: 1),
      SamplingSettings(temperature: 1, topP: 1e-6), SamplingSettings(temperature: 1, topP: 0),
      SamplingSettings(temperature: 1e-6), SamplingSettings(temperature: .leastNonzeroMagnitude),
    ] {
      #expect(sampleTokens(logits, rows: rows(settings, 0..<50)).tokens == best, "\(settings)")
    }
    // Of equals the first.
    #expect(
      sampleTokens(.zeros([1, 5]), rows: rows(SamplingSettings(), 0..<1)).tokens == [0]
    )
  }

  @Test(
    "20000 draws follow the softmax",
    arguments: [
      SamplingSettings(temperature: 1), SamplingSettings(temperature: 0.7),
      SamplingSettings(temperature: 1, topK: 4), SamplingSettings(temperature: 1.5, topP: 0.9),
      SamplingSettings(temperature: 1, topK: 6, topP: 0.8),
    ]
  )
  func distribution(settings: SamplingSettings) {
    let logits: [Float] = [0.3, -1, 1.2, 0, -0.4, 2, 0.9, -2]
    var expected = softmax(logits, temperature: Double(settings.temperature))
    // Top-k first, then top-p of what is left, as in Hugging Face's order of processors.
    let order = logits.indices.sorted { expected[$0] > expected[$1] }
    let kept = settings.topK > 0 ? Array(order.prefix(settings.topK)) : order
    let mass = kept.reduce(0) { $0 + expected[$1] }
    var nucleus: Set<Int> = []
    var running = 0.0
    for token in kept where running < Double(settings.topP) * mass || nucleus.isEmpty {
      nucleus.insert(token)
      running += expected[token]
    }
    expected = logits.indices.map { nucleus.contains($0) ? expected[$0] / running : 0 }

    let total = 20_000
    let tokens = sampleTokens(
      repeated(logits, total),
      rows: rows(settings, 0..<UInt64(total))
    ).tokens
    var chiSquare = 0.0
    for (token, probability) in expected.enumerated() {
      let count = Double(tokens.filter { $0 == token }.count)
      if probability == 0 {
        #expect(count == 0, "token \(token) is cut off")
      } else {
        chiSquare += pow(count - Double(total) * probability, 2) / (Double(total) * probability)
      }
    }
    #expect(chiSquare < 30)  // 7 degrees of freedom: 1 in 10000
  }

  @Test(
    "logits that are no numbers draw nothing, and say so",
    arguments: [
      SamplingSettings(), SamplingSettings(temperature: 1),
      SamplingSettings(temperature: 1, topP: 0.9),
      SamplingSettings(temperature: 1, topK: 5),
      SamplingSettings(temperature: 1, topK: 5, topP: 0.9),
    ]
  )
  func noNumbers(_ settings: SamplingSettings) {
    for (bad, place) in [(Float.nan, 0), (.nan, 37), (.infinity, 12)] {
      var values = (0..<100).map { Float($0 % 7) }
      values[place] = bad
      let good = (0..<100).map { Float($0 % 5) }
      var rows = [UInt64(0), 1].map { SamplingRow(settings: settings, seed: $0, step: 0) }
      rows[0].topCount = 3
      let picked = sampleTokens(Tensor(values + good).reshaped([2, 100]), rows: rows)
      #expect(picked.logProbabilities[0].isNaN && picked.logProbabilities[1].isFinite)
      #expect(picked.tokens.allSatisfy { (0..<100).contains($0) })
      #expect(picked.top[0].allSatisfy { (0..<100).contains($0.id) && $0.logProbability.isNaN })
    }
  }

  @Test("draws along the steps of one request follow the softmax too")
  func steps() {
    let logits: [Float] = [0, 1, 2]
    let settings = SamplingSettings(temperature: 1)
    let draws = sampleTokens(
      repeated(logits, 6000),
      rows: (0..<6000).map { SamplingRow(settings: settings, seed: 42, step: $0) }
    ).tokens
    for (token, probability) in softmax(logits).enumerated() {
      let share = Double(draws.filter { $0 == token }.count) / 6000
      #expect(abs(share - probability) < 0.026)  // 4 standard errors of at most 0.0065
    }
  }

  @Test("a draw is a function of seed, step and logits, not of its place in the batch")
  func determinism() {
    let logits = Tensor.normal([8, 100], seed: 2)
    let settings = SamplingSettings(temperature: 1, topP: 0.95)
    let rows = (0..<8).map { SamplingRow(settings: settings, seed: UInt64($0 * 7), step: $0) }
    let first = sampleTokens(logits, rows: rows)
    let again = sampleTokens(logits, rows: rows)
    #expect(first.tokens == again.tokens && first.logProbabilities == again.logProbabilities)
    let order = [5, 2, 7, 0, 1, 6, 3, 4]
    let turned = sampleTokens(
      logits.selected(axis: 0, Tensor(order.map(Int64.init))),
      rows: order.map { rows[$0] }
    )
    #expect(turned.tokens == order.map { first.tokens[$0] })
    let other = sampleTokens(
      logits,
      rows: rows.map { SamplingRow(settings: settings, seed: $0.seed, step: $0.step + 1) }
    )
    #expect(other.tokens != first.tokens)
  }

  @Test("log probabilities are those of the tempered softmax without truncation")
  func logProbabilities() {
    let logits: [Float] = (0..<21).map { Float(($0 * 7) % 11) * 0.4 }
    for settings in [
      SamplingSettings(temperature: 1), SamplingSettings(temperature: 0.5, topK: 3),
      SamplingSettings(),
    ] {
      let temperature = settings.temperature > 0 ? Double(settings.temperature) : 1
      let expected = softmax(logits, temperature: temperature)
      let draw = sampleTokens(repeated(logits, 20), rows: rows(settings, 0..<20))
      expectClose(
        draw.logProbabilities,
        draw.tokens.map { Float(log(expected[Int($0)])) },
        absolute: 1e-5
      )
    }
  }

  @Test("the repetition penalty divides positive and multiplies negative logits, each id once")
  func repetitionPenalty() {
    // 3 / 2 = 1.5 falls below 2; -1 * 2 = -2.
    let logits: [Float] = [3, 2, -1, 0]
    let settings = SamplingSettings(repetitionPenalty: 2)
    func draw(_ seen: [Int32]) -> (token: Int32, logProbability: Float) {
      let result = sampleTokens(
        Tensor(logits, [1, 4]),
        rows: [SamplingRow(settings: settings, seed: 0, step: 0, seen: seen)]
      )
      return (result.tokens[0], result.logProbabilities[0])
    }
    #expect(draw([]).token == 0)
    #expect(draw([0, 2]).token == 1)
    expectClose([draw([0, 2]).logProbability], [Float(log(softmax([1.5, 2, -2, 0])[1]))])
    #expect(draw([0, 2, 0, 0]).logProbability == draw([0, 2]).logProbability)
  }

  @Test("bfloat16 logits and logits of minus infinity")
  func otherLogits() {
    let logits = Tensor([1, 3, 2, -.infinity] as [Float], [1, 4])
    let greedy = rows(SamplingSettings(), 0..<1)
    #expect(sampleTokens(logits.to(.bfloat16), rows: greedy).tokens == [1])
    let hot = sampleTokens(
      repeated([-.infinity, 0, -.infinity], 500),
      rows: rows(SamplingSettings(temperature: 1), 0..<500)
    )
    #expect(hot.tokens.allSatisfy { $0 == 1 })
    let lost = sampleTokens(
      Tensor([.nan, 0, 1] as [Float], [1, 3]),
      rows: rows(SamplingSettings(temperature: 1), 0..<1)
    )
    #expect(lost.logProbabilities[0].isNaN)
    #expect(sampleTokens(.zeros([0, 4]), rows: []).tokens.isEmpty)
  }

  @Test(
    "the likeliest tokens are told with their numbers, however far they lie below the best",
    arguments: [Float(0), 0.05, 1]
  )
  func told(temperature: Float) {
    // At temperature 0.05 all but a dozen have no probability in float32.
    let logits = (0..<150).map { Float($0 * 37 % 150) / 3 }
    let order = logits.indices.sorted { logits[$0] > logits[$1] }
    let row = SamplingRow(
      settings: SamplingSettings(temperature: temperature),
      seed: 3,
      step: 0,
      topCount: 40
    )
    let picked = sampleTokens(Tensor(logits, [1, 150]), rows: [row])
    #expect(picked.top[0].map(\.id) == order.prefix(40).map(Int32.init))
    let divisor = temperature == 0 ? 1 : Double(temperature)
    let scaled = logits.map { (Double($0) - Double(logits[order[0]])) / divisor }
    let sum = scaled.reduce(0) { $0 + exp($1) }
    for token in picked.top[0] {
      let expected = scaled[Int(token.id)] - log(sum)
      #expect(abs(Double(token.logProbability) - expected) < 1e-5 * max(1, abs(expected)))
    }
    let own = picked.top[0].first { $0.id == picked.tokens[0] }
    #expect(own?.logProbability == picked.logProbabilities[0])
  }

  @Test("only what a mask allows is picked, with the probabilities of a softmax over it")
  func masks() {
    // 150 tokens: two whole words of the mask and a part; what lies behind its last word is not allowed.
    let logits = Tensor.normal([40, 150], deviation: 3, seed: 9)
    let allowed: Set<Int32> = [0, 7, 63, 64, 100, 127]
    var words: [UInt64] = [0, 0]
    for token in allowed { words[Int(token) / 64] |= 1 << UInt64(token % 64) }
    let values = logits.floats
    for settings in [
      SamplingSettings(), SamplingSettings(temperature: 1), SamplingSettings(temperature: 50),
      SamplingSettings(temperature: 50, topK: 149), SamplingSettings(temperature: 50, topP: 0.9999),
      SamplingSettings(temperature: 50, topK: 20, topP: 0.9999),
      SamplingSettings(temperature: 0.01),
    ] {
      let rows = (0..<40).map { index in
        SamplingRow(
          settings: settings,
          seed: UInt64(index),
          step: 0,
          topCount: 10,
          mask: words,
          readTokens: [3, 64]
        )
      }
      let picked = sampleTokens(logits, rows: rows)
      for row in 0..<40 {
        #expect(allowed.contains(picked.tokens[row]))
        let own = Array(values[row * 150..<(row + 1) * 150])
        let temperature = settings.temperature == 0 ? 1 : Double(settings.temperature)
        let high = allowed.map { Double(own[Int($0)]) }.max() ?? 0
        let some = allowed.map { exp((Double(own[Int($0)]) - high) / temperature) }.reduce(0, +)
        let expected = exp((Double(own[Int(picked.tokens[row])]) - high) / temperature) / some
        #expect(abs(exp(Double(picked.logProbabilities[row])) - expected) < 1e-4)
        #expect(Set(picked.top[row].map(\.id)).isSubset(of: allowed))
        // As the logits are: of all tokens, at temperature 1.
        let whole = softmax(own)
        for token in picked.read[row] {
          #expect(abs(exp(Double(token.logProbability)) - whole[Int(token.id)]) < 1e-5)
        }
        #expect(picked.read[row].map(\.id) == [3, 64])
      }
    }
    let drawn = (0..<400).map {
      SamplingRow(
        settings: SamplingSettings(temperature: 50),
        seed: $0,
        step: 0,
        mask: words
      )
    }
    let tokens = sampleTokens(Tensor.zeros([400, 150]), rows: drawn).tokens
    #expect(Set(tokens) == allowed)
  }
}
