import AssayBase
import AssayText

/// RMB: pairs and best-of-N items about helpfulness and harmlessness in 49 scenarios.
///
/// Pairs have `conversation_input`, `chosen` and `reject` (objects with `answer`); best-of-N items have
/// `bon_best` and `loser_list`, and are right only where the best scores above every loser. Both have
/// `category_path`, such as `Pairwise_set/Harmlessness/S8`; else the file's path tells it. Rows with
/// `prompt`, `chosen` and `rejected` are accepted too. Figures for the four sets, such as
/// `Helpfulness best-of-N`, and for each category; `overall` is the mean of the sets.
///
/// Source: Zhou-Zoey/RMB-Reward-Model-Benchmark, RMB_dataset/ (files read); Zhou et al. 2024
/// (arXiv:2410.09893). That `overall` is the mean of the four is the habit of later tables.
package struct RMB: Benchmark {
  package static let name = "rmb"
  package static let summary = "RMB: pairs and best-of-N, helpfulness and harmlessness"
  private static let goals = ["Helpfulness", "Harmlessness"]
  package let items: [BenchmarkItem]

  package init(_ source: BenchmarkSource) throws {
    items = try source.items { row in
      let isBest = row.optional("bon_best") != nil
      let category = try row.optionalText("category_path") ?? row.file
      let parts = category.split(separator: "/").map(String.init)
      let place = parts.firstIndex(where: Self.goals.contains)
      let kind = isBest ? "best-of-N" : "pairwise"
      let section = "\(place.map { parts[$0] } ?? row.stem) \(kind)"
      let isDeep = place.map { $0 + 1 < parts.count } ?? false
      let scenario = isDeep ? parts[(place ?? 0) + 1].replacing(".json", with: "") : ""
      let subset = scenario.isEmpty ? "" : "\(section): \(scenario)"
      if row.optional("conversation_input") == nil {
        return try BenchmarkItem(
          pairRow: row,
          subset: try row.optionalText("subset") ?? subset,
          section: section
        )
      }
      let item = BenchmarkItem(
        id: row.id,
        subset: subset,
        section: section,
        prompt: try row.prompt("conversation_input"),
        chosen: [try Self.answer(row, try row.required(isBest ? "bon_best" : "chosen"))],
        rejected: isBest
          ? try row.list("loser_list").map { try Self.answer(row, $0) }
          : [try Self.answer(row, try row.required("reject"))]
      )
      guard !item.rejected.isEmpty else { throw row.failure("'loser_list' is empty") }
      return item
    }
  }

  private static func answer(_ row: BenchmarkRow, _ value: JSONValue) throws -> String {
    guard let answer = value["answer"]?.string else {
      throw row.failure("a response must be an object with the text 'answer', found \(value.kind)")
    }
    return answer
  }

  package func results(_ tally: BenchmarkTally) throws -> BenchmarkResults {
    let groups = tally.groups(\.section)
    var sections: ResultsFile.Sections = [:]
    for group in groups + tally.groups(\.subset) {
      sections[group.name] = try tally.figure(group.indices)
    }
    sections["overall"] = try tally.figure(weighted: groups.map { ($0.indices, 1) })
    return try tally.results(of: Self.name, sections)
  }
}
