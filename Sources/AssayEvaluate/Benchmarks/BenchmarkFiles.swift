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
  let value: JSONValue
  /// The file's own id (`pair_id` or `id`), or the 0-based row.
  ///
  /// In a folder of several files a row is spelt `FILE:ROW`, and so is an id that two files have;
  /// an id that one file has twice is spelt `SUBSET:ID`.
  fileprivate(set) var id = ""

  func failure(_ reason: String) -> EvaluateError {
    .badRow(file: file, row: line, reason: reason)
  }

  func optional(_ key: String) -> JSONValue? {
    guard let value = value[key], !value.isNull else { return nil }
    return value
  }

  func required(_ key: String) throws -> JSONValue {
    guard let value = optional(key) else { throw failure("the key '\(key)' is missing") }
    return value
  }

  private func wrongType(_ key: String, _ expected: String, _ value: JSONValue) -> EvaluateError {
    failure("'\(key)' must be \(expected), found \(value.kind)")
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
    guard let number = value.double ?? value.string.flatMap({ Double($0) }), number.isFinite else {
      throw wrongType(key, "a finite number", value)
    }
    return number
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
    if let text = try required(key).string { return text }
    let messages = try messages(key)
    guard let last = messages.last, last.role == "assistant" else {
      throw failure("'\(key)' must end with an assistant's turn")
    }
    return last.content
  }

  /// A prompt: a string is one user's turn, an empty one no turn.
  func prompt(_ key: String) throws -> [Message] {
    if let text = try required(key).string { return text.isEmpty ? [] : [.user(text)] }
    return try messages(key)
  }

  private func messages(_ key: String) throws -> [Message] {
    let value = try required(key)
    guard let list = value.array, !list.isEmpty else {
      throw wrongType(key, "a string or a list of messages", value)
    }
    return try list.map { entry in
      guard let role = entry["role"]?.string, let content = entry["content"]?.string else {
        throw failure("'\(key)' must hold messages with the texts 'role' and 'content'")
      }
      return Message(role: role, content: content)
    }
  }

  fileprivate func ownID() throws -> String? {
    for key in ["pair_id", "id"] {
      switch optional(key) {
      case nil: continue
      case .string(let id): return id
      case .number(let digits): return digits
      case .some(let other): throw wrongType(key, "a string or a number", other)
      }
    }
    return nil
  }
}

/// The files of a benchmark.
enum BenchmarkFiles {
  private static let endings = [".json", ".jsonl"]

