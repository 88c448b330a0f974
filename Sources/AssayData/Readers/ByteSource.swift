import AssayBase
import Foundation

/// Bytes from a file or standard input, unpacked where they are gzip, and JSON Lines where they are a
/// table that DuckDB reads.
///
/// Told by the first bytes rather than by the file's name, where a format has a mark, so that pipes work
/// too.
final class ByteSource {
  private static let chunkBytes = 1 << 16
  /// As many as the longest mark.
  private static let markBytes = 4

  /// What to call the source in messages.
  let name: String
  private let handle: FileHandle
  private var first: [UInt8]?
  private var inflater: Inflater?
  private var table: TableFile?
  /// Whether the bytes are rows in which numbers may be spelt as texts: of CSV all, of Parquet decimal ones.
  let spellsNumbers: Bool

  init(path: String, program: URL?) throws {
    if path == "-" {
      name = "<stdin>"
      handle = .standardInput
    } else {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw DataError.notFound(path: path)
      }
      guard !isFolder.boolValue else {
        throw DataError.unreadable(path: path, reason: "it is a folder; name a file in it")
      }
      guard let file = FileHandle(forReadingAtPath: path) else {
        throw DataError.unreadable(path: path, reason: "no permission")
      }
      name = path
      handle = file
    }
    var start: [UInt8] = []
    while start.count < Self.markBytes, let more = try Self.chunk(of: handle, name) {
      start += more
    }
    let format = TableFormat(path: path, start: start)
    spellsNumbers = format == .csv || format == .parquet
    if let format, path != "-" {
      table = try TableFile(path, format, start: start, program: program)
    } else {
      first = start
      if start.starts(with: [0x1F, 0x8B]) { inflater = try Inflater(name: name) }
    }
  }

  /// Returns the next bytes, `nil` at the end.
  func read() throws -> [UInt8]? {
    guard let inflater else { return try readPacked() }
    while let packed = try readPacked() {
      let bytes = try inflater.inflate(packed)
      if !bytes.isEmpty { return bytes }
    }
    try inflater.finish()
    return nil
  }

  private func readPacked() throws -> [UInt8]? {
    if let start = first {
      first = nil
      if !start.isEmpty { return start }
    }
    return try readRaw()
  }

  private func readRaw() throws -> [UInt8]? {
    if let table { return try table.read(Self.chunkBytes) }
    return try Self.chunk(of: handle, name)
  }

  private static func chunk(of handle: FileHandle, _ name: String) throws -> [UInt8]? {
    do {
      guard let data = try handle.read(upToCount: chunkBytes), !data.isEmpty else { return nil }
      return Array(data)
    } catch {
      throw DataError.unreadable(path: name, reason: error.fileReason)
    }
  }
}
