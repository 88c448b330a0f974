// Writing GGUF files of version 3: see `GGUFFile` for the format.
//
// Source: github.com/ggml-org/ggml, docs/gguf.md; gguf-py/gguf/quants.py (`quantize_blocks` of Q8_0,
// equal bit for bit).

import Foundation

/// What a GGUF file is written from.
package struct GGUFContents {
  /// A value of the metadata, of the type that it is written as.
  package enum Value: Sendable {
    /// A whole number, as uint32.
    case integer(Int)
    /// A number, as float32.
    case number(Double)
    /// True or false.
    case flag(Bool)
    /// A text.
    case text(String)
    /// Texts.
    case texts([String])
    /// Whole numbers, as int32.
    case integers([Int])
    /// Numbers, as float32.
    case numbers([Float])
  }

  /// How the numbers of a tensor are kept.
  package enum Storage: Sendable {
    /// As float32.
    case f32
    /// As float16.
    case f16
    /// As blocks of 32 bytes with a float16 scale.
    case q8_0

    var type: GGUFType {
      switch self {
      case .f32: .f32
      case .f16: .f16
      case .q8_0: .q8_0
      }
    }
  }

  /// A tensor, which is made when it is written.
  package struct Item {
    let name: String
    let shape: [Int]
    let storage: Storage
    let load: () throws -> Tensor

    /// Describes a tensor.
    ///
    /// - Parameters:
    ///   - name: Its name in the file.
    ///   - shape: Its sizes, rows first.
    ///   - storage: How its numbers are kept; rows of Q8_0 are a multiple of 32.
    ///   - load: Makes it.
    package init(name: String, shape: [Int], storage: Storage, load: @escaping () throws -> Tensor)
    {
      precondition(
        (shape.last ?? 1).isMultiple(of: storage.type.blockCount),
        "\(name) has rows of \(shape)"
      )
      self.name = name
      self.shape = shape
      self.storage = storage
      self.load = load
    }

    var byteCount: Int {
      shape.reduce(1, *) / storage.type.blockCount * storage.type.blockBytes
    }
  }

  /// Settings, tokenizer and chat template by key, in the order of the file.
  package var values: [(key: String, value: Value)]
  /// The tensors, in the order of the file.
  package var items: [Item]

  /// Makes contents.
  package init(values: [(key: String, value: Value)] = [], items: [Item] = []) {
    self.values = values
    self.items = items
  }

  private static let alignment = 32

  /// Writes a file: all of it or, after a failure, none.
  ///
  /// One tensor is in memory at a time.
  ///
  /// - Parameter url: The file, replaced where it exists.
  /// - Throws: `TensorError.cannotWrite`, for a number that the type does not hold too, or what making
  ///   a tensor throws.
  package func write(to url: URL) throws {
    let header = header()
    try ReplacedFile.write(url) { write in
      var position = 0
      func put(_ bytes: Data) throws {
        try bytes.withUnsafeBytes { try write($0) }
        position += bytes.count
      }
      func align() throws {
        let spare = (Self.alignment - position % Self.alignment) % Self.alignment
        if spare > 0 { try put(Data(count: spare)) }
      }
      try put(header)
      for item in items {
        try align()
        let tensor = try item.load()
        precondition(tensor.shape == item.shape, "\(item.name) is \(tensor.shape)")
        try put(try item.encoded(tensor, url))
      }
      try align()
    }
  }

  private func header() -> Data {
    var bytes = GGUFBytes()
    bytes.data.append(contentsOf: "GGUF".utf8)
    bytes.put(UInt32(3))
    bytes.put(UInt64(items.count))
    bytes.put(UInt64(values.count))
    for (key, value) in values {
      bytes.put(key)
      bytes.put(value)
    }
    var offset = 0
    for item in items {
      bytes.put(item.name)
      bytes.put(UInt32(item.shape.count))
      for size in item.shape.reversed() { bytes.put(UInt64(size)) }
      bytes.put(item.storage.type.rawValue)
      bytes.put(UInt64(offset))
      offset += (item.byteCount + Self.alignment - 1) / Self.alignment * Self.alignment
    }
    return bytes.data
  }
}

extension GGUFContents.Item {
  /// The bytes of a tensor in the file.
  fileprivate func encoded(_ tensor: Tensor, _ url: URL) throws -> Data {
    let wide = try withTensorErrors { tensor.detached().to(.cpu).to(.float32).contiguous() }
    func fail(_ number: Float) -> TensorError {
      .cannotWrite(
        file: url.path,
        reason: "\(name) has the number \(number), which \(storage.type.name) does not hold"
      )
    }
    return try wide.withUnsafeBytes { bytes in
      let numbers = bytes.bindMemory(to: Float.self)
      switch storage {
      case .f32: return Data(bytes)
      case .f16:
        var out = Data(capacity: 2 * numbers.count)
        for number in numbers {
          let half = Float16(number)
          guard half.isFinite else { throw fail(number) }
          withUnsafeBytes(of: half.bitPattern.littleEndian) { out.append(contentsOf: $0) }
        }
        return out
      case .q8_0:
        var out = [UInt8](repeating: 0, count: byteCount)
        for block in 0..<numbers.count / 32 {
          let block = (numbers: numbers[(32 * block)..<(32 * block + 32)], start: 34 * block)
          let largest = block.numbers.reduce(Float(0)) { max($0, abs($1)) }
          let scale = largest / 127
          let half = Float16(scale)
          guard
            let bad = block.numbers.first(where: { !$0.isFinite }) ?? (half.isFinite ? nil : scale)
          else {
            let inverse: Float = scale == 0 ? 0 : 1 / scale
            out[block.start] = UInt8(half.bitPattern & 0xFF)
            out[block.start + 1] = UInt8(half.bitPattern >> 8)
            for (index, number) in block.numbers.enumerated() {
              let quantized = Int8(clamping: Int((number * inverse).rounded()))
              out[block.start + 2 + index] = UInt8(bitPattern: quantized)
            }
            continue
          }
          throw fail(bad)
        }
        return Data(out)
      }
    }
  }
}

/// The bytes of a header.
private struct GGUFBytes {
  var data = Data()

  mutating func put(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { data.append(contentsOf: $0) }
  }

  mutating func put(_ text: String) {
    put(UInt64(text.utf8.count))
    data.append(contentsOf: text.utf8)
  }

  private mutating func put(_ type: GGUFValueType) { put(type.rawValue) }

  private mutating func put(_ type: GGUFValueType, count: Int) {
    put(GGUFValueType.list)
    put(type)
    put(UInt64(count))
  }

  mutating func put(_ value: GGUFContents.Value) {
    switch value {
    case .integer(let number):
      put(GGUFValueType.uint32)
      put(UInt32(clamping: number))
    case .number(let number):
      put(GGUFValueType.float32)
      put(Float(number).bitPattern)
    case .flag(let flag):
      put(GGUFValueType.bool)
      put(UInt8(flag ? 1 : 0))
    case .text(let text):
      put(GGUFValueType.text)
      put(text)
    case .texts(let texts):
      put(.text, count: texts.count)
      for text in texts { put(text) }
    case .integers(let numbers):
      put(.int32, count: numbers.count)
      for number in numbers { put(Int32(clamping: number)) }
    case .numbers(let numbers):
      put(.float32, count: numbers.count)
      for number in numbers { put(number.bitPattern) }
    }
  }
}
