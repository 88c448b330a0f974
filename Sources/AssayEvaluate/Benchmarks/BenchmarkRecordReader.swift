import AssayBase
import AssayData
import AssayText
import Foundation

/// Reads recorded scores.
package enum BenchmarkRecords {
  private static let exampleCount = 3
  /// The most tokens of an item, with room for the sum over all items.
  private static let mostTokens = 1e12
  /// The largest score, with room for differences, sums and squares.
  private static let mostScore = 1e150

  /// Reads the records of a benchmark's items.
  ///
  /// A line has `id`, and `chosen` and `rejected` (a number from -1e150 to 1e150, or a list in the order of the item's
  /// candidates; a list in the place of a number is of several critiques, and counts as its mean), or
  /// `verdicts`: what a judge said in the file's order of the two responses and then in the other one,
  /// `A>B`, `B>A` or `A=B`, where A is the response shown first. A judge that prefers the same response
  /// in both orders so says `["A>B", "B>A"]`. Where the file names a chosen response instead of an
  /// order, that one is shown first. Any other text, or `null`, is unparseable. Of items of several
  /// responses, `comparisons` has such a list for each chosen response against each rejected one.
  ///
  /// Beside verdicts on a pair may stand their `probability`, that the chosen response is better, averaged
  /// over the orders.
  ///
  /// What a model wrote is in `texts`: `{"of": 0, "text": "...", "score": 1.5}` of a critique, by the
  /// response's place; `{"of": 0, "order": 1, "text": "...", "verdict": "A>B"}` of a judgement.
  ///
  /// What `assay judge` writes is read too, and what the benchmarks' own scripts write; see
  /// `OfficialRecord`.
  ///
  /// - Parameters:
  ///   - path: JSON Lines, or a JSON list; `-` is standard input.
  ///   - benchmark: The benchmark.
  /// - Returns: What the records are of, which for verdicts is what these can answer; and one record for
  ///   each of its items, in their order.
  /// - Throws: `DataError` for a file that cannot be read; `EvaluateError` for a line that does not
  ///   fit, and for items without exactly one line.
  ///
  /// Source: verdicts as in ScalerLab/JudgeBench, utils/metrics.py, whose second game is flipped.
  package static func open(
    _ path: String,
    for benchmark: any Benchmark
  ) throws -> (any Benchmark, [BenchmarkRecord]) {
    let rows = try BenchmarkFiles.read(path, stem: path)
    let lines: [(line: Int, value: JSONValue)] =
      (rows.count == 1 ? OfficialRecord.rows(ofColumns: rows[0].value) : nil)
      ?? rows.map { (line: $0.line, value: $0.value) }
    let isScored = lines.contains { line in
      OfficialRecord.scoreKeys.contains { line.value[$0.chosen]?.isNull == false }
        || line.value[OfficialRecord.allScores]?.isNull == false
    }
    let own: any Benchmark = isScored ? benchmark : benchmark.forJudges
    let records = try match(
      lines,
      file: path,
      benchmark: own,
      isComplete: true
    )
    return (own, records.compactMap { $0 })
  }

  /// Reads the records of a benchmark's items; see `open(_:for:)`.
  package static func read(_ path: String, for benchmark: any Benchmark) throws -> [BenchmarkRecord]
  {
    try open(path, for: benchmark).1
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
      let own = try row.ownID()
      guard let id = own ?? (OfficialRecord.hasNoID(row) ? String(line - 1) : nil) else {
        throw row.failure("the key 'id' is missing")
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
    let tokens = try tokens(row)
    let texts = try RecordedText.read(row, item)
    let probability = row.optionalNumber("probability").map { item.isTurned ? 1 - $0 : $0 }
    func record(_ content: BenchmarkRecord.Content) -> BenchmarkRecord {
      var record = BenchmarkRecord(id: item.id, content: content, tokens: tokens, texts: texts)
      record.isCut = row.optional("cut")?.bool == true
      if case .verdicts = content { record.probability = probability }
      return record
    }
    let isPair = item.chosen.count == 1 && item.rejected.count == 1
    if type == ProcessBench.self, let scores = OfficialRecord.prediction(of: row, item: item) {
      return record(.scores(scores))
    }
    if let official = try OfficialRecord.content(of: row, item: item) {
      guard type.takesVerdicts, isPair else { throw noPair(row, item, type) }
      return record(official)
    }
    let keys = ["verdicts", "comparisons"].filter { row.optional($0) != nil }
    guard let key = keys.first else {
      return record(.scores(try scores(row, item)))
    }
    guard row.optional("chosen") == nil, row.optional("rejected") == nil, keys.count == 1 else {
      throw row.failure("a line has scores or verdicts, not both")
    }
    guard type.takesVerdicts, isPair || key == "comparisons" else { throw noPair(row, item, type) }
    let list = try row.list(key)
    guard key == "comparisons" else { return record(.verdicts(try verdicts(list, row, item))) }
    let count = item.chosen.count * item.rejected.count
    guard list.count == count else {
      throw row.failure("'comparisons' has \(list.count) lists, the item has \(count) pairs")
    }
    return record(
      .comparisons(
        try list.map { entry in
          guard let own = entry.array else {
            throw row.failure("'comparisons' must hold lists of two verdicts, found \(entry.kind)")
          }
          return try verdicts(own, row, item)
        }
      )
    )
  }

  /// The tokens of a row; `nil` where none are recorded.
  private static func tokens(_ row: BenchmarkRow) throws -> TokenCount? {
    let value = row.optional("tokens")
    for key in ["prompt", "completion"] {
      guard let count = value?[key], let number = count.double else { continue }
      guard (0...mostTokens).contains(number) else {
        throw row.failure(
          "'tokens' must have counts from 0 to 1000000000000, found \(key) \(count.compact)"
        )
      }
    }
    return TokenCount(json: value)
  }

  private static func noPair(
    _ row: BenchmarkRow,
    _ item: BenchmarkItem,
    _ type: any Benchmark.Type
  ) -> EvaluateError {
    row.failure(
      "the item '\(item.id)' of \(type.name) is no pair that a verdict could be about; give "
        + (type.takesVerdicts ? "'comparisons', or " : "") + "'chosen' and 'rejected' scores"
    )
  }

  /// The verdicts on a pair in both orders.
  private static func verdicts(
    _ list: [JSONValue],
    _ row: BenchmarkRow,
    _ item: BenchmarkItem
  ) throws -> [BenchmarkVerdict] {
    guard list.count == 2 else {
      throw row.failure("'verdicts' must hold two, one for each order, found \(list.count)")
    }
    return try list.enumerated().map { order, value in
      guard value.isNull || value.string != nil else {
        throw row.failure("'verdicts' must hold strings or null, found \(value.kind)")
      }
      return BenchmarkVerdict(
        spelt: value.string ?? "",
        isChosenA: item.isChosenFirst == (order == 0)
      )
    }
  }

  /// The scores of an item, under our keys or those of the benchmarks' own files.
  private static func scores(_ row: BenchmarkRow, _ item: BenchmarkItem) throws -> BenchmarkScores {
    let named = OfficialRecord.scoreKeys.first { row.optional($0.chosen) != nil }
    if named == nil, row.optional(OfficialRecord.allScores) != nil {
      let count = item.chosen.count + item.rejected.count
      let all = try scores(row, OfficialRecord.allScores, count: count)
      return BenchmarkScores(
        chosen: Array(all.prefix(item.chosen.count)),
        rejected: Array(all.dropFirst(item.chosen.count))
      ).named(asIn: item)
    }
    let keys = named ?? (chosen: "chosen", rejected: "rejected")
    return BenchmarkScores(
      chosen: try scores(row, keys.chosen, count: item.chosen.count),
      rejected: try scores(row, keys.rejected, count: item.rejected.count)
    ).named(asIn: item)
  }

  private static func scores(_ row: BenchmarkRow, _ key: String, count: Int) throws -> [Double] {
    guard let value = row.optional(key) else {
      if count == 0 { return [] }
      throw row.failure("the key '\(key)' is missing")
    }
    let list = value.array ?? [value]
    // Several numbers of a single response are of several critiques.
    let entries = count == 1 && list.count > 1 ? [value] : list
    let scores = try entries.map { entry in
      let numbers = try (entry.array ?? [entry]).map { part in
        guard let score = part.double else {
          throw row.failure("'\(key)' must be a number or a list of numbers, found \(part.kind)")
        }
        guard score.isFinite else {
          throw row.failure("'\(key)' must be finite, found \(part.compact)")
        }
        guard abs(score) <= mostScore else {
          throw row.failure("'\(key)' must be from -1e150 to 1e150, found \(part.compact)")
        }
        return score
      }
      guard !numbers.isEmpty else { throw row.failure("'\(key)' has a response without a score") }
      return numbers.reduce(0, +) / Double(numbers.count)
    }
    guard scores.count == count else {
      throw row.failure("'\(key)' has \(scores.count) scores, the item has \(count) responses")
    }
    return scores
  }
}
