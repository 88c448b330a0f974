// The part of the zip format that checkpoints use: stored or deflated entries, Zip64.
//
// Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 (structure), 4.5.3 (Zip64).

import CZlib

/// The table of contents of a zip file in memory.
struct ZipArchive {
  /// Where an entry lies.
  struct Entry {
    /// Its bytes as they are in the file.
    let range: Range<Int>
    /// How many bytes it has unpacked.
    let byteCount: Int
    let isDeflated: Bool
    let checksum: UInt32
  }

  let entries: [String: Entry]
  private let file: MappedFile

  private static let endSignature: UInt32 = 0x0605_4b50
  private static let wideEndSignature: UInt32 = 0x0606_4b50
  private static let locatorSignature: UInt32 = 0x0706_4b50
  private static let centralSignature: UInt32 = 0x0201_4b50
  private static let localSignature: UInt32 = 0x0403_4b50
  /// The end record is the last but for a comment of at most 65535 bytes.
  private static let endBytes = 22
  private static let centralBytes = 46
  /// Deflate gains no more than this, so that what is stated cannot be far from what is there.
  private static let maximumGain = 1032

  /// Reads the table of contents.
  ///
  /// - Parameter file: The whole file.
  /// - Throws: `TensorError.malformedFile` with what is wrong.
  init(_ file: MappedFile) throws {
    self.file = file
    let bytes = UnsafeRawBufferPointer(file.bytes)
    func cursor(_ position: Int) -> ByteCursor {
      ByteCursor(bytes: bytes, position: position, failure: file.failure)
    }
    let (count, start) = try Self.directory(bytes, file, cursor)
    guard start <= bytes.count, count <= (bytes.count - start) / Self.centralBytes else {
      throw file.failure("states \(count) zip entries at byte \(start), more than its bytes hold")
    }
    var reader = cursor(start)
    var entries: [String: Entry] = [:]
    for _ in 0..<count {
      let (name, entry) = try Self.entry(&reader, file, cursor)
      guard entries.updateValue(entry, forKey: name) == nil else {
        throw file.failure("has the zip entry \(name.quotable) twice")
      }
    }
    self.entries = entries
  }

