// Whether probabilities mean what they say.

/// How well probabilities agree with what happened.
package struct Calibration: Equatable, Sendable {
  /// Items of similar probability.
  package struct Bin: Equatable, Sendable {
    /// Where the bin begins; a probability on a border belongs to the bin above it.
    package let lower: Double
    /// Where the bin ends; the last one includes its end.
    package let upper: Double
    /// The number of items in it; the means of an empty bin are 0.
    package let count: Int
    /// The mean probability.
    package let meanProbability: Double
    /// The share of items where it happened.
    package let frequency: Double
  }

  /// The mean distance of probability and frequency over bins, weighted by their counts, in [0, 1].
  package let expectedError: Double
  /// The mean squared distance of probability and outcome, in [0, 1].
  package let brier: Double
  /// Bins of equal width, to draw a reliability diagram.
  package let bins: [Bin]

  /// Measures probabilities of an event against outcomes.
  ///
  /// - Parameters:
  ///   - probabilities: In [0, 1].
  ///   - outcomes: 1 where it happened, 0 where not, or a soft label between.
  ///   - binCount: Bins of equal width over [0, 1]; 10 is customary.
  /// - Throws: `StatisticsError.notAProbability`, `.lengthMismatch` or `.empty`.
  ///
  /// Source: Naeini, Cooper and Hauskrecht 2015 (expected calibration error); Brier 1950.
  package init(probabilities: [Double], outcomes: [Double], binCount: Int = 10) throws {
    try self.init(
      probabilities: probabilities,
      outcomes: outcomes,
      range: 0...1,
      binCount: binCount
    )
  }

  /// Measures the preference probabilities of a judge or of score differences.
  ///
  /// Each pair is looked at from the favoured side, `max(p, 1 - p)`, so that the order of the two
  /// responses does not matter; it counts as right if `p > 0.5`, and half if `p` is 0.5.
  ///
  /// - Parameters:
  ///   - probabilities: Probability of each pair that the response labelled chosen is better.
  ///   - binCount: Bins of equal width over [0.5, 1].
  /// - Throws: `StatisticsError.notAProbability` or `.empty`.
  package init(preferences probabilities: [Double], binCount: Int = 10) throws {
    try self.init(
      probabilities: probabilities.map { max($0, 1 - $0) },
      outcomes: probabilities.map { $0 > 0.5 ? 1 : $0 == 0.5 ? 0.5 : 0 },
      range: 0.5...1,
      binCount: binCount
    )
  }

  private init(
    probabilities: [Double],
    outcomes: [Double],
    range: ClosedRange<Double>,
    binCount: Int
  ) throws {
    precondition(binCount > 0, "binCount is \(binCount)")
    guard !probabilities.isEmpty else {
      throw StatisticsError.empty(name: "The list of probabilities")
    }
    guard probabilities.count == outcomes.count else {
      throw StatisticsError.lengthMismatch(
        name: "The list of outcomes",
        expected: probabilities.count,
        actual: outcomes.count
      )
    }
    for (name, values) in [("probability", probabilities), ("outcome", outcomes)] {
      if let index = values.firstIndex(where: { !(0...1).contains($0) }) {
        throw StatisticsError.notAProbability(
          name: name,
          index: index,
          actual: "\(values[index])"
        )
      }
    }
    // Borders are the nearest numbers to their decimals, as probabilities are; a width's multiples are not.
    let borders = (0...binCount).map { place in
      (range.lowerBound * Double(binCount - place) + range.upperBound * Double(place))
        / Double(binCount)
    }
    var sums = [(count: Int, probability: Double, outcome: Double)](
      repeating: (0, 0, 0),
      count: binCount
    )
    for (probability, outcome) in zip(probabilities, outcomes) {
      let place = borders.lastIndex { $0 <= probability } ?? 0
      let bin = min(binCount - 1, place)
      sums[bin].count += 1
      sums[bin].probability += probability
      sums[bin].outcome += outcome
    }
    let bins = sums.enumerated().map { index, sum in
      Bin(
        lower: borders[index],
        upper: borders[index + 1],
        count: sum.count,
        meanProbability: sum.count == 0 ? 0 : sum.probability / Double(sum.count),
        frequency: sum.count == 0 ? 0 : sum.outcome / Double(sum.count)
      )
    }
    self.bins = bins
    let total = Double(probabilities.count)
    expectedError = bins.reduce(0) {
      $0 + Double($1.count) / total * abs($1.meanProbability - $1.frequency)
    }
    brier = zip(probabilities, outcomes).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / total
  }
}
