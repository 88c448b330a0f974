/// A training that cannot go on.
package enum TrainingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A loss or gradient is infinite or not a number.
  case notFinite(what: String, step: Int, items: String)
  /// There is nothing to train on.
  case noData(stage: String, hint: String)
  /// The recipe asks for something that does not fit the model or the data.
  case recipe(reason: String)
  /// The processes that trained together no longer do.
  case processes(reason: String)

  /// One sentence: what happened, where, and what to do.
  package var description: String {
    switch self {
    case .notFinite(let what, let step, let items):
      "the \(what) of step \(step) is not finite (items \(items)); lower the learning rate, or look "
        + "at these items"
    case .noData(let stage, let hint): "nothing to train on in stage \(stage); \(hint)"
    case .recipe(let reason): reason
    case .processes(let reason):
      "training in several processes ended: \(reason); the same command goes on from here"
    }
  }
}
