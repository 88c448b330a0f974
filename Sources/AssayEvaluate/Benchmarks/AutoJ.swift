import AssayText

/// The pairwise test set of Auto-J: columns `scenario`, `label` (0: the first response is better, 1: the
/// second, 2: a tie), `prompt`, `response 1`, `response 2`.
///
/// `overall` is the agreement with people over all items, ties among them: there a judge must say
/// `A=B`, and scores must be equal. `preferences` and `ties` are its two parts; scenarios are keys. For
/// a tie, the score called chosen is that of response 1.
///
/// Source: GAIR-NLP/auto-j, README (the format) and codes/usage/constants_prompt.py; Li et al. 2023
/// (arXiv:2310.05470). Their table, codes/leaderboard/pairwise_eval.py, counts a pair only where both
/// orders are right: that is `both orders right`; in `overall` the two orders are averaged, as it counts each.
package struct AutoJ: Benchmark {
  package static let name = "auto-j"
  package static let summary = "Auto-J: pairs of 58 scenarios, with ties"
  package static let unparseable: UnparseableRule? = .wrong
  package let items: [BenchmarkItem]

  package init(_ source: BenchmarkSource) throws {
    items = try source.items { row in
      let responses = [try row.text("response 1"), try row.text("response 2")]
      let label = try row.integer("label")
      guard (0...2).contains(label) else {
        throw row.failure("'label' must be 0, 1 or 2, found \(label)")
      }
      return BenchmarkItem(
        id: row.id,
        subset: try row.optionalText("scenario") ?? "",
        prompt: [.user(try row.text("prompt"))],
        responses: responses,
        label: label
      )
    }
  }

  package func results(_ tally: BenchmarkTally) throws -> BenchmarkResults {
    var results = try tally.resultsWithTies(of: Self.name)
    guard tally.records.contains(where: { !$0.pairs.isEmpty }) else { return results }
    results.sections["both orders right"] = try tally.wholly.figure(Array(tally.items.indices))
    return results
  }
}

extension BenchmarkItem {
  /// An item of two responses: `label` is the index of the better one, or 2 for a tie.
  init(
    id: String,
    subset: String,
    prompt: [Message],
    responses: [String],
    label: Int
  ) {
    let isFirst = label != 1
    self.init(
      id: id,
      subset: subset,
      prompt: prompt,
      chosen: [responses[isFirst ? 0 : 1]],
      rejected: [responses[isFirst ? 1 : 0]]
    )
    isTie = label == 2
    isChosenFirst = isFirst
  }
}

extension BenchmarkTally {
  /// Pooled figures, and those of the items that people preferred one response of, and of the others.
  func resultsWithTies(of name: String) throws -> BenchmarkResults {
    var sections = try pooled(\.subset)
    sections["preferences"] = try figure(indices { !$0.isTie })
    sections["ties"] = try figure(indices(where: \.isTie))
    return try results(of: name, sections)
  }
}
