import AssayReward

extension ResultsFile.Figure {
  /// Notes what stands beside a judge's accuracy.
  package mutating func note(_ rates: GradeRates) {
    strict = rates.strict
    flipRate = rates.contradicting
    inconsistentRate = rates.inconsistent
    missingRate = rates.missing
  }

  /// Notes how often the response shown first is preferred.
  ///
  /// - Parameter verdicts: Of each verdict that prefers one, whether it is that.
  package mutating func note(firstShown verdicts: [Bool]) {
    firstShare =
      verdicts.isEmpty ? nil : Double(verdicts.count(where: \.self)) / Double(verdicts.count)
  }

  /// The mean credit of outcomes with its interval and, of judges, what stands beside it.
  ///
  /// - Parameters:
  ///   - outcomes: What a method made of pairs, under one seed or several.
  ///   - estimate: The mean credit, where it is known already.
  /// - Throws: `StatisticsError` for no outcomes.
  package init(_ outcomes: [PairOutcome], estimate: Estimate? = nil) throws {
    self.init(
      try estimate
        ?? Statistics.accuracy(outcomes.map { $0.credit() }, clusters: outcomes.clusterNumbers)
    )
    let judged = outcomes.filter { $0.votes != nil }
    guard let rates = GradeRates(judged.map { $0.grade() }) else { return }
    note(rates)
    orderAveraged = PairGrade.accuracy(ofProbabilities: judged.map(\.probability))
    note(
      firstShown: judged.flatMap { $0.votes ?? [] }.compactMap { vote in
        guard let chosen = vote.chosen, chosen != 0.5 else { return nil }
        return (vote.order == .chosenFirst) == (chosen > 0.5)
      }
    )
    let votes = Double(max(1, judged.map(\.sampleCount).reduce(0, +)))
    unparseableRate = Double(judged.map(\.unparseableCount).reduce(0, +)) / votes
    let forced = judged.map(\.forcedCount).reduce(0, +)
    if forced > 0 { forcedRate = Double(forced) / votes }
  }
}

extension [PairOutcome] {
  /// A number for each outcome, the same for those that depend on each other; `nil` where each stands alone.
  package var clusterNumbers: [Int]? { Statistics.clusters(map(\.cluster)) }
}
