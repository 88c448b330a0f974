import AssayBase
import Foundation

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
