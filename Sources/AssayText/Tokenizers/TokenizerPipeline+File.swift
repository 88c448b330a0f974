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

extension JSONValue {
  /// Returns the object with a key's value changed in its place, or added at the end.
  package func replacing(_ key: String, with value: JSONValue) -> JSONValue {
    var members = members ?? []
    if let index = members.lastIndex(where: { $0.key == key }) {
      members[index].value = value
    } else {
      members.append(JSONMember(key, value))
    }
    return .object(members)
  }
}

/// Files of this layer, with its errors.
package enum TextFile {
  /// Returns the file itself, or the named file where the URL is a folder.
  package static func resolve(_ url: URL, name: String) -> URL {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
    return exists && isFolder.boolValue ? url.appendingPathComponent(name) : url
  }

  package static func read(_ url: URL) throws -> [UInt8] {
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw TextError.notFound(path: url.path)
    }
    do {
      return Array(try Data(contentsOf: url))
    } catch {
      throw TextError.inaccessible(path: url.path, reason: error.fileReason)
    }
  }

  /// Reads a JSON file of a folder; null where there is none.
  ///
  /// - Parameters:
  ///   - name: The file's name.
  ///   - folder: The folder.
  /// - Returns: What it says.
  /// - Throws: `TextError.malformedJSON`, or `inaccessible`.
  static func json(_ name: String, in folder: URL) throws -> JSONValue {
    let file = folder.appendingPathComponent(name)
    guard FileManager.default.fileExists(atPath: file.path) else { return .null }
    do {
      return try JSONValue(parsing: try read(file))
    } catch let error as JSONError {
      throw TextError.malformedJSON(file: file.path, reason: error.description)
    }
  }

  package static func write(_ bytes: [UInt8], to url: URL) throws {
    do {
      try Data(bytes).write(to: url, options: .atomic)
    } catch {
      throw TextError.inaccessible(path: url.path, reason: error.fileReason)
    }
  }
}
