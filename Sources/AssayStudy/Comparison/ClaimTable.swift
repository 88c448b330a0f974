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
      /// The same in the section where it is surest not to be above the limit: the claim holds where it
      /// holds in all of them, which needs no correction for their number.
      case everySection(String, String, suite: String)
      /// The same of whichever of some methods is best on validation pairs.
      case best([String], String, suite: String, section: String)
      /// What all critiques or votes bring over a single one.
      case sampleGain(String, suite: String, section: String)
      /// By how much that falls with every step that a task has more.
      case stepGain(String, suite: String)
      /// The share of picks out of N that are right, less that of another method.
      case bestOf(String, String)
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
    /// The claim holds where the interval lies above this: 0 for "better", `-0.02` for "as good as".
    package var limit = 0.0
    /// A figure that was asked for, beyond the claim.
    package var bar: Double?
    /// Whether no paper claims it: then it is not counted among the claims that are corrected for.
    package var isControl = false

    /// Makes a claim.
    package init(
      _ id: String,
      _ sentence: String,
      paper: String,
      _ measure: Measure,
      limit: Double = 0,
      bar: Double? = nil,
      isControl: Bool = false
    ) {
      self.id = id
      self.sentence = sentence
      self.paper = paper
      self.measure = measure
      self.limit = limit
      self.bar = bar
      self.isControl = isControl
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
    /// The probability of a figure so far from the limit, were the limit true; of this claim alone.
    package var p: Double?
    /// What it comes to: of a paper's claim corrected for the number of claims that were measured.
    package var outcome: Outcome
    /// Whether no paper claims it.
    package var isControl: Bool

    /// Makes a result.
    package init(
      id: String,
      sentence: String,
      paper: String,
      measure: String,
      figure: StudyInterval?,
      limit: Double = 0,
      bar: Double? = nil,
      outcome: Outcome,
      isControl: Bool = false
    ) {
      self.id = id
      self.sentence = sentence
      self.paper = paper
      self.measure = measure
      self.figure = figure
      self.limit = limit
      self.bar = bar
      p = figure?.p(against: limit)
      self.outcome = outcome
      self.isControl = isControl
    }

    /// Whether the interval is above the bar or below it; `nil` where it is around it, or one of them
    /// is missing.
    package var isBarReached: Bool? {
      guard let bar, let figure else { return nil }
      return figure.lower >= bar ? true : figure.upper < bar ? false : nil
    }

    enum CodingKeys: String, CodingKey {
      case id, sentence, paper, measure, figure, limit, bar, p, outcome
      case isControl = "control"
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

  /// Leaves undecided what could be chance among so many claims.
  ///
  /// The claims of papers that were measured are gone through from the smallest p on: the first is
  /// decided where it is at most 0.05 over their number, the next where it is at most 0.05 over the
  /// number of those left, and so on; from the first that is not, none is. So the chance of any wrong
  /// decision is at most 0.05. Controls stand for themselves.
  ///
  /// Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
  static func corrected(_ results: [Result]) -> [Result] {
    var corrected = results
    let family = results.indices.filter { !results[$0].isControl && results[$0].p != nil }
      .sorted { (results[$0].p ?? 1, $0) < (results[$1].p ?? 1, $1) }
    var left = family.count
    var isOpen = false
    for place in family {
      isOpen = isOpen || (results[place].p ?? 1) > 0.05 / Double(left)
      left -= 1
      if isOpen { corrected[place].outcome = .unclear }
    }
    return corrected
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
    if let bar = result.bar, result.figure != nil {
      let reached = result.isBarReached.map { $0 ? "reached" : "missed" } ?? "open"
      outcome += String(format: " (asked %.0f: ", 100 * bar) + "\(reached))"
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
