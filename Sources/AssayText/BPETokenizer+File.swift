import AssayBase
import Foundation

extension BPETokenizer {
  /// Reads a tokenizer from a `tokenizer.json` file.
  ///
  /// - Parameter url: The file, or the folder that holds `tokenizer.json`.
  /// - Throws: `TextError` where the file is missing, malformed or uses an unsupported piece.
  package convenience init(contentsOf url: URL) throws {
    let file = TextFile.resolve(url, name: "tokenizer.json")
    try self.init(json: try TextFile.read(file), name: file.path)
  }

  /// Reads a tokenizer from the bytes of a `tokenizer.json` file.
  ///
  /// - Parameters:
  ///   - json: The file's bytes.
  ///   - name: What to call the file in errors.
  /// - Throws: `TextError` where the bytes are malformed or name an unsupported piece.
  package convenience init(json: [UInt8], name: String = "tokenizer.json") throws {
    let document: JSONValue
    do {
      document = try JSONValue(parsing: json)
    } catch {
      throw TextError.malformedJSON(file: name, reason: error.description)
    }
    self.init(parts: try TokenizerReader.read(document))
  }

  package convenience init(document: JSONValue) throws {
    self.init(parts: try TokenizerReader.read(document))
  }

  /// Writes `tokenizer.json`, which `tokenizers` reads.
  ///
  /// - Parameter url: The file, or an existing folder to put `tokenizer.json` in.
  /// - Throws: `TextError.inaccessible` where the file cannot be written.
  package func save(to url: URL) throws {
    let file = TextFile.resolve(url, name: "tokenizer.json")
    try TextFile.write(Array(document.pretty.utf8), to: file)
  }

  /// The tokenizer as a `tokenizer.json` document.
  package var document: JSONValue {
    var vocabulary: [JSONMember] = []
    for (id, spelling) in parts.spellings.enumerated() where parts.isInModel[id] {
      if let spelling { vocabulary.append(JSONMember(spelling, .number(String(id)))) }
    }
    // Pairs rather than "a b" strings: those cannot spell a token that has a space.
    let merges = parts.mergeList.map { left, right in
      JSONValue.array([left, right].map { .string(spelling(of: $0) ?? "") })
    }
    return parts.header.replacing(
      "model",
      with: (parts.header["model"] ?? .object([]))
        .replacing("vocab", with: .object(vocabulary))
        .replacing("merges", with: .array(merges))
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
      throw TextError.inaccessible(path: url.path, reason: "\(error)")
    }
  }

  package static func write(_ bytes: [UInt8], to url: URL) throws {
    do {
      try Data(bytes).write(to: url, options: .atomic)
    } catch {
      throw TextError.inaccessible(path: url.path, reason: "\(error)")
    }
  }
}
