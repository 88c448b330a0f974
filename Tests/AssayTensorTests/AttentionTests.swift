// N tokens of all sequences, T tokens of one, H query heads, G key/value heads, K head width.

import AssayTensor
import AssayTestSupport
import Foundation
import Testing

/// Sizes of an attention call.
struct AttentionCase: CustomTestStringConvertible, Sendable {
  var heads: Int
  var groups: Int
  var width: Int
  var lengths: [Int]
  var scale: Double?
  var softCap: Double?
  var window: Int?

  var options: AttentionOptions {
    AttentionOptions(
      heads: heads,
      groups: groups,
      scale: scale.map { Float($0) },
      softCap: softCap.map { Float($0) },
      window: window
    )
  }

  var N: Int { lengths.reduce(0, +) }
  var columns: Int { (heads + 2 * groups) * width }
  var testDescription: String {
    "H \(heads) G \(groups) K \(width) T \(lengths)"
      + (scale.map { " scale \($0)" } ?? "") + (softCap.map { " cap \($0)" } ?? "")
      + (window.map { " window \($0)" } ?? "")
  }

  /// The index of each token in its sequence.
  var positions: Tensor { Tensor(lengths.flatMap { (0..<$0).map(Int32.init) }) }

  func run(_ qkv: Tensor, _ positions: Tensor? = nil) -> Tensor {
    rotaryAttention(
      qkv,
      positions: positions ?? self.positions,
      table: Self.table(width: width),
      lengths: lengths,
      options: options
    ).output
  }

  static func table(positions: Int = 400, width: Int) -> RotaryTable {
    var (cosine, sine): ([Float], [Float]) = ([], [])
    for position in 0..<positions {
      for i in 0..<width / 2 {
        let angle = Double(position) * pow(100, -2 * Double(i) / Double(width))
        cosine.append(Float(cos(angle)))
        sine.append(Float(sin(angle)))
      }
    }
    let shape = [positions, width / 2]
    return RotaryTable(cosine: Tensor(cosine, shape), sine: Tensor(sine, shape))
  }

  /// The same from basic operations, one head at a time.
  func composed(_ qkv: Tensor, _ positions: Tensor? = nil) -> Tensor {
    let (H, G, K) = (heads, groups, width)
    let table = Self.table(width: K)
    let places = (positions ?? self.positions).to(.int64)
    var sequences: [Tensor] = []
    var start = 0
    for T in lengths {
      let rows = qkv.narrowed(axis: 0, start: start, count: T)
      let at = places.narrowed(axis: 0, start: start, count: T)
      let cosine = table.cosine.selected(axis: 0, at)  // [T, K/2]
      let sine = table.sine.selected(axis: 0, at)  // [T, K/2]
      func head(_ index: Int) -> Tensor {
        rows.narrowed(axis: 1, start: index * K, count: K)  // [T, K]
      }
      func turned(_ x: Tensor) -> Tensor {
        let first = x.narrowed(axis: 1, start: 0, count: K / 2)
        let second = x.narrowed(axis: 1, start: K / 2, count: K / 2)
        return Tensor.concatenated(
          [first * cosine - second * sine, second * cosine + first * sine],
          axis: 1
        )
      }
      let unseen = Tensor(
        (0..<T).flatMap { i -> [Float] in
          let seen = max(0, i + 1 - (window ?? T))...i
          return (0..<T).map { seen.contains($0) ? 0 : -.infinity }
        },
        [T, T]
      )
      let outputs = (0..<H).map { h in
        let query = turned(head(h))
        let key = turned(head(H + h / (H / G)))
        let value = head(H + G + h / (H / G))
        var scores = query.matmul(key.transposed(0, 1)) * (scale ?? 1 / Double(K).squareRoot())
        if let softCap { scores = (scores / softCap).tanh() * softCap }
        return (scores + unseen).softmax(axis: 1).matmul(value)  // [T, K]
      }
      sequences.append(.concatenated(outputs, axis: 1))
      start += T
    }
    return .concatenated(sequences)
  }
}

