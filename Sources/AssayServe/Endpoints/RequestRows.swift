import AssayBase
import AssayData
import AssayText
import Foundation

/// Rows of a request, and whether the answer is one record or a list.
struct RequestRows {
  private var rows: [JSONValue]
  private var isList: Bool
  /// What stands beside the rows.
  private(set) var options: JSONValue

  /// - Parameters:
  ///   - body: One row, a list of rows, or an object with a list of them and options.
  ///   - key: What that list is called.
  ///   - rowKeys: Members that belong to a row; of a row alone all others are options.
  /// - Throws: `ServeError`.
  init(_ body: JSONValue, key: String, rowKeys: Set<String>) throws(ServeError) {
    if let rows = body.array {
      (self.rows, isList, options) = (rows, true, .object([]))
    } else if let list = body[key] {
      guard let rows = list.array else {
        throw RequestFields.wrong(key, list, "a list of records")
      }
      let rest = (body.members ?? []).filter { $0.key != key }
      (self.rows, isList, options) = (rows, true, .object(rest))
    } else {
      guard let members = body.members else {
        throw .malformedBody(
          reason: "found \(body.kind), expected a record, a list of records, or {\"\(key)\": [...]}"
        )
      }
      (rows, isList) = ([.object(members.filter { rowKeys.contains($0.key) })], false)
      options = .object(members.filter { !rowKeys.contains($0.key) })
    }
    guard !rows.isEmpty else { throw .malformedBody(reason: "the list of records is empty") }
  }

  /// What holds for all rows, so that it says nothing in one of several.
  private static let shared: Set = [
    "aggregate", "criteria", "max_tokens", "sample", "samples", "seed", "temperature", "too_long",
    "top_k", "top_p", "transform", "use_activation", "verdicts", "votes",
  ]

  /// Reads the rows, and says which one is wrong.
  func records<Record>(
    _ parse: (JSONValue, Int) throws(RowRefusal) -> Record
  ) throws(ServeError) -> [Record] {
    var records: [Record] = []
    for (index, row) in rows.enumerated() {
      if let option = row.members?.first(where: { Self.shared.contains($0.key) }) {
        throw .malformedBody(
          reason:
            "record \(index): '\(option.key)' belongs beside the list of records, for all of them"
        )
      }
      do throws(RowRefusal) {
        records.append(try parse(row, index))
      } catch {
        throw .malformedBody(reason: "record \(index): \(error.detail)")
      }
    }
    return records
  }

  /// The answer.
  func reply(_ records: [some Encodable]) throws -> Reply {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let data = isList ? try encoder.encode(records) : try encoder.encode(records[0])
    return .json(text: String(decoding: data, as: UTF8.self))
  }

  /// The answer, of values.
  func reply(_ records: [JSONValue]) -> Reply { .json(isList ? .array(records) : records[0]) }
}
