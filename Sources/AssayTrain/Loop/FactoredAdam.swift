// AdamW whose moments take a quarter of the memory.
//
// O rows, I columns of a matrix.

import AssayTensor
import Foundation

/// AdamW with decoupled weight decay, whose second moment of a matrix is `r c / mean(r)` of the running means r of the
/// rows and c of the columns of its squared gradients, and whose first moment is kept in bfloat16.
///
/// Of vectors the second moment is whole, in float32. Steps are computed in float32.
///
/// Source: Shazeer and Stern 2018 (arXiv:1804.04235) section 3, algorithm 2, for the second moment, with the bias
/// correction of Adam; Loshchilov and Hutter 2019 (arXiv:1711.05101) for the decay.
package final class FactoredAdam: Optimizer {
  private struct Parameter {
    /// Its place among all that were added.
    let index: Int
    let value: Tensor
    /// In bfloat16, of the parameter's shape.
    let first: Tensor
    /// Means of rows, `[O]`; of a vector the whole second moment.
    let rows: Tensor
    /// Means of columns, `[I]`; `nil` of a vector.
    let columns: Tensor?
    let steps: Tensor
    let weightDecay: Double
    let rateFactor: Double
  }

  private let beta1: Double
  private let beta2: Double
  private let epsilon: Double
  private var parameters: [Parameter] = []
  // Of all that were added.
  private var shapes: [[Int]] = []

  /// Numbers that are computed at once: what lies between takes memory too.
  private static let partCount = 1 << 22
  /// Added to squared gradients, so that no mean is zero; the paper's.
  private static let least = 1e-30

  /// Makes an optimizer; parameters are added.
  package init(beta1: Double = 0.9, beta2: Double = 0.95, epsilon: Double = 1e-8) {
    (self.beta1, self.beta2, self.epsilon) = (beta1, beta2, epsilon)
  }

  /// Adds parameters.
  ///
  /// - Parameters:
  ///   - values: Leaf tensors that require gradients, matrices or vectors.
  ///   - weightDecay: Their decoupled weight decay, a factor of the learning rate.
  ///   - rateFactor: What a step's learning rate is multiplied with for them.
  ///   - isKept: Which of them this optimizer updates; another one does the others.
  package func add(
    _ values: [Tensor],
    weightDecay: Double,
    rateFactor: Double,
    isKept: (Int) -> Bool
  ) {
    let start = shapes.count
    shapes += values.map(\.shape)
    parameters += values.indices.filter(isKept).map { index in
      let value = values[index]
      let isMatrix = value.rank == 2
      func zeros(_ shape: [Int]) -> Tensor { .zeros(shape, device: value.device) }
      return Parameter(
        index: start + index,
        value: value,
        first: .zeros(value.shape, dtype: .bfloat16, device: value.device),
        rows: zeros(isMatrix ? [value.shape[0]] : value.shape),
        columns: isMatrix ? zeros([value.shape[1]]) : nil,
        steps: zeros([]),
        weightDecay: weightDecay,
        rateFactor: rateFactor
      )
    }
  }

  /// Takes one step along the gradients; parameters without a gradient stay as they are.
  ///
  /// - Parameter learningRate: The step's learning rate.
  package func step(learningRate: Double) {
    withoutGradients {
      for parameter in parameters {
        guard let gradient = parameter.value.gradient else { continue }
        parameter.steps.copyInPlace(parameter.steps + 1)
        update(parameter, gradient, rate: learningRate * parameter.rateFactor)
      }
    }
  }

  private func update(_ parameter: Parameter, _ gradient: Tensor, rate: Double) {
    let count = Double(parameter.steps.item)
    let corrections = (1 - pow(beta1, count), 1 - pow(beta2, count))
    let parts = parts(of: gradient)
    func follow(_ mean: Tensor, _ new: Tensor) {
      mean.copyInPlace(mean * beta2 + new * (1 - beta2))
    }
    if let columns = parameter.columns {
      let (O, I) = (gradient.shape[0], gradient.shape[1])
      var rows: [Tensor] = []
      let sums = Tensor.zeros([I], device: gradient.device)
      for part in parts {
        let squares = part(gradient).squared() + Self.least  // [o, I]
        rows.append(squares.mean(axis: 1))
        sums.addInPlace(squares.sum(axis: 0))
      }
      follow(parameter.rows, .concatenated(rows))
      follow(columns, sums / Double(O))
    } else {
      follow(parameter.rows, gradient.squared())
    }
    let scale = parameter.columns == nil ? 1 : Double(parameter.rows.mean().item)
    let value = parameter.value.detached()
    for part in parts {
      let (own, first) = (part(value), part(parameter.first))
      let mean = first.to(.float32) * beta1 + part(gradient) * (1 - beta1)
      first.copyInPlace(mean.to(.bfloat16))
      var second = part(parameter.rows) / (scale * corrections.1)
      if let columns = parameter.columns {
        second = second.reshaped([-1, 1]) * columns.reshaped([1, -1])  // [o, I]
      }
      let change = (mean / corrections.0) / (second.squareRoot() + epsilon)
      own.copyInPlace(own * (1 - rate * parameter.weightDecay) - change * rate)
    }
  }

  /// What takes the parts of a tensor's rows.
  private func parts(of tensor: Tensor) -> [(Tensor) -> Tensor] {
    guard tensor.rank == 2 else { return [{ $0 }] }
    let (O, step) = (tensor.shape[0], max(1, Self.partCount / max(1, tensor.shape[1])))
    return stride(from: 0, to: O, by: step).map { start in
      { $0.narrowed(axis: 0, start: start, count: min(step, O - start)) }
    }
  }

  /// The moments and step counts, in the order of the parameters, to save and to restore into.
  package var state: [OptimizerEntry] {
    let own = Dictionary(uniqueKeysWithValues: parameters.map { ($0.index, $0) })
    return shapes.enumerated().flatMap { index, shape in
      let kept = own[index]
      let isMatrix = shape.count == 2
      func entry(_ name: String, _ shape: [Int], _ tensor: Tensor?) -> OptimizerEntry {
        OptimizerEntry("\(index).\(name)", of: index, shape, tensor)
      }
      return [
        OptimizerEntry("\(index).first", of: index, shape, dtype: .bfloat16, kept?.first),
        entry("rows", isMatrix ? [shape[0]] : shape, kept?.rows),
        entry("step", [], kept?.steps),
      ] + (isMatrix ? [entry("columns", [shape[1]], kept?.columns)] : [])
    }
  }
}