  /// Reads all rows of a file, or of all `.json` and `.jsonl` files in a folder, by name.
  ///
  /// - Parameters:
  ///   - path: A file or a folder.
  ///   - includes: Whether to read a file of the folder, by its path inside the folder.
  /// - Returns: The rows, with their ids.
  /// - Throws: `DataError` or `EvaluateError`.
  static func rows(
    _ path: String,
    where includes: (String) -> Bool = { _ in true }
  ) throws -> [BenchmarkRow] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw DataError.notFound(path: path)
    }
    var rows: [BenchmarkRow] = []
    var fileCount = 1
    if isFolder.boolValue {
      let names = (FileManager.default.subpaths(atPath: path) ?? []).filter { name in
        endings.contains(where: name.hasSuffix)
          && !name.split(separator: "/").contains { $0.hasPrefix(".") }
      }
      let included = names.filter(includes).sorted()
      guard !included.isEmpty else {
        throw EvaluateError.badFile(
          file: path,
          reason: names.isEmpty
            ? "the folder holds no .json or .jsonl file"
            : "none of its \(names.count) .json and .jsonl files belongs to this benchmark"
        )
      }
      fileCount = included.count
      for name in included {
        let url = URL(fileURLWithPath: path).appendingPathComponent(name)
        rows += try read(url.path, stem: stem(name))
      }
    } else {
      rows = try read(path, stem: stem(URL(fileURLWithPath: path).lastPathComponent))
    }
    return try identified(rows, inSeveralFiles: fileCount > 1)
  }

  private static func stem(_ name: String) -> String {
    endings.first(where: name.hasSuffix).map { String(name.dropLast($0.count)) } ?? name
  }

  /// The rows of one file.
  static func read(_ path: String, stem: String) throws -> [BenchmarkRow] {
    guard path == "-" || FileManager.default.fileExists(atPath: path) else {
      throw DataError.notFound(path: path)
    }
    let data =
      path == "-"
      ? try? FileHandle.standardInput.readToEnd() ?? Data()
      : FileManager.default.contents(atPath: path)
    guard let data else {
      throw DataError.unreadable(path: path, reason: "it is a folder, or there is no permission")
    }
    var bytes = [UInt8](data)
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    guard !bytes.starts(with: [0x1F, 0x8B]) else {
      throw EvaluateError.badFile(file: path, reason: "the file is compressed; unpack it first")
    }
    guard let first = bytes.first(where: { !isSpace($0) }) else {
      throw EvaluateError.badFile(file: path, reason: "the file is empty")
    }
    let values: [(line: Int, value: JSONValue)]
    if let list = try document(bytes, first: first, path: path) {
      guard !list.isEmpty else {
        throw EvaluateError.badFile(file: path, reason: "the list has no rows")
      }
      values = list.enumerated().map { ($0 + 1, $1) }
    } else {
      values = try lines(bytes, path: path)
    }
    return try values.enumerated().map { index, entry in
      let row = BenchmarkRow(
        file: path,
        stem: stem,
        line: entry.line,
        index: index,
        value: entry.value
      )
      guard entry.value.members != nil else {
        throw row.failure("a row must be a JSON object, found \(entry.value.kind)")
      }
      return row
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
  }

  /// The rows of a file that is one document: a list, or an object whose `examples` are a list.
  private static func document(_ bytes: [UInt8], first: UInt8, path: String) throws -> [JSONValue]?
  {
    if first == UInt8(ascii: "[") {
      do {
        return try JSONValue(parsing: bytes).array
      } catch {
        throw EvaluateError.badFile(file: path, reason: "the file is not a JSON list: \(error)")
      }
    }
    guard path.hasSuffix(".json") else { return nil }
    // Where this fails the file may still be JSON Lines, whose errors name the line.
    return (try? JSONValue(parsing: bytes))?["examples"]?.array
  }

  private static func lines(_ bytes: [UInt8], path: String) throws -> [(Int, JSONValue)] {
    var values: [(Int, JSONValue)] = []
    for (number, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
      .enumerated() where !line.allSatisfy(isSpace)
    {
      do {
        values.append((number + 1, try JSONValue(parsing: Array(line))))
      } catch {
        let text = String(decoding: line, as: UTF8.self)
        let isNumber = ["NaN", "Infinity"].contains(where: text.contains)
        throw EvaluateError.badRow(
          file: path,
          row: number + 1,
          reason: "the line is not JSON: \(error)"
            + (isNumber ? " (NaN and Infinity are no JSON numbers, and no scores)" : "")
        )
      }
    }
    return values
  }

  private static func identified(
    _ rows: [BenchmarkRow],
    inSeveralFiles: Bool
  ) throws -> [BenchmarkRow] {
    var rows = rows
    var uses: [String: Int] = [:]
    var usesInFiles: [String: Int] = [:]
    let own = try rows.map { try $0.ownID() }
    for (row, id) in zip(rows, own) {
      guard let id else { continue }
      uses[id, default: 0] += 1
      usesInFiles["\(row.stem):\(id)", default: 0] += 1
    }
    var seen: [String: BenchmarkRow] = [:]
    for (index, id) in own.enumerated() {
      let row = rows[index]
      let qualified = "\(row.stem):\(id ?? String(row.index))"
      if let id {
        rows[index].id =
          uses[id] == 1
          ? id
          : usesInFiles[qualified] == 1 ? qualified : "\(row.value["subset"]?.string ?? ""):\(id)"
      } else {
        rows[index].id = inSeveralFiles ? qualified : String(row.index)
      }
      if let other = seen.updateValue(rows[index], forKey: rows[index].id) {
        throw row.failure(
          "the id '\(id ?? rows[index].id)' was used before, in \(other.file):\(other.line)"
        )
      }
    }
    return rows
  }
}
