// The safetensors format: 8 bytes of little-endian header length, a JSON header that gives each
// tensor's type, shape and byte range, then the bytes of all tensors without gaps.
//
// Source: github.com/huggingface/safetensors, README.md "Format" and safetensors/src/tensor.rs.

import Foundation

/// Named tensors to load a model from: one file, or a folder of shards.
package protocol WeightsSource {
  /// The names of all tensors, sorted.
  var names: [String] { get }
  /// Free text saved with the tensors.
  var metadata: [String: String] { get }
  /// The sizes of a tensor, or `nil` where there is none of this name.
  func shape(of name: String) -> [Int]?
  /// The element type of a tensor, or `nil` where there is none of this name.
  func dtype(of name: String) -> DType?
  /// A tensor, on the CPU.
  ///
  /// - Parameter name: Its name in the file.
  /// - Returns: The tensor, which shares memory with the file's private mapping.
  /// - Throws: `TensorError.malformedFile` where there is none of this name.
  func tensor(named name: String) throws -> Tensor
}

/// Names and limits of the safetensors format.
package enum Safetensors {
  /// Longest header that is read, as in the reference implementation.
  static let maximumHeaderBytes = 100_000_000
  /// Most dimensions a tensor may have, which LibTorch's iterators bound.
  static let maximumRank = 64
  /// The key of the header that holds text instead of a tensor.
  static let metadataKey = "__metadata__"

  /// The format's name of an element type.
  static func code(of type: DType) -> String {
    switch type {
    case .float32: "F32"
    case .bfloat16: "BF16"
    case .float16: "F16"
    case .int64: "I64"
    case .int32: "I32"
    case .uint8: "U8"
    case .bool: "BOOL"
    case .float64: "F64"
    }
  }

  /// The element type of a name in the format, or `nil` for one that this engine lacks.
  static func type(of code: String) -> DType? {
    DType.allCases.first { self.code(of: $0) == code }
  }
}

/// The checked header of a safetensors file.
struct SafetensorsHeader {
  /// Where a tensor lies.
  struct Entry {
    let dtype: DType
    let shape: [Int]
    /// First byte, counted from the start of the file.
    let start: Int
    let byteCount: Int
  }

  let entries: [String: Entry]
  let metadata: [String: String]

  /// Reads and checks a header.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - file: Its name for messages.
  /// - Throws: `TensorError.malformedFile` with what is wrong.
  init(_ bytes: UnsafeRawBufferPointer, file: String) throws {
    func fail(_ reason: String) -> TensorError { .malformedFile(file: file, reason: reason) }
    guard bytes.count >= 8 else {
      throw fail("\(bytes.count) bytes are too few for a safetensors file; copy it again")
    }
    let stated = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard stated <= UInt64(Safetensors.maximumHeaderBytes) else {
      throw fail("states a header of \(stated) bytes: not a safetensors file")
    }
    guard stated <= UInt64(bytes.count - 8) else {
      throw fail("ends inside its header (\(bytes.count) bytes); copy it again")
    }
    let dataStart = 8 + Int(stated)
    let header = Data(bytes[8..<dataStart])
    guard header.first == UInt8(ascii: "{") else { throw fail("its header is not a JSON object") }
    let raw: RawHeader
    do {
      raw = try JSONDecoder().decode(RawHeader.self, from: header)
    } catch let error as DecodingError {
      throw fail("its header cannot be read (\(error.brief))")
    } catch {
      throw fail("its header cannot be read (\(error.localizedDescription))")
    }
    var entries: [String: Entry] = [:]
    for (name, tensor) in raw.tensors {
      entries[name] = try Self.entry(tensor, name, dataStart, bytes.count - dataStart, fail)
    }
    var end = dataStart
    let order = entries.sorted {
      ($0.value.start, $0.value.byteCount, $0.key) < ($1.value.start, $1.value.byteCount, $1.key)
    }
    for (name, entry) in order {
      guard entry.start == end else {
        let what = entry.start < end ? "overlaps the tensor before it" : "leaves a gap before it"
        throw fail("tensor \(name) \(what)")
      }
      end += entry.byteCount
    }
    guard end == bytes.count else {
      throw fail("\(bytes.count - end) bytes at its end belong to no tensor; copy it again")
    }
    self.entries = entries
    metadata = raw.metadata
  }

  private static func entry(
    _ tensor: RawHeader.Tensor,
    _ name: String,
    _ dataStart: Int,
    _ dataCount: Int,
    _ fail: (String) -> TensorError
  ) throws -> Entry {
    guard let dtype = Safetensors.type(of: tensor.dtype) else {
      let known = DType.allCases.map(Safetensors.code(of:)).joined(separator: ", ")
      throw fail("tensor \(name) is of type \(tensor.dtype); supported are \(known)")
    }
    guard tensor.shape.count <= Safetensors.maximumRank else {
      throw fail("tensor \(name) has \(tensor.shape.count) dimensions")
    }
    var byteCount = dtype.byteCount
    for size in tensor.shape {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow else { throw fail("tensor \(name) has shape \(tensor.shape)") }
      byteCount = product
    }
    let offsets = tensor.data_offsets
    guard offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1] else {
      throw fail("tensor \(name) has the byte range \(offsets)")
    }
    guard offsets[1] <= dataCount else {
      throw fail(
        "tensor \(name) ends at byte \(offsets[1]) of \(dataCount); the file is cut off, copy it "
          + "again"
      )
    }
    guard offsets[1] - offsets[0] == byteCount else {
      throw fail(
        "tensor \(name) of shape \(tensor.shape) and type \(tensor.dtype) needs \(byteCount) "
          + "bytes, its range has \(offsets[1] - offsets[0])"
      )
    }
    return Entry(
      dtype: dtype,
      shape: tensor.shape,
      start: dataStart + offsets[0],
      byteCount: byteCount
    )
  }
}

/// The header as it stands in the file, before its values are checked.
private struct RawHeader: Decodable {
  struct Tensor: Decodable {
    let dtype: String
    let shape: [Int]
    let data_offsets: [Int]  // swift-format-ignore: AlwaysUseLowerCamelCase
  }
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  var tensors: [String: Tensor] = [:]
  var metadata: [String: String] = [:]

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    for key in container.allKeys {
      if key.stringValue == Safetensors.metadataKey {
        metadata = try container.decodeIfPresent([String: String].self, forKey: key) ?? [:]
      } else {
        tensors[key.stringValue] = try container.decode(Tensor.self, forKey: key)
      }
    }
  }
}

extension DecodingError {
  /// One line: where in the document, and what.
  var brief: String {
    func line(_ context: Context) -> String {
      let path = context.codingPath.map(\.stringValue).joined(separator: ".")
      return path.isEmpty ? context.debugDescription : "\(path): \(context.debugDescription)"
    }
    return switch self {
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      line(context)
    case .keyNotFound(let key, let context): line(context) + " (\(key.stringValue))"
    @unknown default: "not valid JSON"
    }
  }
}
