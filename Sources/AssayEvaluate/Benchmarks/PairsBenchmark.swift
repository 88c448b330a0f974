import AssayBase
import AssayData
import AssayText
import Foundation

/// Preference pairs of any origin, in the shapes that training reads.
///
/// A figure for each `subset`, and `overall` over all pairs alike. A folder is read file by file, and
/// a pair without a subset then belongs to its file's.
package struct PairsBenchmark: Benchmark {
  package static let name = "pairs"
  package static let summary = "preference pairs: per subset, and all pairs alike"
  package let items: [BenchmarkItem]

  package init(path: String) throws {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    guard exists, isFolder.boolValue else {
      items = try Self.read(path).map { Self.item($0, id: $0.id, subset: $0.subset ?? "") }
      guard !items.isEmpty else {
        throw EvaluateError.badFile(file: path, reason: "the file has no pairs")
      }
      return
    }
    let names = (FileManager.default.subpaths(atPath: path) ?? []).filter { name in
      Self.endings.contains(where: name.hasSuffix)
    }.sorted()
    guard !names.isEmpty else {
      throw EvaluateError.badFile(file: path, reason: "the folder holds no .json or .jsonl file")
    }
    items = try names.flatMap { name in
      let ending = Self.endings.first(where: name.hasSuffix) ?? ""
      let stem = String(name.dropLast(ending.count))
      return try Self.read(URL(fileURLWithPath: path).appendingPathComponent(name).path).map {
        Self.item($0, id: names.count == 1 ? $0.id : "\(stem):\($0.id)", subset: $0.subset ?? stem)
      }
    }
    guard !items.isEmpty else {
      throw EvaluateError.badFile(file: path, reason: "its files have no pairs")
    }
  }

  private static let endings = [".json", ".jsonl", ".jsonl.gz"]

  private static func read(_ path: String) throws -> [PreferencePair] {
    try PairReader().read(path).pairs
  }

  private static func item(_ pair: PreferencePair, id: String, subset: String) -> BenchmarkItem {
    var item = BenchmarkItem(
      id: id,
      subset: subset,
      prompt: pair.prompt,
      chosen: [pair.chosen],
      rejected: [pair.rejected]
    )
    item.isTie = pair.probability == 0.5
    return item
  }

  package func results(_ tally: BenchmarkTally) throws -> BenchmarkResults {
    try tally.results(of: Self.name, try tally.pooled(\.subset))
  }
}

extension BenchmarkItem {
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
