// The GGUF format: magic, version, counts, metadata, a table of tensors, then their bytes, each
// tensor from a multiple of the alignment. Little-endian; sizes stand in the opposite order to ours.
//
// Source: github.com/ggml-org/ggml, docs/gguf.md; versions 2 and 3.

import Foundation

/// A GGUF file, mapped into memory: one model's weights, settings and tokenizer.
package struct GGUFFile: WeightsSource {
  /// Where the file is.
  package let url: URL
  /// The names of all tensors, sorted; llama.cpp's, such as `blk.0.attn_q.weight`.
  package let names: [String]
  /// Settings, tokenizer and chat template by key, such as `general.architecture`.
  package let values: [String: GGUFValue]
  /// The metadata that is text.
  package var metadata: [String: String] {
    values.compactMapValues { if case .text(let text) = $0 { text } else { nil } }
  }

  private let entries: [String: GGUFEntry]
  private let mapping: MappedFile

  /// Opens a file and checks its header.
  ///
  /// - Parameter url: The file.
  /// - Throws: `TensorError.notFound`, and `TensorError.malformedFile` for whatever is not a whole
  ///   and valid GGUF file of version 2 or 3, or has tensors of a type that is not read.
  package init(_ url: URL) throws {
    self.url = url
    mapping = try MappedFile(url, format: "a GGUF file", minimumBytes: 24)
    let header = try GGUFHeader(mapping)
    values = header.values
    entries = header.entries
    names = entries.keys.sorted()
  }

  /// The sizes of a tensor, or `nil` where there is none of this name.
  package func shape(of name: String) -> [Int]? { entries[name]?.shape }

  /// The element type that a tensor is read as: float32 for quantized ones.
  package func dtype(of name: String) -> DType? {
    entries[name].map { $0.type.plain ?? .float32 }
  }

  /// A tensor, on the CPU: as it is stored, or as float32 where it is quantized.
  ///
  /// - Parameter name: Its name in the file.
  /// - Returns: The tensor; plain elements share memory with the file's private mapping.
  /// - Throws: As of a part.
  package func tensor(named name: String) throws -> Tensor { try tensor(named: name, part: nil) }

  /// A part of a tensor along its first axis, likewise.
  ///
  /// - Parameters:
  ///   - name: Its name in the file.
  ///   - part: Which part along its first axis; `nil` is all of it.
  /// - Returns: The tensor; plain elements share memory with the file's private mapping.
  /// - Throws: `TensorError.malformedFile` where there is none of this name, or no such part,
  ///   `TensorError.outOfMemory` where its float32 form does not fit.
  package func tensor(named name: String, part: Int?) throws -> Tensor {
    guard let entry = entries[name] else {
      throw mapping.failure("has no tensor named \(name.quotable)")
    }
    var (shape, start) = (entry.shape, entry.start)
    let type = entry.type
    if let part {
      // Blocks do not reach over rows, so a part is whole blocks where it has rows.
      guard shape.count > 2, (0..<shape[0]).contains(part) else {
        throw mapping.failure("has no part \(part) of the tensor \(name.quotable), \(shape)")
      }
      shape.removeFirst()
      start += part * shape.reduce(1, *) / type.blockCount * type.blockBytes
    }
    if let plain = type.plain {
      return try mapping.tensor(at: start, shape: shape, dtype: plain, name: name)
    }
    let result = try withTensorErrors { Tensor.uninitialized(shape) }
    guard let base = mapping.bytes.baseAddress else { return result }
    try result.withUnsafeBytes { room in
      guard let first = room.baseAddress else { return }
      let out = UnsafeMutableRawPointer(mutating: first).assumingMemoryBound(to: Float.self)
      let blocks = room.count / MemoryLayout<Float>.size / type.blockCount
      type.dequantize(UnsafeRawPointer(base + start), count: blocks, into: out)
    }
    return result
  }
}

extension GGUFFile {
  /// A failure that names a key of the metadata.
  private func wrong(_ key: String, _ value: GGUFValue, _ expected: String) -> TensorError {
    mapping.failure("\(key) is \(value.kind), expected \(expected)")
  }

  /// A text of the metadata; `nil` where the key is absent.
  ///
  /// - Throws: `TensorError.malformedFile` for a value of another type, as the functions below.
  package func text(_ key: String) throws -> String? {
    guard let value = values[key] else { return nil }
    guard case .text(let text) = value else { throw wrong(key, value, "a text") }
    return text
  }

  /// A whole number of the metadata; `nil` where the key is absent.
  package func integer(_ key: String) throws -> Int? {
    guard let value = values[key] else { return nil }
    guard case .integer(let number) = value else { throw wrong(key, value, "a whole number") }
    return number
  }

  /// A number of the metadata; `nil` where the key is absent.
  package func number(_ key: String) throws -> Double? {
    switch values[key] {
    case nil: return nil
    case .integer(let number): return Double(number)
    case .number(let number): return number
    case let value?: throw wrong(key, value, "a number")
    }
  }

  /// A flag of the metadata; `nil` where the key is absent.
  package func flag(_ key: String) throws -> Bool? {
    guard let value = values[key] else { return nil }
    guard case .flag(let flag) = value else { throw wrong(key, value, "true or false") }
    return flag
  }

  /// A list of texts of the metadata; `nil` where the key is absent.
  package func texts(_ key: String) throws -> [String]? {
    guard let value = values[key] else { return nil }
    guard case .list(let list) = value, let texts = try list.texts() else {
      throw wrong(key, value, "a list of texts")
    }
    return texts
  }

  /// A list of whole numbers of the metadata; `nil` where the key is absent.
  package func integers(_ key: String) throws -> [Int]? {
    guard let value = values[key] else { return nil }
    guard case .list(let list) = value, let integers = try list.integers() else {
      throw wrong(key, value, "a list of whole numbers")
    }
    return integers
  }

  /// A list of numbers of the metadata; `nil` where the key is absent.
  package func numbers(_ key: String) throws -> [Double]? {
    guard let value = values[key] else { return nil }
    guard case .list(let list) = value, let numbers = try list.numbers() else {
      throw wrong(key, value, "a list of numbers")
    }
    return numbers
  }
}
