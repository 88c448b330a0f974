import AssayBase
import AssayText
import Foundation

/// Appends records to a JSON Lines file, or to standard output, one line a record.
///
/// Each record is one write of a whole line, so that a job that is killed leaves at most one cut
/// line at the end, which `resume` removes. Safe to use from several tasks.
package final class RecordWriter: Sendable {
  /// The path as it was given.
  package let path: String
  /// `nil` for standard output.
  private let file: LineFile?

  /// Makes a writer of a new file; one that exists is replaced.
  ///
  /// - Parameter path: The file, or `-` for standard output.
  /// - Throws: `DataError.unwritable` where the file cannot be made.
  package convenience init(path: String) throws {
    try self.init(opening: path) { _ in false }
    try Self.named(path) { try file?.truncate(at: 0) }
  }

  private init(opening path: String, keepingEnd isWhole: (Data) -> Bool) throws {
    self.path = path
    file = try Self.named(path) {
      path == "-" ? nil : try LineFile(URL(fileURLWithPath: path), keepingEnd: isWhole)
    }
  }

  /// Opens a file to append to, and returns what it holds.
  ///
  /// A last line that was cut is removed from the file; every other line must be whole.
  ///
  /// - Parameter path: The file; made where it does not exist. Of what is no plain file, as standard
  ///   output, nothing is read.
  /// - Returns: The writer, the records of the file, and how many bytes were removed.
  /// - Throws: `DataError.refused` for a malformed line before the last, `unwritable`.
  package static func resume(
    _ path: String
  ) throws -> (writer: RecordWriter, records: [JSONValue], removedBytes: Int) {
    let writer = try RecordWriter(opening: path) { record($0) != nil }
    var records: [JSONValue] = []
    try named(path) {
      try writer.file?.forEachLine { number, line in
        if line.isEmpty { return true }
        guard let record = record(line) else {
          throw DataError.refused(
            problem: RowProblem(
              kind: .malformedJSON,
              file: path,
              line: number,
              detail: "not a JSON object"
            )
          )
        }
        records.append(record)
        return true
      }
    }
    return (writer, records, writer.file?.droppedBytes ?? 0)
  }

  private static func record(_ line: Data) -> JSONValue? {
    guard let value = try? RowSource.parse(Array(line)).get(), value.members != nil else {
      return nil
    }
    return value
  }

  /// Says of a file that could not be used that it is the one for records.
  @discardableResult
  private static func named<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as FileError {
      guard case .fileSystem(_, _, let reason) = error else { throw error }
      throw DataError.unwritable(path: path, reason: reason)
    }
  }

  /// Appends a JSON object.
  ///
  /// - Parameter record: The object.
  /// - Throws: `DataError.unwritable` where writing fails, such as on a full disk.
  package func append(_ record: JSONValue) throws {
    try appendLine(Array(record.compact.utf8))
  }

  /// Appends a pair, which `PairReader` reads back equal.
  ///
  /// - Parameter pair: The pair.
  /// - Throws: `DataError.unwritable` where writing fails.
  package func append(_ pair: PreferencePair) throws {
    try append(pair.json)
  }

  /// Appends a response to score, which `ResponseReader` reads back equal.
  ///
  /// - Parameter response: The response.
  /// - Throws: `DataError.unwritable` where writing fails.
  package func append(_ response: ResponseRecord) throws {
    try append(response.json)
  }

  /// Appends a record of any kind; its keys are sorted.
  ///
  /// - Parameter record: The record.
  /// - Throws: `DataError.unwritable` where writing fails, and what encoding throws.
  package func append(encoding record: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try appendLine(Array(try encoder.encode(record)))
  }

  private func appendLine(_ line: [UInt8]) throws {
    try Self.named(path) {
      guard let file else {
        let output = URL(fileURLWithPath: "/dev/stdout")
        return try DurableFile.writeAll(Data(line + [0x0A]), to: STDOUT_FILENO, output)
      }
      try file.append([Data(line)])
    }
  }
}

extension Message {
  /// The message as a JSON object.
  package var json: JSONValue {
    .object(
      [JSONMember("role", .string(role)), JSONMember("content", .string(content))]
        + (name.map { [JSONMember("name", .string($0))] } ?? [])
    )
  }
}

extension PreferencePair {
  /// The pair as a record.
  ///
  /// The prompt is spelt as a text where it is one user's turn.
  package var json: JSONValue {
    var members = [JSONMember("id", .string(id))]
    func add(_ key: String, _ value: JSONValue?) {
      if let value { members.append(JSONMember(key, value)) }
    }
    func number(_ value: Double?) -> JSONValue? {
      value.map { value in
        precondition(value.isFinite, "JSON has no number for \(value)")
        return .number("\(value)")
      }
    }
    add("prompt", Self.spelt(prompt))
    // Without a prompt, a text that looks like turns would be read as such.
    let looksLikeTurns = [chosen, rejected].contains { HumanAssistantText.messages($0) != nil }
    for (key, text) in [("chosen", chosen), ("rejected", rejected)] {
      let turn = JSONValue.array([Message.assistant(text).json])
      add(key, prompt.isEmpty && looksLikeTurns ? turn : .string(text))
    }
    add("subset", subset.map { .string($0) })
    add("chosen_critique", chosenCritique.map { .string($0) })
    add("rejected_critique", rejectedCritique.map { .string($0) })
    add("margin", number(margin))
    add("probability", number(probability))
    return .object(members)
  }

  /// The shortest spelling of a prompt that reads back equal, `nil` for an empty one.
  static func spelt(_ prompt: [Message]) -> JSONValue? {
    if prompt.isEmpty { return nil }
    if prompt.count == 1, prompt[0].role == "user",
      HumanAssistantText.messages(prompt[0].content) == nil
    {
      return .string(prompt[0].content)
    }
    return .array(prompt.map(\.json))
  }
}

extension ResponseRecord {
  /// The response as a record.
  package var json: JSONValue {
    switch content {
    case .text(let text): ["id": .string(id), "text": .string(text)]
    case .response(let prompt, let response):
      if let prompt = PreferencePair.spelt(prompt) {
        ["id": .string(id), "prompt": prompt, "response": .string(response)]
      } else {
        ["id": .string(id), "messages": [Message.assistant(response).json]]
      }
    }
  }
}
