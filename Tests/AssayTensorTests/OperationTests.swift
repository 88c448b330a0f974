import AssayTensor
import AssayTestSupport
import Foundation
import Testing

@Suite struct OperationTests {
  private let a = Tensor([1, -2, 3, 0.5, 4, -1] as [Float], [2, 3])
  private let b = Tensor([2, 4, -1] as [Float])

  @Test("adds, subtracts, multiplies and divides with broadcasting")
  func arithmetic() {
    #expect((a + b).floats == [3, 2, 2, 2.5, 8, -2])
    #expect((a - b).floats == [-1, -6, 4, -1.5, 0, 0])
    #expect((a * b).floats == [2, -8, -3, 1, 16, 1])
    #expect((a / b).floats == [0.5, -0.5, -3, 0.25, 1, 1])
    #expect((a + 1).floats == [2, -1, 4, 1.5, 5, 0])
    #expect((a - 1).floats == [0, -3, 2, -0.5, 3, -2])
    #expect((a * 2).floats == [2, -4, 6, 1, 8, -2])
    #expect((a / 2).floats == [0.5, -1, 1.5, 0.25, 2, -0.5])
    #expect((-a).floats == [-1, 2, -3, -0.5, -4, 1])
    #expect(a.maximum(b).floats == [2, 4, 3, 2, 4, -1])
    #expect(a.minimum(b).floats == [1, -2, -1, 0.5, 4, -1])
    #expect(a.clamped(atLeast: 0).floats == [1, 0, 3, 0.5, 4, 0])
    #expect(a.clamped(atMost: 1).floats == [1, -2, 1, 0.5, 1, -1])
    #expect(a.greater(than: b).integers == [0, 0, 1, 0, 0, 0])
    #expect(select(a.greater(than: b), a, -a).floats == [-1, 2, 3, -0.5, -4, 1])
  }

  @Test("each element-wise function is the one its name says")
  func unary() {
    let x: [Float] = [0.25, 1, 2.5]
    let t = Tensor(x)
    func check(_ tensor: Tensor, _ body: (Double) -> Double) {
      expectClose(tensor.floats, x.map { Float(body(Double($0))) })
    }
    check(t.exp(), Foundation.exp)
    check(t.log(), Foundation.log)
    check(t.tanh(), Foundation.tanh)
    check(t.sigmoid()) { 1 / (1 + Foundation.exp(-$0)) }
    check(t.logSigmoid()) { -Foundation.log(1 + Foundation.exp(-$0)) }
    check(t.softplus()) { Foundation.log(1 + Foundation.exp($0)) }
    check(t.squareRoot()) { $0.squareRoot() }
    check(t.silu()) { $0 / (1 + Foundation.exp(-$0)) }
    check(t.squared()) { $0 * $0 }
    check((-t).magnitude()) { $0 }
    #expect(t.isFinite)
    #expect(!Tensor([1, .nan] as [Float]).isFinite)
    #expect(!Tensor([1, -.infinity] as [Float]).isFinite)
  }

  @Test("softplus and log sigmoid do not overflow")
  func extremes() {
    let x = Tensor([-500, 0, 500] as [Float])
    let ln2 = Float(Foundation.log(2.0))
    expectClose(x.softplus().floats, [0, ln2, 500])
    expectClose(x.logSigmoid().floats, [-500, -ln2, 0])
    expectClose(Tensor([1000, 1000] as [Float]).logSumExp(axis: 0).floats, [1000 + ln2])
  }

  @Test("reduces all elements or one axis")
  func reductions() {
    #expect(a.sum().item == 5.5)
    expectClose([a.mean().item], [5.5 / 6])
    #expect(a.sum(axis: 0).floats == [1.5, 2, 2])
    #expect(a.sum(axis: 1, keeping: true).shape == [2, 1])
    expectClose(a.mean(axis: 1).floats, [2.0 / 3, 3.5 / 3])
    #expect(a.max(axis: 1).floats == [3, 4])
    #expect(a.argmax(axis: 1).integers == [2, 1])
    // log(e^0 + e^ln 3) = log 4
    let logits = Tensor([0, Float(Foundation.log(3.0))])
    expectClose(logits.logSumExp(axis: 0).floats, [Float(Foundation.log(4.0))])
    expectClose(logits.softmax(axis: 0).floats, [0.25, 0.75])
    expectClose(logits.logSoftmax(axis: 0).exp().floats, [0.25, 0.75])
  }

