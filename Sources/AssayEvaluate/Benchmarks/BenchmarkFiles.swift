// Rows of benchmark files: JSON lists or JSON Lines, in one file or a folder of them.
import AssayBase
import AssayData
import AssayText
import Foundation

/// A row of a benchmark's file, with typed access to its keys; `null` is as good as absent.
struct BenchmarkRow {
  /// The file, for messages.
  let file: String
  /// The file's path inside the folder without its ending; its name where one file was given.
  let stem: String
  /// The line, or the element of a list, from 1.
  let line: Int
  /// Rows before this one in the file.
  let index: Int
  /// The file's own id (`pair_id` or `id`), or the 0-based row.
  ///
  /// In a folder of several files a row is spelt `FILE:ROW`, and so is an id that two files have;
  /// an id that one file has twice is spelt `SUBSET:ID`.
  fileprivate(set) var id = ""

  private var fields: RowFields

  /// Makes a row.
  ///
  /// - Throws: `EvaluateError.badRow` for what is no object.
  init(file: String, stem: String, line: Int, index: Int, value: JSONValue) throws {
    (self.file, self.stem, self.line, self.index) = (file, stem, line, index)
    do throws(RowFault) {
      fields = try RowFields(value, index: index)
    } catch {
      throw EvaluateError.badRow(file: file, row: line, reason: error.detail)
    }
  }

  var value: JSONValue { fields.row }

  func failure(_ reason: String) -> EvaluateError {
    .badRow(file: file, row: line, reason: reason)
  }

  /// Reads a part, and says of a fault which row has it.
  private func read<Part>(
    _ part: (RowFields) throws(RowFault) -> Part
  ) throws -> Part {
    do throws(RowFault) { return try part(fields) } catch { throw failure(error.detail) }
  }

  func optional(_ key: String) -> JSONValue? { fields.value(key) }

  func required(_ key: String) throws -> JSONValue {
    try read { fields throws(RowFault) in try fields.required(key) }
  }

  private func wrongType(_ key: String, _ expected: String, _ value: JSONValue) -> EvaluateError {
    failure(RowFields.wrongType(key, expected, value).detail)
  }

  func text(_ key: String) throws -> String {
    let value = try required(key)
    guard let text = value.string else { throw wrongType(key, "a string", value) }
    return text
  }

  func optionalText(_ key: String) throws -> String? {
    optional(key) == nil ? nil : try text(key)
  }

  func integer(_ key: String) throws -> Int {
    let value = try required(key)
    // Annotation exports spell whole numbers as 1.0, and spreadsheets as text.
    let number = value.double ?? value.string.flatMap { Double($0) }
    guard let number, let integer = Int(exactly: number) else {
      throw wrongType(key, "a whole number", value)
    }
    return integer
  }

  func number(_ key: String) throws -> Double {
    let value = try required(key)
    guard let number = optionalNumber(key), number.isFinite else {
      throw wrongType(key, "a finite number", value)
    }
    return number
  }

  /// A number, which tables spell as text; `nil` where there is none.
  func optionalNumber(_ key: String) -> Double? {
    let value = optional(key)
    return value?.double ?? value?.string.flatMap { Double($0) }
  }

  func list(_ key: String) throws -> [JSONValue] {
    let value = try required(key)
    guard let list = value.array else { throw wrongType(key, "a list", value) }
    return list
  }

  /// A list of at least one text; a single text is as good as a list of it.
  func texts(_ key: String) throws -> [String] {
    let value = try required(key)
    if let text = value.string { return [text] }
    let texts = (value.array ?? []).compactMap(\.string)
    guard let list = value.array, texts.count == list.count, !texts.isEmpty else {
      throw wrongType(key, "a string or a list of at least one string", value)
    }
    return texts
  }

  /// The text of an assistant's turn: a string, or a list of messages whose last one it is.
  func response(_ key: String) throws -> String {
    switch try turns(key) {
    case .text(let text): return text
    case .messages(let messages):
      guard let last = messages.last, last.role == "assistant" else {
        throw failure("'\(key)' must end with an assistant's turn")
      }
      return last.content
    }
  }

  /// A prompt: a string is one user's turn, an empty one no turn.
  func prompt(_ key: String) throws -> [Message] {
    switch try turns(key) {
    case .text(let text): text.isEmpty ? [] : [.user(text)]
    case .messages(let messages): messages
    }
  }

