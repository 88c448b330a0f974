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

  @Test("every file that is called one of rows is opened as such", arguments: RowFiles.endings)
  func endings(_ ending: String) throws {
    let duckDB = try program(#"printf '{"a": 1}\n'"#)
    let start: [UInt8] =
      switch ending {
      case ".parquet": Array("PAR1".utf8)
      case _ where ending.hasSuffix(".zst"): [0x28, 0xB5, 0x2F, 0xFD]
      case _ where ending.hasSuffix(".gz") && ending.contains("json"): Packed.pair
      case _ where ending.contains("json"): Array(#"{"a": 1}"#.utf8)
      default: Array("a\n1\n".utf8)
      }
    let path = try folder.write(start, "x\(ending)")
    #expect(try Self.rows(RowSource(path: path, duckDB: duckDB)).count == 1)
    #expect(RowFiles.holdsRows(path) && !RowFiles.holdsRows("data/dataset_infos.json"))
  }

  @Test("values of CSV are texts, which spell numbers where those are asked for")
  func csv() throws {
    let duckDB = try program(
      #"printf '{"response": "011", "rating": "4.5", "margin": "wide", "x": null}\n'"#
    )
    let path = try folder.write("response,rating\n".utf8, "x.csv.gz")
    let row = try #require(try RowSource(path: path, duckDB: duckDB).next())
    let value = try row.value.get()
    #expect(row.spellsNumbers && value["response"]?.string == "011" && value["x"] == .null)
    let fields = try RowFields(value, index: 0, spellsNumbers: row.spellsNumbers)
    #expect(try fields.number("rating") == 4.5)
    #expect(throws: RowFault.self) { try fields.number("margin") }
    let lines = try RowFields(value, index: 0)
    #expect(throws: RowFault.self) { try lines.number("rating") }
  }

  @Test(
    "the form of a table is told, not guessed",
    arguments: [
      ("a,b;c\n", "x.csv", "delim = ',', ", "skip = 0, "),
      ("\"a,b\";c\td\n1,2,3", "x.csv", "delim = ';', ", "skip = 0, "),
      ("\r\n\na,b\n", "x.csv", "delim = ',', ", "skip = 2, "),
      ("a\tb\n", "x.tsv.gz", "delim = '", "skip = 0, "),
    ]
  )
  func form(_ start: String, _ name: String, _ delimiter: String, _ skip: String) throws {
    let duckDB = try program(#"printf '{"a": "1"}\n'"#)
    let path = try folder.write(start.utf8, name)
    #expect(try Self.rows(RowSource(path: path, duckDB: duckDB)).count == 1)
    let asked = try asked()
    for words in [delimiter, skip, #"quote = '"', escape = '"', comment = '', "#, "header = true"] {
      #expect(asked.contains(words), "\(words) in \(asked)")
    }
    let isOfTabs = !["delim = ','", "delim = ';'"].contains(where: asked.contains)
    #expect(isOfTabs == name.hasSuffix(".tsv.gz"))
  }

  @Test(
    "rows that begin with #, quotes of other kinds and blank lines are read as they are",
    .enabled(if: RowSource.duckDB != nil, "duckdb is not installed (pip install duckdb-cli)"),
    arguments: [("csv", ","), ("csv", ";"), ("tsv", "\t")]
  )
  func marks(_ ending: String, _ separator: String) throws {
    func texts(_ lines: [String]) throws -> [String?] {
      let own = lines.map { $0.replacing(";", with: separator) }
      let path = try folder.write(own, "x.\(ending)")
      let rows = try Self.rows(RowSource(path: path))
      return rows.flatMap { [$0["text"]?.string, $0["note"]?.string] }
    }
    #expect(
      try texts(["", "id;text;note", "# one;What is x?;a", "2;What?;b", "# three;Why?;c"])
        == ["What is x?", "a", "What?", "b", "Why?", "c"]
    )
    #expect(try texts(["text;note", "'p';x", "'q';y"]) == ["'p'", "x", "'q'", "y"])
    #expect(try texts(["text;note", #""a; ""b""";5""#]) == ["a\(separator) \"b\"", "5\""])
    #expect(throws: DataError.self) { try texts(["text;note", "a;b", "c"]) }
  }

  @Test(
    "numbers of CSV are read under the file's own names, and as attributes and strengths",
    .enabled(if: RowSource.duckDB != nil, "duckdb is not installed (pip install duckdb-cli)")
  )
  func numbers() throws {
    let attributes = try folder.write(
      ["question,answer,helpfulness", "p,7,1.5", "p,8,3"],
      "a.csv"
    )
    var reader = PairReader(columns: ["prompt": "question", "response": "answer"])
    reader.marginScale = 1
    let found = try reader.read(attributes).pairs
    #expect(found.map { [$0.chosen, $0.rejected] } == [["8", "7"]] && found[0].margin == 1.5)
    let strength = try folder.write(
      ["prompt,response1,response2,overall_preference", "p,a,b,-2"],
      "s.csv"
    )
    #expect(try PairReader().read(strength).pairs.map(\.chosen) == ["a"])
    // What is called a number here is a text there.
    let named = try folder.write(["q,label,worse,gap", "p,7,8,2"], "n.csv")
    let names = ["prompt": "q", "chosen": "label", "rejected": "worse", "margin": "gap"]
    let pair = try #require(try PairReader(columns: names).read(named).pairs.first)
    #expect(pair.chosen == "7" && pair.margin == 2)
    let gold = try folder.write(["prompt,response,label", "p,a,1", "p,b,0"], "g.csv")
    #expect(try GoldReader().read(gold).items.map(\.pair.chosen) == ["a"])
    let rated = try folder.write(["prompt,response,rating", "p,a,4.5"], "r.csv")
    #expect(try RatingReader().read(rated).responses.map(\.rating) == [4.5])
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
      let margin = try RowFields(row, index: 0, spellsNumbers: true).number("margin")
      #expect(margin == 0.5, "\(end)")
      guard end != "csv" else { continue }
      #expect(row["chosen"]?.array?.first?["content"]?.string == "a\n\"b\"", "\(end)")
    }
  }
}
