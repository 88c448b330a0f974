import AssayBase
import CZlib
import Foundation

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
