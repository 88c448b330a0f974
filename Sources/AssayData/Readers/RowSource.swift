import AssayBase
import AssayText
import Foundation

/// A row of a data file, read or not.
package struct Row {
  /// The line, from 1; in a file that is one list the element, from 1.
  package var line: Int
  /// Rows before this one; blank lines are none.
  package var index: Int
  /// The row's value, or why there is none.
  package var value: Result<JSONValue, RowFault>
  /// Whether its texts may spell numbers: of CSV all, of Parquet decimal ones.
  package var spellsNumbers: Bool
}

/// What is wrong with a row, without its place.
package struct RowFault: Error, Equatable {
  /// The kind of problem.
  package var kind: ProblemKind
  /// The particulars.
  package var detail: String
}

/// The rows of a file: JSON Lines, or one JSON list, whatever the file's name says; of Parquet and CSV
/// (`.csv`, and with tabs `.tsv`), and what zstd packed, by DuckDB.
///
/// A file that begins with `[` is a list, since no row is one. A `.json` file may also be one object:
/// its rows are its `examples` where it has such a list, else it is the only row. `NaN` and infinities
/// are read as numbers, which Python writes into columns that nobody uses.
package final class RowSource {
  /// What the first bytes of formats are that are not read; the first and the third only from standard
  /// input, since DuckDB reads files.
  private static let otherFormats: [(magic: [UInt8], name: String)] = [
    (Array("PAR1".utf8), "Parquet"), (Array("ARROW1".utf8), "Arrow"),
    ([0x28, 0xB5, 0x2F, 0xFD], "packed by zstd"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "packed by xz"),
    (Array("BZh".utf8), "packed by bzip2"), ([0x50, 0x4B, 0x03, 0x04], "a zip archive"),
    ([0xFF, 0xFE], "UTF-16"), ([0xFE, 0xFF], "UTF-16"),
  ]

  private let source: ByteSource
  private var buffer: [UInt8] = []
  private var start = 0
  private var line = 0
  private var index = 0
  private var isAtEnd = false
  /// The rows of a file that is one document and are still to be given, the last one first.
  private var elements: [JSONValue]?

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - path: The file, plain or gzip, or a table; `-` is standard input.
  ///   - duckDB: The program that reads tables; `nil` where there is none.
  /// - Throws: `DataError` for what cannot be read, is of another format, or is a broken list.
  package init(path: String, duckDB: URL? = RowSource.duckDB) throws {
    source = try ByteSource(path: path, program: duckDB)
    while firstByte == nil, try fill() {}
    if let other = Self.otherFormats.first(where: { buffer.starts(with: $0.magic) }) {
      throw DataError.otherFormat(file: name, actual: other.name)
    }
    let isNamedDocument = path.hasSuffix(".json") || path.hasSuffix(".json.gz")
    switch firstByte {
    case UInt8(ascii: "["): elements = try list()
    case nil where isNamedDocument: throw DataError.notAList(file: name, actual: "nothing")
    case .some where isNamedDocument: elements = try object()
    default: break
    }
  }

  /// DuckDB's command: what `ASSAY_DUCKDB` names, else `duckdb` on the path; `nil` where there is none.
  package static var duckDB: URL? { TableFile.program(ProcessInfo.processInfo.environment) }

  /// What to call the file in messages.
  package var name: String { source.name }

  /// The first byte that is no space, of what was read so far.
  private var firstByte: UInt8? { buffer.dropFirst(markLength).first { !Self.isSpace($0) } }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
  }

  private func list() throws -> [JSONValue] {
    while try fill() {}
    do {
      let document = try JSONValue(
        parsing: Array(buffer.dropFirst(markLength)),
        takesNonFinite: true
      )
      return (document.array ?? []).reversed()
    } catch {
      throw DataError.notAList(file: name, actual: "no JSON document: \(error)")
    }
  }

  /// The rows of a file that is one object; `nil` where it is not, as JSON Lines named .json.
  private func object() throws -> [JSONValue]? {
    while try fill() {}
    isAtEnd = true
    let bytes = Array(buffer.dropFirst(markLength))
    guard let document = try? JSONValue(parsing: bytes, takesNonFinite: true) else { return nil }
    guard document.members != nil else {
      throw DataError.notAList(file: name, actual: document.kind)
    }
    return document["examples"]?.array?.reversed() ?? [document]
  }

  /// The length of a byte-order mark at the start, which some editors write.
  private var markLength: Int { buffer.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0 }

  /// Returns the next row, `nil` at the end.
  ///
  /// - Throws: `DataError` where reading fails, or a line has no end.
  package func next() throws -> Row? {
    if elements != nil {
      guard let value = elements?.popLast() else { return nil }
      line += 1
      return row(.success(value))
    }
    while let bytes = try nextLine() {
      if bytes.allSatisfy(Self.isSpace) { continue }
      return row(Self.parse(bytes))
    }
    return nil
  }

  private func row(_ value: Result<JSONValue, RowFault>) -> Row {
    defer { index += 1 }
    return Row(line: line, index: index, value: value, spellsNumbers: source.spellsNumbers)
  }

  static func parse(_ bytes: [UInt8]) -> Result<JSONValue, RowFault> {
    guard String(validating: bytes, as: UTF8.self) != nil else {
      return .failure(RowFault(kind: .invalidUTF8, detail: "the line is not UTF-8"))
    }
    do {
      return .success(try JSONValue(parsing: bytes, takesNonFinite: true))
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
      guard buffer.count - start <= RowBounds.lineBytes else {
        throw DataError.endlessLine(
          file: name,
          line: line + 1,
          maximumBytes: RowBounds.lineBytes
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
