/// Where a tensor of a GGUF file lies.
struct GGUFEntry {
  let type: GGUFType
  /// Sizes, rows first: the opposite order to the file's.
  let shape: [Int]
  /// First byte, counted from the start of the file.
  var start: Int
  let byteCount: Int
}

/// The checked header of a GGUF file.
struct GGUFHeader {
  private(set) var values: [String: GGUFValue] = [:]
  private(set) var entries: [String: GGUFEntry] = [:]

  private let file: MappedFile
  private var cursor: ByteCursor

  /// Longest key, as the format has it.
  private static let maximumKeyBytes: UInt64 = 65535
  /// Longest name of a tensor: four times llama.cpp's.
  private static let maximumNameBytes: UInt64 = 256
  /// Most sizes of a tensor, as the format has it.
  private static let maximumRank: UInt32 = 4
  /// Fewest bytes that a key with its value takes, and a line of the table of tensors.
  private static let minimumBytes = (value: 13, entry: 24)

  /// Reads and checks a header.
  ///
  /// - Parameter file: The whole file.
  /// - Throws: `TensorError.malformedFile` with what is wrong.
  init(_ file: MappedFile) throws {
    self.file = file
    cursor = ByteCursor(
      bytes: UnsafeRawBufferPointer(file.bytes),
      position: 0,
      failure: file.failure
    )
    try readStart()
    let tensorCount = try cursor.number(UInt64.self, "the count of tensors")
    let valueCount = try cursor.number(UInt64.self, "the count of metadata")
    try checkCount(valueCount, Self.minimumBytes.value, "metadata keys")
    try checkCount(tensorCount, Self.minimumBytes.entry, "tensors")
    for _ in 0..<valueCount { try readValue() }
    for _ in 0..<tensorCount { try readEntry() }
    try place(alignment: try alignment())
  }

  private mutating func readStart() throws {
    let magic = try cursor.number(UInt32.self, "the magic")
    guard magic == 0x4655_4747 else { throw file.failure("does not begin with GGUF's magic") }
    let version = try cursor.number(UInt32.self, "the version")
    guard version != 2 && version != 3 else { return }
    let isSwapped = version.byteSwapped == 2 || version.byteSwapped == 3
    throw file.failure(
      isSwapped
        ? "is a big-endian GGUF file; convert it to little-endian (gguf-convert-endian)"
        : "is of GGUF version \(version); 2 and 3 are read, so convert the model anew"
    )
  }

  /// Refuses a count that the bytes behind it cannot hold, before anything is made of it.
  private func checkCount(_ count: UInt64, _ minimum: Int, _ what: String) throws {
    guard count <= UInt64(cursor.left / minimum) else {
      throw file.failure(
        "states \(count) \(what), more than its \(cursor.bytes.count) bytes hold; it is cut off or "
          + "damaged, copy it again"
      )
    }
  }

  private mutating func name(_ maximum: UInt64, _ what: String) throws -> String {
    let length = try cursor.number(UInt64.self, what)
    guard length <= maximum else {
      throw file.failure("states \(what) of \(length) bytes, expected at most \(maximum)")
    }
    return try cursor.text(length, what)
  }

  private mutating func type(of key: String) throws -> GGUFValueType {
    let code = try cursor.number(UInt32.self, key)
    guard let type = GGUFValueType(rawValue: code) else {
      throw file.failure("\(key) is of the unknown type \(code), expected 0 to 12")
    }
    return type
  }

  private mutating func readValue() throws {
    let key = try name(Self.maximumKeyBytes, "a metadata key")
    let shown = key.quotable
    let type = try type(of: shown)
    let value = type == .list ? try list(shown) : try type.read(&cursor, of: shown)
    guard values.updateValue(value, forKey: key) == nil else {
      throw file.failure("has the metadata key \(shown) twice")
    }
  }

  /// Passes over a list, whose elements are decoded where they are asked for.
  private mutating func list(_ key: String) throws -> GGUFValue {
    let type = try type(of: key)
    guard type != .list else {
      throw file.failure("\(key) is a list of lists, which no model's file has")
    }
    let count = try cursor.number(UInt64.self, key)
    try checkCount(count, type.byteCount, "values of \(key)")
    let start = cursor.position
    if type == .text {
      for _ in 0..<count { _ = try cursor.skip(try cursor.number(UInt64.self, key), key) }
    } else {
      _ = try cursor.skip(count * UInt64(type.byteCount), key)
    }
    return .list(GGUFList(count: Int(count), type: type, start: start, file: file))
  }

