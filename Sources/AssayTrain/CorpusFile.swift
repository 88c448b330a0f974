import AssayData
import AssayText
import Foundation

/// Conversations to learn language from: lines `{"messages": [...]}`, or `{"text": "..."}`.
public enum CorpusFile {
  private struct Line: Decodable {
    var messages: [Message]?
    var text: String?
  }

  /// Reads a corpus.
  ///
  /// - Parameter url: A JSON Lines file.
  /// - Returns: Conversations; a text becomes an assistant's turn of its own.
  /// - Throws: `RunError.malformedRecord` with file and line, or `DataError.notFound`.
  public static func read(_ url: URL) throws -> [[Message]] {
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw DataError.notFound(path: url.path)
    }
    let data = try Data(contentsOf: url, options: .mappedIfSafe)
    let decoder = JSONDecoder()
    return try data.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated()
      .compactMap { index, bytes in
        guard !bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0d || $0 == 0x09 }) else { return nil }
        let line = try? decoder.decode(Line.self, from: Data(bytes))
        if let messages = line?.messages, !messages.isEmpty { return messages }
        if let text = line?.text, !text.isEmpty { return [.assistant(text)] }
        throw RunError.malformedRecord(
          file: url.path,
          line: index + 1,
          reason: "expected an object with a list \"messages\" of {\"role\", \"content\"}, or "
            + "\"text\""
        )
      }
  }

  /// Writes a corpus.
  ///
  /// - Parameters:
  ///   - conversations: What to write.
  ///   - url: The file, replaced as a whole.
  /// - Throws: `RunError.fileSystem`.
  public static func write(_ conversations: [[Message]], to url: URL) throws {
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
