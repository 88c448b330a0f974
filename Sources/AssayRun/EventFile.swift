// TensorBoard event files: TFRecord frames around three hand-written protobuf messages.
import AssayBase
import Foundation

/// Writes the scalars of one run as TensorBoard reads them.
///
/// A record is `length (8 bytes), masked CRC-32C of the length, data, masked CRC-32C of the data`, all
/// little-endian. `Event` has `wall_time = 1`, `step = 2`, `file_version = 3`, `summary = 5` and
/// `session_log = 7`; a summary is a list of values with `tag = 1` and `simple_value = 2`.
///
/// Source: tensorflow/tensorflow, lib/io/record_writer.h, core/util/event.proto and
/// core/framework/summary.proto.
package final class EventFile: Sendable {
  private let file: FileHandle

  /// Creates `events.out.tfevents.SECONDS.assay.PROCESS` in a folder.
  ///
  /// - Parameters:
  ///   - folder: The folder to show in TensorBoard; made where absent.
  ///   - time: Seconds since 1970; files are read in the order of the times in their names.
  ///   - step: The first step to come; TensorBoard forgets what earlier files say of it and later ones.
  /// - Throws: `FileError.fileSystem`.
  package init(folder: URL, time: Double, resumingAt step: Int = 0) throws {
    try DurableFile.makeFolder(folder)
    let name = "events.out.tfevents.\(Self.padded(Int(time))).assay.\(getpid())"
    let url = folder.appendingPathComponent(name)
    let descriptor = open(url.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw DurableFile.failure("create", url) }
    file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var data = Self.version(time: time)
    if step > 0 { data.append(Self.restart(step: step, time: time)) }
    try write(data)
  }

  /// Adds one value of each metric; a slash in a name makes a group, as `train/loss`.
  ///
  /// - Parameters:
  ///   - scalars: Names and values.
  ///   - step: The step that they belong to.
  ///   - time: Seconds since 1970.
  /// - Throws: `FileError.fileSystem`.
  package func add(_ scalars: [(name: String, value: Double)], step: Int, time: Double) throws {
    try write(Self.event(scalars, step: step, time: time))
  }

  private func write(_ data: Data) throws {
    do {
      try file.write(contentsOf: data)
    } catch {
      throw FileError.fileSystem(
        action: "write",
        path: "the TensorBoard events",
        reason: error.fileReason
      )
    }
  }

  // MARK: Messages

  /// The first record of a file: what version of the format it has.
  package static func version(time: Double) -> Data {
    var event = Message()
    event.double(1, time)
    event.bytes(3, Data("brain.Event:2".utf8))
    return frame(event.data)
  }

  /// A record that says that a program started again at a step.
  package static func restart(step: Int, time: Double) -> Data {
    var log = Message()
    log.integer(1, 1)  // SessionLog.START
    var event = Message()
    event.double(1, time)
    event.integer(2, step)
    event.bytes(7, log.data)
    return frame(event.data)
  }

  /// A record of scalars.
  package static func event(
    _ scalars: [(name: String, value: Double)],
    step: Int,
    time: Double
  ) -> Data {
    var summary = Message()
    for scalar in scalars {
      var value = Message()
      value.bytes(1, Data(scalar.name.utf8))
      value.float(2, Float(scalar.value))
      summary.bytes(1, value.data)
    }
    var event = Message()
    event.double(1, time)
    event.integer(2, step)
    event.bytes(5, summary.data)
    return frame(event.data)
  }

  private static func frame(_ data: Data) -> Data {
    var length = Data()
    length.appendLittleEndian(UInt64(data.count))
    var frame = length
    frame.appendLittleEndian(maskedCRC32C(length))
    frame.append(data)
    frame.appendLittleEndian(maskedCRC32C(data))
    return frame
  }

  private static func padded(_ seconds: Int) -> String {
    let digits = String(seconds)
    return String(repeating: "0", count: max(0, 10 - digits.count)) + digits
  }
}

/// A protobuf message under construction.
private struct Message {
  var data = Data()

  mutating func integer(_ field: Int, _ value: Int) {
    varint(UInt64(field << 3))
    varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func double(_ field: Int, _ value: Double) {
    varint(UInt64(field << 3 | 1))
    data.appendLittleEndian(value.bitPattern)
  }

  mutating func float(_ field: Int, _ value: Float) {
    varint(UInt64(field << 3 | 5))
    data.appendLittleEndian(value.bitPattern)
  }

  mutating func bytes(_ field: Int, _ value: Data) {
    varint(UInt64(field << 3 | 2))
    varint(UInt64(value.count))
    data.append(value)
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      data.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    data.append(UInt8(rest))
  }
}

extension Data {
  fileprivate mutating func appendLittleEndian(_ value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}

/// CRC-32C (Castagnoli), bit by bit reflected, with TFRecord's rotation and constant.
package func maskedCRC32C(_ data: Data) -> UInt32 {
  let crc = crc32C(data)
  return ((crc >> 15) | (crc << 17)) &+ 0xa282_ead8
}

/// CRC-32C (Castagnoli): polynomial 0x1edc6f41, reflected, initial and final value all ones.
package func crc32C(_ data: Data) -> UInt32 {
  var crc = UInt32.max
  for byte in data { crc = crcTable[Int((crc ^ UInt32(byte)) & 0xff)] ^ (crc >> 8) }
  return ~crc
}

private let crcTable: [UInt32] = (0..<256).map { index in
  (0..<8).reduce(UInt32(index)) { crc, _ in (crc & 1) * 0x82f6_3b78 ^ (crc >> 1) }
}
