import AssayBase
import AssayData
import AssayText
import Foundation

/// Reads recorded scores.
package enum BenchmarkRecords {
  private static let exampleCount = 3

  /// Reads the records of a benchmark's items.
  ///
  /// A line has `id`, and `chosen` and `rejected` (a number, or a list in the order of the item's
  /// candidates), or `verdicts`: what a judge said in the file's order of the two responses and then
  /// in the other one, `A>B`, `B>A` or `A=B`, where A is the response shown first. A judge that
  /// prefers the same response in both orders so says `["A>B", "B>A"]`. Where the file names a
  /// chosen response instead of an order, that one is shown first. Any other text, or `null`, is
  /// unparseable.
  ///
  /// - Parameters:
  ///   - path: JSON Lines, or a JSON list; `-` is standard input.
  ///   - benchmark: The benchmark.
  /// - Returns: One record for each item, in the order of the items.
  /// - Throws: `DataError` for a file that cannot be read; `EvaluateError` for a line that does not
  ///   fit, and for items without exactly one line.
  ///
  /// Source: verdicts as in ScalerLab/JudgeBench, utils/metrics.py, whose second game is flipped.
  package static func read(_ path: String, for benchmark: any Benchmark) throws -> [BenchmarkRecord]
  {
    let rows = try BenchmarkFiles.read(path, stem: path)
    return try match(
      rows.map { ($0.line, $0.value) },
      file: path,
      benchmark: benchmark,
      isComplete: true
    ).compactMap { $0 }
  }

  /// Matches lines with items; `nil` for items without a line.
  static func match(
    _ lines: [(line: Int, value: JSONValue)],
    file: String,
    benchmark: any Benchmark,
    isComplete: Bool
  ) throws -> [BenchmarkRecord?] {
    let items = benchmark.items
    var places: [String: Int] = [:]
    for (place, item) in items.enumerated() { places[item.id] = place }
    var records = [BenchmarkRecord?](repeating: nil, count: items.count)
    var (unknown, repeated): ([String], [String]) = ([], [])
    for (line, value) in lines {
      let row = try BenchmarkRow(file: file, stem: file, line: line, index: line - 1, value: value)
      let id: String
      switch try row.required("id") {
      case .string(let text): id = text
      case .number(let digits): id = digits
      case let other: throw row.failure("'id' must be a string or a number, found \(other.kind)")
      }
      guard let place = places[id] else {
        unknown.append(id)
        continue
      }
      if records[place] != nil {
        repeated.append(id)
        continue
      }
      records[place] = try record(row, item: items[place], type: type(of: benchmark))
    }
    let missing = zip(items, records).filter { $1 == nil }.map(\.0.id)
    var problems: [String] = []
    if isComplete, !missing.isEmpty {
      problems.append("\(missing.count) of \(items.count) items have none (\(examples(missing)))")
    }
    if !unknown.isEmpty {
      problems.append("\(unknown.count) lines have an id that no item has (\(examples(unknown)))")
    }
    if !repeated.isEmpty {
      problems.append("\(repeated.count) lines repeat an id (\(examples(repeated)))")
    }
    guard problems.isEmpty else {
      throw EvaluateError.mismatchedRecords(file: file, problems: problems)
    }
    return records
  }

  private static func examples(_ ids: [String]) -> String {
    ids.prefix(exampleCount).joined(separator: ", ") + (ids.count > exampleCount ? ", ..." : "")
  }

  private static func record(
    _ row: BenchmarkRow,
    item: BenchmarkItem,
    type: any Benchmark.Type
  ) throws -> BenchmarkRecord {
    guard row.optional("verdicts") != nil else {
      return BenchmarkRecord(
        id: item.id,
        chosen: try scores(row, "chosen", count: item.chosen.count),
        rejected: try scores(row, "rejected", count: item.rejected.count)
      )
    }
    guard row.optional("chosen") == nil, row.optional("rejected") == nil else {
      throw row.failure("a line has scores or verdicts, not both")
    }
    guard type.takesVerdicts, item.chosen.count == 1, item.rejected.count == 1 else {
      throw row.failure(
        "the item '\(item.id)' of \(type.name) is no pair that a verdict could be about; "
          + "give 'chosen' and 'rejected' scores"
      )
    }
    let verdicts = try row.list("verdicts")
    guard verdicts.count == 2 else {
      throw row.failure("'verdicts' must hold two, one for each order, found \(verdicts.count)")
    }
    let read = try verdicts.enumerated().map { order, value in
      guard value.isNull || value.string != nil else {
        throw row.failure("'verdicts' must hold strings or null, found \(value.kind)")
      }
      return verdict(value.string ?? "", isChosenA: item.isChosenFirst == (order == 0))
    }
    return BenchmarkRecord(id: item.id, content: .verdicts(read))
  }

  private static func verdict(_ text: String, isChosenA: Bool) -> BenchmarkVerdict {
    switch text.filter({ !$0.isWhitespace }) {
    case "A>B", "A>>B", "B<A", "B<<A", "A": isChosenA ? .chosen : .rejected
    case "B>A", "B>>A", "A<B", "A<<B", "B": isChosenA ? .rejected : .chosen
    case "A=B", "B=A", "tie": .tie
    default: .unparseable
    }
  }

  private static func scores(_ row: BenchmarkRow, _ key: String, count: Int) throws -> [Double] {
    guard let value = row.optional(key) else {
      if count == 0 { return [] }
      throw row.failure("the key '\(key)' is missing")
    }
    let list = value.array ?? [value]
    let scores = try list.map { entry in
      guard let score = entry.double else {
        throw row.failure("'\(key)' must be a number or a list of numbers, found \(entry.kind)")
      }
      guard score.isFinite else {
        throw row.failure("'\(key)' must be finite, found \(entry.compact)")
      }
      return score
    }
    guard scores.count == count else {
      throw row.failure("'\(key)' has \(scores.count) scores, the item has \(count) responses")
    }
    return scores
  }
}
