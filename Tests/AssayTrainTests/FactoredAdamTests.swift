import AssayTensor
import AssayTestSupport
import AssayTrain
import Foundation
import Testing

@Suite struct FactoredAdamTests {
  /// A parameter whose gradient is `gradient` after the call.
  private func setGradient(_ parameter: Tensor, _ gradient: [Float]) {
    parameter.clearGradientInPlace()
    (parameter * Tensor(gradient, parameter.shape)).sum().backward()
  }

  private func leaf(_ values: [Float], _ shape: [Int]) -> Tensor {
    let tensor = Tensor(values, shape)
    tensor.setRequiresGradientInPlace()
    return tensor
  }

  /// As bfloat16 keeps it.
  private func rounded(_ value: Double) -> Double {
    Double(Tensor([Float(value)]).to(.bfloat16).to(.float32).floats[0])
  }

  @Test("three steps of a matrix and a vector follow the formulas")
  func steps() {
    let (beta1, beta2, epsilon, decay, rate) = (0.9, 0.95, 1e-8, 0.1, 0.05)
    let matrix = leaf([1, -2, 0.5, 3, 0, -1], [2, 3])
    let vector = leaf([1, -1], [2])
    let idle = leaf([7, 7], [1, 2])
    let optimizer = FactoredAdam(beta1: beta1, beta2: beta2, epsilon: epsilon)
    optimizer.add([matrix, vector, idle], weightDecay: decay)
    let gradients: [([Float], [Float])] = [
      ([0.5, -1, 0, 2, 0.25, -0.5], [1, -0.5]), ([1, 1, -1, 0, 0.5, 0], [0.25, 0]),
      ([-1, 0.5, 2, 1, -1, 0.125], [-1, 1]),
    ]
    var values = (matrix.floats.map(Double.init), vector.floats.map(Double.init))
    var first = ([Double](repeating: 0, count: 6), [0.0, 0])
    var (rows, columns, whole) = ([0.0, 0], [0.0, 0, 0], [0.0, 0])
    for (index, gradient) in gradients.enumerated() {
      setGradient(matrix, gradient.0)
      setGradient(vector, gradient.1)
      optimizer.step(learningRate: rate)
      let corrections = (1 - pow(beta1, Double(index + 1)), 1 - pow(beta2, Double(index + 1)))
      let g = gradient.0.map(Double.init)
      for o in 0..<2 {
        let mean = (0..<3).map { g[3 * o + $0] * g[3 * o + $0] }.reduce(0, +) / 3
        rows[o] = beta2 * rows[o] + (1 - beta2) * mean
      }
      for i in 0..<3 {
        let mean = (g[i] * g[i] + g[3 + i] * g[3 + i]) / 2
        columns[i] = beta2 * columns[i] + (1 - beta2) * mean
      }
      func step(_ value: Double, _ mean: Double, _ second: Double) -> Double {
        value * (1 - rate * decay)
          - rate * (mean / corrections.0) / ((second / corrections.1).squareRoot() + epsilon)
      }
      for o in 0..<2 {
        for i in 0..<3 {
          let mean = beta1 * first.0[3 * o + i] + (1 - beta1) * g[3 * o + i]
          let second = rows[o] * columns[i] / ((rows[0] + rows[1]) / 2)
          values.0[3 * o + i] = step(values.0[3 * o + i], mean, second)
          // The step takes the mean as it was computed; the next one finds it rounded.
          first.0[3 * o + i] = rounded(mean)
        }
        let h = Double(gradient.1[o])
        let mean = beta1 * first.1[o] + (1 - beta1) * h
        whole[o] = beta2 * whole[o] + (1 - beta2) * h * h
        values.1[o] = step(values.1[o], mean, whole[o])
        first.1[o] = rounded(mean)
      }
      expectClose(matrix.floats, values.0.map { Float($0) }, relative: 1e-5, absolute: 1e-6)
      expectClose(vector.floats, values.1.map { Float($0) }, relative: 1e-5, absolute: 1e-6)
    }
    #expect(idle.floats == [7, 7])
    // 6, 2 and 2 numbers of two bytes; 2 + 3, 2, and 1 + 2 of four; three counts.
    let tensors = optimizer.state.compactMap(\.tensor)
    let bytes = tensors.map { $0.count * $0.dtype.byteCount }.reduce(0, +)
    #expect(bytes == 2 * 10 + 4 * 10 + 4 * 3)
  }

  @Test("a state that is restored goes on as the other does")
  func resuming() throws {
    func optimizer(_ parameter: Tensor) -> FactoredAdam {
      let made = FactoredAdam()
      made.add([parameter], weightDecay: 0.01)
      return made
    }
    let one = leaf([1, 2, 3, 4], [2, 2])
    let whole = optimizer(one)
    setGradient(one, [1, -1, 0.5, 2])
    whole.step(learningRate: 0.1)
    let other = leaf(one.floats, [2, 2])
    let resumed = optimizer(other)
    for (own, saved) in zip(resumed.state, whole.state) {
      #expect(own.name == saved.name)
      try own.tensor?.copyInPlace(#require(saved.tensor))
    }
    for (parameter, optimizer) in [(one, whole), (other, resumed)] {
      setGradient(parameter, [0.5, 1, -2, 0.1])
      optimizer.step(learningRate: 0.1)
    }
    #expect(one.floats == other.floats)
  }
}
