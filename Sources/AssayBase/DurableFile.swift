// Writes that survive a kill or a power cut: temporary, fsync, rename, fsync of the folder.
import Foundation

/// File operations that leave either the old or the new content behind, never half of one.
package enum DurableFile {
  /// Replaces a file's content in one step.
  ///
  /// - Parameters:
  ///   - data: The new content.
  ///   - url: The file; its folder must exist.
  /// - Throws: `FileError.fileSystem`.
  package static func write(_ data: Data, to url: URL) throws {
    removeLeftovers(of: url)
    let temporary = temporary(url)
    let descriptor = open(
      temporary.path,
      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
      0o644
    )
    guard descriptor >= 0 else { throw failure("create", temporary) }
    do {
      defer { close(descriptor) }
      try writeAll(data, to: descriptor, temporary)
      guard fsync(descriptor) == 0 else { throw failure("write", temporary) }
    } catch {
      unlink(temporary.path)
      throw error
    }
    try rename(temporary, to: url)
  }

  /// Makes a folder in one step: it has its name once it is whole.
  ///
  /// - Parameters:
  ///   - url: The folder, which is new or empty.
  ///   - body: Fills the folder that it is given.
  /// - Returns: What the body returns.
  /// - Throws: `FileError.fileSystem`, or what the body throws; nothing is left then.
  package static func withFolder<Result>(
    _ url: URL,
    _ body: (URL) throws -> Result
  ) throws -> Result {
    try makeFolder(url.deletingLastPathComponent())
    removeLeftovers(of: url)
    let temporary = temporary(url)
    try makeFolder(temporary)
    do {
      let result = try body(temporary)
      try synchronizeTree(temporary)
      try rename(temporary, to: url)
      return result
    } catch {
      try? FileManager.default.removeItem(at: temporary)
      throw error
    }
  }

  /// What is written before it has its name.
  private static func temporary(_ url: URL) -> URL {
    url.deletingLastPathComponent()
      .appendingPathComponent(".\(url.lastPathComponent).tmp-\(getpid())")
  }

  /// Removes what processes that are gone left behind of a file or folder.
  private static func removeLeftovers(of url: URL) {
    let folder = url.deletingLastPathComponent()
    let start = ".\(url.lastPathComponent).tmp-"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    for name in names where name.hasPrefix(start) {
      guard let process = pid_t(name.dropFirst(start.count)), kill(process, 0) != 0, errno == ESRCH
      else { continue }
      try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
    }
  }

  /// Renames a file or folder, and makes the new name durable.
  package static func rename(_ source: URL, to target: URL) throws {
    guard Foundation.rename(source.path, target.path) == 0 else {
      throw failure("rename \(source.path) to", target)
    }
    try synchronize(target.deletingLastPathComponent())
  }

  /// Flushes a file or a folder's list of names to the disk.
  package static func synchronize(_ url: URL) throws {
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open", url) }
    defer { close(descriptor) }
    // Some file systems cannot flush folders; EINVAL says so and loses nothing else.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure("flush", url) }
  }

  /// Flushes every file and folder of a tree.
  package static func synchronizeTree(_ url: URL) throws {
    for path in FileManager.default.subpaths(atPath: url.path) ?? [] {
      try synchronize(url.appendingPathComponent(path))
    }
    try synchronize(url)
  }

  /// Makes a folder and those above it.
  package static func makeFolder(_ url: URL) throws {
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      throw FileError.fileSystem(
        action: "create",
        path: url.path,
        reason: error.fileReason
      )
    }
  }

  /// Writes all bytes, however many calls that takes.
  package static func writeAll(_ data: Data, to descriptor: Int32, _ url: URL) throws {
    try data.withUnsafeBytes { bytes in
      var offset = 0
      while offset < bytes.count {
        let count = Foundation.write(
          descriptor,
          bytes.baseAddress?.advanced(by: offset),
          bytes.count - offset
        )
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw failure("write", url) }
        offset += count
      }
    }
  }

  /// The error of the last failed system call.
  package static func failure(_ action: String, _ url: URL) -> FileError {
    .fileSystem(action: action, path: url.path, reason: String(cString: strerror(errno)))
  }
}
