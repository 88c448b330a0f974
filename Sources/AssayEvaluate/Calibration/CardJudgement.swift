// What a rater said of a gold item, in the two orders.
import AssayData
import AssayReward

/// What a rater said of one pair: the probability that the better response is better, in each order.
package struct CardJudgement: Equatable, Sendable {
  /// Of each order, where it can be read; of what does not mind the order, the same in both.
  package let orders: [JudgementOrder: Double]
  /// Whether the rater was shown two responses, and so an order.
  package let hasOrders: Bool
  /// The share of judgements that cannot be read.
  package let unreadShare: Double
  /// Whether it was asked at all.
  package let isRated: Bool

  /// Reads an outcome.
  package init(_ outcome: PairOutcome) {
    isRated = outcome.sampleCount > 0
    guard let votes = outcome.votes else {
      let probability = outcome.probability
      orders = JudgementOrder.allCases.reduce(into: [:]) { $0[$1] = probability }
      hasOrders = false
      unreadShare = 0
      return
    }
    orders = JudgementOrder.allCases.reduce(into: [:]) { orders, order in
      let read = votes.filter { $0.order == order }.compactMap(\.chosen)
      if !read.isEmpty { orders[order] = read.reduce(0, +) / Double(read.count) }
    }
    hasOrders = true
    unreadShare =
      votes.isEmpty ? 1 : Double(outcome.unparseableCount) / Double(votes.count)
  }

  /// The probability over the orders that can be read; `nil` where none can.
  package var probability: Double? {
    orders.isEmpty ? nil : orders.values.sorted().reduce(0, +) / Double(orders.count)
  }

  /// What the judgements of an order are worth: 1 right, 0 wrong, 0.5 for a tie or nothing that can be
  /// read.
  package func credit(_ order: JudgementOrder) -> Double {
    guard let probability = orders[order] else { return 0.5 }
    return probability > 0.5 ? 1 : probability == 0.5 ? 0.5 : 0
  }

  /// What it is worth over both orders.
  package var credit: Double {
    JudgementOrder.allCases.map(credit).reduce(0, +) / 2
  }

  /// How much more the worse response is preferred than by another judgement, over the orders that both
  /// can be read in; `nil` where there are none.
  package func gain(of changed: CardJudgement) -> Double? {
    let gains = JudgementOrder.allCases.compactMap { order -> Double? in
      guard let before = orders[order], let after = changed.orders[order] else { return nil }
      return before - after
    }
    return gains.isEmpty ? nil : gains.reduce(0, +) / Double(gains.count)
  }

  /// How much the first place adds to the preference; `nil` where an order cannot be read.
  package var positionGain: Double? {
    guard hasOrders, let first = orders[.chosenFirst], let second = orders[.rejectedFirst] else {
      return nil
    }
    return (first - second) / 2
  }
}
