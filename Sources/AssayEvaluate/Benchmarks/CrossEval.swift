import AssayReward
import Foundation

/// CrossEval: columns `prompt`, `capability`, `response_i` (i from 1 to 3) and
/// `response_i_human_j_rating` (j from 1 to 2; 1 to 5).
///
/// All pairs of a prompt's responses whose mean ratings differ; the pair of responses i and j, i below
/// j, has the id `ROW:i-j`, and the pairs of a prompt are resampled together. Prompts with an
/// `attached_file` are left out, as a text model cannot read it. A figure for each capability;
/// `overall` is their mean. Rows with `chosen` and `rejected` are pairs as they are, their capability
/// in `capability` or `subset`. Of scores, notes have Pearson's correlation with people's ratings over the
/// responses of these pairs, by capability.
///
/// The columns are those of the set's card; its file is CSV, which DuckDB's command reads. How
/// others made pairs of the ratings is not published, so figures compare with ours only.
package struct CrossEval: Benchmark {
  package static let name = "crosseval"
  package static let summary = "CrossEval: pairs by mean human rating, per capability"
  private static let (responses, annotators) = (1...3, 1...2)
  package let items: [BenchmarkItem]

  package init(_ source: BenchmarkSource) throws {
    items = try source.itemLists { row in
      let capability = try row.optionalText("capability") ?? row.optionalText("subset") ?? row.stem
      if row.optional("chosen") != nil {
        return [try BenchmarkItem(pairRow: row, subset: capability)]
      }
      if let file = try row.optionalText("attached_file"), !file.isEmpty { return [] }
      return try Self.pairs(row, capability: capability)
    }
    guard !items.isEmpty else {
      throw EvaluateError.badFile(
        file: source.path,
        reason: "no prompt without an attached file has responses of different ratings"
      )
    }
  }

  private static func pairs(_ row: BenchmarkRow, capability: String) throws -> [BenchmarkItem] {
    let prompt = try row.prompt("prompt")
    let texts = try responses.map { try row.text("response_\($0)") }
    let single = try responses.map { response in
      try annotators.map { try row.number("response_\(response)_human_\($0)_rating") }
    }
    // The sum orders as the mean does, and is exact.
    let ratings = single.map { $0.reduce(0, +) }
    var items: [BenchmarkItem] = []
    for first in texts.indices {
      for second in texts.indices where second > first && ratings[first] != ratings[second] {
        let isFirst = ratings[first] > ratings[second]
        var item = BenchmarkItem(
          id: "\(row.id):\(first + 1)-\(second + 1)",
          subset: capability,
          prompt: prompt,
          chosen: [texts[isFirst ? first : second]],
          rejected: [texts[isFirst ? second : first]]
        )
        item.isChosenFirst = isFirst
        let sides = isFirst ? (single[first], single[second]) : (single[second], single[first])
        item.votes = zip(sides.0, sides.1).map { $0 > $1 ? 1 : $0 < $1 ? 0 : 0.5 }
        item.ratings = [ratings[isFirst ? first : second], ratings[isFirst ? second : first]]
        item.cluster = "\(row.file):\(row.index)"
        items.append(item)
      }
    }
    return items
  }

  package func results(_ tally: BenchmarkTally) throws -> BenchmarkResults {
    let groups = tally.groups(\.subset)
    var sections: ResultsFile.Sections = [:]
    for group in groups { sections[group.name] = try tally.figure(group.indices) }
    sections["overall"] = try tally.figure(weighted: groups.map { ($0.indices, 1) })
    let correlations = groups.compactMap { group in
      tally.correlation(group.indices).map { found in
        "scores and people's ratings of \(found.count) responses correlate at "
          + String(format: "%.3f", found.value) + " in \(group.name)"
      }
    }
    var results = try tally.results(of: Self.name, sections)
    results.notes += correlations
    return results
  }
}

extension BenchmarkTally {
  /// Pearson's correlation of scores with people's ratings over the different responses of some items; `nil`
  /// where fewer than three have both, or one of the two does not vary.
  func correlation(_ indices: [Int]) -> (value: Double, count: Int)? {
    var seen: Set<BenchmarkCandidate> = []
    var points: [(score: Double, rating: Double)] = []
    for index in indices where !items[index].ratings.isEmpty {
      guard case .scores(let scores) = records[index].content else { return nil }
      let own = zip(
        zip(items[index].candidates, scores.chosen + scores.rejected),
        items[index].ratings
      )
      for ((candidate, score), rating) in own where seen.insert(candidate).inserted {
        points.append((score, rating))
      }
    }
    return Correlation.pearson(points.map(\.score), points.map(\.rating)).map { ($0, points.count) }
  }
}