  private mutating func readEntry() throws {
    let name = try name(Self.maximumNameBytes, "a tensor's name")
    let shown = name.quotable
    let rank = try cursor.number(UInt32.self, "the sizes of \(shown)")
    guard rank <= Self.maximumRank else {
      throw file.failure("tensor \(shown) has \(rank) dimensions, expected at most 4")
    }
    let stated = try (0..<rank).map { _ in try cursor.number(UInt64.self, "the sizes of \(shown)") }
    let code = try cursor.number(UInt32.self, "the type of \(shown)")
    guard let type = GGUFType(rawValue: code) else {
      let known = GGUFType.allCases.map(\.name).joined(separator: ", ")
      throw file.failure(
        "tensor \(shown) is of type \(GGUFType.name(ofUnsupported: code)); supported are \(known)"
      )
    }
    let sizes = stated.compactMap { Int(exactly: $0) }
    guard sizes.count == stated.count,
      let byteCount = Self.byteCount(sizes, MemoryLayout<Float>.size),
      byteCount / MemoryLayout<Float>.size <= Int.max / type.blockBytes
    else { throw file.failure("tensor \(shown) has shape \(stated)") }
    guard (sizes.first ?? 1).isMultiple(of: type.blockCount) else {
      throw file.failure(
        "tensor \(shown) of type \(type.name) has rows of \(sizes.first ?? 1), expected a multiple "
          + "of \(type.blockCount)"
      )
    }
    let offset = try cursor.number(UInt64.self, "the place of \(shown)")
    guard let offset = Int(exactly: offset) else {
      throw file.failure("tensor \(shown) begins at byte \(offset), behind any file's end")
    }
    let entry = GGUFEntry(
      type: type,
      shape: sizes.reversed(),
      start: offset,
      byteCount: byteCount / MemoryLayout<Float>.size / type.blockCount * type.blockBytes
    )
    guard entries.updateValue(entry, forKey: name) == nil else {
      throw file.failure("has the tensor \(shown) twice")
    }
  }

  /// The product of sizes and an element's bytes; `nil` where it overflows, whatever the order.
  private static func byteCount(_ sizes: [Int], _ elementBytes: Int) -> Int? {
    sizes.filter { $0 != 0 }.reduce(elementBytes as Int?) { product, size in
      guard let product else { return nil }
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      return overflow ? nil : next
    }.map { sizes.contains(0) ? 0 : $0 }
  }

  private func alignment() throws -> Int {
    guard let value = values["general.alignment"] else { return 32 }
    guard case .integer(let alignment) = value, (1...1 << 20).contains(alignment),
      alignment.nonzeroBitCount == 1
    else { throw file.failure("general.alignment is not a power of two up to \(1 << 20)") }
    return alignment
  }

  /// Counts the tensors' places from the start of the file and checks that they lie in it.
  private mutating func place(alignment: Int) throws {
    let data = (cursor.position + alignment - 1) / alignment * alignment
    var end = 0
    let order = entries.sorted {
      ($0.value.start, $0.value.byteCount, $0.key) < ($1.value.start, $1.value.byteCount, $1.key)
    }
    for (name, entry) in order {
      let shown = name.quotable
      guard entry.start.isMultiple(of: alignment) else {
        throw file.failure(
          "tensor \(shown) begins at \(entry.start), expected a multiple of \(alignment)"
        )
      }
      guard entry.start >= end else { throw file.failure("tensor \(shown) overlaps another") }
      let room = cursor.bytes.count - data
      guard entry.byteCount <= room, entry.start <= room - entry.byteCount else {
        throw file.failure(
          "tensor \(shown) ends at byte \(entry.start) + \(entry.byteCount) of \(max(room, 0)); the "
            + "file is cut off, copy it again"
        )
      }
      end = entry.start + entry.byteCount
      entries[name]?.start = data + entry.start
    }
  }
}
