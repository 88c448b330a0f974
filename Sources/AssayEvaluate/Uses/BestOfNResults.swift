// `results.json` of `assay bon`, and its table.
import AssayReward
import Foundation

/// What best-of-N showed.
package struct BestOfNResults: Encodable, Sendable {
  private struct Interval: Encodable {
    let value: Double
    let ci95: [Double]
    let n: Int
  }

  private let seconds: Double
  private let model: String
  private let prompts: Int
  private let points: [BestOfNPoint]
  private let gain: Interval

  /// Makes results.
  ///
  /// - Parameters:
  ///   - seconds: How long it took.
  ///   - model: What picked.
  ///   - points: A point for each number of responses.
  ///   - gain: Over a random pick.
  ///   - prompts: How many prompts there were.
  package init(
    seconds: Double,
    model: String,
    _ points: [BestOfNPoint],
    gain: Estimate,
    prompts: Int
  ) {
    self.seconds = seconds
    self.model = model
    self.points = points
    self.prompts = prompts
    self.gain = Interval(value: gain.value, ci95: [gain.lower, gain.upper], n: gain.count)
  }

  /// A table for people.
  package var text: String {
    func share(_ value: Double) -> String { String(format: "%.1f", 100 * value) }
    var table = TextTable([
      ("N", .right), ("picked right [95 %]", .right), ("oracle", .right), ("random", .right),
    ])
    table.rows = points.map { point in
      [
        "\(point.count)",
        "\(share(point.value)) [\(share(point.ci95[0])), \(share(point.ci95[1]))]",
        share(point.oracle), share(point.random),
      ]
    }
    return table.text
      + "gain over a random pick: \(share(gain.value)) points "
      + "[\(share(gain.ci95[0])), \(share(gain.ci95[1]))], \(prompts) prompts"
  }
}
