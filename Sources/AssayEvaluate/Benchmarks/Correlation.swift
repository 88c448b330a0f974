// How far two lists of numbers go together.

/// Coefficients of correlation.
enum Correlation {
  /// Pearson's: the covariance over both deviations; `nil` for fewer than three numbers, or where one list
  /// does not vary.
  static func pearson(_ first: [Double], _ second: [Double]) -> Double? {
    let count = Double(first.count)
    let means = (first.reduce(0, +) / count, second.reduce(0, +) / count)
    func sum(_ product: (Double, Double) -> Double) -> Double {
      zip(first, second).reduce(0) { $0 + product($1.0 - means.0, $1.1 - means.1) }
    }
    let size = (sum { a, _ in a * a } * sum { _, b in b * b }).squareRoot()
    return first.count > 2 && size > 0 ? sum { $0 * $1 } / size : nil
  }

  /// Spearman's: Pearson's of the ranks, equal numbers having the mean of theirs.
  static func spearman(_ first: [Double], _ second: [Double]) -> Double? {
    pearson(ranks(first), ranks(second))
  }

  /// Kendall's tau-b: pairs in the same order less those in opposite order, over the root of the pairs that
  /// differ in the first list times those that differ in the second.
  static func kendall(_ first: [Double], _ second: [Double]) -> Double? {
    var (sum, differing) = (0.0, (0.0, 0.0))
    for one in first.indices {
      for other in first.indices where other > one {
        let (a, b) = (sign(first[one] - first[other]), sign(second[one] - second[other]))
        sum += a * b
        differing.0 += a * a
        differing.1 += b * b
      }
    }
    let size = (differing.0 * differing.1).squareRoot()
    return first.count > 2 && size > 0 ? sum / size : nil
  }

  /// The rank of each number from 1 on, equal ones having the mean of theirs.
  static func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start
      while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
      for place in start..<end { ranks[order[place]] = Double(start + 1 + end) / 2 }
      start = end
    }
    return ranks
  }

  private static func sign(_ value: Double) -> Double { value > 0 ? 1 : value < 0 ? -1 : 0 }
}
