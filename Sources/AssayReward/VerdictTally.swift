import AssayText

/// What a judge's verdicts on many pairs come to.
package struct VerdictTally: Equatable, Sendable {
  /// The share of pairs whose chosen response is preferred, with a 95 % interval.
  ///
  /// Ties are not right; pairs without a verdict do not count. `nil` where no pair has a verdict.
  package let accuracy: Estimate?
  /// The number of pairs of each outcome.
  package let outcomes: [PairVerdict.Outcome: Int]
  /// The share of pairs whose orders contradict each other, of those with a verdict in both; `nil`
  /// where there are none.
  package let flipRate: Double?
  /// The share of judgements without a verdict; a judge of probabilities writes none that is.
  package let unparseableRate: Double
  /// The share of the verdicts that prefer the response shown first; `nil` where there are none.
  ///
  /// Both orders are judged alike often, so a judge that does not mind the order has 0.5.
  package let firstShare: Double?
  /// The mean probability of both letters together where one was to be written; `nil` where it is unknown.
  ///
  /// A judge that would rather write something else has little.
  package let letterMass: Double?

  /// Counts verdicts.
  ///
  /// - Parameter verdicts: At least one.
  /// - Throws: `StatisticsError.empty` for none.
  package init(_ verdicts: [PairVerdict]) throws {
    guard !verdicts.isEmpty else { throw StatisticsError.empty(name: "The list of verdicts") }
    let read = verdicts.filter { !$0.isMissing }
    accuracy =
      read.isEmpty ? nil : try Statistics.accuracy(read.map { $0.outcome == .win ? 1 : 0 })
    outcomes = verdicts.reduce(into: [:]) { $0[$1.outcome, default: 0] += 1 }
    let whole = verdicts.filter { verdict in
      JudgementOrder.allCases.allSatisfy { verdict.majority(of: $0).read > 0 }
    }
    flipRate = whole.isEmpty ? nil : Double(whole.count(where: \.flipped)) / Double(whole.count)
    let judgements = verdicts.flatMap(\.judgements)
    // A probability of exactly 0.5 prefers neither, but was read.
    unparseableRate =
      Double(judgements.count { $0.verdict == nil && $0.probability == nil })
      / Double(max(1, judgements.count))
    let masses = judgements.compactMap { $0.letters?.mass }
    letterMass = masses.isEmpty ? nil : masses.reduce(0, +) / Double(masses.count)
    let stated = judgements.compactMap(\.verdict)
    firstShare =
      stated.isEmpty ? nil : Double(stated.count { $0 == .a }) / Double(stated.count)
  }
}
