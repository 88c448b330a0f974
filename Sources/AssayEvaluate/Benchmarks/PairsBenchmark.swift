import AssayBase
import AssayData
import AssayReward
import AssayText

/// Preference pairs of any origin, in the shapes that training reads.
///
/// A figure for each `subset`, and `overall` over all pairs alike. A folder is read file by file, and
/// a pair without a subset then belongs to its file's.
package struct PairsBenchmark: Benchmark {
  package static let name = "pairs"
  package static let summary = "preference pairs: per subset, and all pairs alike"
  package let items: [BenchmarkItem]

  package init(_ source: BenchmarkSource) throws {
    let files = try source.files()
    let isFolder = files[0].path != source.path
    let pairs = try files.map { try source.pairs($0.path) }
    let repeated = pairs.joined().map(\.prompt).repeated
    items = zip(files, pairs).flatMap { file, pairs in
      pairs.map { pair in
        var item = BenchmarkItem(pair)
        item.cluster = repeated[pair.prompt].map { "prompt \($0)" }
        if files.count > 1 { item.id = "\(file.stem):\(pair.id)" }
        if pair.subset == nil, isFolder { item.subset = file.stem }
        return item
      }
    }
    guard !items.isEmpty else {
      throw EvaluateError.badFile(
        file: source.path,
        reason: isFolder ? "its files have no pairs" : "the file has no pairs"
      )
    }
  }

  package func outcome(of item: BenchmarkItem, scores: BenchmarkScores) -> Double {
    item.credit(scores)
  }

  package func results(_ tally: BenchmarkTally) throws -> BenchmarkResults {
    try tally.results(of: Self.name, try tally.pooled(\.subset))
  }
}

extension BenchmarkItem {
  /// An item of a pair: chosen is what its label prefers, whatever the file calls it.
  init(_ labelled: PreferencePair) {
    let pair = labelled.decided ?? labelled
    self.init(
      id: pair.id,
      subset: pair.subset ?? "",
      prompt: pair.prompt,
      chosen: [pair.chosen],
      rejected: [pair.rejected]
    )
    isTie = labelled.probability == 0.5
    isTurned = labelled.probability.map { $0 < 0.5 } ?? false
    // A judge is shown the file's order first.
    isChosenFirst = !isTurned
  }

  /// 1 where the better response scores above the other one, 0 where below, and one half for equal scores: the
  /// rule of pairs that no authors have one for; see `PairGrade`.
  func credit(_ scores: BenchmarkScores) -> Double {
    guard let chosen = scores.chosen.min(), let rejected = scores.rejected.max() else { return 0 }
    guard isTie else { return PairGrade.Mark(margin: chosen - rejected).credit }
    return chosen == rejected ? 1 : 0
  }

  /// An item of a row that has `prompt`, `chosen` and `rejected`, each response one text or several.
  init(pairRow row: BenchmarkRow, subset: String, section: String = "") throws {
    func responses(_ key: String) throws -> [String] {
      let isConversation = try row.required(key).array?.first?.members != nil
      return isConversation ? [try row.response(key)] : try row.texts(key)
    }
    self.init(
      id: row.id,
      subset: subset,
      section: section,
      prompt: try row.prompt("prompt"),
      chosen: try responses("chosen"),
      rejected: try responses("rejected")
    )
  }
}
