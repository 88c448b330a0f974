// Sequences that begin alike, read once: a causal model's hidden states of a prefix do not depend on what
// follows it. Products and norms see each row once; attention sees every sequence whole.
//
// N rows, E tokens of all sequences.

import AssayTensor

/// Which rows the tokens of sequences have, where what begins alike is there once.
struct SharedRows {
  /// The rows of sequences, and the tokens of rows.
  typealias Plan = (rows: [[Int]], ids: [Int32], count: Int)

  /// The row of each token of each sequence.
  let rows: [[Int]]
  /// The token of each row.
  let ids: [Int32]
  /// The row of each token of all sequences one behind the other, `[E]`, int64.
  let expanded: Tensor
  /// For each row the token of all sequences that it is first, `[N]`, int64.
  let first: Tensor

  /// Tokens below which a common beginning is not worth sharing.
  private static let leastTokens = 8
  /// The share of rows that has to be saved for copies of the others to be worth it.
  private static let leastSaving = 0.1

  /// Plans the rows of sequences; `nil` where too few would be shared.
  ///
  /// Each sequence shares the rows of that one before it with which it has most tokens in common.
  ///
  /// - Complexity: As many comparisons as there are pairs of sequences, each up to the first difference.
  static func rows(of sequences: [[Int32]]) -> Plan? {
    var rows: [[Int]] = []
    var ids: [Int32] = []
    for (index, sequence) in sequences.enumerated() {
      var (best, common) = (0, 0)
      for other in 0..<index {
        let length = zip(sequence, sequences[other]).prefix { $0 == $1 }.count
        if length > common { (best, common) = (other, length) }
      }
      if common < leastTokens { common = 0 }
      let own = sequence[common...]
      rows.append(
        Array(rows.isEmpty ? [] : rows[best].prefix(common))
          + own.indices.map {
            ids.count + $0 - common
          }
      )
      ids += own
    }
    let total = sequences.map(\.count).reduce(0, +)
    guard Double(ids.count) <= (1 - leastSaving) * Double(total) else { return nil }
    return (rows, ids, ids.count)
  }

  /// Makes the rows of a plan.
  ///
  /// - Parameters:
  ///   - plan: The plan.
  ///   - spare: Rows of no meaning behind the others, which are a sequence of their own.
  ///   - device: Where the tensors go.
  init(_ plan: Plan, spare: Int, device: Device) {
    (rows, ids) = (plan.rows, plan.ids)
    let all = plan.rows.joined() + Array(plan.count..<plan.count + spare)
    var places = [Int64](repeating: -1, count: plan.count + spare)
    for (place, row) in all.enumerated() where places[row] < 0 { places[row] = Int64(place) }
    expanded = Tensor(all.map(Int64.init)).to(device)
    first = Tensor(places).to(device)
  }
}
