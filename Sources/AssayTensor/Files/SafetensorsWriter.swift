import Foundation

/// A tensor to write that is made when its turn is.
package struct LaterTensor {
  /// Its name in the file.
  package let name: String
  /// Its shape.
  package let shape: [Int]
  /// Its type.
  package let dtype: DType
  /// Makes it, of this shape and type.
  package let make: () throws -> Tensor

  /// Describes a tensor.
  package init(
    _ name: String,
    _ shape: [Int],
    _ dtype: DType,
    make: @escaping () throws -> Tensor
  ) {
    (self.name, self.shape, self.dtype, self.make) = (name, shape, dtype, make)
  }

  /// How many numbers it has.
  var count: Int { shape.reduce(1, *) }
}

extension Safetensors {
  /// Writes tensors to a file: all of it or, after a failure, none.
  ///
  /// Streams to a temporary file beside it, syncs it and renames it. Tensors are copied one at a
  /// time, and only those that are not contiguous on the CPU; those of another type in parts.
  ///
  /// - Parameters:
  ///   - tensors: Names, each once, and tensors.
  ///   - dtype: The type that they are stored in; `nil` is their own.
  ///   - metadata: Free text; Hugging Face's loaders ask for `format` = `pt`.
  ///   - url: The file, replaced where it exists.
  ///   - isFlushed: Whether it is on the disk when this returns; who passes `false` flushes it later.
  /// - Throws: `TensorError.cannotWrite`, or what copying a tensor throws.
  package static func write(
    _ tensors: [(name: String, tensor: Tensor)],
    as dtype: DType? = nil,
    metadata: [String: String] = ["format": "pt"],
    to url: URL,
    isFlushed: Bool = true
  ) throws {
    try write(
      tensors.map { item in
        LaterTensor(item.name, item.tensor.shape, item.tensor.dtype) { item.tensor }
      },
      as: dtype,
      metadata: metadata,
      to: url,
      isFlushed: isFlushed
    )
  }

