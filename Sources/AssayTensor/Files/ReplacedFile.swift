import Foundation

/// Files that are written as a whole or not at all.
enum ReplacedFile {
  /// Writes a file through a temporary one beside it, which takes the name when it is whole.
  ///
  /// - Parameters:
  ///   - url: The file.
  ///   - isFlushed: Whether its bytes are on the disk by then; who passes `false` flushes them later.
  ///   - body: Hands the bytes on, in their order.
  /// - Throws: `TensorError.cannotWrite`, or what `body` throws; a file of that name stays as it was.
  static func write(
    _ url: URL,
    isFlushed: Bool = true,
    _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    func fail() -> TensorError {
      .cannotWrite(file: url.path, reason: String(cString: strerror(errno)))
    }
    let folder = url.deletingLastPathComponent()
    let temporary = folder.appendingPathComponent(
      ".\(url.lastPathComponent).\(UUID().uuidString)"
    ).path
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw fail() }
    var renamed = false
    defer {
      close(descriptor)
      if !renamed { unlink(temporary) }
    }
    try body { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let chunk = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
        let count = Foundation.write(descriptor, chunk.baseAddress, chunk.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw fail() }
        rest = rest.dropFirst(count)
      }
    }
    guard !isFlushed || fsync(descriptor) == 0, rename(temporary, url.path) == 0 else {
      throw fail()
    }
    renamed = true
    guard isFlushed else { return }
    let directory = open(folder.path, O_RDONLY | O_CLOEXEC)
    guard directory >= 0 else { return }
    fsync(directory)
    close(directory)
  }
}
