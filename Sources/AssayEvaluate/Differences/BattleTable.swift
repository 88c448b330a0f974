// Battles of models that somebody else judged.
import AssayReward

/// A table of battles: columns `model_a`, `model_b`, `winner` (`model_a`, `model_b`, or a tie in any spelling
/// that begins with `tie`), and, where battles of one prompt or judge count together, `cluster`.
///
/// Source: the columns are those of LMArena's published battles (lmarena-ai/arena-human-preference-55k).
package struct BattleTable: Sendable {
  /// The models in the order of their names.
  package let models: [String]
  /// The battles in the file's order.
  package let battles: [Battle]

  /// Reads a table.
  ///
  /// - Parameter source: A file, or a folder of files.
  /// - Throws: `DataError`; `EvaluateError` for a row that does not fit and is not left out, or a table without
  ///   a battle.
  package init(_ source: BenchmarkSource) throws {
    var rows: [(sides: [String], credit: Double, cluster: String)] = []
    try source.eachRow { row in
      let sides = [try row.text("model_a"), try row.text("model_b")]
      guard sides[0] != sides[1] else {
        throw row.failure("'model_a' and 'model_b' must differ, found '\(sides[0])' twice")
      }
      let winner = try row.text("winner")
      guard ["model_a", "model_b"].contains(winner) || winner.hasPrefix("tie") else {
        throw row.failure("'winner' must be model_a, model_b or a tie, found '\(winner)'")
      }
      let credit = winner == "model_a" ? 1 : winner == "model_b" ? 0 : 0.5
      let cluster = try row.optionalText("cluster").map { "cluster \($0)" }
      rows.append((sides, credit, cluster ?? "row \(row.id)"))
    }
    guard !rows.isEmpty else {
      throw EvaluateError.badFile(file: source.path, reason: "the table holds no battle")
    }
    models = Set(rows.flatMap(\.sides)).sorted()
    let places = Dictionary(uniqueKeysWithValues: models.enumerated().map { ($1, $0) })
    var clusters: [String: Int] = [:]
    battles = rows.compactMap { sides, credit, cluster in
      guard let first = places[sides[0]], let second = places[sides[1]] else { return nil }
      let number = clusters[cluster] ?? clusters.count
      clusters[cluster] = number
      return Battle(first, second, credit: credit, cluster: number)
    }
  }
}
