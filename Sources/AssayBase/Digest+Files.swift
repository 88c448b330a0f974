// Fingerprints of files and folders.
import Foundation

extension Digest {
  /// Returns a fingerprint of a file, or of a folder's files by their relative paths.
  ///
  /// A file above `sampleAbove` bytes is represented by its size and 18 blocks of 1 MiB (first, last, 16
  /// evenly spread): it tells checkpoints apart in milliseconds, and would miss an edit of a few bytes.
  ///
  /// - Parameters:
  ///   - url: A file or a folder. Hidden files are left out.
  ///   - sampleAbove: Size in bytes up to which files are read in full.
  ///
  /// Default: 256 MiB.
  /// - Returns: 64 hexadecimal digits.
  /// - Throws: `FileError.fileSystem` where something cannot be read.
  package static func fingerprint(
    of url: URL,
    sampleAbove: UInt64 = 256 << 20
  ) throws -> String {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      throw FileError.fileSystem(action: "read", path: url.path, reason: "it does not exist")
    }
    guard isFolder.boolValue else { return try fileHash(url, sampleAbove: sampleAbove) }
    var hash = Digest()
    let paths = (FileManager.default.subpaths(atPath: url.path) ?? []).sorted()
    for path in paths where !path.split(separator: "/").contains(where: { $0.hasPrefix(".") }) {
      let file = url.appendingPathComponent(path)
      var isInnerFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isInnerFolder),
        !isInnerFolder.boolValue
      else { continue }
      hash.update("\(path)\n\(try fileHash(file, sampleAbove: sampleAbove))\n".utf8)
    }
    return hash.finalized()
  }

  private static func fileHash(_ url: URL, sampleAbove: UInt64) throws -> String {
    let block = 1 << 20
    var hash = Digest()
    do {
      let handle = try FileHandle(forReadingFrom: url)
      defer { try? handle.close() }
      let size = try handle.seekToEnd()
      guard size > max(sampleAbove, UInt64(18 * block)) else {
        try handle.seek(toOffset: 0)
        while let data = try handle.read(upToCount: block), !data.isEmpty { hash.update(data) }
        return hash.finalized()
      }
      hash.update("\(size)\n".utf8)
      for index in 0..<18 {
        try handle.seek(toOffset: (size - UInt64(block)) / 17 * UInt64(index))
        hash.update(try handle.read(upToCount: block) ?? Data())
      }
      try handle.seek(toOffset: size - UInt64(block))
      hash.update(try handle.read(upToCount: block) ?? Data())
      return hash.finalized()
    } catch {
      throw FileError.fileSystem(
        action: "read",
        path: url.path,
        reason: error.fileReason
      )
    }
  }
}
