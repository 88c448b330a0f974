// What a judge is asked about an item.

/// How a judge judges the items of benchmarks.
package enum JudgingForm: String, CaseIterable, Sendable {
  /// Each chosen response against each rejected one, in both orders.
  case pairs
  /// A rating from 1 to 10 of each response.
  case ratings
  /// The best of an item's responses.
  case choice
}

/// What a judge is asked about an item, where that is no comparison of two responses.
package enum ItemQuestion: Equatable, Sendable {
  /// A rating of each response.
  case rating(weighsDetail: Bool)
  /// The best response, of one chosen one and others.
  case choice
  /// The first wrong step of a solution.
  case step
}
