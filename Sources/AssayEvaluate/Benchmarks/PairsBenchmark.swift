import AssayBase
import AssayData
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
    items = try files.flatMap { file in
      try source.pairs(file.path).map { pair in
        var item = BenchmarkItem(pair)
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

  package func results(_ tally: BenchmarkTally) throws -> BenchmarkResults {
    try tally.results(of: Self.name, try tally.pooled(\.subset))
  }
}

extension BenchmarkItem {
  /// An item of a pair.
  init(_ pair: PreferencePair) {
    self.init(
      id: pair.id,
      subset: pair.subset ?? "",
      prompt: pair.prompt,
      chosen: [pair.chosen],
      rejected: [pair.rejected]
    )
    isTie = pair.probability == 0.5
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
