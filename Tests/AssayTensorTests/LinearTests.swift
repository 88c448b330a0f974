import AssayTensor
import Testing

/// Products that threads share: N rows, I inputs, O outputs, none of them a whole number of blocks.
@Suite("Linear layers")
struct LinearTests {
  static let (N, I, O) = (211, 301, 77)
  let x = Tensor.normal([N, I], seed: 1)
  let weight = Tensor.normal([O, I], seed: 2)
  let bias = Tensor.normal([O], seed: 3)

  /// The layer's outputs and the gradients of x, weight and bias, where the outputs' gradient is their
  /// half square's: the outputs themselves.
  private func outputsAndGradients(threads: Int) -> [[Float]] {
    let before = Engine.threads
    defer { Engine.threads = before }
    Engine.threads = threads
    let inputs = [x, weight, bias].map { Tensor($0.floats, $0.shape) }
    for input in inputs { input.setRequiresGradientInPlace() }
    let out = linear(inputs[0], inputs[1], bias: inputs[2])
    ((out * out).sum() / 2).backward()
    return [out.floats] + inputs.map { $0.gradient?.floats ?? [] }
  }

  private func dot(_ count: Int, _ factors: (Int) -> (Float, Float)) -> Double {
    (0..<count).reduce(0) { sum, index in
      let (a, b) = factors(index)
      return sum + Double(a) * Double(b)
    }
  }

  @Test("give the same bits on any number of threads")
  func threads() {
    let alone = outputsAndGradients(threads: 1)
    #expect(alone.map(\.count) == [Self.N * Self.O, Self.N * Self.I, Self.O * Self.I, Self.O])
    for count in [2, 5] { #expect(outputsAndGradients(threads: count) == alone) }
  }

  @Test("are sums of products, as are their gradients")
  func values() {
    let (N, I, O) = (Self.N, Self.I, Self.O)
    let found = outputsAndGradients(threads: 2)
    let (x, w, b) = (x.floats, weight.floats, bias.floats)
    // Some of each: a product's last rows and columns, which are no whole block, and others.
    for n in [0, 95, 96, N - 1] {
      for o in [0, 63, 64, O - 1] {
        let sum = Double(b[o]) + dot(I) { (x[n * I + $0], w[o * I + $0]) }
        #expect(abs(Double(found[0][n * O + o]) - sum) < 1e-3)
      }
      for i in [0, 63, 256, I - 1] {
        let sum = dot(O) { (found[0][n * O + $0], w[$0 * I + i]) }
        #expect(abs(Double(found[1][n * I + i]) - sum) < 1e-2)
      }
    }
    for o in [0, 23, 24, O - 1] {
      for i in [0, 63, 256, I - 1] {
        let sum = dot(N) { (found[0][$0 * O + o], x[$0 * I + i]) }
        #expect(abs(Double(found[2][o * I + i]) - sum) < 1e-2)
      }
      let sum = dot(N) { (found[0][$0 * O + o], 1) }
      #expect(abs(Double(found[3][o]) - sum) < 1e-2)
    }
  }
}
