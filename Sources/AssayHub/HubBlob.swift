import AssayBase
import Crypto
import Foundation

/// One file of the cache: written beside its place, and put there when its hash is right.
struct HubBlob {
  /// Its place.
  let url: URL
  /// What it is called while it is written; a broken download goes on there.
  let partial: URL

  init(_ cache: HubCache, _ name: HubName, hash: String) {
    url = cache.repository(name).appendingPathComponent("blobs").appendingPathComponent(hash)
    partial = url.appendingPathExtension("incomplete")
  }

  /// Whether it is there.
  var isPresent: Bool { FileManager.default.fileExists(atPath: url.path) }

  /// Bytes of it that are there already.
  var partialSize: Int {
    let attributes = try? FileManager.default.attributesOfItem(atPath: partial.path)
    return (attributes?[.size] as? NSNumber)?.intValue ?? 0
  }

  /// The hash of what was written, of the kind that it is to have.
  ///
  /// - Parameter length: 64 digits are SHA-256, 40 the SHA-1 of a git object of these bytes.
  /// - Returns: As many hexadecimal digits.
  /// - Throws: `FileError` where it cannot be read.
  func hash(length: Int) throws -> String {
    let size = partialSize
    do {
      let handle = try FileHandle(forReadingFrom: partial)
      defer { try? handle.close() }
      func digest<Function: HashFunction>(_ function: Function) throws -> String {
        var function = function
        while let data = try handle.read(upToCount: 1 << 22), !data.isEmpty {
          function.update(data: data)
        }
        return function.finalize().map { byte in
          (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
      }
      guard length == 40 else { return try digest(SHA256()) }
      var git = Insecure.SHA1()
      git.update(data: Data("blob \(size)\0".utf8))
      return try digest(git)
    } catch {
      throw FileError.fileSystem(
        action: "read",
        path: partial.path,
        reason: error.fileReason
      )
    }
  }

  /// Links a file of a snapshot to this blob, by a relative path as the hub's tools do.
  ///
  /// - Parameters:
  ///   - path: The file's name, which stays below the snapshot.
  ///   - snapshot: The snapshot's folder, beside which `blobs` lies two folders above.
  /// - Throws: `FileError`.
  func link(_ path: String, in snapshot: URL) throws {
    let place = snapshot.appendingPathComponent(path)
    try DurableFile.makeFolder(place.deletingLastPathComponent())
    let depth = path.split(separator: "/").count + 1
    let target =
      String(repeating: "../", count: depth) + "blobs/" + url.lastPathComponent
    if let there = try? FileManager.default.destinationOfSymbolicLink(atPath: place.path),
      there == target
    {
      return
    }
    unlink(place.path)
    guard symlink(target, place.path) == 0 else {
      throw DurableFile.failure("create", place)
    }
  }
}

/// A lock that processes which fetch the same blob take in turns; it ends with this value.
final class HubLock {
  private let descriptor: Int32

  private init(_ url: URL) throws {
    try DurableFile.makeFolder(url.deletingLastPathComponent())
    descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw DurableFile.failure("create", url) }
  }

  deinit { close(descriptor) }

  /// Waits for the lock.
  ///
  /// - Parameters:
  ///   - url: The lock's file.
  ///   - onWait: Called once where another process has it.
  /// - Returns: The lock.
  /// - Throws: `FileError`, `CancellationError`, or what `onWait` throws.
  nonisolated(nonsending) static func taken(
    _ url: URL,
    onWait: () throws -> Void
  ) async throws -> HubLock {
    let lock = try HubLock(url)
    var isTold = false
    while flock(lock.descriptor, LOCK_EX | LOCK_NB) != 0 {
      if !isTold { try onWait() }
      isTold = true
      try await Task.sleep(for: .milliseconds(100))
    }
    return lock
  }
}
