import AssayTensor
import AssayTestSupport
import Foundation
import Testing

@Suite struct OptimizerTests {
  /// A parameter whose gradient is `gradient` after the call.
  private func setGradient(_ parameter: Tensor, _ gradient: [Float]) {
    parameter.clearGradientInPlace()
    (parameter * Tensor(gradient, parameter.shape)).sum().backward()
  }

  private func leaf(_ values: [Float], _ shape: [Int]? = nil) -> Tensor {
    let tensor = Tensor(values, shape)
    tensor.setRequiresGradientInPlace()
    return tensor
  }

  @Test("clips the joint norm and leaves smaller gradients alone")
  func clip() {
    let (a, b, unused) = (leaf([0, 0]), leaf([0], [1, 1]), leaf([1]))
    setGradient(a, [3, 0])
    setGradient(b, [4])
    #expect(clipGradients([a, b, unused], maximum: 0) == 5)  // sqrt(9 + 16), measured only
    #expect(a.gradient?.floats == [3, 0])
    #expect(clipGradients([a, b, unused], maximum: 10) == 5)
    #expect(b.gradient?.floats == [4])
    #expect(clipGradients([a, b, unused], maximum: 1) == 5)
    expectClose(a.gradient?.floats ?? [], [0.6, 0])
    expectClose(b.gradient?.floats ?? [], [0.8])
    #expect(unused.gradient?.floats == nil)
    #expect(clipGradients([], maximum: 1) == 0)
    setGradient(a, [.infinity, 0])
    #expect(clipGradients([a], maximum: 1) == .infinity)
  }

  @Test("three AdamW steps follow the paper's formulas")
  func adamW() {
    let (beta1, beta2, epsilon, decay) = (0.9, 0.95, 1e-8, 0.1)
    let start: [Float] = [1, -2, 0.5]
    let gradients: [[Float]] = [[0.5, -1, 0], [0.25, 2, 1e-3], [-1, 0.5, 0]]
    let rates = [0.1, 0.05, 0.2]

    let parameter = leaf(start)
    let idle = leaf([7])
    let optimizer = AdamW(beta1: beta1, beta2: beta2, epsilon: epsilon)
    optimizer.add([parameter, idle], weightDecay: decay)
    var value = start.map(Double.init)
    var first = [0.0, 0, 0]
    var second = [0.0, 0, 0]
    for (step, gradient) in gradients.enumerated() {
      setGradient(parameter, gradient)
      optimizer.step(learningRate: rates[step])
      for i in value.indices {
        let g = Double(gradient[i])
        value[i] -= rates[step] * decay * value[i]
        first[i] = beta1 * first[i] + (1 - beta1) * g
        second[i] = beta2 * second[i] + (1 - beta2) * g * g
        let mean = first[i] / (1 - pow(beta1, Double(step + 1)))
        let spread = (second[i] / (1 - pow(beta2, Double(step + 1)))).squareRoot()
        value[i] -= rates[step] * mean / (spread + epsilon)
      }
      expectClose(parameter.floats, value.map(Float.init), "step \(step)")
    }
    #expect(idle.floats == [7])
    let state = Dictionary(uniqueKeysWithValues: optimizer.state.map { ($0.name, $0.tensor) })
    expectClose(state["0.0.first"]??.floats ?? [], first.map(Float.init))
    expectClose(state["0.0.second"]??.floats ?? [], second.map(Float.init))
    #expect(state["0.0.step"]??.floats == [3] && state["0.1.step"]??.floats == [0])
    #expect(state.count == 6)
  }

  @Test("of shared parameters an optimizer keeps and updates its own, under the names of all")
  func sharedMoments() {
    let parameters = [leaf([1]), leaf([2]), leaf([3])]
    for parameter in parameters { setGradient(parameter, [1]) }
    let optimizer = AdamW()
    optimizer.add(parameters, weightDecay: 0) { $0 == 1 }
    optimizer.step(learningRate: 0.5)
    #expect(parameters[0].floats == [1] && parameters[2].floats == [3])
    #expect(abs(parameters[1].floats[0] - 1.5) < 1e-6)
    let state = optimizer.state
    #expect(
      state.filter { $0.name.hasSuffix("first") }.map(\.name) == [
        "0.0.first", "0.1.first", "0.2.first",
      ]
    )
    #expect(state.map(\.parameter) == [0, 0, 0, 1, 1, 1, 2, 2, 2])
    #expect(state.allSatisfy { ($0.tensor != nil) == ($0.parameter == 1) })
  }

  @Test("a step from a restored state equals the step that was not interrupted")
  func restore() throws {
    let (a, b) = (leaf([1, 2]), leaf([1, 2]))
    let (one, two) = (AdamW(), AdamW())
    one.add([a], weightDecay: 0.1)
    two.add([b], weightDecay: 0.1)
    setGradient(a, [0.5, -3])
    one.step(learningRate: 0.01)
    withoutGradients { b.copyInPlace(a) }
    for (from, to) in zip(one.state, two.state) {
      try to.tensor?.copyInPlace(#require(from.tensor))
    }
    for parameter in [a, b] { setGradient(parameter, [2, 1]) }
    one.step(learningRate: 0.02)
    two.step(learningRate: 0.02)
    #expect(a.floats == b.floats && a.floats != [1, 2])
  }

  @Test("a bfloat16 parameter, whose moments are float32, is refused and left as it is")
  func otherTypes() {
    let parameter = Tensor([1, 2] as [Float]).to(.bfloat16)
    parameter.setRequiresGradientInPlace()
    (parameter * parameter).sum().backward()
    let optimizer = AdamW()
    optimizer.add([parameter], weightDecay: 0)
    #expect(throws: TensorError.self) {
      try withTensorErrors { optimizer.step(learningRate: 0.5) }
    }
    #expect(parameter.floats == [1, 2])
  }
}
