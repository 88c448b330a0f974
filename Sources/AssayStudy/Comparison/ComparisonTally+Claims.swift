// What claims need of a comparison besides differences.
import AssayReward
import Foundation

extension ComparisonTally {
  /// The section in which a method's advantage over another is the least sure.
  ///
  /// - Parameters:
  ///   - method: The minuend.
  ///   - reference: The subtrahend.
  ///   - suite: The suite.
  ///   - limit: What the advantage is to be above of.
  /// - Returns: A section in which it is surely below the limit, where there is one; else that with the
  ///   largest p. `nil` where there is nothing to compare.
  /// - Throws: As `difference`.
  func weakestSection(
    _ method: String,
    from reference: String,
    suite: String,
    limit: Double
  ) throws -> ComparisonResults.Difference? {
    let differences = try sections(of: method, suite: suite).compactMap {
      try difference(method, from: reference, suite: suite, section: $0)
    }
    return Self.weakest(differences, limit: limit)
  }

  /// The difference that is surely below a limit, or the least surely above it.
  static func weakest(
    _ differences: [ComparisonResults.Difference],
    limit: Double
  ) -> ComparisonResults.Difference? {
    func rank(_ difference: ComparisonResults.Difference) -> (Int, Double) {
      let figure = difference.difference
      if figure.upper < limit { return (0, figure.value) }
      return (1, figure.value > limit ? -figure.p(against: limit) : -1)
    }
    return differences.min { rank($0) < rank($1) }
  }

  /// How much of what more samples bring is lost with each step that a task has more.
  ///
  /// That is minus the slope of the least squares line of the gains over the steps: with mean steps
  /// `m`, `sum((steps - m) gain) / sum((steps - m)^2)`.
  ///
  /// - Parameters:
  ///   - method: A method that samples.
  ///   - suite: The suite; of its pairs, those whose bin begins with a number, as `2 steps`.
  /// - Returns: The loss a step, with its interval over seeds and pairs; `nil` where steps do not differ.
  /// - Throws: `StatisticsError`.
  func gainSlope(_ method: String, suite: String) throws -> Estimate? {
    guard let lists = outcomes(of: method, suite: suite), let first = lists.first else {
      return nil
    }
    let steps = first.map { outcome in
      input.bins[.init(outcome)]?.split(separator: " ").first.flatMap { Double($0) }
    }
    let places = first.indices.filter { steps[$0] != nil }
    let known = places.compactMap { steps[$0] }
    guard places.allSatisfy({ first[$0].sampleCount > 1 }), Set(known).count > 1 else { return nil }
    let center = known.reduce(0, +) / Double(known.count)
    let square = known.reduce(0) { $0 + ($1 - center) * ($1 - center) }
    let gains = lists.map { list in places.map { list[$0].credit() - list[$0].credit(samples: 1) } }
    let mean = gains.joined().reduce(0, +) / Double(gains.count * places.count)
    // The slope is a mean of these; gains less their mean have the same slope and less spread.
    let parts = gains.map { own in
      zip(own, known).map { (mean - $0) * ($1 - center) * Double(known.count) / square }
    }
    return try SeedsAndItems(parts, clusters: clusters(first, places)).mean()
  }
}
