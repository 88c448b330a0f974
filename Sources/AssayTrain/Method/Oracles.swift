import AssayData
import AssayReward

/// Tells whether a critique of a response makes claims and none of them is false, its conclusion aside,
/// which the label gives away; `nil` where the data cannot tell.
package typealias CritiqueTruth =
  @Sendable (_ pair: PreferencePair, _ response: String, _ critique: String) -> Bool?

/// What a world knows of judgements, where it does.
package struct JudgementOracle: Sendable {
  /// An exact judgement of a pair in an order; `nil` where there is none.
  package var judgement: @Sendable (_ pair: PreferencePair, _ order: JudgementOrder) -> String?
  /// Whether all claims of a judgement, its verdict aside, are true; `nil` where nobody can tell.
  package var isTrue:
    @Sendable (_ pair: PreferencePair, _ order: JudgementOrder, _ text: String) -> Bool?

  /// Makes an oracle.
  package init(
    judgement: @escaping @Sendable (PreferencePair, JudgementOrder) -> String?,
    isTrue: @escaping @Sendable (PreferencePair, JudgementOrder, String) -> Bool?
  ) {
    self.judgement = judgement
    self.isTrue = isTrue
  }
}
