import AssayBase
import AssayText
import Foundation

/// A row of a data file, read or not.
struct Row {
  /// The line, from 1; in a `.json` list the element, from 1.
  var line: Int
  /// Rows before this one; blank lines are none.
  var index: Int
  var value: Result<JSONValue, RowFault>
}

/// What is wrong with a row, without its place.
struct RowFault: Error, Equatable {
  var kind: ProblemKind
  var detail: String
}

/// The rows of a JSON Lines file, or of a `.json` file that holds a list.
final class RowSource {
  /// Bounds the memory that a file without line ends can ask for.
  private static let maximumLineBytes = 1 << 28

  private let source: ByteSource
  private var buffer: [UInt8] = []
  private var start = 0
  private var line = 0
  private var index = 0
  private var isAtEnd = false
  /// The elements of a `.json` file that are still to be given, the last one first.
  private var elements: [JSONValue]?

  init(path: String) throws {
    source = try ByteSource(path: path)
    if path.hasSuffix(".json") || path.hasSuffix(".json.gz") { elements = try list() }
  }

  var name: String { source.name }

  private func list() throws -> [JSONValue] {
    while try fill() {}
    let document: JSONValue
    do {
      document = try JSONValue(parsing: Array(buffer.dropFirst(markLength)))
    } catch {
      throw DataError.notAList(file: name, actual: "no JSON document: \(error)")
    }
    guard let rows = document.array else {
      throw DataError.notAList(file: name, actual: document.kind)
    }
    return rows.reversed()
  }

  /// The length of a byte-order mark at the start, which some editors write.
  private var markLength: Int { buffer.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0 }

  /// Returns the next row, `nil` at the end.
  func next() throws -> Row? {
    if elements != nil {
      guard let value = elements?.popLast() else { return nil }
      line += 1
      return row(.success(value))
    }
    while let bytes = try nextLine() {
      if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
      return row(Self.parse(bytes))
    }
    return nil
  }

  private func row(_ value: Result<JSONValue, RowFault>) -> Row {
    defer { index += 1 }
    return Row(line: line, index: index, value: value)
  }

  static func parse(_ bytes: [UInt8]) -> Result<JSONValue, RowFault> {
    guard String(validating: bytes, as: UTF8.self) != nil else {
      return .failure(RowFault(kind: .invalidUTF8, detail: "the line is not UTF-8"))
    }
    do {
      return .success(try JSONValue(parsing: bytes))
    } catch {
      return .failure(RowFault(kind: .malformedJSON, detail: "not a JSON object: \(error)"))
    }
  }

  private func fill() throws -> Bool {
    guard let more = try source.read() else { return false }
    buffer += more
    return true
  }

  private func nextLine() throws -> [UInt8]? {
    var searched = start
    while true {
      if let end = buffer[searched...].firstIndex(of: 0x0A) {
        defer { start = end + 1 }
        return take(start..<end)
      }
      searched = buffer.count
      if isAtEnd {
        guard start < buffer.count else { return nil }
        defer { start = buffer.count }
        return take(start..<buffer.count)
      }
      guard buffer.count - start <= Self.maximumLineBytes else {
        throw DataError.endlessLine(
          file: name,
          line: line + 1,
          maximumBytes: Self.maximumLineBytes
        )
      }
      if start > 0 {
        buffer.removeSubrange(..<start)
        searched -= start
        start = 0
      }
      isAtEnd = try !fill()
    }
  }

  private func take(_ range: Range<Int>) -> [UInt8] {
    line += 1
    let bytes = buffer[range]
    return Array(line == 1 && bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes)
  }
}
