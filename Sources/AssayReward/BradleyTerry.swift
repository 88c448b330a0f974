// How strong models are by battles of two, when some are ties and some share a prompt.
// K models, G clusters.
import Foundation

/// A comparison of two models.
package struct Battle: Equatable, Sendable {
  /// The number of a model.
  package let first: Int
  /// The number of another one.
  package let second: Int
  /// What the first has of it: 1 won, 0 lost, one half of a tie.
  package let credit: Double
  /// What it depends on, such as its prompt's number.
  package let cluster: Int

  /// Makes a battle.
  package init(_ first: Int, _ second: Int, credit: Double, cluster: Int) {
    (self.first, self.second, self.credit, self.cluster) = (first, second, credit, cluster)
  }
}

/// Strengths of models by battles: model a wins against b with probability `sigmoid(s_a - s_b)`.
///
/// The strengths are those of the greatest likelihood, a tie as half a win of each, and their mean is 0. The
/// covariance is `J (sum_g u_g u_g^T) J G / (G - 1)`, with `J` the inverse of the information where strengths
/// sum to 0 and `u_g` the score of a cluster: battles of one prompt depend on each other, and ties vary less
/// than wins, both of which the information alone would not know.
///
/// Source: Bradley and Terry 1952, Biometrika 39; ties as halves as in Chiang et al. 2024 (arXiv:2403.04132);
/// the covariance as in Liang and Zeger 1986, Biometrika 73.
package struct BradleyTerry: Equatable, Sendable {
  /// The strengths in logits; `nil` where a group of models never lost anything to the others, which no
  /// strength would be enough for.
  package let strengths: [Double]?
  /// Their covariance, row by row; `nil` of one cluster, or without strengths.
  package let covariance: [[Double]]?
  /// Clusters, of which differences have one degree of freedom less.
  package let clusterCount: Int

  private static let steps = 100
  private static let tolerance = 1e-12

  /// Measures strengths.
  ///
  /// - Parameters:
  ///   - battles: At least one; both models are below `count`, and differ.
  ///   - count: The number of models.
  /// - Throws: `StatisticsError.empty`.
  package init(_ battles: [Battle], count: Int) throws {
    guard !battles.isEmpty else { throw StatisticsError.empty(name: "battles") }
    clusterCount = Set(battles.map(\.cluster)).count
    guard Self.isConnected(battles, count), let found = Self.fit(battles, count) else {
      (strengths, covariance) = (nil, nil)
      return
    }
    strengths = found
    covariance =
      clusterCount < 2 ? nil : Self.covariance(battles, found, clusters: Double(clusterCount))
  }

  /// The difference of two strengths, its standard error, and Student's two-sided p of none.
  ///
  /// - Returns: `nil` where there is no covariance.
  package func difference(_ first: Int, _ second: Int) -> (value: Double, error: Double, p: Double)?
  {
    guard let strengths, let covariance else { return nil }
    let value = strengths[first] - strengths[second]
    let variance =
      covariance[first][first] + covariance[second][second] - 2 * covariance[first][second]
    let error = max(0, variance).squareRoot()
    // Models that are alike in every battle differ by the rounding of sums, in strength and error.
    guard error > 1e-6 else { return (value, 0, abs(value) < 1e-6 ? 1 : 0) }
    let degrees = Double(clusterCount - 1)
    return (value, error, Statistics.studentTail(value / error, degrees: degrees))
  }

  /// Whether every model lost something to a model that, over others, it also won something against.
  private static func isConnected(_ battles: [Battle], _ count: Int) -> Bool {
    var wins = [Set<Int>](repeating: [], count: count)
    var losses = wins
    for battle in battles {
      for (winner, loser, credit) in [
        (battle.first, battle.second, battle.credit),
        (battle.second, battle.first, 1 - battle.credit),
      ] where credit > 0 {
        wins[winner].insert(loser)
        losses[loser].insert(winner)
      }
    }
    return [wins, losses].allSatisfy { edges in
      var seen: Set<Int> = [0]
      var open = [0]
      while let model = open.popLast() {
        for next in edges[model] where seen.insert(next).inserted { open.append(next) }
      }
      return seen.count == count
    }
  }

  private static func probability(_ battle: Battle, _ strengths: [Double]) -> Double {
    1 / (1 + exp(strengths[battle.second] - strengths[battle.first]))
  }

  /// Newton's method: the likelihood is concave.
  private static func fit(_ battles: [Battle], _ count: Int) -> [Double]? {
    var strengths = [Double](repeating: 0, count: count)
    for _ in 0..<steps {
      var slope = [Double](repeating: 0, count: count)
      for battle in battles {
        let rest = battle.credit - probability(battle, strengths)
        slope[battle.first] += rest
        slope[battle.second] -= rest
      }
      guard let inverse = inverseInformation(battles, strengths) else { return nil }
      let step = inverse.map { row in zip(row, slope).reduce(0) { $0 + $1.0 * $1.1 } }
      // A step of more than this leaves where the quadratic is any guide.
      let largest = step.map(abs).max() ?? 0
      let scale = min(1, 2 / max(largest, 1e-300))
      strengths = zip(strengths, step).map { $0 + scale * $1 }
      if largest < tolerance { return strengths }
    }
    return nil
  }

  /// The inverse of the information among strengths that sum to 0.
  private static func inverseInformation(
    _ battles: [Battle],
    _ strengths: [Double]
  ) -> [[Double]]? {
    let count = strengths.count
    // All rows sum to 0: adding 1/K to every entry makes it regular, and its inverse is off by 1/K.
    let share = 1 / Double(count)
    var matrix = [[Double]](repeating: [Double](repeating: share, count: count), count: count)
    for battle in battles {
      let p = probability(battle, strengths)
      let weight = p * (1 - p)
      matrix[battle.first][battle.first] += weight
      matrix[battle.second][battle.second] += weight
      matrix[battle.first][battle.second] -= weight
      matrix[battle.second][battle.first] -= weight
    }
    return inverse(matrix).map { rows in rows.map { $0.map { $0 - share } } }
  }

  private static func covariance(
    _ battles: [Battle],
    _ strengths: [Double],
    clusters: Double
  ) -> [[Double]]? {
    guard let inverse = inverseInformation(battles, strengths) else { return nil }
    let count = strengths.count
    var scores: [Int: [Double]] = [:]
    for battle in battles {
      let rest = battle.credit - probability(battle, strengths)
      var score = scores[battle.cluster] ?? [Double](repeating: 0, count: count)
      score[battle.first] += rest
      score[battle.second] -= rest
      scores[battle.cluster] = score
    }
    var result = [[Double]](repeating: [Double](repeating: 0, count: count), count: count)
    for (_, score) in scores.sorted(by: { $0.key < $1.key }) {
      let moved = inverse.map { row in zip(row, score).reduce(0) { $0 + $1.0 * $1.1 } }
      for row in 0..<count {
        for column in 0..<count { result[row][column] += moved[row] * moved[column] }
      }
    }
    let factor = clusters / (clusters - 1)
    return result.map { $0.map { $0 * factor } }
  }

  /// The inverse by Gauss and Jordan, with the largest pivot of each column; `nil` of a singular matrix.
  private static func inverse(_ matrix: [[Double]]) -> [[Double]]? {
    let count = matrix.count
    var rows = matrix.enumerated().map { index, row in
      row + (0..<count).map { $0 == index ? 1.0 : 0 }
    }
    for column in 0..<count {
      let pivot = (column..<count).max { abs(rows[$0][column]) < abs(rows[$1][column]) } ?? column
      guard abs(rows[pivot][column]) > 1e-300 else { return nil }
      rows.swapAt(column, pivot)
      let divisor = rows[column][column]
      rows[column] = rows[column].map { $0 / divisor }
      for row in 0..<count where row != column {
        let factor = rows[row][column]
        if factor == 0 { continue }
        for place in 0..<(2 * count) { rows[row][place] -= factor * rows[column][place] }
      }
    }
    return rows.map { Array($0[count...]) }
  }
}
