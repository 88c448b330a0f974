// Steps that pick their tokens against plain steps, logits and sampling.

import AssayModel
import AssayTensor
import AssayTestSupport
import Testing

@Suite struct DecoderStepTests {
  /// A kind of model that takes its own way through a step.
  struct Kind: CustomTestStringConvertible {
    var architecture: Architecture
    var tied = false
    /// Key/value heads of the four query heads.
    var groups = 2

    var testDescription: String {
      "\(architecture.modelType), \(groups) groups\(tied ? ", tied" : "")"
    }

    static let all: [Kind] =
      Architecture.all.filter { !$0.isEncoder }.map { Kind(architecture: $0) } + [
        Kind(architecture: .llama, tied: true), Kind(architecture: .llama, groups: 1),
        Kind(architecture: .llama, groups: 4),
      ]

    func decoder(_ dtype: DType) -> Decoder {
      var configuration = Tiny.configuration(tied: tied, architecture)
      configuration.groupCount = groups
      // Experts have no fused step, whose sums are in one order.
      let execution = Execution(dtype: dtype, isBatchInvariant: configuration.experts != nil)
      return self.decoder(configuration, execution)
    }

    func decoder(_ configuration: ModelConfiguration, _ execution: Execution) -> Decoder {
      let decoder = Decoder(random: configuration, seed: 3, execution: execution)
      for (index, parameter) in decoder.parameters.enumerated()
      where parameter.value.shape.count == 1 {
        // Norms and biases that are not what they start as.
        let values = (0..<parameter.value.count).map { 0.5 + Float(($0 * 7 + index) % 11) / 11 }
        parameter.value.copyInPlace(Tensor(values))
      }
      return decoder
    }
  }

  private static let count = 13
  private static let width = 3

  /// Prompts of 1 to 25 tokens, the even ones with their first page in common.
  private let prompts: [[Int32]] = (0..<count).map { index in
    let shift: Int32 = index % 2 == 0 ? 5 : 5 + Int32(index)
    return (0..<Int32(1 + index * 2)).map { ($0 * 37 + shift) % 300 }
  }
  private let tables: [[Int32]] = (0..<count).map { index in
    (0..<width).map { Int32((index * width + $0) * 5 % (count * width)) }
  }

  private func prefilled(_ decoder: Decoder) -> DecoderCache {
    let cache = DecoderCache(decoder, pages: Self.count * Self.width)
    _ = decoder.prefill(PackedBatch(prompts), into: cache, tables: tables)
    return cache
  }

  private func rows(_ step: Int) -> [SamplingRow?] {
    prompts.indices.map { index in
      guard (index + step) % 5 != 0 else { return nil }
      let settings = [
        SamplingSettings(), SamplingSettings(temperature: 1),
        SamplingSettings(temperature: 0.8, topK: 5),
        SamplingSettings(temperature: 1.2, topP: 0.7, repetitionPenalty: 1.3),
      ][index % 4]
      return SamplingRow(settings: settings, seed: UInt64(index), step: step, seen: prompts[index])
    }
  }

  private func expectClose(_ actual: Tensor, _ expected: Tensor, _ bound: Float) {
    let (a, b) = (actual.to(.float32).floats, expected.to(.float32).floats)
    #expect(a.count == b.count)
    let scale = b.map(abs).max() ?? 0
    let distance = zip(a, b).map { abs($0 - $1) }.max() ?? .infinity
    #expect(scale > 0.1)
    #expect(distance <= bound * scale, "\(distance) of \(scale)")
  }

  @Test(
    "a step that picks gives what a plain step, its logits and the sampler give",
    arguments: Kind.all,
    [DType.float32, .bfloat16]
  )
  func picks(kind: Kind, dtype: DType) throws {
    let decoder = kind.decoder(dtype)
    let fused = prefilled(decoder)
    let plain = prefilled(decoder)
    let bound: Float = dtype == .float32 ? 1e-5 : 2e-2
    var next = prompts.indices.map { Int32($0 * 3) }
    var texts = prompts
    var hidden = Tensor.zeros([0])
    for step in 0..<20 {
      let positions = prompts.map { Int32($0.count + step) }
      let rows = rows(step)
      let read = decoder.step(
        next,
        fused,
        tables: tables.flatMap(\.self),
        positions: positions,
        rows: rows
      )
      // One sequence at a time: no row of no meaning, and no other beside it.
      for index in prompts.indices {
        let hidden = decoder.step(
          [next[index]],
          plain,
          tables: tables[index],
          positions: [positions[index]]
        )
        let own = read.hidden.narrowed(axis: 0, start: index, count: 1)
        expectClose(own, hidden, bound)
        guard let row = rows[index] else {
          #expect(read.picked.tokens[index] == 0)
          #expect(read.picked.logProbabilities[index] == 0)
          continue
        }
        // bfloat16 may pick another token; then what the step's own states give counts.
        let states = dtype == .float32 ? hidden : own
        let logits = withoutGradients { decoder.logits(states, training: false) }
        let expected = sampleTokens(logits, rows: [row])
        let distance = abs(expected.logProbabilities[0] - read.picked.logProbabilities[index])
        let isClose = distance < bound * 5
        if dtype == .float32 {
          #expect(expected.tokens[0] == read.picked.tokens[index], "sequence \(index) step \(step)")
          #expect(isClose, "sequence \(index) step \(step)")
        } else if expected.tokens[0] == read.picked.tokens[index] {
          #expect(isClose, "sequence \(index) step \(step)")
        }
      }
      for index in texts.indices { texts[index].append(next[index]) }
      hidden = read.hidden
      next = prompts.indices.map { rows[$0] == nil ? Int32($0 + step) : read.picked.tokens[$0] }
    }
    // And without a cache: whole texts at once.
    let whole = PackedBatch(texts)
    let ends = Tensor(zip(whole.starts, whole.lengths).map { Int64($0 + $1 - 1) })
    expectClose(hidden, decoder(whole, rows: ends, training: false), bound)
  }

