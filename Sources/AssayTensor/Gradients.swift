import CTorch

extension Tensor {
  /// Whether gradients are computed for this tensor.
  package var requiresGradient: Bool { ct_requires_grad(handle) }

  /// Asks for gradients of this tensor, or no longer.
  package func setRequiresGradientInPlace(_ on: Bool = true) {
    let code = ct_set_requires_grad(handle, on)
    if code != 0 { report(failure(code, "requires gradient")) }
  }

  /// Computes the gradients of a scalar in all tensors that ask for them, adding to those there.
  package func backward() {
    let code = ct_backward(handle)
    if code != 0 { report(failure(code, "backward")) }
  }

  /// The gradient collected so far, of the same shape; `nil` where there is none.
  package var gradient: Tensor? {
    var out: ct_tensor?
    let code = ct_grad(handle, &out)
    if code != 0 { report(failure(code, "gradient")) }
    return out.map(Tensor.init(owning:))
  }

  /// How often the numbers were changed in place, by an optimizer too; copies made of them are out of
  /// date once it has grown.
  package var changeCount: Int { Int(ct_changes(handle)) }

  /// Forgets the gradient collected so far.
  package func clearGradientInPlace() { _ = ct_clear_grad(handle) }
}

/// Runs a body without recording gradients.
///
/// - Parameter body: The code to run; it must not suspend.
/// - Returns: What the body returns.
package func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
  let before = ct_set_grad_enabled(false)
  defer { _ = ct_set_grad_enabled(before) }
  return try body()
}

/// Scales all gradients so that their joint Euclidean norm is at most a bound.
///
/// As `torch.nn.utils.clip_grad_norm_`; norms are reduced in float32 or wider.
///
/// - Parameters:
///   - parameters: Tensors whose gradients are clipped; those without one are passed over.
///   - maximum: The bound; 0 measures only.
/// - Returns: The norm before clipping.
package func clipGradients(_ parameters: [Tensor], maximum: Double) -> Double {
  let handles: [ct_tensor?] = parameters.map(\.handle)
  var norm = 0.0
  let code = withExtendedLifetime(parameters) {
    ct_clip_gradients(handles, Int32(handles.count), maximum, &norm)
  }
  if code != 0 { report(failure(code, "clip")) }
  return norm
}

/// Multiplies all gradients with a factor; parameters without one are passed over.
package func scaleGradients(_ parameters: [Tensor], by factor: Double) {
  let handles: [ct_tensor?] = parameters.map(\.handle)
  let code = withExtendedLifetime(parameters) {
    ct_scale_gradients(handles, Int32(handles.count), factor)
  }
  if code != 0 { report(failure(code, "scale")) }
}

/// What an optimizer keeps of one parameter under a name, such as a moment.
package struct OptimizerEntry {
  /// Its name, the same whoever keeps it.
  package let name: String
  /// Which parameter it belongs to, in the order in which they were added.
  package let parameter: Int
  /// Its shape.
  package let shape: [Int]
  /// The type of its numbers.
  package let dtype: DType
  /// Its numbers; `nil` where this optimizer does not keep them.
  package let tensor: Tensor?

  /// Makes an entry; see the properties.
  package init(
    _ name: String,
    of parameter: Int,
    _ shape: [Int],
    dtype: DType = .float32,
    _ tensor: Tensor?
  ) {
    self.name = name
    self.parameter = parameter
    self.shape = shape
    self.dtype = dtype
    self.tensor = tensor
  }
}

/// AdamW with decoupled weight decay, all parameters in one fused step.
///
/// Source: Loshchilov and Hutter 2019 (arXiv:1711.05101), as `torch.optim.AdamW(fused: true)`.
package final class AdamW {
  /// Decay of the first moment.
  package let beta1: Double
  /// Decay of the second moment.
  package let beta2: Double
  /// Added to the root of the second moment.
  package let epsilon: Double

  /// Parameters that share a weight decay, with their moments.
  private struct Group {
    /// Of all, in their order; moments are those of the parameters that are kept.
    let shapes: [[Int]]
    /// Which of them are kept.
    let kept: [Int]
    let parameters: [Tensor]
    let first: [Tensor]
    let second: [Tensor]
    let steps: [Tensor]
    let weightDecay: Double
    let rateFactor: Double
  }
  private var groups: [Group] = []

  /// Makes an optimizer; parameters are added by group.
  package init(beta1: Double = 0.9, beta2: Double = 0.95, epsilon: Double = 1e-8) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }

  /// Adds parameters.
  ///
  /// - Parameters:
  ///   - parameters: Leaf tensors that require gradients.
  ///   - weightDecay: Their decoupled weight decay, a factor of the learning rate.
  ///   - rateFactor: What a step's learning rate is multiplied with for them.
  ///   - isKept: Which of them this optimizer updates; another one does the others.
  package func add(
    _ parameters: [Tensor],
    weightDecay: Double,
    rateFactor: Double = 1,
    isKept: (Int) -> Bool = { _ in true }
  ) {
    let kept = parameters.indices.filter(isKept)
    let own = kept.map { parameters[$0] }
    groups.append(
      Group(
        shapes: parameters.map(\.shape),
        kept: kept,
        parameters: own,
        first: own.map { .zeros($0.shape, device: $0.device) },
        second: own.map { .zeros($0.shape, device: $0.device) },
        steps: own.map { .zeros([], device: $0.device) },
        weightDecay: weightDecay,
        rateFactor: rateFactor
      )
    )
  }

  /// Takes one step along the gradients; parameters without a gradient stay as they are.
  ///
  /// - Parameter learningRate: The step's learning rate.
  package func step(learningRate: Double) {
    for group in groups {
      func handles(_ tensors: [Tensor]) -> [ct_tensor?] { tensors.map(\.handle) }
      let code = ct_adamw(
        handles(group.parameters),
        handles(group.first),
        handles(group.second),
        handles(group.steps),
        Int32(group.parameters.count),
        learningRate * group.rateFactor,
        beta1,
        beta2,
        group.weightDecay,
        epsilon
      )
      if code != 0 { report(failure(code, "AdamW")) }
    }
  }

  /// The moments and step counts, in the order of the parameters, to save and to restore into.
  package var state: [OptimizerEntry] {
    var count = 0
    return groups.enumerated().flatMap { index, group in
      let place = Dictionary(uniqueKeysWithValues: zip(group.kept, group.kept.indices))
      return group.shapes.enumerated().flatMap { i, shape in
        defer { count += 1 }
        func entry(_ name: String, _ shape: [Int], _ tensors: [Tensor]) -> OptimizerEntry {
          OptimizerEntry("\(index).\(i).\(name)", of: count, shape, place[i].map { tensors[$0] })
        }
        return [
          entry("first", shape, group.first), entry("second", shape, group.second),
          entry("step", [], group.steps),
        ]
      }
    }
  }
}
