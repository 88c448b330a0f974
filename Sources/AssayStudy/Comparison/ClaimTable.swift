// The papers' claims beside what a comparison measured.
import AssayEvaluate
import AssayReward
import Foundation

/// Claims, and whether they hold.
package enum ClaimTable {
  /// A claim of a paper, and what measures it.
  package struct Claim: Equatable, Sendable {
    /// What is measured; above the limit the claim holds.
    package enum Measure: Equatable, Sendable {
      /// A method's accuracy less that of another.
      case difference(String, String, suite: String, section: String, samples: Int? = nil)
      /// The same of whichever of some methods is best there.
      case best([String], String, suite: String, section: String)
      /// What all critiques or votes bring over a single one.
      case sampleGain(String, suite: String, section: String)
      /// A figure that the caller gives by the claim's id.
      case given
    }

    /// A short name.
    package var id: String
    /// What is claimed.
    package var sentence: String
    /// The paper's figure, as text.
    package var paper: String
    /// What is measured.
    package var measure: Measure
    /// The claim holds where the interval lies above this: 0 for "better", `-0.05` for "as good as".
    package var limit = 0.0
    /// A figure that was asked for, beyond the claim.
    package var bar: Double?

    /// Makes a claim.
    package init(
      _ id: String,
      _ sentence: String,
      paper: String,
      _ measure: Measure,
      limit: Double = 0,
      bar: Double? = nil
    ) {
      self.id = id
      self.sentence = sentence
      self.paper = paper
      self.measure = measure
      self.limit = limit
      self.bar = bar
    }
  }

  /// What a claim comes to.
  package enum Outcome: String, Codable, Equatable, Sendable {
    /// The interval lies above the limit.
    case held
    /// The interval lies below it.
    case notHeld = "not held"
    /// The limit is in the interval.
    case unclear
    /// What it needs was not run.
    case notMeasured = "not measured"
  }

  /// A claim and what was measured.
  package struct Result: Codable, Equatable, Sendable {
    /// The claim's short name.
    package var id: String
    /// What is claimed.
    package var sentence: String
    /// The paper's figure.
    package var paper: String
    /// What was measured, as `cloud - classic, test, Reasoning`.
    package var measure: String
    /// The figure; `nil` where it was not measured.
    package var figure: StudyInterval?
    /// What the figure is compared with.
    package var limit: Double
    /// A figure that was asked for.
    package var bar: Double?
    /// What it comes to.
    package var outcome: Outcome

    /// Makes a result.
    package init(
      id: String,
      sentence: String,
      paper: String,
      measure: String,
      figure: StudyInterval?,
      limit: Double = 0,
      bar: Double? = nil,
      outcome: Outcome
    ) {
      self.id = id
      self.sentence = sentence
      self.paper = paper
      self.measure = measure
      self.figure = figure
      self.limit = limit
      self.bar = bar
      self.outcome = outcome
    }

    /// Whether the figure reaches the bar; `nil` without one of them.
    package var isBarReached: Bool? {
      guard let bar, let figure else { return nil }
      return figure.value >= bar
    }
  }

  /// Says whether a figure is above, below or around a limit.
  package static func outcome(
    _ figure: StudyInterval?,
    limit: Double = 0
  ) -> Outcome {
    guard let figure else { return .notMeasured }
    if figure.lower > limit { return .held }
    return figure.upper < limit ? .notHeld : .unclear
  }

  /// The difference of two figures of different items, with its interval.
  ///
  /// Source: Zou and Donner 2008, "Construction of confidence limits about effect measures" (MOVER).
  package static func independentDifference(
    _ first: StudyInterval,
    _ second: StudyInterval
  ) -> StudyInterval {
    func distance(_ a: Double, _ b: Double) -> Double { (a * a + b * b).squareRoot() }
    let value = first.value - second.value
    return .init(
      value: value,
      lower: value - distance(first.value - first.lower, second.upper - second.value),
      upper: value + distance(first.upper - first.value, second.value - second.lower),
      n: first.n + second.n
    )
  }

  // MARK: Output

  private static func points(_ figure: StudyInterval?) -> String {
    guard let figure else { return "-" }
    func signed(_ value: Double) -> String { String(format: "%+.1f", 100 * value) }
    return "\(signed(figure.value)) [\(signed(figure.lower)), \(signed(figure.upper))]"
  }

  /// Cells of a claim, in the order of the titles: claim, paper, measured, points, outcome.
  static func cells(_ result: Result) -> [String] {
    var outcome = result.outcome.rawValue
    if result.limit < 0, result.figure != nil {
      outcome += String(format: " (limit %.0f)", 100 * result.limit)
    }
    if let isReached = result.isBarReached, let bar = result.bar {
      outcome += String(format: " (asked %.0f: %@)", 100 * bar, isReached ? "reached" : "missed")
    }
    return [result.sentence, result.paper, result.measure, points(result.figure), outcome]
  }

  static let titles = ["claim", "paper", "measured", "points [95 %]", "outcome"]

  /// The claims as a table for the terminal.
  package static func text(_ results: [Result]) -> TextTable {
    var table = TextTable(titles.map { ($0, .left) })
    table.rows = results.map(cells)
    return table
  }

  /// The claims as a table in Markdown.
  package static func markdown(_ results: [Result]) -> String {
    let rows = [titles, titles.map { _ in "---" }] + results.map(cells)
    return rows.map { row in
      let cells = row.map { cell in
        cell.replacingOccurrences(of: "|", with: "\\|").replacingOccurrences(of: "\n", with: " ")
      }
      return "| \(cells.joined(separator: " | ")) |\n"
    }.joined()
  }
}
