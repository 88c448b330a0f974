import AssayBase
import AssayText

/// The test set of PandaLM: columns `instruction`, `input`, `response1`, `response2` and `annotator1` to
/// `annotator3` (0: a tie, 1 or 2: that response is better).
///
/// The label is what most annotators say; where all three differ it is a tie. `overall` is the accuracy
/// over all items, ties among them: there a judge must say `A=B`, and scores must be equal.
/// `preferences` and `ties` are its two parts. For a tie, the score called chosen is that of response 1.
///
/// Source: WeOpenML/PandaLM, data/testset-v1.json; Wang et al. 2023 (arXiv:2306.05087).
package struct PandaLM: Benchmark {
  package static let name = "pandalm"
  package static let summary = "PandaLM: pairs labelled by three people, with ties"
  package static let unparseable: UnparseableRule? = .wrong
  private static let annotators = ["annotator1", "annotator2", "annotator3"]
  package let items: [BenchmarkItem]

  package init(_ source: BenchmarkSource) throws {
    items = try source.items { row in
      let votes = try Self.annotators.map { key in
        let vote = try row.integer(key)
        guard (0...2).contains(vote) else {
          throw row.failure("'\(key)' must be 0, 1 or 2, found \(vote)")
        }
        return vote
      }
      let majority = [1, 2].first { vote in votes.count { $0 == vote } >= 2 }
      let input = try row.optionalText("input") ?? ""
      let instruction = try row.text("instruction")
      var item = BenchmarkItem(
        id: row.id,
        subset: "",
        prompt: [.user(input.isEmpty ? instruction : "\(instruction)\n\n\(input)")],
        responses: [try Self.response(row, "response1"), try Self.response(row, "response2")],
        label: majority.map { $0 - 1 } ?? 2
      )
      item.votes = votes.map { $0 == 0 ? 0.5 : $0 == (majority ?? 1) ? 1 : 0 }
      return item
    }
  }

  /// A response; six of the published rows spell the answer True as a JSON truth value.
  private static func response(_ row: BenchmarkRow, _ key: String) throws -> String {
    guard let value = row.optional(key)?.bool else { return try row.text(key) }
    return value ? "True" : "False"
  }

  package func results(_ tally: BenchmarkTally) throws -> BenchmarkResults {
    try tally.resultsWithTies(of: Self.name)
  }
}
