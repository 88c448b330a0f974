import AssayBase
import AssayText
import Foundation
import Synchronization

/// Appends records to a JSON Lines file, one line a record.
///
/// Each record is one write of a whole line, so that a job that is killed leaves at most one cut
/// line at the end, which `init(resuming:)` removes. Safe to use from several tasks.
package final class RecordWriter: Sendable {
  /// The path as it was given.
  package let path: String
  /// Whether each record is on the disk before `append` returns.
  package let synchronizes: Bool
  private let handle: Mutex<FileHandle>

  /// Makes a writer of a new file; one that exists is replaced.
  ///
  /// - Parameters:
  ///   - path: The file, or `-` for standard output.
  ///   - synchronizes: Whether each record is brought to the disk before `append` returns; slow.
  /// - Throws: `DataError.unwritable` where the file cannot be made.
  package init(path: String, synchronizes: Bool = false) throws {
    self.path = path
    self.synchronizes = synchronizes && path != "-"
    if path == "-" {
      handle = Mutex(.standardOutput)
    } else {
      guard FileManager.default.createFile(atPath: path, contents: nil),
        let file = FileHandle(forWritingAtPath: path)
      else {
        throw DataError.unwritable(path: path, reason: "it cannot be created")
      }
      handle = Mutex(file)
    }
  }

  private init(path: String, synchronizes: Bool, handle: sending FileHandle) {
    self.path = path
    self.synchronizes = synchronizes
    self.handle = Mutex(handle)
  }

  /// Opens a file to append to, and returns what it holds.
  ///
  /// A last line that was cut is removed from the file; every other line must be whole.
  ///
  /// - Parameters:
  ///   - path: The file; made where it does not exist.
  ///   - synchronizes: Whether each record is brought to the disk before `append` returns; slow.
  /// - Returns: The writer, the records of the file, and how many bytes were removed.
  /// - Throws: `DataError.refused` for a malformed line before the last, `unwritable`.
  package static func resume(
    _ path: String,
    synchronizes: Bool = false
  ) throws -> (writer: RecordWriter, records: [JSONValue], removedBytes: Int) {
    guard FileManager.default.fileExists(atPath: path) else {
      return (try RecordWriter(path: path, synchronizes: synchronizes), [], 0)
    }
    guard let file = FileHandle(forUpdatingAtPath: path) else {
      throw DataError.unwritable(path: path, reason: "no permission")
    }
    do {
      let bytes = Array(try file.readToEnd() ?? Data())
      let (records, kept) = try wholeRecords(bytes, path: path)
      try file.truncate(atOffset: UInt64(kept))
      try file.seekToEnd()
      if kept > 0, bytes[kept - 1] != 0x0A { try file.write(contentsOf: Data([0x0A])) }
      let writer = RecordWriter(path: path, synchronizes: synchronizes, handle: file)
      return (writer, records, bytes.count - kept)
    } catch let error as DataError {
      throw error
    } catch {
      throw DataError.unwritable(path: path, reason: "\(error)")
    }
  }

  /// The records of a file and the number of bytes up to the end of the last whole one.
  private static func wholeRecords(
    _ bytes: [UInt8],
    path: String
  ) throws -> (records: [JSONValue], kept: Int) {
    var records: [JSONValue] = []
    var start = 0
    var line = 0
    while start < bytes.count {
      line += 1
      let newline = bytes[start...].firstIndex(of: 0x0A)
      let end = newline ?? bytes.count
      if end > start {
        switch RowSource.parse(Array(bytes[start..<end])) {
        case .success(let record) where record.members != nil: records.append(record)
        case .success, .failure:
          // Only the last line can have been cut, and then it has no line end.
          guard newline != nil else { return (records, start) }
          throw DataError.refused(
            problem: RowProblem(
              kind: .malformedJSON,
              file: path,
              line: line,
              detail: "not a JSON object"
            )
          )
        }
      }
      start = newline.map { $0 + 1 } ?? end
    }
    return (records, bytes.count)
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

  /// Appends a demonstration, which `DemonstrationReader` reads back equal.
  ///
  /// - Parameter demonstration: The demonstration.
  /// - Throws: `DataError.unwritable` where writing fails.
  package func append(_ demonstration: Demonstration) throws {
    try append(demonstration.json)
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
    do {
      try handle.withLock { handle in
        try handle.write(contentsOf: Data(line + [0x0A]))
        if synchronizes { try handle.synchronize() }
      }
    } catch {
      throw DataError.unwritable(path: path, reason: "\(error)")
    }
  }
}

extension Message {
  /// The message as a JSON object.
  package var json: JSONValue { ["role": .string(role), "content": .string(content)] }
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
