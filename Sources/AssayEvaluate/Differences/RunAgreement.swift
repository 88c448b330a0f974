// Whether several evaluations of the same items agree.
import AssayReward

/// How far runs are right on the same items.
package struct RunAgreement: Codable, Equatable, Sendable {
  /// Two of the runs.
  package struct Pair: Codable, Equatable, Sendable {
    /// Their names.
    package let runs: [String]
    /// How often both are right, or neither.
    package let same: CardFigure
    /// Cohen's kappa of that; `nil` where one run is right, or wrong, on everything.
    package let kappa: Double?
  }

  /// The benchmark.
  package let benchmark: String
  /// The runs' names.
  package let runs: [String]
  /// Items with an outcome in all runs.
  package let n: Int
  /// Krippendorff's alpha of being right; `nil` where all outcomes are alike.
  package let alpha: Double?
  /// Its 95 % bootstrap interval; empty without one.
  package let alphaCI95: [Double]
  /// Each two runs.
  package let pairs: [Pair]
  /// The ids of items that no run has right: hard, or wrongly labelled.
  package let noneRight: [String]
  /// How many there would be, were the runs' errors independent.
  package let noneRightExpected: Double
  /// The runs by their strength.
  package let ranking: RunRanking

  enum CodingKeys: String, CodingKey {
    case benchmark, runs, n, alpha, pairs, ranking
    case alphaCI95 = "alpha_ci95"
    case noneRight = "none_right"
    case noneRightExpected = "none_right_expected"
  }

  /// Compares outcomes.
  ///
  /// - Parameters:
  ///   - benchmark: Its name.
  ///   - runs: The runs' names, two or more.
  ///   - tallies: The outcomes of each, of the same items.
  /// - Throws: `EvaluateError.nothingCounted` where no item has an outcome in all runs.
  ///
  /// Source: Cohen 1960, "A coefficient of agreement for nominal scales"; Krippendorff 2011.
  package init(_ benchmark: String, runs: [String], _ tallies: [BenchmarkTally]) throws {
    let items = tallies[0].items
    let counted = items.indices.filter { index in
      tallies.allSatisfy { $0.outcomes[index] != nil }
    }
    guard !counted.isEmpty else {
      throw EvaluateError.nothingCounted(
        benchmark: benchmark,
        reason: "no item has an outcome in all runs"
      )
    }
    let numbers = items.promptNumbers
    let clusters = counted.map { numbers[$0] }
    let right = tallies.map { tally in counted.map { tally.outcomes[$0] == 1 } }
    let count = Double(counted.count)
    let shares = right.map { Double($0.count(where: \.self)) / count }
    var pairs: [Pair] = []
    for first in runs.indices {
      for second in runs.indices where second > first {
        let same = zip(right[first], right[second]).map { $0 == $1 ? 1.0 : 0 }
        let estimate = try Statistics.accuracy(same, clusters: clusters)
        let chance =
          shares[first] * shares[second] + (1 - shares[first]) * (1 - shares[second])
        pairs.append(
          Pair(
            runs: [runs[first], runs[second]],
            same: CardFigure(estimate),
            kappa: chance < 1 ? (estimate.value - chance) / (1 - chance) : nil
          )
        )
      }
    }
    let units = counted.indices.map { place in right.map { $0[place] ? 1.0 : 0 } }
    (self.benchmark, self.runs, self.pairs, n) = (benchmark, runs, pairs, counted.count)
    alpha = Krippendorff.alpha(units)
    alphaCI95 = alpha == nil ? [] : Krippendorff.interval(units)
    noneRight = counted.enumerated().filter { place, _ in right.allSatisfy { !$0[place] } }
      .map { items[$0.element].id }
    noneRightExpected = count * shares.reduce(1) { $0 * (1 - $1) }
    ranking = try RunRanking(
      runs,
      tallies.map { tally in counted.compactMap { tally.outcomes[$0] } },
      clusters: clusters
    )
  }

  /// The agreement as a table for the terminal.
  package var table: TextTable {
    var table = TextTable([
      (benchmark, .left), ("and", .left), ("n", .right), ("both right or wrong", .right),
      ("kappa", .right),
    ])
    table.rows = pairs.map { pair in
      [
        pair.runs[0], pair.runs[1], "\(pair.same.n)",
        "\(percent(pair.same.value)) [\(pair.same.ci95.map(percent).joined(separator: ", "))]",
        pair.kappa.map(\.runFigure) ?? "-",
      ]
    }
    return table
  }

  /// What the table does not show, in a sentence.
  package var sentence: String {
    let ends = alphaCI95.map(\.runFigure).joined(separator: ", ")
    let said = alpha.map { "Krippendorff's alpha \($0.runFigure) [\(ends)]; " } ?? ""
    return said + "\(noneRight.count) of \(n) items no run has right, "
      + "\(noneRightExpected.runFigure) expected of independent errors"
  }
}
