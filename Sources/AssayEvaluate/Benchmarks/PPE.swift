import AssayBase
import AssayText

/// PPE (Preference Proxy Evaluations): human preference, and correctness of five tasks.
///
/// Human preference: columns `prompt`, `response_1`, `response_2`, `winner` (`model_a`, `model_b` or a
/// tie, which is left out). Correctness: `prompt`, `response_1` to `response_N`, `scores` (a list of N)
/// and `sampled_conflict_pairs` (pairs of 0-based responses, one right and one wrong); the j-th pair of
/// a row has the id `ROW:j`, and the pairs of a row are resampled together. Rows with `chosen` and
/// `rejected` are pairs as they are. The subset is `subset` or `domain`, or else the file's name;
/// `overall` is the mean of the subsets' accuracies, whatever their size.
///
/// Where human preference names `model_a` and `model_b`, named figures compare how people and how the scores
/// rank the models; see `WriterRanking`. Best-of-k curves are `ppe-best-of-k`'s.
///
/// The columns are those of the published sets (`lmarena-ai/PPE-...`), known from code that reads them,
/// not from the files, which are Parquet (DuckDB's command reads them).
package struct PPE: Benchmark {
  package static let name = "ppe"
  package static let summary = "PPE: human preference, and pairs of right and wrong answers"
  package let items: [BenchmarkItem]

  package init(_ source: BenchmarkSource) throws {
    items = try source.itemLists { row in
      let subset = try row.optionalText("subset") ?? row.optionalText("domain") ?? row.stem
      if row.optional("chosen") != nil { return [try BenchmarkItem(pairRow: row, subset: subset)] }
      if row.optional("winner") != nil { return try Self.preference(row, subset: subset) }
      guard row.optional("sampled_conflict_pairs") != nil else {
        throw row.failure(
          "a row needs 'winner', or 'sampled_conflict_pairs' with 'scores', or 'chosen' with 'rejected'"
        )
      }
      return try Self.conflicts(row, subset: subset)
    }
    guard !items.isEmpty else {
      throw EvaluateError.badFile(file: source.path, reason: "no row states a preference")
    }
  }

  private static func preference(_ row: BenchmarkRow, subset: String) throws -> [BenchmarkItem] {
    let winner = try row.text("winner")
    guard winner == "model_a" || winner == "model_b" else {
      guard winner.hasPrefix("tie") else {
        throw row.failure("'winner' must be model_a, model_b or a tie, found '\(winner)'")
      }
      return []
    }
    let isFirst = winner == "model_a"
    let writers = [try row.optionalText("model_a"), try row.optionalText("model_b")]
      .compactMap(\.self)
    let responses = [try row.response("response_1"), try row.response("response_2")]
    var item = BenchmarkItem(
      id: row.id,
      subset: subset,
      prompt: try row.prompt("prompt"),
      chosen: [responses[isFirst ? 0 : 1]],
      rejected: [responses[isFirst ? 1 : 0]]
    )
    item.isChosenFirst = isFirst
    if writers.count == 2 { item.writers = isFirst ? writers : writers.reversed() }
    return [item]
  }

  private static func conflicts(_ row: BenchmarkRow, subset: String) throws -> [BenchmarkItem] {
    let scores = try correctness(row)
    let prompt = try row.prompt("prompt")
    return try conflictPairs(row, scores).enumerated().map { number, pair in
      var item = BenchmarkItem(
        id: "\(row.id):\(number)",
        subset: subset,
        prompt: prompt,
        chosen: [try row.response("response_\(pair.right + 1)")],
        rejected: [try row.response("response_\(pair.wrong + 1)")]
      )
      item.isChosenFirst = pair.isRightFirst
      item.cluster = "\(row.file):\(row.index)"
      return item
    }
  }

  /// How right each response of a row is.
  static func correctness(_ row: BenchmarkRow) throws -> [Double] {
    try row.list("scores").map { value in
      // Correctness is spelt as a number or as true and false.
      guard let score = value.double ?? value.bool.map({ $0 ? 1 : 0 }) else {
        throw row.failure("'scores' must be numbers, found \(value.kind)")
      }
      return score
    }
  }

  /// The pairs of a right and a wrong response that a row names, and whether it names the right one first.
  static func conflictPairs(
    _ row: BenchmarkRow,
    _ scores: [Double]
  ) throws -> [(right: Int, wrong: Int, isRightFirst: Bool)] {
    try row.list("sampled_conflict_pairs").map { pair in
      let ends = (pair.array ?? []).compactMap(\.int)
      guard ends.count == 2, ends.allSatisfy(scores.indices.contains),
        scores[ends[0]] != scores[ends[1]]
      else {
        throw row.failure(
          "'sampled_conflict_pairs' must hold pairs of responses with different scores, found "
            + pair.compact
        )
      }
      let isFirst = scores[ends[0]] > scores[ends[1]]
      return (ends[isFirst ? 0 : 1], ends[isFirst ? 1 : 0], isFirst)
    }
  }

  package func results(_ tally: BenchmarkTally) throws -> BenchmarkResults {
    let groups = tally.groups(\.subset)
    var sections: ResultsFile.Sections = [:]
    for group in groups { sections[group.name] = try tally.figure(group.indices) }
    sections["overall"] = try tally.figure(weighted: groups.map { ($0.indices, 1) })
    var results = try tally.results(of: Self.name, sections)
    for group in groups {
      let figures = try WriterRanking(tally, group.indices)?.figures
      if let figures, !figures.isEmpty { results.named[group.name] = figures }
    }
    return results
  }
}
