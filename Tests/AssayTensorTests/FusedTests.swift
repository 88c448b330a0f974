import AssayTensor
import AssayTestSupport
import Foundation
import Testing

/// Row kernels: widths that are and are not whole vectors, one row and odd row counts.
@Suite struct FusedTests {
  private static func composedNorm(_ x: Tensor, _ weight: Tensor, _ epsilon: Double) -> Tensor {
    x / (x.squared().mean(axis: -1, keeping: true) + epsilon).squareRoot() * weight
  }

  @Test("RMSNorm of a row worked by hand")
  func normByHand() {
    // mean(3^2, 4^2) = 12.5; 3 / sqrt(12.5) = 0.848528, 4 / sqrt(12.5) = 1.131371
    let y = rmsNorm(
      Tensor([3, 4] as [Float], [1, 2]),
      Tensor([1, 10] as [Float]),
      epsilon: 0
    )
    expectClose(y.floats, [0.848_528_1, 11.313_708])
    // The epsilon decides where the row is zero: 0 / sqrt(eps) = 0.
    #expect(rmsNorm(.zeros([1, 2]), .ones([2]), epsilon: 1e-6).floats == [0, 0])
  }

  @Test(
    "RMSNorm agrees with its formula and finite differences",
    arguments: [(1, 1), (1, 16), (3, 5), (7, 16), (5, 33), (130, 48), (2, 250)]
  )
  func norm(N: Int, D: Int) {
    let x = Tensor.normal([N, D], seed: 1)
    let weight = Tensor.normal([D], mean: 1, seed: 2)
    expectClose(
      rmsNorm(x, weight, epsilon: 1e-5).floats,
      Self.composedNorm(x, weight, 1e-5).floats,
      relative: 1e-5,
      absolute: 1e-5
    )
    gradientCheck("rmsNorm", inputs: [x, weight], samples: 20, step: 4e-3) {
      rmsNorm($0[0], $0[1], epsilon: D == 1 ? 1 : 1e-5)
    }
  }

  @Test(
    "a residual sum and its norm, whichever of the two is used",
    arguments: [(1, 8), (3, 19), (129, 16)]
  )
  func addNorm(N: Int, D: Int) {
    let x = Tensor.normal([N, D], seed: 3)
    let residual = Tensor.normal([N, D], seed: 4)
    let weight = Tensor.normal([D], mean: 1, seed: 5)
    let (sum, normed) = addRMSNorm(x, residual: residual, weight, epsilon: 1e-5)
    #expect(sum.floats == (x + residual).floats)
    expectClose(
      normed.floats,
      Self.composedNorm(x + residual, weight, 1e-5).floats,
      absolute: 1e-5
    )
    gradientCheck("both", inputs: [x, residual, weight], samples: 20, step: 4e-3) {
      let both = addRMSNorm($0[0], residual: $0[1], $0[2], epsilon: 1e-5)
      return Tensor.concatenated([both.sum, both.normed])
    }
    gradientCheck("normed", inputs: [x, residual, weight], samples: 20, step: 4e-3) {
      addRMSNorm($0[0], residual: $0[1], $0[2], epsilon: 1e-5).normed
    }
    gradientCheck("sum", inputs: [x, residual], samples: 20) {
      addRMSNorm($0[0], residual: $0[1], weight, epsilon: 1e-5).sum
    }
  }

  @Test(
    "SwiGLU agrees with its formula and finite differences",
    arguments: [(1, 1), (3, 5), (17, 16), (2, 31), (33, 64)]
  )
  func swiGLU(N: Int, F: Int) {
    let x = Tensor.normal([N, 2 * F], deviation: 2, seed: 6)
    let gate = x.narrowed(axis: 1, start: 0, count: F)
    let up = x.narrowed(axis: 1, start: F, count: F)
    expectClose(gatedUnit(x).floats, (gate.silu() * up).floats)
    gradientCheck("swiGLU", inputs: [x]) { gatedUnit($0[0]) }
  }

