import AssayTensor
import Testing

/// Compares gradients with central finite differences in every input.
///
/// The output is projected on a fixed random vector, summed in float64, so that rounding does not
/// grow with its size. A step of 1e-2 balances truncation (about its square) and rounding (1e-7
/// over it) for inputs of order one.
///
/// - Parameters:
///   - name: What the messages call the operation.
///   - inputs: Float32 tensors; each is checked, up to `samples` elements of it.
///   - samples: How many elements of an input are checked.
///   - step: The step.
///   - tolerance: Largest difference, as a share of the input's largest gradient (or of 1e-3).
///   - sourceLocation: Where a miss is reported.
///   - body: A function of the inputs that is smooth around them.
package func gradientCheck(
  _ name: String,
  inputs: [Tensor],
  samples: Int = 48,
  step: Double = 1e-2,
  tolerance: Double = 4e-3,
  sourceLocation: SourceLocation = #_sourceLocation,
  body: ([Tensor]) -> Tensor
) {
  let leaves = inputs.map { $0.detached().copy() }
  for leaf in leaves { leaf.setRequiresGradientInPlace() }
  let output = body(leaves)
  let weights = Tensor.normal(output.shape, seed: 77)
  (output * weights).sum().backward()
  let projection = weights.floats.map(Double.init)
  func value(_ arguments: [Tensor]) -> Double {
    withoutGradients {
      zip(body(arguments).floats, projection).reduce(0) { $0 + Double($1.0) * $1.1 }
    }
  }
  var random = SeededGenerator(seed: 5)
  for (index, input) in inputs.enumerated() {
    guard let gradient = leaves[index].gradient?.floats else {
      Issue.record("\(name): input \(index) has no gradient", sourceLocation: sourceLocation)
      continue
    }
    let start = input.floats
    let scale = max(1e-3, Double(gradient.map(abs).max() ?? 0))
    for element in start.indices.shuffled(using: &random).prefix(samples) {
      func moved(_ by: Double) -> (at: Float, value: Double) {
        var values = start
        values[element] += Float(by)
        var arguments = inputs
        arguments[index] = Tensor(values, input.shape)
        return (values[element], value(arguments))
      }
      let (up, down) = (moved(step), moved(-step))
      let slope = (up.value - down.value) / Double(up.at - down.at)
      if abs(slope - Double(gradient[element])) > tolerance * scale
        || gradient[element].isNaN
      {
        Issue.record(
          "\(name): input \(index)[\(element)]: gradient \(gradient[element]), slope \(slope)",
          sourceLocation: sourceLocation
        )
        break
      }
    }
  }
}