@Suite struct AttentionTests {
  static let cases: [AttentionCase] = [
    AttentionCase(heads: 1, groups: 1, width: 8, lengths: [1]),
    AttentionCase(heads: 2, groups: 2, width: 8, lengths: [5, 5, 5]),
    AttentionCase(heads: 4, groups: 2, width: 16, lengths: [3, 9, 9, 1]),
    AttentionCase(heads: 3, groups: 1, width: 32, lengths: [17]),
    AttentionCase(heads: 4, groups: 4, width: 64, lengths: [33, 2]),
    AttentionCase(heads: 6, groups: 2, width: 6, lengths: [7, 31]),
    AttentionCase(heads: 2, groups: 1, width: 20, lengths: [16, 48, 25]),
    AttentionCase(heads: 2, groups: 1, width: 48, lengths: [50]),
    AttentionCase(heads: 2, groups: 1, width: 16, lengths: [230, 197]),
    AttentionCase(heads: 1, groups: 1, width: 128, lengths: [65]),
  ]

  /// Scale, cap and window, alone and together, past the window and past a block of queries.
  static let optionCases: [AttentionCase] = [
    AttentionCase(heads: 4, groups: 2, width: 16, lengths: [9, 25], scale: 0.4),
    AttentionCase(heads: 3, groups: 1, width: 20, lengths: [33, 5], softCap: 1.5),
    AttentionCase(heads: 4, groups: 2, width: 16, lengths: [3, 40, 17], window: 5),
    AttentionCase(heads: 2, groups: 1, width: 8, lengths: [1, 6], window: 1),
    AttentionCase(heads: 2, groups: 1, width: 6, lengths: [70], scale: 0.3, softCap: 2, window: 16),
    AttentionCase(heads: 2, groups: 2, width: 32, lengths: [230, 60], softCap: 4, window: 33),
  ]

  @Test(
    "agrees with attention composed from basic operations",
    arguments: cases + optionCases
  )
  func forwardAndGradient(attention: AttentionCase) {
    let qkv = Tensor.normal([attention.N, attention.columns], seed: 21)
    var results: [(output: [Float], gradient: [Float])] = []
    for body in [{ attention.run($0) }, { attention.composed($0) }] {
      let leaf = qkv.copy()
      leaf.setRequiresGradientInPlace()
      let output = body(leaf)
      (output * Tensor.normal(output.shape, seed: 22)).sum().backward()
      results.append((output.floats, leaf.gradient?.floats ?? []))
    }
    expectClose(results[0].output, results[1].output, relative: 1e-4, absolute: 1e-5)
    expectClose(results[0].gradient, results[1].gradient, relative: 1e-3, absolute: 3e-5)
  }

  @Test(
    "gradient agrees with finite differences",
    arguments: cases.prefix(7) + optionCases.prefix(5)
  )
  func finiteDifferences(attention: AttentionCase) {
    let qkv = Tensor.normal([attention.N, attention.columns], deviation: 0.7, seed: 23)
    gradientCheck("rotaryAttention", inputs: [qkv]) { attention.run($0[0]) }
  }

  @Test("positions need not begin at zero, and only their differences count")
  func shiftedPositions() {
    let attention = AttentionCase(heads: 2, groups: 1, width: 16, lengths: [6, 4])
    let qkv = Tensor.normal([attention.N, attention.columns], seed: 24)
    let shifted = Tensor(attention.positions.integers.map { Int32($0 + 37) })
    expectClose(
      attention.run(qkv, shifted).floats,
      attention.composed(qkv, shifted).floats,
      relative: 1e-4,
      absolute: 1e-5
    )
    expectClose(
      attention.run(qkv, shifted).floats,
      attention.run(qkv).floats,
      relative: 1e-4,
      absolute: 2e-5
    )
  }

