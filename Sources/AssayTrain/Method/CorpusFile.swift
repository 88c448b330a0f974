import AssayBase
import AssayData
import AssayText
import Foundation

/// Conversations to learn language from: lines `{"messages": [...]}`, or `{"text": "..."}`.
package enum CorpusFile {
  /// Reads a corpus.
  ///
  /// - Parameter url: A JSON Lines file.
  /// - Returns: Conversations; a text becomes an assistant's turn of its own.
  /// - Throws: `FileError.malformedRecord` with file and line, or `DataError.notFound`.
  package static func read(_ url: URL) throws -> [[Message]] {
    let lines = try CorpusLines(url)
    return try (0..<lines.count).map(lines.conversation)
  }

  /// Writes a corpus.
  ///
  /// - Parameters:
  ///   - conversations: What to write.
  ///   - url: The file, replaced as a whole.
  /// - Throws: `FileError.fileSystem`.
  package static func write(_ conversations: [[Message]], to url: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var data = Data()
    for messages in conversations {
      data += try encoder.encode(["messages": messages])
      data.append(0x0a)
    }
    try DurableFile.write(data, to: url)
  }
}

/// A corpus whose lines are read when they are asked for.
struct CorpusLines: Sendable {
  private struct Line: Decodable {
    var messages: [Message]?
    var text: String?
  }
  private let url: URL
  private let data: Data
  private let lines: [(number: Int, range: Range<Int>)]

  /// Opens a corpus; lines of white space alone are not counted.
  ///
  /// - Parameter url: A JSON Lines file.
  /// - Throws: `DataError.notFound`.
  init(_ url: URL) throws {
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw DataError.notFound(path: url.path)
    }
    self.url = url
    data = try Data(contentsOf: url, options: .mappedIfSafe)
    lines = data.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated()
      .compactMap { index, bytes in
        let isBlank = bytes.allSatisfy { $0 == 0x20 || $0 == 0x0d || $0 == 0x09 }
        return isBlank ? nil : (index + 1, bytes.indices)
      }
  }

  /// Conversations in it.
  var count: Int { lines.count }

  /// Reads one.
  ///
  /// - Parameter index: Its place, from 0.
  /// - Returns: The conversation; a text becomes an assistant's turn of its own.
  /// - Throws: `FileError.malformedRecord` with file and line.
  func conversation(_ index: Int) throws -> [Message] {
    let (number, range) = lines[index]
    let line = try? JSONDecoder().decode(Line.self, from: data[range])
    if let messages = line?.messages, !messages.isEmpty { return messages }
    if let text = line?.text, !text.isEmpty { return [.assistant(text)] }
    throw FileError.malformedRecord(
      file: url.path,
      line: number,
      reason: "expected an object with a list \"messages\" of {\"role\", \"content\"}, or "
        + "\"text\""
    )
  }
}
