import AssayReward

extension ResultsFile.Figure {
  /// Notes what stands beside a judge's accuracy.
  package mutating func note(_ rates: GradeRates) {
    strict = rates.strict
    flipRate = rates.contradicting
    inconsistentRate = rates.inconsistent
    missingRate = rates.missing
  }

  /// The mean credit of outcomes with its interval and, of judges, what stands beside it.
  ///
  /// - Parameters:
  ///   - outcomes: What a method made of pairs, under one seed or several.
  ///   - estimate: The mean credit, where it is known already.
  /// - Throws: `StatisticsError` for no outcomes.
  package init(_ outcomes: [PairOutcome], estimate: Estimate? = nil) throws {
    self.init(try estimate ?? Statistics.accuracy(outcomes.map { $0.credit() }))
    let judged = outcomes.filter { $0.votes != nil }
    guard let rates = GradeRates(judged.map { $0.grade() }) else { return }
    note(rates)
    orderAveraged = PairGrade.accuracy(ofProbabilities: judged.map(\.probability))
    let votes = Double(max(1, judged.map(\.sampleCount).reduce(0, +)))
    unparseableRate = Double(judged.map(\.unparseableCount).reduce(0, +)) / votes
    let forced = judged.map(\.forcedCount).reduce(0, +)
    if forced > 0 { forcedRate = Double(forced) / votes }
  }
}