  private func turns(_ key: String) throws -> RowFields.Turns {
    try read { fields throws(RowFault) in try fields.turns(key) }
  }

  /// The row's own id; `nil` where it has none.
  func ownID() throws -> String? {
    try read { fields throws(RowFault) in try fields.ownID(["pair_id", "id"]) }
  }
}

/// Where a benchmark is, what to do about its rows with problems, and what became of them.
package final class BenchmarkSource {
  /// A file, or a folder of files.
  package let path: String
  /// What to do about rows with problems.
  package let policy: ReadPolicy
  /// A length limit on items, if any.
  package let limit: TokenLimit<BenchmarkItem>?
  /// Habits of the published scripts that shall be followed.
  package let quirks: Set<BenchmarkQuirk>
  /// What became of the rows that were read.
  package private(set) var report = ReadReport()

  /// Makes a source.
  ///
  /// - Parameters:
  ///   - path: A file, or a folder of files.
  ///   - policy: What to do about rows with problems; by default the first one is an error.
  ///   - limit: A length limit on items, if any.
  ///   - quirks: Habits of the published scripts that shall be followed.
  package init(
    _ path: String,
    policy: ReadPolicy = .strict,
    limit: TokenLimit<BenchmarkItem>? = nil,
    quirks: Set<BenchmarkQuirk> = []
  ) {
    self.path = path
    self.policy = policy
    self.limit = limit
    self.quirks = quirks
  }

  /// The file, or all data files in the folder, by name, each with its path inside the folder without
  /// its ending.
  ///
  /// - Parameter includes: Which of a folder's files to read, of their paths inside it.
  /// - Returns: At least one file.
  /// - Throws: `DataError.notFound`, or `EvaluateError.badFile` where no file belongs to the benchmark.
  func files(
    _ includes: ([String]) -> [String] = { $0 }
  ) throws -> [(path: String, stem: String)] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw DataError.notFound(path: path)
    }
    guard isFolder.boolValue else {
      return [(path, Self.stem(URL(fileURLWithPath: path).lastPathComponent))]
    }
    // A link to a folder has no paths of its own.
    let folder = URL(fileURLWithPath: path).resolvingSymlinksInPath()
    let names = (FileManager.default.subpaths(atPath: folder.path) ?? []).filter { name in
      RowFiles.holdsRows(name)
        && !name.split(separator: "/").contains { $0.hasPrefix(".") }
    }
    let included = includes(names).sorted()
    guard !included.isEmpty else {
      throw EvaluateError.badFile(
        file: path,
        reason: names.isEmpty
          ? "the folder holds no file of rows (.json, .jsonl, .csv, .tsv, plain or packed, or .parquet)"
          : "none of its \(names.count) data files belongs to this benchmark"
      )
    }
    return included.map { (folder.appendingPathComponent($0).path, Self.stem($0)) }
  }

  private static func stem(_ name: String) -> String {
    RowFiles.endings.first(where: name.hasSuffix).map { String(name.dropLast($0.count)) } ?? name
  }

  /// Makes an item of each row of all files.
  ///
  /// - Parameters:
  ///   - includes: Which of a folder's files to read.
  ///   - item: Makes an item.
  /// - Returns: The items in the files' order.
  /// - Throws: `DataError`; `EvaluateError` for a row that does not fit and is not left out.
  func items(
    in includes: ([String]) -> [String] = { $0 },
    _ item: (BenchmarkRow) throws -> BenchmarkItem
  ) throws -> [BenchmarkItem] {
    try itemLists(in: includes) { [try item($0)] }
  }

  /// As `items`, of rows that make several items or none.
  func itemLists(
    in includes: ([String]) -> [String] = { $0 },
    _ items: (BenchmarkRow) throws -> [BenchmarkItem]
  ) throws -> [BenchmarkItem] {
    var made: [BenchmarkItem] = []
    for row in try rows(in: includes) {
      do {
        let own = try items(row)
        if let limit,
          let tooLong = try own.lazy.map(limit.measured).first(where: { $0 > limit.maximumTokens })
        {
          try leaveOut(
            row.failure("\(tooLong) tokens, more than the limit of \(limit.maximumTokens)"),
            .tooLong,
            read: 1
          )
        } else {
          made += own
        }
      } catch let error as EvaluateError {
        try leaveOut(error, read: 1)
      } catch let fault as RowFault {
        try leaveOut(row.failure(fault.detail), fault.kind, read: 1)
      }
    }
    return made
  }

  /// Calls a function with each row of all files, and leaves out the rows that it refuses.
  func eachRow(_ body: (BenchmarkRow) throws -> Void) throws {
    _ = try itemLists { row in
      try body(row)
      return []
    }
  }

  /// Reads the pairs of a file of the shapes that training reads.
  func pairs(_ file: String) throws -> [PreferencePair] {
    let pairLimit = limit.map { limit in
      TokenLimit<PreferencePair>(maximumTokens: limit.maximumTokens) {
        try limit.measure(BenchmarkItem($0))
      }
    }
    let (pairs, own) = try PairReader(policy: policy, limit: pairLimit).read(file)
    report.add(own)
    return pairs
  }

  private func rows(in includes: ([String]) -> [String]) throws -> [BenchmarkRow] {
    let files = try files(includes)
    var rows: [BenchmarkRow] = []
    for file in files {
      rows += try BenchmarkFiles.read(file.path, stem: file.stem) { try self.leaveOut($0, read: 0) }
    }
    let found = try BenchmarkFiles.identified(rows, inSeveralFiles: files.count > 1) {
      try self.leaveOut($0, read: 0)
    }
    report.countKept(found.count)
    return found
  }

  /// Counts a row's problem, or stops at it.
  private func leaveOut(
    _ error: EvaluateError,
    _ kind: ProblemKind = .wrongType,
    read: Int
  ) throws {
    guard case .badRow(let file, let line, let reason) = error,
      policy.action(for: kind) == .skip
    else { throw error }
    report.leaveOut(
      RowProblem(kind: kind, file: file, line: line, detail: reason),
      keptBefore: read
    )
  }
}