  @Test("GeGLU agrees with its formula and finite differences", arguments: [(3, 5), (17, 16)])
  func geGLU(N: Int, F: Int) {
    let x = Tensor.normal([N, 2 * F], deviation: 2, seed: 7)
    let gate = x.narrowed(axis: 1, start: 0, count: F)
    let up = x.narrowed(axis: 1, start: F, count: F)
    let angle = (gate + gate * gate * gate * 0.044715) * (2 / Double.pi).squareRoot()
    let expected = gate * (angle.tanh() + 1) * up / 2
    for type in [DType.float32, .float64] {
      let output = gatedUnit(x.to(type), activation: .gelu).to(.float32)
      expectClose(output.floats, expected.floats, relative: 1e-4, absolute: 1e-5)
    }
    gradientCheck("GeGLU", inputs: [x]) { gatedUnit($0[0], activation: .gelu) }
  }

  @Test("adds an offset to weights of norms, and differentiates it", arguments: [5, 48])
  func normOffset(D: Int) {
    let x = Tensor.normal([4, D], seed: 61)
    let residual = Tensor.normal([4, D], seed: 62)
    let weight = Tensor.normal([D], deviation: 0.3, seed: 63)
    for type in [DType.float32, .float64] {
      let (x, residual, weight) = (x.to(type), residual.to(type), weight.to(type))
      expectClose(
        rmsNorm(x, weight, epsilon: 1e-5, offset: 1).to(.float32).floats,
        rmsNorm(x, weight + 1, epsilon: 1e-5).to(.float32).floats
      )
      expectClose(
        addRMSNorm(x, residual: residual, weight, epsilon: 1e-5, offset: 1).normed
          .to(.float32).floats,
        rmsNorm(x + residual, weight + 1, epsilon: 1e-5).to(.float32).floats
      )
    }
    gradientCheck("rmsNorm", inputs: [x, weight]) {
      rmsNorm($0[0], $0[1], epsilon: 1e-5, offset: 1)
    }
  }

  @Test("bounds the logits of a loss, and differentiates the bound")
  func cappedNLL() {
    let hidden = Tensor.normal([6, 8], seed: 64)
    let weight = Tensor.normal([20, 8], seed: 65)
    let targets = Tensor([0, 19, 3, 3, 7, 11] as [Int64])
    let logits = (linear(hidden, weight) / 2).tanh() * 2
    let picked = logits.gathered(axis: 1, targets.reshaped([6, 1])).reshaped([6])
    let expected = logits.logSumExp(axis: 1) - picked
    for type in [DType.float32, .float64] {
      let losses = tokenNLL(
        hidden: hidden.to(type),
        weight: weight.to(type),
        targets: targets,
        softCap: 2
      )
      expectClose(losses.to(.float32).floats, expected.floats, relative: 1e-5, absolute: 1e-5)
    }
    gradientCheck("tokenNLL", inputs: [hidden, weight]) {
      tokenNLL(hidden: $0[0], weight: $0[1], targets: targets, softCap: 2)
    }
  }

  @Test("SwiGLU by hand and at extreme gates")
  func swiGLUByHand() {
    // silu(1) = 1 / (1 + e^-1) = 0.731059, times 2; silu(100) = 100, silu(-100) = 0
    expectClose(gatedUnit(Tensor([1, 2] as [Float], [1, 2])).floats, [1.462_117_2])
    expectClose(gatedUnit(Tensor([100, -100, 1, 1] as [Float], [1, 4])).floats, [100, 0])
  }

  private static func composedNLL(_ hidden: Tensor, _ weight: Tensor, _ targets: Tensor) -> Tensor {
    let N = targets.count
    let log = linear(hidden, weight).logSoftmax(axis: 1)
    return -log.gathered(axis: 1, targets.reshaped([N, 1])).reshaped([N])
  }

