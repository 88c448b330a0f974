import AssayBase
import AssayText
import Foundation

/// What a reward went through before it was told.
enum Transform: String {
  /// Nothing: the head's logit.
  case none
  /// The logistic function, into (0, 1).
  case sigmoid

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
