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
    let packed = [".gz", ".zst"].first { path.hasSuffix($0) } ?? ""
    let name = path.dropLast(packed.count)
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

  /// What DuckDB is asked, and how it is to write.
  ///
  /// Columns of CSV are texts: a response of digits is not to become a number. Rows are copied to the output as they
  /// are read: the result of a query may be kept whole.
  ///
  /// Source: duckdb.org/docs/stable/data/parquet/overview, data/csv/overview, data/json/loading_json,
  /// data/json/writing_json.
  fileprivate func arguments(_ path: String) -> [String] {
    let file = "'" + Self.literal(path) + "'"
    let longest = RowBounds.lineBytes
    func copied(_ rows: String) -> [String] {
      let output = "TO '/dev/stdout' (FORMAT json)"
      return ["-c", "SET threads = 1; COPY (SELECT * FROM \(rows)) \(output)"]
    }
    return switch self {
    case .parquet: copied("read_parquet(\(file))")
    case .csv:
      copied(
        "read_csv(\(file), all_varchar = true, header = true, max_line_size = \(longest))"
      )
    case .zstd:
      [
        "-list", "-noheader", "-c",
        "SELECT json FROM read_ndjson_objects(\(file), compression = 'zstd', "
          + "maximum_object_size = \(longest))",
      ]
    }
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
  private let process = Process()
  private let output = Pipe()
  private let errors = Pipe()

  /// Starts to read.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - format: Its format.
  ///   - program: DuckDB's command; `nil` where there is none.
  /// - Throws: `DataError.missingProgram`, or `.unreadable` where it cannot be started.
  init(_ path: String, _ format: TableFormat, program: URL?) throws {
    self.path = path
    guard let program else {
      throw DataError.missingProgram(file: path, actual: format.rawValue)
    }
    process.executableURL = program
    process.arguments = ["-no-init", "-no-stdin", "-bail"] + format.arguments(path)
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
      throw DataError.unreadable(
        path: path,
        reason: "DuckDB says: \(first.map(String.init) ?? "exit \(process.terminationStatus)")"
      )
    }
    return nil
  }
}