/// The rows of a benchmark's files.
enum BenchmarkFiles {
  /// The rows of one file.
  ///
  /// - Parameters:
  ///   - path: JSON Lines, or a list; `-` is standard input.
  ///   - stem: What to call it in ids.
  ///   - onProblem: Called with each row that is no object; what it throws ends the reading.
  /// - Returns: At least one row.
  /// - Throws: `DataError`, `EvaluateError.badFile`, or what `onProblem` throws.
  static func read(
    _ path: String,
    stem: String,
    onProblem: (EvaluateError) throws -> Void = { throw $0 }
  ) throws -> [BenchmarkRow] {
    let source = try RowSource(path: path)
    var rows: [BenchmarkRow] = []
    var count = 0
    while let row = try source.next() {
      count += 1
      do {
        let value = try row.value.mapError { fault in
          EvaluateError.badRow(file: path, row: row.line, reason: fault.detail)
        }.get()
        rows.append(
          try BenchmarkRow(file: path, stem: stem, line: row.line, index: row.index, value: value)
        )
      } catch let error as EvaluateError {
        try onProblem(error)
      }
    }
    guard count > 0 else {
      throw EvaluateError.badFile(file: path, reason: "the file has no rows")
    }
    return rows
  }

  /// Gives rows their ids; a row whose id another has, or is no id, is a problem.
  static func identified(
    _ rows: [BenchmarkRow],
    inSeveralFiles: Bool,
    onProblem: (EvaluateError) throws -> Void
  ) throws -> [BenchmarkRow] {
    var uses: [String: Int] = [:]
    var usesInFiles: [String: Int] = [:]
    var own: [(row: BenchmarkRow, id: String?)] = []
    for row in rows {
      do { own.append((row, try row.ownID())) } catch let error as EvaluateError {
        try onProblem(error)
      }
    }
    for case (let row, let id?) in own {
      uses[id, default: 0] += 1
      usesInFiles["\(row.stem):\(id)", default: 0] += 1
    }
    var seen: [String: BenchmarkRow] = [:]
    var result: [BenchmarkRow] = []
    for (given, id) in own {
      var row = given
      let qualified = "\(row.stem):\(id ?? String(row.index))"
      if let id {
        row.id =
          uses[id] == 1
          ? id
          : usesInFiles[qualified] == 1 ? qualified : "\(row.value["subset"]?.string ?? ""):\(id)"
      } else {
        row.id = inSeveralFiles ? qualified : String(row.index)
      }
      if let other = seen[row.id] {
        try onProblem(
          row.failure(
            "the id '\(id ?? row.id)' was used before, in \(other.file):\(other.line)"
          )
        )
      } else {
        seen[row.id] = row
        result.append(row)
      }
    }
    return result
  }
}