  @Test(
    "token loss agrees with log softmax, forward and gradient",
    arguments: [(1, 4, 1), (1, 4, 2), (3, 5, 7), (5, 8, 16), (21, 6, 37), (4, 3, 1000)]
  )
  func tokenLoss(N: Int, D: Int, V: Int) {
    let hidden = Tensor.normal([N, D], seed: 7)
    let weight = Tensor.normal([V, D], seed: 8)
    let targets = Tensor((0..<N).map { Int64(($0 * 5 + 1) % V) })
    let loss = tokenNLL(hidden: hidden, weight: weight, targets: targets)
    #expect(loss.dtype == .float32)
    expectClose(
      loss.floats,
      Self.composedNLL(hidden, weight, targets).floats,
      relative: 1e-5,
      absolute: 1e-5
    )
    gradientCheck("tokenNLL", inputs: [hidden, weight]) {
      tokenNLL(hidden: $0[0], weight: $0[1], targets: targets)
    }
  }

  @Test("a token loss of a weight that is not trained makes no gradient of it")
  func tokenLossFrozen() {
    let targets = Tensor([1, 0, 4] as [Int64])
    func gradients(trains: Bool) -> (hidden: [Float]?, weight: Tensor?) {
      let (hidden, weight) = (Tensor.normal([3, 4], seed: 1), Tensor.normal([5, 4], seed: 2))
      hidden.setRequiresGradientInPlace()
      if trains { weight.setRequiresGradientInPlace() }
      tokenNLL(hidden: hidden, weight: weight, targets: targets).sum().backward()
      return (hidden.gradient?.floats, weight.gradient)
    }
    let (trained, frozen) = (gradients(trains: true), gradients(trains: false))
    #expect(trained.weight != nil && frozen.weight == nil)
    #expect(frozen.hidden != nil && frozen.hidden == trained.hidden)
  }

