// The one rule that every method is graded by, whether it scores or judges.

/// How right a method is about one pair.
///
/// Every order that was asked counts alike: 1 where the better response is preferred, 0 where the other
/// one is, and one half for a tie and where nothing can be read. A scorer's two scores are one order.
/// So chance is one half for scorers and judges alike, and neither a place that is preferred nor a text
/// that does not end gains or loses anything by itself.
package struct PairGrade: Equatable, Sendable {
  /// What one order comes to.
  package enum Mark: Hashable, Sendable {
    /// The better response is preferred.
    case right
    /// The other one is.
    case wrong
    /// Neither is.
    case tie
    /// Nothing can be read.
    case missing

    /// 1, 0, or one half.
    package var credit: Double {
      switch self {
      case .right: 1
      case .wrong: 0
      case .tie, .missing: 0.5
      }
    }

    /// The mark of a preference.
    ///
    /// - Parameter margin: Above 0 for the better response; `nil` where nothing can be read.
    package init(margin: Double?) {
      guard let margin else {
        self = .missing
        return
      }
      self = margin > 0 ? .right : margin < 0 ? .wrong : .tie
    }
  }

  /// The orders that were asked.
  package let orders: [Mark]

  /// The share of pairs whose averaged probability prefers the better response; one half counts so, and so
  /// does what cannot be read.
  ///
  /// - Parameter probabilities: That of the better response, for each pair, averaged over the orders.
  /// - Returns: `nil` for no pair.
  package static func accuracy(ofProbabilities probabilities: [Double?]) -> Double? {
    guard !probabilities.isEmpty else { return nil }
    let marks = probabilities.map { Mark(margin: $0.map { $0 - 0.5 }) }
    return marks.map(\.credit).reduce(0, +) / Double(marks.count)
  }

  /// Makes a grade of at least one order.
  package init(_ orders: [Mark]) {
    precondition(!orders.isEmpty, "a grade of no order")
    self.orders = orders
  }

  /// The mean over the orders: the primary figure of every method.
  package var credit: Double {
    orders.map(\.credit).reduce(0, +) / Double(orders.count)
  }

  /// Whether every order is right.
  package var isRight: Bool { orders.allSatisfy { $0 == .right } }

  /// Whether one order prefers one response, and another order the other.
  package var contradicts: Bool { orders.contains(.right) && orders.contains(.wrong) }

  /// Whether orders differ at all: ties and what cannot be read too.
  package var isInconsistent: Bool { Set(orders).count > 1 }
}

/// What stands beside the mean credit of judges.
package struct GradeRates: Equatable, Sendable {
  /// The share of pairs that are right in every order.
  package let strict: Double
  /// The share of pairs whose orders contradict each other, of all pairs.
  package let contradicting: Double
  /// The share of pairs whose orders differ at all, of all pairs.
  package let inconsistent: Double
  /// The share of orders of which nothing can be read.
  package let missing: Double

  /// Counts grades; gives `nil` for none.
  ///
  /// - Parameter grades: One a pair.
  package init?(_ grades: [PairGrade]) {
    guard !grades.isEmpty else { return nil }
    func share(_ condition: (PairGrade) -> Bool) -> Double {
      Double(grades.count(where: condition)) / Double(grades.count)
    }
    strict = share(\.isRight)
    contradicting = share(\.contradicts)
    inconsistent = share(\.isInconsistent)
    let orders = grades.flatMap(\.orders)
    missing = Double(orders.count { $0 == .missing }) / Double(orders.count)
  }
}

extension PairOutcome {
  /// Grades some of the samples.
  ///
  /// - Parameter samples: Which; `nil` takes all. Orders that none of them is of are not asked.
  /// - Returns: Of a judge the majority of each order's votes, or the side of their mean probability; of
  ///   a scorer the sign of the difference of mean scores.
  package func grade(_ samples: Range<Int>? = nil) -> PairGrade {
    let range = (samples ?? 0..<sampleCount).clamped(to: 0..<sampleCount)
    guard !range.isEmpty else { return PairGrade([.missing]) }
    guard votes != nil else { return PairGrade([.init(margin: scoreMargin(range))]) }
    return PairGrade(orderMargins(range).map { .init(margin: $0) })
  }

  /// The mean credit of disjoint groups of samples.
  ///
  /// All samples are used, so that the credit of one vote is the mean over both orders, as that of
  /// many is: more votes are compared with fewer under one rule.
  ///
  /// - Parameter samples: Samples of a group, up to `sampleCount`; `nil` takes all as one group.
  /// - Returns: From 0 to 1.
  package func credit(samples: Int? = nil) -> Double {
    guard let samples, samples > 0, samples < sampleCount else { return grade().credit }
    let groups = sampleCount / samples
    let sum = (0..<groups).reduce(0.0) { sum, group in
      sum + grade((group * samples)..<((group + 1) * samples)).credit
    }
    return sum / Double(groups)
  }

  /// For each order that votes of a range are of, the mean of those that can be read less one half.
  func orderMargins(_ range: Range<Int>) -> [Double?] {
    guard let votes else { return [] }
    let own = votes[range]
    return JudgementOrder.allCases.filter { order in own.contains { $0.order == order } }.map {
      order in
      let read = own.filter { $0.order == order }.compactMap(\.chosen)
      return read.isEmpty ? nil : read.reduce(0, +) / Double(read.count) - 0.5
    }
  }

  /// The mean score of chosen less that of rejected, over a range of critiques.
  func scoreMargin(_ range: Range<Int>) -> Double? {
    guard let chosen, let rejected, rejected.count == chosen.count else { return nil }
    return (chosen[range].reduce(0, +) - rejected[range].reduce(0, +)) / Double(range.count)
  }
}
