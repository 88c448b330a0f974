// What was found of each bias that was looked for.
import AssayReward

/// What was found of one bias.
package struct ProbeFinding: Codable, Equatable, Sendable {
  /// What the numbers allow to say.
  package enum Verdict: String, Codable, Sendable {
    /// There is an effect, whatever its size.
    case found
    /// None was found, and one that matters would have been.
    case none
    /// None was found, and one that matters need not have been.
    case cannotTell = "cannot-tell"
  }

  /// What was looked for.
  package let probe: Probe
  /// By how much the preference changes, as a share; above 0 in favour of the changed response, or of
  /// the one shown first.
  package let effect: CardFigure
  /// Prompts, which are independent.
  package let prompts: Int
  /// The test's probability, not corrected.
  package let pValue: Double
  /// The same, corrected for the number of biases looked for.
  package let correctedPValue: Double
  /// The smallest effect that would be found in 95 % of samples like this one, after correction.
  package let detectable: Double
  /// The share of items whose preferred response changes.
  package let moved: Double
  /// What all that allows to say.
  package let verdict: Verdict

  enum CodingKeys: String, CodingKey {
    case probe, effect, prompts, detectable, moved, verdict
    case pValue = "p"
    case correctedPValue = "p_corrected"
  }

  /// The level of the tests of all biases together.
  package static let level = 0.05

  /// Changes that one bias made.
  package struct Changes: Equatable, Sendable {
    /// What was looked for.
    package var probe: Probe
    /// Of each item, by how much the preference changed.
    package var gains: [Double]
    /// The prompt of each item, by number.
    package var clusters: [Int]
    /// Items whose preferred response changed.
    package var moved: Int

    /// Makes changes.
    package init(probe: Probe, gains: [Double] = [], clusters: [Int] = [], moved: Int = 0) {
      (self.probe, self.gains, self.clusters, self.moved) = (probe, gains, clusters, moved)
    }
  }

  /// Tests changes of several kinds together.
  ///
  /// - Parameters:
  ///   - changes: One a bias; those without any item are left out.
  ///   - smallest: The smallest effect that matters.
  /// - Returns: A finding each.
  /// - Throws: `StatisticsError`.
  package static func all(_ changes: [Changes], smallest: Double) throws -> [ProbeFinding] {
    let tested = changes.filter { !$0.gains.isEmpty }
    let effects = try tested.map { try PairedEffect($0.gains, clusters: $0.clusters) }
    let corrected = Statistics.holm(effects.map(\.pValue))
    return zip(tested, zip(effects, corrected)).map { changes, tests in
      let (effect, pValue) = tests
      let detectable = effect.detectable(level: level / Double(tested.count))
      return ProbeFinding(
        probe: changes.probe,
        effect: CardFigure(effect.estimate),
        prompts: effect.clusterCount,
        pValue: effect.pValue,
        correctedPValue: pValue,
        detectable: detectable,
        moved: Double(changes.moved) / Double(changes.gains.count),
        verdict: pValue < level ? .found : detectable <= smallest ? .none : .cannotTell
      )
    }
  }
}

/// A figure of a card with its 95 % interval.
package struct CardFigure: Codable, Equatable, Sendable {
  /// The figure.
  package let value: Double
  /// The lower and the upper end of the interval.
  package let ci95: [Double]
  /// Items behind it.
  package let n: Int

  /// Makes a figure of an estimate.
  package init(_ estimate: Estimate) {
    (value, ci95, n) = (estimate.value, [estimate.lower, estimate.upper], estimate.count)
  }
}
