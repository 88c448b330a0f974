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
  /// Adds parameters, of which it updates those that are kept.
  func add(
    _ parameters: [Tensor],
    weightDecay: Double,
    rateFactor: Double,
    isKept: (Int) -> Bool
  )
  /// Takes one step along the gradients.
  func step(learningRate: Double)
  /// The moments and step counts of all parameters, to save and to restore into.
  var state: [OptimizerEntry] { get }
}

extension Optimizer {
  /// Adds parameters, all of which it updates.
  package func add(_ parameters: [Tensor], weightDecay: Double, rateFactor: Double = 1) {
    add(parameters, weightDecay: weightDecay, rateFactor: rateFactor) { _ in true }
  }
}

extension AdamW: Optimizer {}
