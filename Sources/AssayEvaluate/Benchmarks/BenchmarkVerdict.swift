import AssayBase
import AssayData
import AssayReward
import AssayText
import Foundation

/// What a judge said of a pair in one order.
package enum BenchmarkVerdict: String, Sendable {
  /// The chosen response is better.
  case chosen
  /// The rejected response is better.
  case rejected
  /// Both are equally good.
  case tie
  /// The text has no verdict that can be read.
  case unparseable

  /// What a verdict says.
  ///
  /// - Parameters:
  ///   - text: The verdict as records and files spell it.
  ///   - isChosenA: Whether the chosen response is called A.
  init(spelt text: String, isChosenA: Bool) {
    switch text.filter({ !$0.isWhitespace }) {
    case "A>B", "A>>B", "B<A", "B<<A", "A": self = isChosenA ? .chosen : .rejected
    case "B>A", "B>>A", "A<B", "A<<B", "B": self = isChosenA ? .rejected : .chosen
    case "A=B", "B=A", "tie": self = .tie
    default: self = .unparseable
    }
  }

  /// How the one rule marks it, of a pair whose chosen response is better.
  package var mark: PairGrade.Mark {
    switch self {
    case .chosen: .right
    case .rejected: .wrong
    case .tie: .tie
    case .unparseable: .missing
    }
  }
}