  @Test("token loss by hand: even odds and a certain token")
  func tokenLossByHand() {
    // Equal logits over 4 tokens: log 4. A logit 50 above the other: 0, and 50 for that other.
    let even = tokenNLL(
      hidden: .ones([1, 1]),
      weight: .ones([4, 1]),
      targets: Tensor([2] as [Int64])
    )
    expectClose(even.floats, [Float(log(4.0))])
    let sure = tokenNLL(
      hidden: .ones([2, 1]),
      weight: Tensor([50, 0] as [Float], [2, 1]),
      targets: Tensor([0, 1] as [Int64])
    )
    expectClose(sure.floats, [0, 50])
    #expect(
      tokenNLL(
        hidden: .zeros([0, 3]),
        weight: .ones([4, 3]),
        targets: Tensor([] as [Int64])
      ).shape == [0]
    )
  }

  @Test("the gradient of a token loss may be asked for twice")
  func tokenLossTwice() {
    let hidden = Tensor.normal([3, 4], seed: 1)
    hidden.setRequiresGradientInPlace()
    let weight = Tensor.normal([5, 4], seed: 2)
    let targets = Tensor([0, 1, 4] as [Int64])
    func gradient(_ scale: Double) -> [Float] {
      hidden.clearGradientInPlace()
      (tokenNLL(hidden: hidden, weight: weight, targets: targets).sum() * scale).backward()
      return hidden.gradient?.floats ?? []
    }
    expectClose(gradient(2), gradient(1).map { $0 * 2 })
  }

  // 64 MiB of logits are one chunk, at least 16 rows; up to 512 MiB are kept for the gradient.
  @Test("token loss in chunks, kept (20 rows) and computed again (136 rows)", arguments: [20, 136])
  func chunks(N: Int) throws {
    let V = 1 << 20
    let hidden = Tensor.normal([N, 2], seed: 9)
    let weight = Tensor.normal([V, 2], seed: 10)
    let targets = Tensor((0..<N).map { Int64($0 * 7001) })
    hidden.setRequiresGradientInPlace()
    weight.setRequiresGradientInPlace()
    func run(_ pieces: [(start: Int, count: Int)]) -> (loss: [Float], h: [Float], w: [Float]) {
      hidden.clearGradientInPlace()
      weight.clearGradientInPlace()
      var losses: [Float] = []
      for (start, count) in pieces {
        let loss = tokenNLL(
          hidden: hidden.narrowed(axis: 0, start: start, count: count),
          weight: weight,
          targets: targets.narrowed(axis: 0, start: start, count: count)
        )
        losses += loss.floats
        (loss * Tensor((start..<start + count).map { Float($0 % 3 + 1) })).sum().backward()
      }
      return (losses, hidden.gradient?.floats ?? [], weight.gradient?.floats ?? [])
    }
    let whole = run([(0, N)])
    let parts = run(stride(from: 0, to: N, by: 10).map { ($0, min(10, N - $0)) })
    expectClose(whole.loss, parts.loss)
    expectClose(whole.h, parts.h, relative: 1e-4, absolute: 1e-5)
    expectClose(whole.w, parts.w, relative: 1e-4, absolute: 1e-5)
  }

  @Test("takes rows of an embedding and sums the gradients of a repeated one")
  func embeddingRows() {
    let weight = Tensor([1, 2, 3, 4, 5, 6] as [Float], [3, 2])
    weight.setRequiresGradientInPlace()
    let rows = embedding(weight, Tensor([2, 0, 2] as [Int64]))
    #expect(rows.floats == [5, 6, 1, 2, 5, 6])
    (rows * Tensor([1, 1, 10, 10, 100, 100] as [Float], [3, 2])).sum().backward()
    #expect(weight.gradient?.floats == [10, 10, 0, 0, 101, 101])
    #expect(embedding(weight, Tensor([] as [Int64])).shape == [0, 2])
  }

  @Test("bfloat16 row kernels agree with float32", arguments: [5, 16, 50])
  func halfPrecision(D: Int) {
    func both(_ name: String, _ inputs: [Tensor], _ body: ([Tensor]) -> Tensor) {
      let rounded = inputs.map { $0.to(.bfloat16) }  // the same numbers in both types
      var results: [[[Float]]] = []
      for type in [DType.bfloat16, .float32] {
        let leaves = rounded.map { $0.to(type).detached().copy() }
        for leaf in leaves { leaf.setRequiresGradientInPlace() }
        let y = body(leaves)
        (y.to(.float32) * Tensor.normal(y.shape, seed: 12)).sum().backward()
        results.append([y.floats] + leaves.map { $0.gradient?.floats ?? [] })
      }
      for (low, high) in zip(results[0], results[1]) {
        let scale = high.map(abs).max() ?? 0
        // 2^-8 is half a unit in the last place; sums of some tens of rounded terms.
        expectClose(low, high, relative: 2e-2, absolute: 1.5e-2 * scale, name)
      }
    }
    let x = Tensor.normal([9, D], seed: 1)
    let residual = Tensor.normal([9, D], seed: 2)
    let weight = Tensor.normal([D], mean: 1, deviation: 0.2, seed: 3)
    both("rmsNorm", [x, weight]) { rmsNorm($0[0], $0[1], epsilon: 1e-5) }
    both("addRMSNorm", [x, residual, weight]) {
      addRMSNorm($0[0], residual: $0[1], $0[2], epsilon: 1e-5).normed
    }
    both("swiGLU", [Tensor.normal([9, 2 * D], seed: 4)]) { gatedUnit($0[0]) }
    let targets = Tensor((0..<9).map { Int64($0) })
    both("tokenNLL", [x * 0.3, Tensor.normal([40, D], seed: 5)]) {
      tokenNLL(hidden: $0[0], weight: $0[1], targets: targets)
    }
  }

  @Test("not a number stays visible in every kernel")
  func notANumber() {
    func poisoned(_ shape: [Int], at place: Int) -> Tensor {
      var values = Tensor.normal(shape, seed: 1).floats
      values[place] = .nan
      return Tensor(values, shape)
    }
    #expect(!rmsNorm(poisoned([2, 20], at: 21), .ones([20]), epsilon: 1e-5).isFinite)
    #expect(!gatedUnit(poisoned([1, 40], at: 3)).isFinite)
    #expect(
      !tokenNLL(
        hidden: .ones([1, 1]),
        weight: poisoned([40, 1], at: 7),
        targets: Tensor([0] as [Int64])
      ).isFinite
    )
    #expect(
      !tokenNLL(
        hidden: .ones([1, 1]),
        weight: poisoned([40, 1], at: 38),
        targets: Tensor([0] as [Int64])
      ).isFinite
    )
  }
}
