// Files of tables that are no JSON: DuckDB, in a process of its own, writes their rows as JSON Lines.

import AssayBase
import Foundation

/// What a row may be at most.
enum RowBounds {
  /// Bounds the memory that a file without line ends can ask for.
  static let lineBytes = 1 << 28
}

/// A format that DuckDB reads.
enum TableFormat: String {
  case parquet = "Parquet"
  case csv = "CSV"
  case zstd = "packed by zstd"

  /// Tells a format by a file's first bytes, or its name: CSV has no mark of its own.
  init?(path: String, start: [UInt8]) {
    let name = Self.unpacked(path)
    if start.starts(with: Array("PAR1".utf8)) {
      self = .parquet
    } else if name.hasSuffix(".csv") || name.hasSuffix(".tsv") {
      self = .csv
    } else if start.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
      self = .zstd
    } else {
      return nil
    }
  }

  /// A file's name without the ending of what packed it.
  private static func unpacked(_ path: String) -> Substring {
    path.dropLast([".gz", ".zst"].first { path.hasSuffix($0) }?.count ?? 0)
  }

  /// What DuckDB is asked, and how it is to write.
  ///
  /// Columns of CSV are texts: a response of digits is not to become a number. Nothing of its form is guessed, since
  /// a guess may leave out rows: commas (semicolons or tabs where the line of names has no comma and these), tabs in
  /// `.tsv`, double quotes, one line of names, no comments; blank lines may stand before the names. Rows are copied to the output as they are read: the result of a query may be
  /// kept whole.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - start: Its first bytes, unpacked.
  /// - Returns: DuckDB's arguments.
  ///
  /// Source: duckdb.org/docs/stable/data/parquet/overview, data/csv/overview, data/json/loading_json,
  /// data/json/writing_json.
  fileprivate func arguments(_ path: String, start: [UInt8]) -> [String] {
    let file = "'" + Self.literal(path) + "'"
    let longest = RowBounds.lineBytes
    let separator = Self.unpacked(path).hasSuffix(".tsv") ? "\\t" : Self.separator(start)
    func copied(_ rows: String) -> [String] {
      let output = "TO '/dev/stdout' (FORMAT json)"
      return ["-c", "SET threads = 1; COPY (SELECT * FROM \(rows)) \(output)"]
    }
    return switch self {
    case .parquet: copied("read_parquet(\(file))")
    case .csv:
      copied(
        "read_csv(\(file), delim = '\(separator)', quote = '\"', escape = '\"', "
          + "comment = '', skip = \(Self.blankLines(start)), header = true, all_varchar = true, "
          + "max_line_size = \(longest))"
      )
    case .zstd:
      [
        "-list", "-noheader", "-c",
        "SELECT json FROM read_ndjson_objects(\(file), compression = 'zstd', "
          + "maximum_object_size = \(longest))",
      ]
    }
  }

  /// What stands between the names of a file: a comma wherever there is one.
  private static func separator(_ start: [UInt8]) -> String {
    let names = start.drop { $0 == 0x0A || $0 == 0x0D }.prefix { $0 != 0x0A && $0 != 0x0D }
    var isQuoted = false
    var found: Set<UInt8> = []
    for byte in names {
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() } else if !isQuoted { found.insert(byte) }
    }
    if found.contains(UInt8(ascii: ",")) { return "," }
    return found.contains(UInt8(ascii: ";")) ? ";" : found.contains(0x09) ? "\\t" : ","
  }

  /// How many blank lines a file begins with, which DuckDB does not pass over by itself.
  private static func blankLines(_ start: [UInt8]) -> Int {
    start.prefix { $0 == 0x0A || $0 == 0x0D }.count { $0 == 0x0A }
  }

  /// A path in quotes, whose marks of patterns stand for themselves.
  private static func literal(_ path: String) -> String {
    path.map { character in
      switch character {
      case "'": "''"
      case "*", "?", "[": "[\(character)]"
      default: String(character)
      }
    }.joined()
  }
}

/// The rows of a table as JSON Lines.
final class TableFile {
  private let path: String
  private let format: TableFormat
  private let process = Process()
  private let output = Pipe()
  private let errors = Pipe()

  /// Starts to read.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - format: Its format.
  ///   - start: Its first bytes.
  ///   - program: DuckDB's command; `nil` where there is none.
  /// - Throws: `DataError.missingProgram`, or `.unreadable` where it cannot be started.
  init(_ path: String, _ format: TableFormat, start: [UInt8], program: URL?) throws {
    (self.path, self.format) = (path, format)
    guard let program else {
      throw DataError.missingProgram(file: path, actual: format.rawValue)
    }
    process.executableURL = program
    process.arguments =
      ["-no-init", "-no-stdin", "-bail"]
      + format.arguments(path, start: Self.unpacked(start, path))
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = errors
    do {
      try process.run()
    } catch {
      throw DataError.unreadable(
        path: path,
        reason: "\(program.path) cannot be started: \(error.fileReason)"
      )
    }
  }

  /// The first bytes of what is packed; none of what is packed by zstd, which DuckDB alone unpacks.
  private static func unpacked(_ start: [UInt8], _ path: String) -> [UInt8] {
    if start.starts(with: [0x1F, 0x8B]) {
      return (try? Inflater(name: path).inflate(start)) ?? []
    }
    return start.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) ? [] : start
  }

  deinit {
    // A reader that stops early: what is left is not wanted.
    if process.isRunning { process.terminate() }
  }

  /// DuckDB's command: what `ASSAY_DUCKDB` names, else `duckdb` on the path; `nil` where there is none.
  static func program(_ environment: [String: String]) -> URL? {
    if let named = environment["ASSAY_DUCKDB"], !named.isEmpty {
      return URL(fileURLWithPath: named)
    }
    return (environment["PATH"] ?? "").split(separator: ":")
      .map { URL(fileURLWithPath: String($0)).appendingPathComponent("duckdb") }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }

  /// Returns the next bytes, `nil` at the end.
  ///
  /// - Throws: `DataError.unreadable` with DuckDB's own words where it failed.
  func read(_ count: Int) throws -> [UInt8]? {
    let data: Data?
    do {
      data = try output.fileHandleForReading.read(upToCount: count)
    } catch {
      throw DataError.unreadable(path: path, reason: error.fileReason)
    }
    if let data, !data.isEmpty { return Array(data) }
    let words = (try? errors.fileHandleForReading.readToEnd()) ?? nil
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let first = String(decoding: words ?? Data(), as: UTF8.self).split(separator: "\n").first
      let form =
        format == .csv
        ? " (expected a line of names, what separates them in every line, and double quotes)" : ""
      throw DataError.unreadable(
        path: path,
        reason: "DuckDB says: \(first.map(String.init) ?? "exit \(process.terminationStatus)")"
          + form
      )
    }
    return nil
  }
}