  @Test("nothing leaks between packed sequences or from later tokens")
  func isolation() {
    let attention = AttentionCase(heads: 4, groups: 2, width: 16, lengths: [7, 20, 9])
    let rows = Tensor.normal([36, attention.columns], seed: 25)
    let changed = rows.copy()
    // Rows 15..<27 are the last twelve of the second sequence.
    changed.narrowed(axis: 0, start: 15, count: 12).fillInPlace(3)
    let (before, after) = (attention.run(rows).floats, attention.run(changed).floats)
    let columns = attention.heads * attention.width
    func same(_ range: Range<Int>) -> Bool {
      (range.lowerBound * columns..<range.upperBound * columns).allSatisfy {
        before[$0].bitPattern == after[$0].bitPattern
      }
    }
    #expect(same(0..<15) && same(27..<36))
    #expect(!same(15..<27))
  }

  @Test("a sequence gives the same bits alone and packed")
  func packing() {
    let packed = AttentionCase(heads: 4, groups: 2, width: 16, lengths: [5, 11, 3])
    let alone = AttentionCase(heads: 4, groups: 2, width: 16, lengths: [11])
    let rows = Tensor.normal([19, packed.columns], seed: 26)
    let part = packed.run(rows).narrowed(axis: 0, start: 5, count: 11)
    #expect(part.floats == alone.run(rows.narrowed(axis: 0, start: 5, count: 11)).floats)
  }

  @Test("bfloat16 agrees with float32 of the same numbers")
  func halfPrecision() {
    let attention = AttentionCase(heads: 4, groups: 2, width: 32, lengths: [40, 13])
    let rows = Tensor.normal([53, attention.columns], seed: 27).to(.bfloat16)
    var results: [[Float]] = []
    for type in [DType.bfloat16, .float32] {
      let leaf = rows.to(type).copy()
      leaf.setRequiresGradientInPlace()
      let output = attention.run(leaf).to(.float32)
      (output * Tensor.normal(output.shape, seed: 28)).sum().backward()
      results += [output.floats, leaf.gradient?.floats ?? []]
    }
    expectClose(results[0], results[2], relative: 2e-2, absolute: 1e-2)
    expectClose(results[1], results[3], relative: 3e-2, absolute: 3e-2)
  }

  @Test("an attention of no tokens is empty")
  func empty() {
    let attention = AttentionCase(heads: 2, groups: 1, width: 8, lengths: [])
    let output = rotaryAttention(
      .zeros([0, attention.columns]),
      positions: Tensor([] as [Int32]),
      table: AttentionCase.table(width: 8),
      lengths: [],
      options: attention.options
    ).output
    #expect(output.shape == [0, 16])
  }

  @Test(
    "tokens one by one through the cache give what a whole pass gives",
    arguments: [(2, 2, 8), (4, 2, 16), (6, 2, 20), (4, 1, 64)],
    [DType.float32, .bfloat16]
  )
  func cache(sizes: (heads: Int, groups: Int, width: Int), type: DType) {
    let (H, G, K) = sizes
    let whole = AttentionCase(heads: H, groups: G, width: K, lengths: [19, 12])
    let table = AttentionCase.table(width: K)
    let rows = Tensor.normal([31, whole.columns], seed: 29).to(type)
    let expected = whole.run(rows.to(.float32))

    let cache = KeyValueCache(pages: 5, groups: G, width: K, dtype: type)
    let tables: [Int32] = [3, 1, 4, 4]
    // The first 5 and 9 tokens at once, then both sequences a token at a time.
    let prompt = AttentionCase(heads: H, groups: G, width: K, lengths: [5, 9])
    let start = Tensor.concatenated([
      rows.narrowed(axis: 0, start: 0, count: 5), rows.narrowed(axis: 0, start: 19, count: 9),
    ])
    let (_, rotated) = rotaryAttention(
      start,
      positions: prompt.positions,
      table: table,
      lengths: prompt.lengths,
      options: prompt.options,
      wantsRotated: true
    )
    guard let rotated else {
      Issue.record("no rotated rows")
      return
    }
    // Five tokens in page 3, nine in page 4.
    let cells: [Int32] = Array(48..<53) + Array(64..<73)
    cache.storeInPlace(
      rotated,
      cells: Tensor(cells),
      heads: H,
      groups: G
    )
    let tolerance: Float = type == .float32 ? 1e-5 : 2e-2
    // The first sequence goes on into its second page.
    for step in 0..<13 {
      let places = [5 + step, 9 + min(step, 2)]
      let output = cache.attend(
        rows.selected(axis: 0, Tensor([Int64(places[0]), Int64(19 + places[1])])),
        tables: Tensor(tables, [2, 2]),
        positions: Tensor(places.map(Int32.init)),
        table: table,
        options: AttentionOptions(heads: H, groups: G)
      )
      let wanted = expected.selected(axis: 0, Tensor([Int64(places[0]), Int64(19 + places[1])]))
      #expect(output.dtype == type)
      expectClose(
        output.floats,
        wanted.floats,
        relative: tolerance,
        absolute: tolerance,
        "step \(step)"
      )
    }
    // Pages 0 and 2 were never written.
    #expect(cache.keys.narrowed(axis: 0, start: 0, count: 1).magnitude().sum().item == 0)
    #expect(cache.values.narrowed(axis: 0, start: 2, count: 1).magnitude().sum().item == 0)
  }

