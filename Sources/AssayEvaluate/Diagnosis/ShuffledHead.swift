// The same model with its head's weights in another order: what any direction of its states would score.
import AssayBase
import AssayModel
import AssayTensor

/// The baseline of a head that was not learnt.
package enum ShuffledHead {
  /// The name of the baseline, and of its records: `scores-NAME.shuffled-head.jsonl`.
  package static let name = "shuffled-head"
  private static let seed: UInt64 = 0

  /// Whether a model has a head with weights of its own to shuffle.
  package static func fits(_ model: Model) -> Bool { model.head?.parameters.isEmpty == false }

  /// Permutes the entries of each weight of a model's head, in place; biases stay.
  ///
  /// Of a model that is loaded the order is the same each time.
  ///
  /// - Parameter model: A model that scores nothing else any more.
  package static func shuffleInPlace(_ model: Model) {
    var random = SeededRandom(seed)
    withoutGradients {
      for parameter in model.head?.parameters ?? [] where parameter.name.hasSuffix(".weight") {
        let weight = parameter.value
        let dealt = random.shuffled(weight.to(.float32).floats)
        weight.copyInPlace(Tensor(dealt, weight.shape))
      }
    }
  }
}
