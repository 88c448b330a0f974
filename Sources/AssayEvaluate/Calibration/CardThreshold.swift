// From which confidence on a rater is right as often as one wants.
import AssayReward

/// The confidence from which on a rater is as precise as wanted, and what that costs.
package struct CardThreshold: Codable, Equatable, Sendable {
  /// Preferences that are at least as sure as some confidence.
  package struct Point: Codable, Equatable, Sendable {
    /// The confidence: the probability of the preferred response.
    package let confidence: Double
    /// The share of items that are kept.
    package let coverage: Double
    /// How often what is kept is right.
    package let precision: Double
  }

  /// How often what is kept shall be right.
  package let wanted: Double
  /// The lowest confidence that gives it on all items; `nil` where none does.
  package let confidence: Double?
  /// How often what is kept is right, on items that had no part in the choice; `nil` where none is kept.
  package let precision: CardFigure?
  /// The share of items that are kept of those, unread ones among the rest.
  package let coverage: CardFigure
  /// Precision by coverage, on all items.
  package let curve: [Point]

  /// Fewest items that a confidence is chosen by.
  private static let fewest = 10
  private static let curvePoints = 20

  /// Chooses a confidence, and judges the choice on items held out.
  ///
  /// - Parameters:
  ///   - probabilities: Of each item, that of the better response; 0.5 of what cannot be read, which is
  ///     never sure.
  ///   - clusters: The items' prompts.
  ///   - wanted: How often what is kept shall be right.
  /// - Throws: `StatisticsError`.
  init(_ probabilities: [Double], clusters: [Int], wanted: Double) throws {
    self.wanted = wanted
    confidence = Self.choose(probabilities, wanted)
    let folds = CardFolds(clusters, count: CardCalibration.foldCount)
    let kept = folds.heldOut(probabilities, fit: { Self.choose($0, wanted) }) { choice, own in
      choice.map { max(own, 1 - own) >= $0 } ?? false
    }
    coverage = CardFigure(
      try Statistics.accuracy(kept.map { $0 ? 1 : 0 }, clusters: clusters)
    )
    let sure = zip(clusters, probabilities).enumerated().filter { kept[$0.offset] }.map(\.element)
    precision =
      sure.isEmpty
      ? nil
      : CardFigure(
        try Statistics.accuracy(sure.map { Self.credit($1) }, clusters: sure.map(\.0))
      )
    curve = Self.curve(probabilities)
  }

  private static func credit(_ probability: Double) -> Double {
    probability > 0.5 ? 1 : probability == 0.5 ? 0.5 : 0
  }

  private static func curve(_ probabilities: [Double]) -> [Point] {
    let count = Double(probabilities.count)
    let groups = groups(probabilities)
    let step = max(1, groups.count / curvePoints)
    return groups.enumerated().filter { $0.offset % step == step - 1 || $0.offset == 0 }.map {
      let (confidence, sum, kept) = $0.element
      return Point(confidence: confidence, coverage: kept / count, precision: sum / kept)
    }
  }

  /// The confidences there are, the surest first, with what is right and what is kept from there on.
  private static func groups(
    _ probabilities: [Double]
  ) -> [(confidence: Double, right: Double, kept: Double)] {
    var groups: [(confidence: Double, right: Double, kept: Double)] = []
    var (right, kept) = (0.0, 0.0)
    let sorted = probabilities.map { (max($0, 1 - $0), credit($0)) }.sorted { $0 > $1 }
    for (confidence, credit) in sorted {
      right += credit
      kept += 1
      if groups.last?.confidence == confidence { groups.removeLast() }
      groups.append((confidence, right, kept))
    }
    return groups
  }

  /// The lowest confidence from which on as many are right as wanted.
  private static func choose(_ probabilities: [Double], _ wanted: Double) -> Double? {
    groups(probabilities).last {
      $0.kept >= Double(fewest) && $0.right >= wanted * $0.kept && $0.confidence > 0.5
    }?.confidence
  }
}