  @Test("a row of the cache step does not depend on its neighbours", .kernels)
  func cacheRows() {
    let (H, G, K) = (4, 2, 16)
    let table = AttentionCase.table(width: K)
    let rows = Tensor.normal([3, 8 * K], seed: 30)
    func run(_ order: [Int]) -> [[Float]] {
      let cache = KeyValueCache(pages: 4, groups: G, width: K, dtype: .float32)
      cache.keys.copyInPlace(.normal([4, G, K, 16], seed: 31))
      cache.values.copyInPlace(.normal([4, G, 16, K], seed: 32))
      let output = cache.attend(
        rows.selected(axis: 0, Tensor(order.map(Int64.init))),
        // All begin with page 3 and read it together where they are neighbours.
        tables: Tensor(order.flatMap { [3, Int32($0)] }, [order.count, 2]),
        positions: Tensor(order.map { Int32(16 + $0 * 3) }),
        table: table,
        options: AttentionOptions(heads: H, groups: G)
      )
      let floats = output.floats
      return order.indices.map { Array(floats[$0 * H * K..<($0 + 1) * H * K]) }
    }
    let (all, turned) = (run([0, 1, 2]), run([2, 0, 1]))
    #expect(all[0] == turned[1] && all[1] == turned[2] && all[2] == turned[0])
    #expect(run([1])[0] == all[1])
  }

  @Test(
    "devices without kernels of ours compute the same",
    arguments: cases.prefix(7) + optionCases
  )
  func otherDevices(attention: AttentionCase) {
    // float64 on the CPU takes the way of other devices.
    let qkv = Tensor.normal([attention.N, attention.columns], seed: 33)
    var results: [(output: [Float], gradient: [Float])] = []
    for type in [DType.float32, .float64] {
      let leaf = qkv.to(type).copy()
      leaf.setRequiresGradientInPlace()
      let output = attention.run(leaf)
      #expect(output.dtype == type)
      (output * Tensor.normal(output.shape, seed: 34).to(type)).sum().backward()
      results.append((output.to(.float32).floats, leaf.gradient?.to(.float32).floats ?? []))
    }
    expectClose(results[0].output, results[1].output, relative: 1e-4, absolute: 1e-5)
    expectClose(results[0].gradient, results[1].gradient, relative: 1e-3, absolute: 3e-5)
  }

