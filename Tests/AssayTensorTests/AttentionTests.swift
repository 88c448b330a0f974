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

  var N: Int { lengths.reduce(0, +) }
  var columns: Int { (heads + 2 * groups) * width }
  var testDescription: String { "H \(heads) G \(groups) K \(width) T \(lengths)" }

  /// The index of each token in its sequence.
  var positions: Tensor { Tensor(lengths.flatMap { (0..<$0).map(Int32.init) }) }

  func run(_ qkv: Tensor, _ positions: Tensor? = nil) -> Tensor {
    rotaryAttention(
      qkv,
      positions: positions ?? self.positions,
      table: Self.table(width: width),
      lengths: lengths,
      heads: heads,
      groups: groups
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
      let future = Tensor(
        (0..<T).flatMap { i in (0..<T).map { $0 > i ? -Float.infinity : 0 } },
        [T, T]
      )
      let outputs = (0..<H).map { h in
        let query = turned(head(h))
        let key = turned(head(H + h / (H / G)))
        let value = head(H + G + h / (H / G))
        let scores = query.matmul(key.transposed(0, 1)) / Double(K).squareRoot() + future
        return scores.softmax(axis: 1).matmul(value)  // [T, K]
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

  @Test("agrees with attention composed from basic operations", arguments: cases)
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

  @Test("gradient agrees with finite differences", arguments: cases.prefix(7))
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
      heads: 2,
      groups: 1
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
      heads: H,
      groups: G,
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
        heads: H,
        groups: G
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

  @Test("a row of the cache step does not depend on its neighbours")
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
        heads: H,
        groups: G
      )
      let floats = output.floats
      return order.indices.map { Array(floats[$0 * H * K..<($0 + 1) * H * K]) }
    }
    let (all, turned) = (run([0, 1, 2]), run([2, 0, 1]))
    #expect(all[0] == turned[1] && all[1] == turned[2] && all[2] == turned[0])
    #expect(run([1])[0] == all[1])
  }
}
