import AssayTensor

/// How an optimizer keeps its moments.
package enum MomentForm: String, CaseIterable, Codable, Sendable {
  /// Two float32 numbers for each that is trained.
  case full
  /// The first in bfloat16, the second of a matrix as means of its rows and columns.
  case factored

  /// Bytes for each number that is trained, without what few rows and columns take.
  var bytes: Int { self == .full ? 8 : 2 }
}

/// An optimizer as a training uses it.
package protocol Optimizer: AnyObject {
  /// Adds parameters.
  func add(_ parameters: [Tensor], weightDecay: Double, rateFactor: Double)
  /// Takes one step along the gradients.
  func step(learningRate: Double)
  /// The moments and step counts, to save and to restore into.
  var state: [(name: String, tensor: Tensor)] { get }
}

extension AdamW: Optimizer {}