  @Test(
    "a step by packed weights gives the bits of a plain step, its logits and the sampler",
    .kernels,
    arguments: Kind.all,
    WeightFormat.allCases
  )
  func packed(kind: Kind, format: WeightFormat) {
    var configuration = Tiny.configuration(tied: kind.tied, kind.architecture)
    guard configuration.experts == nil else { return }
    (configuration.hiddenSize, configuration.feedForwardSize) = (64, 128)
    (configuration.headWidth, configuration.groupCount) = (16, kind.groups)
    let decoder = kind.decoder(configuration, Execution(dtype: .bfloat16, weights: format))
    let (fused, plain) = (prefilled(decoder), prefilled(decoder))
    let flat = tables.flatMap(\.self)
    // Alone and with others, of few rows and of more than any kernel takes at once.
    for (step, count) in [Self.count, 1, 3, Self.count].enumerated() {
      let next = (0..<count).map { Int32($0 * 3 + step) }
      let positions = (0..<count).map { Int32(prompts[$0].count + step) }
      let tables = Array(flat.prefix(count * Self.width))
      let rows = Array(rows(step + 1).prefix(count))
      let read = decoder.step(next, fused, tables: tables, positions: positions, rows: rows)
      let hidden = decoder.step(next, plain, tables: tables, positions: positions)
      #expect(read.hidden.floats == hidden.floats, "step \(step)")
      let wanted = rows.indices.filter { rows[$0] != nil }
      guard !wanted.isEmpty else { continue }
      let logits = withoutGradients {
        decoder.logits(
          hidden.selected(axis: 0, Tensor(wanted.map(Int64.init))),
          training: false
        )
      }
      let picked = sampleTokens(logits, rows: wanted.compactMap { rows[$0] })
      #expect(wanted.map { read.picked.tokens[$0] } == picked.tokens)
      for (row, expected) in zip(wanted, picked.logProbabilities) {
        // The tangent that bounds logits may round in another way.
        let bound: Float = configuration.options.logitCap == nil ? 0 : 1e-2
        #expect(abs(read.picked.logProbabilities[row] - expected) <= bound)
      }
    }
  }

  @Test("steps by packed weights follow weights that were changed in place")
  func changedPackings() {
    let decoder = Kind(architecture: .llama, groups: 4).decoder(.bfloat16)
    let cache = prefilled(decoder)
    let flat = tables.flatMap(\.self)
    func both() -> ([Float], [Float]) {
      let next = prompts.indices.map { Int32($0 * 3) }
      let positions = prompts.map { Int32($0.count) }
      let read = decoder.step(next, cache, tables: flat, positions: positions, rows: rows(1))
      return (
        read.hidden.floats, decoder.step(next, cache, tables: flat, positions: positions).floats
      )
    }
    let before = both()
    for parameter in decoder.parameters {
      parameter.value.copyInPlace(withoutGradients { parameter.value * 1.5 })
    }
    let after = both()
    #expect(before.0 == before.1 && after.0 == after.1)
    #expect(before.0 != after.0)
  }

  @Test("a row gives the same bits whatever rows are beside it", .kernels, arguments: Kind.all)
  func bits(kind: Kind) {
    let decoder = kind.decoder(.float32)
    let together = prefilled(decoder)
    let alone = prefilled(decoder)
    let next = prompts.indices.map { Int32($0 * 3) }
    let positions = prompts.map { Int32($0.count) }
    let rows = rows(1)
    let all = decoder.step(
      next,
      together,
      tables: tables.flatMap(\.self),
      positions: positions,
      rows: rows
    )
    for index in prompts.indices {
      let one = decoder.step(
        [next[index]],
        alone,
        tables: tables[index],
        positions: [positions[index]],
        rows: [rows[index]]
      )
      #expect(one.picked.tokens == [all.picked.tokens[index]])
      #expect(one.picked.logProbabilities == [all.picked.logProbabilities[index]])
      #expect(one.hidden.floats == all.hidden.narrowed(axis: 0, start: index, count: 1).floats)
    }
  }

  @Test("a step follows weights that an optimizer has changed in place")
  func changedWeights() {
    let decoder = Kind(architecture: .llama, groups: 4).decoder(.float32)
    let cache = prefilled(decoder)
    func both() -> (Tensor, Tensor) {
      let next = prompts.indices.map { Int32($0 * 3) }
      let positions = prompts.map { Int32($0.count) }
      let flat = tables.flatMap(\.self)
      let read = decoder.step(next, cache, tables: flat, positions: positions, rows: rows(1))
      return (read.hidden, decoder.step(next, cache, tables: flat, positions: positions))
    }
    let (before, plainBefore) = both()
    expectClose(before, plainBefore, 1e-5)
    let optimizer = AdamW()
    for parameter in decoder.parameters { parameter.value.setRequiresGradientInPlace() }
    optimizer.add(decoder.parameters.map(\.value), weightDecay: 0)
    let states = decoder(PackedBatch(prompts), rows: nil, training: true)
    decoder.logits(states, training: true).sum().backward()
    optimizer.step(learningRate: 0.05)
    let (after, plainAfter) = both()
    expectClose(after, plainAfter, 1e-5)
    #expect(zip(before.floats, after.floats).contains { abs($0 - $1) > 0.1 })
  }
}