  @Test(
    "tokens one by one through the cache see what a whole pass sees",
    arguments: optionCases,
    [DType.float32, .bfloat16, .float64]
  )
  func cachedOptions(attention: AttentionCase, type: DType) {
    let (G, K, T) = (attention.groups, attention.width, attention.lengths.max() ?? 0)
    let whole = AttentionCase(
      heads: attention.heads,
      groups: G,
      width: K,
      lengths: [T],
      scale: attention.scale,
      softCap: attention.softCap,
      window: attention.window
    )
    let table = AttentionCase.table(width: K)
    let rows = Tensor.normal([T, whole.columns], seed: 35).to(type)
    let expected = whole.run(rows.to(.float32)).floats
    // Three rows: two of sequences that share all full pages, one of a sequence by itself, two
    // tokens behind.
    let M = T / 16 + 1
    let cache = KeyValueCache(pages: 3 * M, groups: G, width: K, dtype: type)
    let bound: Float = type == .bfloat16 ? 2e-2 : 1e-5
    let columns = attention.heads * K
    for position in 0..<T {
      let places = [position, position, max(0, position - 2)]
      let last = position / 16
      let tables = (0..<3).flatMap { row in
        (0..<M).map { page in Int32(row == 2 ? 2 * M + page : page == last ? row * M + page : page)
        }
      }
      let output = cache.attend(
        rows.selected(axis: 0, Tensor(places.map(Int64.init))),
        tables: Tensor(tables, [3, M]),
        positions: Tensor(places.map(Int32.init)),
        table: table,
        options: attention.options
      ).to(.float32).floats
      for (row, place) in places.enumerated() {
        expectClose(
          Array(output[row * columns..<(row + 1) * columns]),
          Array(expected[place * columns..<(place + 1) * columns]),
          relative: bound,
          absolute: bound,
          "row \(row) at \(place)"
        )
      }
    }
  }
}

@Suite struct HeadNormTests {
  /// Heads and weights: one a head, or one for all of them.
  static let cases: [(heads: Int, groups: Int, width: Int, query: Int, key: Int)] = [
    (4, 2, 16, 16, 16), (3, 1, 20, 20, 20), (4, 2, 8, 32, 16), (2, 2, 6, 12, 6),
  ]

  private func inputs(_ item: (heads: Int, groups: Int, width: Int, query: Int, key: Int))
    -> [Tensor]
  {
    [
      .normal([5, (item.heads + 2 * item.groups) * item.width], seed: 41),
      .normal([item.query], seed: 42), .normal([item.key], seed: 43),
    ]
  }

  @Test("norms queries and keys by parts, and leaves values alone", arguments: cases)
  func values(item: (heads: Int, groups: Int, width: Int, query: Int, key: Int)) {
    let (H, G, K) = (item.heads, item.groups, item.width)
    let inputs = inputs(item)
    func normed(_ first: Int, _ count: Int, _ weight: Tensor) -> Tensor {
      let part = inputs[0].narrowed(axis: 1, start: first * K, count: count * K)
      let rows = part.reshaped([-1, weight.count])
      let squares = (rows * rows).mean(axis: 1, keeping: true)
      return (rows / (squares + 1e-5).squareRoot() * weight).reshaped([5, count * K])
    }
    let expected = Tensor.concatenated(
      [
        normed(0, H, inputs[1]), normed(H, G, inputs[2]),
        inputs[0].narrowed(axis: 1, start: (H + G) * K, count: G * K),
      ],
      axis: 1
    )
    for type in [DType.float32, .float64] {
      let output = headNorm(
        inputs[0].to(type),
        query: inputs[1].to(type),
        key: inputs[2].to(type),
        heads: H,
        groups: G,
        epsilon: 1e-5
      )
      expectClose(output.to(.float32).floats, expected.floats, relative: 1e-5, absolute: 1e-5)
    }
  }

  @Test("gradient agrees with finite differences", arguments: cases)
  func finiteDifferences(item: (heads: Int, groups: Int, width: Int, query: Int, key: Int)) {
    gradientCheck("headNorm", inputs: inputs(item)) {
      headNorm(
        $0[0],
        query: $0[1],
        key: $0[2],
        heads: item.heads,
        groups: item.groups,
        epsilon: 1e-5
      )
    }
  }
}