  /// Finds how many entries there are and where the central directory begins.
  private static func directory(
    _ bytes: UnsafeRawBufferPointer,
    _ file: MappedFile,
    _ cursor: (Int) -> ByteCursor
  ) throws -> (count: Int, start: Int) {
    let last = bytes.count - endBytes
    guard last >= 0,
      let end = (max(0, last - 65535)...last).last(where: {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self))
          == endSignature
      })
    else { throw file.failure("has no end of a zip file; it is cut off, copy it again") }
    var reader = cursor(end + 10)
    var count = UInt64(try reader.number(UInt16.self, "the zip end"))
    _ = try reader.number(UInt32.self, "the zip end")
    var start = UInt64(try reader.number(UInt32.self, "the zip end"))
    if count == 0xFFFF || start == 0xFFFF_FFFF, end >= 20 {
      var locator = cursor(end - 20)
      if try locator.number(UInt32.self, "the Zip64 locator") == locatorSignature {
        _ = try locator.number(UInt32.self, "the Zip64 locator")
        let place = try locator.number(UInt64.self, "the Zip64 locator")
        guard place <= UInt64(bytes.count) else {
          throw file.failure("has a damaged Zip64 locator")
        }
        var wide = cursor(Int(place))
        guard try wide.number(UInt32.self, "the Zip64 end") == wideEndSignature else {
          throw file.failure("has a damaged Zip64 locator")
        }
        _ = try wide.skip(28, "the Zip64 end")
        count = try wide.number(UInt64.self, "the Zip64 end")
        _ = try wide.skip(8, "the Zip64 end")
        start = try wide.number(UInt64.self, "the Zip64 end")
      }
    }
    guard let count = Int(exactly: count), let start = Int(exactly: start) else {
      throw file.failure("states \(count) zip entries at byte \(start), more than its bytes hold")
    }
    return (count, start)
  }

  /// Reads one line of the central directory.
  private static func entry(
    _ reader: inout ByteCursor,
    _ file: MappedFile,
    _ cursor: (Int) -> ByteCursor
  ) throws -> (String, Entry) {
    guard try reader.number(UInt32.self, "a zip entry") == centralSignature else {
      throw file.failure("has a damaged zip directory; copy it again")
    }
    _ = try reader.number(UInt32.self, "a zip entry")  // versions
    let flags = try reader.number(UInt16.self, "a zip entry")
    let method = try reader.number(UInt16.self, "a zip entry")
    _ = try reader.number(UInt32.self, "a zip entry")  // time
    let checksum = try reader.number(UInt32.self, "a zip entry")
    var packed = UInt64(try reader.number(UInt32.self, "a zip entry"))
    var unpacked = UInt64(try reader.number(UInt32.self, "a zip entry"))
    let lengths = try (0..<3).map { _ in try reader.number(UInt16.self, "a zip entry") }
    _ = try reader.skip(8, "a zip entry")  // disk and attributes
    var place = UInt64(try reader.number(UInt32.self, "a zip entry"))
    let name = try reader.text(lengths[0], "a zip entry's name")
    let extra = try reader.skip(lengths[1], "a zip entry")
    _ = try reader.skip(lengths[2], "a zip entry")
    try widen(
      &unpacked,
      &packed,
      &place,
      ByteCursor(
        bytes: UnsafeRawBufferPointer(rebasing: reader.bytes[extra]),
        position: 0,
        failure: file.failure
      )
    )
    let shown = name.quotable
    guard flags & 1 == 0 else { throw file.failure("its zip entry \(shown) is encrypted") }
    guard method == 0 || method == 8 else {
      throw file.failure("its zip entry \(shown) is packed by method \(method), expected 0 or 8")
    }
    let size = UInt64(reader.bytes.count)
    guard place <= size, packed <= size, unpacked / UInt64(maximumGain) <= packed,
      method == 8 || packed == unpacked
    else { throw file.failure("its zip entry \(shown) does not fit the file; copy it again") }
    var local = cursor(Int(place))
    guard try local.number(UInt32.self, "\(shown)") == localSignature else {
      throw file.failure("its zip entry \(shown) is not where the directory says; copy it again")
    }
    _ = try local.skip(22, "\(shown)")
    let localLengths = try (0..<2).map { _ in Int(try local.number(UInt16.self, "\(shown)")) }
    _ = try local.skip(localLengths[0] + localLengths[1], "\(shown)")
    let range = try local.skip(packed, "\(shown)")
    let entry = Entry(
      range: range,
      byteCount: Int(unpacked),
      isDeflated: method == 8,
      checksum: checksum
    )
    return (name, entry)
  }

  /// Takes sizes that do not fit 32 bits from the Zip64 field.
  private static func widen(
    _ unpacked: inout UInt64,
    _ packed: inout UInt64,
    _ place: inout UInt64,
    _ extra: ByteCursor
  ) throws {
    var extra = extra
    while extra.left >= 4 {
      let kind = try extra.number(UInt16.self, "a zip field")
      let length = try extra.number(UInt16.self, "a zip field")
      guard kind == 1 else {
        // PyTorch pads with a field that may be longer than what is there.
        _ = try extra.skip(min(Int(length), extra.left), "a zip field")
        continue
      }
      let narrow: UInt64 = 0xFFFF_FFFF
      if unpacked == narrow { unpacked = try extra.number(UInt64.self, "a Zip64 size") }
      if packed == narrow { packed = try extra.number(UInt64.self, "a Zip64 size") }
      if place == narrow { place = try extra.number(UInt64.self, "a Zip64 place") }
      return
    }
  }

  /// The unpacked bytes of an entry.
  ///
  /// - Parameters:
  ///   - entry: The entry.
  ///   - name: Its name for messages.
  /// - Returns: As many bytes as the entry states.
  /// - Throws: `TensorError.malformedFile` where they are others.
  func contents(of entry: Entry, name: String) throws -> [UInt8] {
    let packed = UnsafeRawBufferPointer(rebasing: file.bytes[entry.range])
    guard entry.isDeflated else { return Array(packed) }
    let shown = name.quotable
    var stream = z_stream()
    let rawDeflate: Int32 = -15  // no header, the largest window
    guard
      inflateInit2_(&stream, rawDeflate, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw file.failure("its zip entry \(shown) cannot be unpacked (out of memory)") }
    defer { inflateEnd(&stream) }
    var result: [UInt8] = []
    let chunk = 1 << 20
    var (given, status) = (0, Z_OK)
    // Grows with what is really there: the stated size may be a lie.
    while status == Z_OK, result.count <= entry.byteCount {
      if stream.avail_in == 0, given < packed.count {
        let next = min(packed.count - given, 1 << 30)
        stream.next_in = UnsafeMutablePointer(
          mutating: packed.baseAddress?.advanced(by: given).assumingMemoryBound(to: UInt8.self)
        )
        stream.avail_in = UInt32(next)
        given += next
      }
      result += [UInt8](unsafeUninitializedCapacity: chunk) { room, filled in
        stream.next_out = room.baseAddress
        stream.avail_out = UInt32(chunk)
        status = inflate(&stream, Z_NO_FLUSH)
        filled = chunk - Int(stream.avail_out)
      }
    }
    let sum = result.withUnsafeBufferPointer { crc32_z(0, $0.baseAddress, $0.count) }
    guard status == Z_STREAM_END, result.count == entry.byteCount, UInt32(sum) == entry.checksum
    else {
      throw file.failure("its zip entry \(shown) is damaged; copy it again")
    }
    return result
  }
}
