import AssayBase
import CZlib
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

/// A gzip stream, of one member or of several joined.
final class Inflater {
  private static let outputBytes = 1 << 17
  // 15 bits of window, and 16 for the gzip format alone.
  private static let windowBits: Int32 = 15 + 16

  private let name: String
  // Behind a pointer, as zlib keeps the address.
  private let stream: UnsafeMutablePointer<z_stream>
  private var isBetweenMembers = false

  init(name: String) throws {
    self.name = name
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let status = inflateInit2_(
      stream,
      Self.windowBits,
      ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size)
    )
    guard status == Z_OK else {
      throw DataError.corruptCompression(file: name, reason: "zlib error \(status)")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deinitialize(count: 1)
    stream.deallocate()
  }

  func inflate(_ packed: [UInt8]) throws -> [UInt8] {
    var packed = packed
    var result: [UInt8] = []
    let count = packed.count
    try packed.withUnsafeMutableBufferPointer { input in
      stream.pointee.next_in = input.baseAddress
      stream.pointee.avail_in = UInt32(count)
      while stream.pointee.avail_in > 0 {
        if isBetweenMembers {
          // Zeros may pad the end of a file; anything else must be a further member.
          let next = stream.pointee.next_in.pointee
          guard next != 0 else {
            stream.pointee.next_in += 1
            stream.pointee.avail_in -= 1
            continue
          }
          guard next == 0x1F else {
            throw DataError.corruptCompression(
              file: name,
              reason: "other data follows the compressed text"
            )
          }
          inflateReset(stream)
          isBetweenMembers = false
        }
        result += try inflateSome()
      }
    }
    return result
  }

  private func inflateSome() throws -> [UInt8] {
    var status = Z_OK
    let output = [UInt8](unsafeUninitializedCapacity: Self.outputBytes) { output, count in
      stream.pointee.next_out = output.baseAddress
      stream.pointee.avail_out = UInt32(Self.outputBytes)
      status = CZlib.inflate(stream, Z_NO_FLUSH)
      count = Self.outputBytes - Int(stream.pointee.avail_out)
    }
    switch status {
    case Z_STREAM_END: isBetweenMembers = true
    case Z_OK, Z_BUF_ERROR: break
    default:
      let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(status)"
      throw DataError.corruptCompression(file: name, reason: reason)
    }
    return output
  }

  func finish() throws {
    guard isBetweenMembers else {
      throw DataError.corruptCompression(file: name, reason: "the file ends early")
    }
  }
}
