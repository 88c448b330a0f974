import AssayBase
import Foundation

/// Files that tokenizers are read from and written to.
package enum TokenizerFile {
  /// The name of Hugging Face's file.
  package static let name = "tokenizer.json"
  /// The names of SentencePiece's file: the usual one, and DeBERTa's.
  private static let sentencePieceNames = ["tokenizer.model", "spm.model"]

  /// Whether a folder has one of them.
  package static func isPresent(in folder: URL) -> Bool { !files(in: folder).isEmpty }

  private static func files(in folder: URL) -> [URL] {
    ([name] + sentencePieceNames).map { folder.appendingPathComponent($0) }
      .filter { FileManager.default.fileExists(atPath: $0.path) }
  }

  /// Reads a tokenizer.
  ///
  /// - Parameter url: A `tokenizer.json`, a `tokenizer.model` or `spm.model` of SentencePiece, or a folder
  ///   that holds one of them, the first of those that are there. Of a folder without `tokenizer.json` the
  ///   settings in `tokenizer_config.json` count as well.
  /// - Returns: The tokenizer.
  /// - Throws: `TextError` where the file is missing, malformed or uses an unsupported piece.
  package static func read(_ url: URL) throws -> any Tokenizer {
    let file = files(in: url).first ?? TextFile.resolve(url, name: name)
    let bytes = try TextFile.read(file)
    guard file.pathExtension == "model" else { return try read(json: bytes, name: file.path) }
    let settings = file == url ? .null : try TokenizerSettings.read(in: url)
    return try TokenizerPipeline(
      document: SentencePieceFile.document(
        bytes,
        settings: settings,
        className: file == url ? nil : TokenizerSettings.className(settings, in: url),
        isDeBERTa: file.lastPathComponent == sentencePieceNames[1]
      )
    )
  }

  /// Reads a tokenizer from the document of a `tokenizer.json`.
  ///
  /// - Parameter document: What the file says.
  /// - Returns: The tokenizer.
  /// - Throws: `TextError` where the document names an unsupported piece.
  package static func read(_ document: JSONValue) throws -> any Tokenizer {
    try TokenizerPipeline(document: document)
  }

  /// Reads a tokenizer from the bytes of a `tokenizer.json` file.
  ///
  /// - Parameters:
  ///   - json: The file's bytes.
  ///   - name: What to call the file in errors.
  /// - Returns: The tokenizer.
  /// - Throws: `TextError` where the bytes are malformed or name an unsupported piece.
  package static func read(json: [UInt8], name: String = name) throws -> any Tokenizer {
    do {
      return try TokenizerPipeline(document: try JSONValue(parsing: json))
    } catch let error as JSONError {
      throw TextError.malformedJSON(file: name, reason: error.description)
    }
  }
}

extension Tokenizer {
  /// Writes `tokenizer.json`, which `tokenizers` reads.
  ///
  /// - Parameter url: The file, or an existing folder to put `tokenizer.json` in.
  /// - Throws: `TextError.inaccessible` where the file cannot be written.
  package func save(to url: URL) throws {
    let file = TextFile.resolve(url, name: TokenizerFile.name)
    try TextFile.write(Array(document.pretty.utf8), to: file)
  }
}

extension TokenizerPipeline {
  convenience init(document: JSONValue) throws {
    self.init(parts: try TokenizerReader.read(document))
  }

  /// The tokenizer as a `tokenizer.json` document.
  package var document: JSONValue {
    parts.header.replacing(
      "model",
      with: parts.model.members(spellings: parts.spellings, vocabulary: parts.vocabularyObject)
        .reduce(parts.header["model"] ?? .object([])) {
          $0.replacing($1.key, with: $1.value)
        }
    )
  }
}
