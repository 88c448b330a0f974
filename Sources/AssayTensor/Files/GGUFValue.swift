// Metadata of GGUF files: named numbers, texts and lists.

/// A value of a GGUF file's metadata.
package enum GGUFValue {
  /// A whole number.
  case integer(Int)
  /// A number with a fraction; float32 in most files.
  case number(Double)
  /// True or false.
  case flag(Bool)
  /// A text.
  case text(String)
  /// A list of values of one type.
  case list(GGUFList)

  /// What the value is, for messages.
  var kind: String {
    switch self {
    case .integer: "a whole number"
    case .number: "a number"
    case .flag: "true or false"
    case .text: "a text"
    case .list: "a list"
    }
  }
}

/// A list in a GGUF file's metadata, decoded where it is asked for.
///
/// A vocabulary is such a list, and a file may state one that memory would not hold.
package struct GGUFList {
  /// How many elements there are.
  package let count: Int
  let type: GGUFValueType
  let start: Int
  let file: MappedFile

  /// Longest list that is decoded: no vocabulary has more tokens or merges.
  static let maximumCount = 1 << 24

  private func cursor() throws -> ByteCursor {
    guard count <= Self.maximumCount else {
      throw file.failure(
        "has a list of \(count) values where at most \(Self.maximumCount) are expected"
      )
    }
    return ByteCursor(
      bytes: UnsafeRawBufferPointer(file.bytes),
      position: start,
      failure: file.failure
    )
  }

  /// The elements of a list of texts; `nil` where they are no texts.
  func texts() throws -> [String]? {
    guard type == .text else { return nil }
    var cursor = try cursor()
    return try (0..<count).map { _ in
      let length = try cursor.number(UInt64.self, "a list")
      return try cursor.text(length, "a text of a list")
    }
  }

  /// The elements of a list of whole numbers; `nil` where they are none.
  func integers() throws -> [Int]? {
    var cursor = try cursor()
    var values: [Int] = []
    values.reserveCapacity(count)
    for _ in 0..<count {
      guard case .integer(let value) = try type.read(&cursor, of: "a list") else { return nil }
      values.append(value)
    }
    return values
  }

  /// The elements of a list of numbers; `nil` where they are none.
  func numbers() throws -> [Double]? {
    var cursor = try cursor()
    var values: [Double] = []
    values.reserveCapacity(count)
    for _ in 0..<count {
      switch try type.read(&cursor, of: "a list") {
      case .integer(let value): values.append(Double(value))
      case .number(let value): values.append(value)
      default: return nil
      }
    }
    return values
  }
}

/// The type of a metadata value; raw values are the format's.
///
/// Source: github.com/ggml-org/ggml, docs/gguf.md, `gguf_metadata_value_type`.
enum GGUFValueType: UInt32 {
  case uint8 = 0
  case int8 = 1
  case uint16 = 2
  case int16 = 3
  case uint32 = 4
  case int32 = 5
  case float32 = 6
  case bool = 7
  case text = 8
  case list = 9
  case uint64 = 10
  case int64 = 11
  case float64 = 12

  /// Bytes of one value, the fewest for texts and lists.
  var byteCount: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64, .text: 8
    case .list: 12
    }
  }

  /// Reads a value that is no list.
  func read(_ cursor: inout ByteCursor, of key: String) throws -> GGUFValue {
    func whole<Number: FixedWidthInteger & BitwiseCopyable>(
      _ type: Number.Type
    ) throws -> GGUFValue {
      let value = try cursor.number(type, key)
      guard let value = Int(exactly: value) else {
        throw cursor.failure("\(key) is \(value), more than any model has")
      }
      return .integer(value)
    }
    return switch self {
    case .uint8: try whole(UInt8.self)
    case .int8: try whole(Int8.self)
    case .uint16: try whole(UInt16.self)
    case .int16: try whole(Int16.self)
    case .uint32: try whole(UInt32.self)
    case .int32: try whole(Int32.self)
    case .uint64: try whole(UInt64.self)
    case .int64: try whole(Int64.self)
    case .float32: .number(Double(Float(bitPattern: try cursor.number(UInt32.self, key))))
    case .float64: .number(Double(bitPattern: try cursor.number(UInt64.self, key)))
    case .bool: .flag(try cursor.number(UInt8.self, key) != 0)
    case .text: .text(try cursor.text(try cursor.number(UInt64.self, key), key))
    case .list: throw cursor.failure("\(key) is a list of lists, which no model's file has")
    }
  }
}
