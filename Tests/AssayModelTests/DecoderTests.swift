// The cached execution against the packed one, and the rows that are asked for.

import AssayModel
import AssayTensor
import AssayTestSupport
import Testing

@Suite struct DecoderTests {
  private static let sequences: [[Int32]] = [
    [3, 14, 15, 92, 65, 35, 89, 79], [31, 41, 59, 26, 53], [27, 18, 28, 18, 28, 45, 90],
  ]

  private func row(_ tensor: Tensor, _ index: Int) -> [Float] {
    tensor.narrowed(axis: 0, start: index, count: 1).floats
  }

  @Test(
    "reads token by token what it reads at once",
    arguments: ["llama", "qwen2", "qwen3", "mistral"] + ParityTests.further,
    [DType.float32, .bfloat16]
  )
  func cache(name: String, dtype: DType) throws {
    // The biases, the grouped queries and the untied embeddings are those of the fixtures.
    let decoder = try Fixture(name, dtype: dtype).decoder
    let P = DecoderCache.pageTokens
    // 0 and 1 have their first page in common; 2 goes another way than 0 within its second page.
    let common = (0..<P + 3).map { Int32(3 + $0 * 37 % 93) }
    let sequences: [[Int32]] = [
      common + [14, 15, 92, 65], common.prefix(P) + [31, 41, 59, 26], common + [27, 18, 28],
      [53, 58, 9, 79, 32],
    ]
    let pages: [[Int32]] = [[4, 1], [4, 6], [4, 5], [2, 0]]
    let whole = PackedBatch(sequences)
    let expected = decoder(whole, rows: nil, training: false)
    func check(_ hidden: Tensor, _ places: [(sequence: Int, token: Int)]) {
      for (index, place) in places.enumerated() {
        let actual = row(hidden, index)
        let expected = row(expected, whole.starts[place.sequence] + place.token)
        func norm(_ values: [Float]) -> Float { values.map { $0 * $0 }.reduce(0, +).squareRoot() }
        let distance = norm(zip(actual, expected).map { $0 - $1 }) / norm(expected)
        // bfloat16 keeps 8 bits, and the two executions round in different places.
        let bound: Float = dtype == .float32 ? 1e-5 : 2e-2
        #expect(distance < bound, "sequence \(place.sequence) token \(place.token)")
      }
    }
    let cache = DecoderCache(decoder, pages: 7)
    func step(_ places: [(sequence: Int, token: Int)]) {
      let hidden = decoder.step(
        places.map { sequences[$0.sequence][$0.token] },
        cache,
        tables: places.flatMap { pages[$0.sequence] },
        positions: places.map { Int32($0.token) }
      )
      check(hidden, places)
    }

    // What an earlier, longer sequence left in a page must not be seen.
    let earlier = PackedBatch([[Int32](repeating: 7, count: P)])
    _ = decoder.prefill(earlier, into: cache, tables: [[2]])
    let first = PackedBatch([Array(sequences[3].prefix(2)), common])
    let ends = [(sequence: 3, token: 1), (sequence: 0, token: P + 2)]
    check(decoder.prefill(first, into: cache, tables: [pages[3], pages[0]]), ends)
    cache.copyInPlace(from: [1], to: [5])
    step([(1, P), (3, 2), (0, P + 3)])
    step([(2, P + 3), (0, P + 4), (1, P + 1)])
    step([(0, P + 5), (1, P + 2), (2, P + 4), (3, 3)])
    step([(3, 4), (2, P + 5)])
    step([(1, P + 3), (0, P + 6)])
  }

  @Test("computes in bfloat16 with float32 weights as with bfloat16 weights")
  func computeType() throws {
    var wide = try Fixture("qwen2").decoder
    let narrow = try Fixture("qwen2", dtype: .bfloat16).decoder
    wide.execution.dtype = .bfloat16
    let batch = PackedBatch(Self.sequences)
    let expected = narrow(batch, rows: nil, training: false).floats
    #expect(wide(batch, rows: nil, training: false).floats == expected)
    // Training sums in LibTorch's order.
    expectNear(wide(batch, rows: nil, training: true).floats, expected)
  }

  /// Equal but for rounding to bfloat16 in a few layers.
  private func expectNear(_ actual: [Float], _ expected: [Float]) {
    #expect(actual.count == expected.count)
    let worst = zip(actual, expected).map { abs($0 - $1) }.max() ?? .infinity
    #expect(worst < 0.06, "\(worst)")
  }

  @Test("computes in bfloat16 with the weights as they are now, not as they were")
  func casts() throws {
    var decoder = try Fixture("llama").decoder
    decoder.execution.dtype = .bfloat16
    let batch = PackedBatch(Self.sequences)
    let before = decoder(batch, rows: nil, training: false).floats
    for parameter in decoder.parameters { parameter.value.scaleInPlace(0.5) }
    let after = decoder(batch, rows: nil, training: false).floats
    #expect(after != before)
    expectNear(after, decoder(batch, rows: nil, training: true).floats)
  }

  @Test("gives for chosen rows the values and gradients of all rows")
  func rows() throws {
    let rows = Tensor([19, 0, 7, 12, 12] as [Int64])  // out of order, one of them twice
    let weights = Tensor.normal([5, 32], seed: 4)
    func run(_ hidden: (Decoder, PackedBatch) -> Tensor) throws -> (Tensor, [(String, [Float])]) {
      let decoder = try Fixture("qwen2").decoder
      for parameter in decoder.parameters { parameter.value.setRequiresGradientInPlace() }
      let chosen = hidden(decoder, PackedBatch(Self.sequences))
      (chosen * weights).sum().backward()
      return (chosen, checkpointGradients(decoder).map { ($0.name, $0.tensor.floats) })
    }
    let (early, earlyGradients) = try run { $0($1, rows: rows, training: true) }
    let (late, lateGradients) = try run {
      $0($1, rows: nil, training: true).selected(axis: 0, rows)
    }
    #expect(early.shape == [5, 32])
    expectClose(early.floats, late.floats, relative: 1e-5, absolute: 1e-5)
    for ((name, early), (_, late)) in zip(earlyGradients, lateGradients) {
      let largest = late.map(abs).max() ?? 0
      expectClose(early, late, relative: 1e-4, absolute: 1e-5 * largest, name)
    }
  }

  @Test("keeps sequences of a batch apart")
  func packing() throws {
    let decoder = try Fixture("llama").decoder
    let batch = PackedBatch(Self.sequences)
    let together = decoder(batch, rows: nil, training: false)
    for (start, sequence) in zip(batch.starts, Self.sequences) {
      let alone = decoder(PackedBatch([sequence]), rows: nil, training: false)
      let part = together.narrowed(axis: 0, start: start, count: sequence.count)
      expectClose(part.floats, alone.floats, relative: 1e-5, absolute: 1e-5)
    }
  }

  @Test("is causal: a later token changes no earlier hidden state")
  func causal() throws {
    let decoder = try Fixture("qwen2").decoder
    var sequence = Self.sequences[0]
    let before = decoder(PackedBatch([sequence]), rows: nil, training: false).floats
    sequence[6] = 44
    let after = decoder(PackedBatch([sequence]), rows: nil, training: false).floats
    expectClose(Array(after[..<(6 * 32)]), Array(before[..<(6 * 32)]))
    #expect(after[(6 * 32)...] != before[(6 * 32)...])
  }
}