  @Test("lays elements out anew")
  func layout() {
    #expect(a.transposed(0, 1).floats == [1, 0.5, -2, 4, 3, -1])
    #expect(a.reshaped([3, 2]).shape == [3, 2])
    #expect(a.narrowed(axis: 1, start: 1, count: 2).floats == [-2, 3, 4, -1])
    #expect(a.selected(axis: 1, Tensor([2, 0] as [Int64])).floats == [3, 1, -1, 0.5])
    #expect(a.gathered(axis: 1, Tensor([2, 0] as [Int64], [2, 1])).floats == [3, 0.5])
    #expect(Tensor.concatenated([b, b]).floats == [2, 4, -1, 2, 4, -1])
    #expect(Tensor.range(2, 5).integers == [2, 3, 4])
    #expect(a.to(.int32).integers == [1, -2, 3, 0, 4, -1])
    #expect(a.matmul(b.reshaped([3, 1])).floats == [-9, 18])  // 2 - 8 - 3, 1 + 16 + 1
    #expect(linear(a, b.reshaped([1, 3]), bias: Tensor([10] as [Float])).floats == [1, 28])
  }

  @Test("changes in place only its own storage")
  func inPlace() {
    let x = Tensor([1, 2] as [Float])
    let y = x.copy()
    y.addInPlace(Tensor([10, 20] as [Float]), scale: 0.5)
    #expect(y.floats == [6, 12])
    y.scaleInPlace(2)
    #expect(y.floats == [12, 24])
    y.copyInPlace(Tensor([3, 4] as [Float]))
    #expect(y.floats == [3, 4])
    y.fillInPlace(7)
    #expect(y.floats == [7, 7])
    #expect(x.floats == [1, 2])
  }

  @Test("random normal tensors are a function of the seed")
  func normal() {
    let x = Tensor.normal([4000], mean: 1, deviation: 2, seed: 3)
    #expect(x.floats == Tensor.normal([4000], mean: 1, deviation: 2, seed: 3).floats)
    #expect(x.floats != Tensor.normal([4000], mean: 1, deviation: 2, seed: 4).floats)
    #expect(abs(x.mean().item - 1) < 0.15)  // 5 standard errors of 2 / sqrt(4000)
    #expect(abs((x - 1).squared().mean().item - 4) < 0.5)
  }

  @Test("gradients agree with finite differences")
  func gradients() {
    let x = Tensor.normal([3, 4], seed: 1)
    let y = Tensor.normal([3, 4], seed: 2)
    let positive = x.squared() + 0.5
    gradientCheck("multiply", inputs: [x, y]) { $0[0] * $0[1] }
    gradientCheck("divide", inputs: [x, positive]) { $0[0] / $0[1] }
    gradientCheck("broadcast", inputs: [x, Tensor.normal([4], seed: 3)]) { $0[0] * $0[1] + $0[1] }
    gradientCheck("matmul", inputs: [x, y]) { $0[0].matmul($0[1].transposed(0, 1)) }
    gradientCheck("linear", inputs: [x, y, Tensor.normal([3], seed: 4)]) {
      linear($0[0], $0[1], bias: $0[2])
    }
    let unary: [(String, (Tensor) -> Tensor)] = [
      ("exp", { $0.exp() }), ("tanh", { $0.tanh() }), ("sigmoid", { $0.sigmoid() }),
      ("logSigmoid", { $0.logSigmoid() }), ("softplus", { $0.softplus() }),
      ("silu", { $0.silu() }), ("squared", { $0.squared() }),
      ("logSumExp", { $0.logSumExp(axis: 1) }), ("softmax", { $0.softmax(axis: 1) }),
      ("logSoftmax", { $0.logSoftmax(axis: 0) }), ("mean", { $0.mean(axis: 0) }),
    ]
    for (name, body) in unary { gradientCheck(name, inputs: [x]) { body($0[0]) } }
    gradientCheck("log", inputs: [positive]) { $0[0].log() }
    gradientCheck("sqrt", inputs: [positive]) { $0[0].squareRoot() }
    let ids = Tensor([1, 0, 1] as [Int64])
    gradientCheck("embedding", inputs: [x]) { embedding($0[0], ids) }
    gradientCheck("selected", inputs: [x]) { $0[0].selected(axis: 1, ids) }
  }

  @Test("records no gradients where told so, and clears them")
  func recording() {
    let x = Tensor([2] as [Float])
    x.setRequiresGradientInPlace()
    #expect(x.gradient?.floats == nil)
    #expect(withoutGradients { (x * x).requiresGradient } == false)
    (x * x).backward()
    (x * x).backward()
    #expect(x.gradient?.floats == [8])  // twice 2 x
    x.clearGradientInPlace()
    #expect(x.gradient?.floats == nil)
    #expect(!(x.detached() * x.detached()).requiresGradient)
  }
}
