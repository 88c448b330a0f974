import AssayBase
import AssayReward
import AssayText
import Foundation

/// What a reward went through before it was told.
enum Transform: String {
  /// Nothing: the score as it is.
  case none
  /// The logistic function, into (0, 1).
  case sigmoid

  /// What brings scores of a kind into (0, 1): a probability is there already; `nil` of ratings, which
  /// nothing does.
  static func activation(of kind: ScoreKind) -> Transform? {
    switch kind {
    case .logit: return Transform.sigmoid
    case .probability: return Transform.none
    case .rating: return nil
    }
  }

  /// The number that is told.
  func apply(_ reward: Double) -> Double {
    switch self {
    case .none: return reward
    case .sigmoid:
      // Of a number that is not positive, so that nothing overflows.
      let power = exp(-abs(reward))
      return reward >= 0 ? 1 / (1 + power) : power / (1 + power)
    }
  }

  /// The number as JSON.
  func json(_ reward: Double) -> JSONValue { .number("\(apply(reward))") }
}
