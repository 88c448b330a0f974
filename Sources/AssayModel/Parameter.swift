import AssayTensor

/// A weight that is trained: a leaf of the gradient graph.
package final class Parameter {
  /// A name that is unique in the model, used for optimizer state.
  package let name: String
  /// The weight itself.
  package let value: Tensor

  init(_ name: String, _ value: Tensor) {
    self.name = name
    self.value = value
  }
}
