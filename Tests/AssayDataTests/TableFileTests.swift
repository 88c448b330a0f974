import AssayBase
import AssayData
import Foundation
import Testing

/// Tables, with a script in DuckDB's place, and with DuckDB itself where it is there.
@Suite struct TableFileTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// A program that writes lines, whatever it is asked, and notes what that was.
  private func program(_ script: String) throws -> URL {
    let url = folder.url.appending(path: "duckdb")
    try Data("#!/bin/sh\necho \"$@\" > \(folder.url.path)/asked\n\(script)\n".utf8).write(to: url)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: url.path)
    return url
  }

  private func asked() throws -> String {
    String(decoding: try Data(contentsOf: folder.url.appending(path: "asked")), as: UTF8.self)
  }

  private static func rows(_ source: RowSource) throws -> [JSONValue] {
    var rows: [JSONValue] = []
    while let row = try source.next() { rows.append(try row.value.get()) }
    return rows
  }

  @Test("a table's rows are what the program writes, and its file stands in quotes")
  func rows() throws {
    let duckDB = try program(#"printf '{"a": 1}\n{"a": 2}\n'"#)
    let path = try folder.write("PAR1xx".utf8, "it's [1].parquet")
    let rows = try Self.rows(RowSource(path: path, duckDB: duckDB))
    #expect(rows.map { $0["a"]?.int } == [1, 2])
    #expect(try asked().contains("read_parquet('\(folder.url.path)/it''s [[]1].parquet')"))
  }

  @Test("what the program says is told, and the rows before are no result")
  func failure() throws {
    let duckDB = try program(#"printf '{"a": 1}\n'; echo 'Error: no magic' >&2; exit 1"#)
    let path = try folder.write("PAR1".utf8, "x.parquet")
    let error = #expect(throws: DataError.self) {
      try Self.rows(RowSource(path: path, duckDB: duckDB))
    }
    #expect(error == .unreadable(path: path, reason: "DuckDB says: Error: no magic"))
  }

  @Test(
    "without the program the format is named, and what to install",
    arguments: [
      ("PAR1", "x", "Parquet"), ("a,b\n1,2\n", "x.csv", "CSV"),
      ("(\u{b5}/\u{fd}", "x.jsonl.zst", "packed by zstd"),
    ]
  )
  func missing(_ start: String, _ name: String, _ format: String) throws {
    let path = try folder.write(start.unicodeScalars.map { UInt8($0.value) }, name)
    let error = #expect(throws: DataError.self) { try RowSource(path: path, duckDB: nil) }
    #expect(error == .missingProgram(file: path, actual: format))
    #expect(error?.description.contains("pip install duckdb-cli") == true)
  }

  @Test("values of CSV are texts, but for numbers that rows have")
  func csv() throws {
    let duckDB = try program(
      #"printf '{"response": "011", "rating": "4.5", "margin": "wide", "x": null}\n'"#
    )
    let path = try folder.write("response,rating\n".utf8, "x.csv.gz")
    let row = try #require(try Self.rows(RowSource(path: path, duckDB: duckDB)).first)
    #expect(row["response"]?.string == "011" && row["rating"]?.double == 4.5)
    #expect(row["margin"]?.string == "wide" && row["x"] == .null)
  }

  @Test(
    "DuckDB itself reads Parquet, CSV and zstd",
    .enabled(if: RowSource.duckDB != nil, "duckdb is not installed (pip install duckdb-cli)")
  )
  func real() throws {
    let duckDB = try #require(RowSource.duckDB)
    let base = folder.url.path + "/it's"
    let select = """
      SELECT 'p' AS prompt, [{'role': 'assistant', 'content': 'a' || chr(10) || '"b"'}] AS chosen, \
      '007' AS rejected, 0.5 AS margin
      """
    let quoted = base.replacing("'", with: "''")
    let process = Process()
    process.executableURL = duckDB
    process.arguments = [
      "-no-init", "-no-stdin", "-bail", "-c",
      "COPY (\(select)) TO '\(quoted).parquet'; COPY (\(select)) TO '\(quoted).csv'; "
        + "COPY (\(select)) TO '\(quoted).jsonl.zst' (FORMAT json, COMPRESSION zstd)",
    ]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    for end in ["parquet", "csv", "jsonl.zst"] {
      let rows = try Self.rows(RowSource(path: "\(base).\(end)", duckDB: duckDB))
      #expect(rows.count == 1, "\(end)")
      let row = try #require(rows.first)
      #expect(row["prompt"]?.string == "p" && row["rejected"]?.string == "007", "\(end)")
      #expect(row["margin"]?.double == 0.5, "\(end)")
      guard end != "csv" else { continue }
      #expect(row["chosen"]?.array?.first?["content"]?.string == "a\n\"b\"", "\(end)")
    }
  }
}
