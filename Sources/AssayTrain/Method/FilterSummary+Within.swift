import AssayReward
import Foundation

extension FilterSummary {
  /// By how much the critiques that a filter keeps of a response are more often true than those that it
  /// drops of the same: easy responses and hard ones, of which it keeps more or fewer, cancel out.
  package struct Within: Codable, Equatable, Sendable {
    /// Pairs with such a response.
    package private(set) var pairs = 0
    /// Responses of which critiques are kept and others dropped.
    package private(set) var responses = 0
    /// The sum of the responses' differences.
    package private(set) var sum = 0.0
    // Over pairs: the sums of squared differences, of differences times responses, of squared responses.
    private var squares = 0.0
    private var products = 0.0
    private var sizes = 0.0

    /// Makes a summary of nothing.
    package init() {}

    /// Adds a pair.
    ///
    /// - Parameter differences: Of its responses: the share of true critiques among those kept, less that
    ///   among those dropped.
    package mutating func add(_ differences: [Double]) {
      guard !differences.isEmpty else { return }
      let (own, count) = (differences.reduce(0, +), Double(differences.count))
      pairs += 1
      responses += differences.count
      sum += own
      squares += own * own
      products += own * count
      sizes += count * count
    }

    /// The mean over responses.
    private var mean: Double { sum / Double(responses) }

    /// The variance of the mean; the responses of a pair depend on each other.
    private var variance: Double {
      let (mean, G, R) = (mean, Double(pairs), Double(responses))
      return max(0, squares - 2 * mean * products + mean * mean * sizes) * G / ((G - 1) * R * R)
    }

    /// The mean difference over seeds, with its 95 % interval.
    ///
    /// Seeds share their pairs, so that the pairs' variance does not fall with the number of seeds: that
    /// of the seeds' means over their number and the mean one of pairs are added, and Student's t has
    /// Satterthwaite's degrees.
    ///
    /// - Parameter seeds: One for each; those with fewer than two pairs are left out.
    /// - Returns: `nil` where none is left.
    package static func difference(_ seeds: [Within]) -> Estimate? {
      let own = seeds.filter { $0.pairs > 1 }
      guard !own.isEmpty else { return nil }
      let S = Double(own.count)
      let mean = own.map(\.mean).reduce(0, +) / S
      let ofPairs = own.map(\.variance).reduce(0, +) / S
      let free = own.map { Double($0.pairs - 1) }.reduce(0, +) / S
      let ofSeeds =
        own.count > 1
        ? own.reduce(0) { $0 + ($1.mean - mean) * ($1.mean - mean) } / ((S - 1) * S) : 0
      let variance = ofPairs + ofSeeds
      let spread =
        ofPairs * ofPairs / free + (own.count > 1 ? ofSeeds * ofSeeds / (S - 1) : 0)
      let degrees = spread > 0 ? variance * variance / spread : free
      let half = Statistics.studentQuantile(degrees: degrees) * variance.squareRoot()
      return Estimate(
        value: mean,
        lower: mean - half,
        upper: mean + half,
        count: own.map(\.responses).reduce(0, +),
        degrees: degrees
      )
    }
  }
}
