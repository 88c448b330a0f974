import AssayText

/// What a judge's verdicts on many pairs come to.
package struct VerdictTally: Equatable, Sendable {
  /// The mean credit of all pairs, with a 95 % interval: see `PairGrade`.
  package let accuracy: Estimate
  /// What stands beside it.
  package let rates: GradeRates
  /// The accuracy of the probabilities that are averaged over both orders.
  package let orderAveraged: Double
  /// The number of pairs of each outcome.
  package let outcomes: [PairVerdict.Outcome: Int]
  /// The share of judgements without a verdict; a judge of probabilities writes none that is.
  package let unparseableRate: Double
  /// The share of judgements that were cut short and made to decide.
  package let forcedRate: Double
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
  /// - Parameters:
  ///   - verdicts: At least one.
  ///   - clusters: What each depends on, as its prompt's number; `nil`: each stands alone.
  /// - Throws: `StatisticsError.empty` for none.
  package init(_ verdicts: [PairVerdict], clusters: [Int]? = nil) throws {
    let grades = verdicts.map { PairOutcome($0, suite: "", subset: nil).grade() }
    guard let rates = GradeRates(grades) else {
      throw StatisticsError.empty(name: "The list of verdicts")
    }
    self.rates = rates
    orderAveraged = PairGrade.accuracy(ofProbabilities: verdicts.map(\.probability)) ?? 0.5
    accuracy = try Statistics.accuracy(grades.map(\.credit), clusters: clusters)
    outcomes = verdicts.reduce(into: [:]) { $0[$1.outcome, default: 0] += 1 }
    let judgements = verdicts.flatMap(\.judgements)
    // A probability of exactly 0.5 prefers neither, but was read.
    unparseableRate =
      Double(judgements.count { $0.verdict == nil && $0.probability == nil })
      / Double(max(1, judgements.count))
    let masses = judgements.compactMap { $0.letters?.mass }
    letterMass = masses.isEmpty ? nil : masses.reduce(0, +) / Double(masses.count)
    forcedRate =
      Double(judgements.count { $0.isForced == true }) / Double(max(1, judgements.count))
    let stated = judgements.compactMap(\.verdict)
    firstShare =
      stated.isEmpty ? nil : Double(stated.count { $0 == .a }) / Double(stated.count)
  }
}
