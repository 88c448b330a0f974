// What changed side between two evaluations of the same items.
import AssayReward

/// Two runs on the items of a benchmark, compared item by item.
package struct RunDifference: Codable, Equatable, Sendable {
  /// The items of a section.
  package struct Section: Codable, Equatable, Sendable {
    /// The section, or `overall`.
    package let name: String
    /// Items with an outcome in both runs.
    package let n: Int
    /// The first run's mean outcome.
    package let first: Double
    /// The second run's.
    package let second: Double
    /// The second's minus the first's, with a paired interval.
    package let difference: CardFigure
    /// Items on which the first run does better.
    package let onlyFirst: Int
    /// Items on which the second run does.
    package let onlySecond: Int
    /// The exact sign test of these, McNemar's where each is right or wrong.
    package let pValue: Double
    /// The same, corrected for the number of sections; of `overall` as it is.
    package internal(set) var correctedPValue: Double

    enum CodingKeys: String, CodingKey {
      case name, n, first, second, difference
      case onlyFirst = "only_first"
      case onlySecond = "only_second"
      case pValue = "p"
      case correctedPValue = "p_corrected"
    }
  }

  /// The benchmark.
  package let benchmark: String
  /// The runs' names.
  package let runs: [String]
  /// All items, then the sections in the order of their first item.
  package let sections: [Section]
  /// The ids of items that are wholly right in one run alone.
  package let changed: [String]

  /// Compares the outcomes of two runs.
  ///
  /// - Parameters:
  ///   - benchmark: Its name.
  ///   - runs: The runs' names.
  ///   - first: The first run's outcomes.
  ///   - second: The second run's, of the same items.
  /// - Throws: `StatisticsError`, or `EvaluateError.nothingCounted` where no item has two outcomes.
  package init(
    _ benchmark: String,
    runs: [String],
    _ first: BenchmarkTally,
    _ second: BenchmarkTally
  ) throws {
    let items = first.items
    let outcomes = zip(first.outcomes, second.outcomes).map { first, second in
      first.flatMap { first in second.map { (first: first, second: $0) } }
    }
    let counted = items.indices.filter { outcomes[$0] != nil }
    guard !counted.isEmpty else {
      throw EvaluateError.nothingCounted(
        benchmark: benchmark,
        reason: "no item has an outcome in both runs"
      )
    }
    var clusters: [String: Int] = [:]
    func compare(_ name: String, _ indices: [Int]) throws -> Section {
      let pairs = indices.compactMap { outcomes[$0] }
      let numbers = indices.map { index in
        let key = items[index].cluster ?? "\u{0}\(index)"
        let number = clusters[key] ?? clusters.count
        clusters[key] = number
        return number
      }
      let difference = try Statistics.pairedDifference(
        pairs.map(\.second),
        pairs.map(\.first),
        clusters: numbers
      )
      let test = try Statistics.signTest(pairs.map(\.first), pairs.map(\.second))
      let count = Double(pairs.count)
      return Section(
        name: name,
        n: pairs.count,
        first: pairs.map(\.first).reduce(0, +) / count,
        second: pairs.map(\.second).reduce(0, +) / count,
        difference: CardFigure(difference),
        onlyFirst: test.first,
        onlySecond: test.second,
        pValue: test.pValue,
        correctedPValue: test.pValue
      )
    }
    var parts: [(name: String, indices: [Int])] = []
    var places: [String: Int] = [:]
    for index in counted {
      let name = items[index].part
      guard !name.isEmpty else { continue }
      let place = places[name] ?? parts.count
      if place == parts.count {
        places[name] = place
        parts.append((name, []))
      }
      parts[place].indices.append(index)
    }
    var sections = try parts.count > 1 ? parts.map { try compare($0.name, $0.indices) } : []
    for (place, pValue) in Statistics.holm(sections.map(\.pValue)).enumerated() {
      sections[place].correctedPValue = pValue
    }
    (self.benchmark, self.runs) = (benchmark, runs)
    self.sections = [try compare("overall", counted)] + sections
    changed = counted.filter { index in
      outcomes[index].map { ($0.first == 1) != ($0.second == 1) } ?? false
    }.map { items[$0].id }
  }

  /// The difference as a table for the terminal.
  package var table: TextTable {
    var table = TextTable([
      (benchmark, .left), ("n", .right), (runs[0], .right), (runs[1], .right),
      ("difference", .right), ("\(runs[0]) better", .right), ("\(runs[1]) better", .right),
      ("p", .right),
    ])
    table.rows = sections.map { $0.cells }
    return table
  }
}

extension RunDifference.Section {
  /// The cells of a row.
  var cells: [String] {
    func signed(_ value: Double) -> String { (value < 0 ? "" : "+") + percent(value) }
    let ends = difference.ci95.map(signed).joined(separator: ", ")
    return [
      name, "\(n)", percent(first), percent(second), "\(signed(difference.value)) [\(ends)]",
      "\(onlyFirst)", "\(onlySecond)",
      correctedPValue < 0.001 ? "< 0.001" : "\((1000 * correctedPValue).rounded() / 1000)",
    ]
  }
}

extension BenchmarkItem {
  /// What it is grouped by: its section, or where the benchmark has none its subset.
  var part: String { section.isEmpty ? subset : section }
}