  /// Writes tensors that are made one at a time, when their turn is; as the other `write`.
  ///
  /// - Throws: `TensorError.cannotWrite`, or what making or copying a tensor throws.
  package static func write(
    _ tensors: [LaterTensor],
    as dtype: DType? = nil,
    metadata: [String: String],
    to url: URL,
    isFlushed: Bool = true
  ) throws {
    var seen: Set<String> = [metadataKey]
    for item in tensors where !seen.insert(item.name).inserted {
      throw TensorError.cannotWrite(file: url.path, reason: "two tensors are named \(item.name)")
    }
    let ordered = order(tensors, as: dtype)
    let header = try header(of: ordered, as: dtype, metadata: metadata)
    try ReplacedFile.write(url, isFlushed: isFlushed) { write in
      try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try write($0) }
      try header.withUnsafeBytes { try write($0) }
      for item in ordered where item.count > 0 {
        let type = dtype ?? item.dtype
        for part in parts(try item.make(), as: type) {
          let flat = try withTensorErrors {
            withoutGradients { part.detached().to(type).to(.cpu).contiguous() }
          }
          try flat.withUnsafeBytes { try write($0) }
        }
      }
    }
  }

  /// The order in which tensors are written: wide types first, as the reference does, so that every tensor is
  /// aligned to its own width; then by name.
  package static func order(_ tensors: [LaterTensor], as dtype: DType? = nil) -> [LaterTensor] {
    func width(_ item: LaterTensor) -> Int { (dtype ?? item.dtype).byteCount }
    return tensors.sorted { (width($1), $0.name) < (width($0), $1.name) }
  }

  /// Bytes of what is converted at once.
  private static let partBytes = 64 << 20

  /// A tensor in parts of its rows where it is to be converted, so that no whole copy of it is made.
  private static func parts(_ tensor: Tensor, as dtype: DType) -> [Tensor] {
    guard tensor.dtype != dtype, let rows = tensor.shape.first else { return [tensor] }
    let step = max(1, partBytes / max(1, tensor.count / rows * dtype.byteCount))
    return stride(from: 0, to: rows, by: step).map {
      tensor.narrowed(axis: 0, start: $0, count: min(step, rows - $0))
    }
  }

  /// Writes a model's weights to a folder, in shards with an index file where one is too large.
  ///
  /// Files of earlier weights of this name that the new ones do not replace are removed.
  ///
  /// - Parameters:
  ///   - tensors: Names, each once, and tensors; shards are filled in this order.
  ///   - dtype: The type that they are stored in; `nil` is their own.
  ///   - metadata: Free text; Hugging Face's loaders ask for `format` = `pt`.
  ///   - folder: The folder, which exists.
  ///   - name: What the files' names begin with.
  ///   - maximumShardBytes: Most bytes of tensors in one file; a larger tensor has its own.
  /// - Throws: `TensorError.cannotWrite`, or what copying a tensor throws.
  package static func writeFolder(
    _ tensors: [(name: String, tensor: Tensor)],
    as dtype: DType? = nil,
    metadata: [String: String] = ["format": "pt"],
    to folder: URL,
    name: String = "model",
    maximumShardBytes: Int = 5_000_000_000
  ) throws {
    var shards: [[(name: String, tensor: Tensor)]] = [[]]
    var (filled, total) = (0, 0)
    for item in tensors {
      let bytes = item.tensor.count * (dtype ?? item.tensor.dtype).byteCount
      if filled > 0, filled + bytes > maximumShardBytes {
        shards.append([])
        filled = 0
      }
      shards[shards.count - 1].append(item)
      filled += bytes
      total += bytes
    }
    let index = "\(name).safetensors.index.json"
    var written: Set<String> = []
    if shards.count == 1 {
      written = ["\(name).safetensors"]
      try write(
        tensors,
        as: dtype,
        metadata: metadata,
        to: folder.appendingPathComponent("\(name).safetensors")
      )
    } else {
      var map: [String: String] = [:]
      for (i, shard) in shards.enumerated() {
        func digits(_ number: Int) -> String {
          String(repeating: "0", count: max(0, 5 - "\(number)".count)) + "\(number)"
        }
        let file = "\(name)-\(digits(i + 1))-of-\(digits(shards.count)).safetensors"
        for (tensor, _) in shard where map.updateValue(file, forKey: tensor) != nil {
          throw TensorError.cannotWrite(
            file: folder.path,
            reason: "two tensors are named \(tensor)"
          )
        }
        try write(shard, as: dtype, metadata: metadata, to: folder.appendingPathComponent(file))
      }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      let text = try encoder.encode(Index(metadata: ["total_size": total], weight_map: map))
      try ReplacedFile.write(folder.appendingPathComponent(index)) { write in
        try text.withUnsafeBytes { try write($0) }
      }
      written = Set(map.values).union([index])
    }
    try removeStale(in: folder, name: name, except: written)
  }

  private struct Index: Encodable {
    let metadata: [String: Int]
    let weight_map: [String: String]  // swift-format-ignore: AlwaysUseLowerCamelCase
  }

  private static func removeStale(
    in folder: URL,
    name: String,
    except written: Set<String>
  ) throws {
    let digits = "[0-9]{5}"
    let shard = "^-\(digits)-of-\(digits)\\.safetensors$"
    for file in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    where file.hasPrefix(name) && !written.contains(file) {
      let rest = String(file.dropFirst(name.count))
      guard
        rest == ".safetensors" || rest == ".safetensors.index.json"
          || rest.range(of: shard, options: .regularExpression) != nil
      else { continue }
      let url = folder.appendingPathComponent(file)
      guard unlink(url.path) == 0 else {
        let reason = String(cString: strerror(errno))
        throw TensorError.cannotWrite(file: url.path, reason: "cannot remove it: \(reason)")
      }
    }
  }

  private static func header(
    of tensors: [LaterTensor],
    as dtype: DType?,
    metadata: [String: String]
  ) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var text = Data("{".utf8)
    if !metadata.isEmpty {
      text.append(contentsOf: "\"\(metadataKey)\":".utf8)
      text.append(try encoder.encode(metadata))
    }
    var start = 0
    for item in tensors {
      if text.count > 1 { text.append(UInt8(ascii: ",")) }
      let type = dtype ?? item.dtype
      let end = start + item.count * type.byteCount
      let sizes = item.shape.map(String.init).joined(separator: ",")
      text.append(try encoder.encode(item.name))
      text.append(
        contentsOf: (":{\"dtype\":\"\(code(of: type))\",\"shape\":[\(sizes)],"
          + "\"data_offsets\":[\(start),\(end)]}").utf8
      )
      start = end
    }
    text.append(UInt8(ascii: "}"))
    while !text.count.isMultiple(of: 8) { text.append(UInt8(ascii: " ")) }
    return text
  }
}
