import Foundation

extension Safetensors {
  /// Writes tensors to a file: all of it or, after a failure, none.
  ///
  /// Streams to a temporary file beside it, syncs it and renames it. Tensors are copied one at a
  /// time, and only those that are not contiguous on the CPU.
  ///
  /// - Parameters:
  ///   - tensors: Names, each once, and tensors.
  ///   - metadata: Free text; Hugging Face's loaders ask for `format` = `pt`.
  ///   - url: The file, replaced where it exists.
  /// - Throws: `TensorError.cannotWrite`, or what copying a tensor throws.
  package static func write(
    _ tensors: [(name: String, tensor: Tensor)],
    metadata: [String: String] = ["format": "pt"],
    to url: URL
  ) throws {
    var seen: Set<String> = [metadataKey]
    for (name, _) in tensors where !seen.insert(name).inserted {
      throw TensorError.cannotWrite(file: url.path, reason: "two tensors are named \(name)")
    }
    // Wide types first, as the reference does: then every tensor is aligned to its own width.
    let ordered = tensors.sorted {
      ($1.tensor.dtype.byteCount, $0.name) < ($0.tensor.dtype.byteCount, $1.name)
    }
    let header = try header(of: ordered, metadata: metadata)
    try ReplacedFile.write(url) { write in
      try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try write($0) }
      try header.withUnsafeBytes { try write($0) }
      for (_, tensor) in ordered where tensor.count > 0 {
        let flat = try withTensorErrors { tensor.detached().to(.cpu).contiguous() }
        try flat.withUnsafeBytes { try write($0) }
      }
    }
  }

  /// Writes a model's weights to a folder, in shards with an index file where one is too large.
  ///
  /// Files of earlier weights of this name that the new ones do not replace are removed.
  ///
  /// - Parameters:
  ///   - tensors: Names, each once, and tensors; shards are filled in this order.
  ///   - metadata: Free text; Hugging Face's loaders ask for `format` = `pt`.
  ///   - folder: The folder, which exists.
  ///   - name: What the files' names begin with.
  ///   - maximumShardBytes: Most bytes of tensors in one file; a larger tensor has its own.
  /// - Throws: `TensorError.cannotWrite`, or what copying a tensor throws.
  package static func writeFolder(
    _ tensors: [(name: String, tensor: Tensor)],
    metadata: [String: String] = ["format": "pt"],
    to folder: URL,
    name: String = "model",
    maximumShardBytes: Int = 5_000_000_000
  ) throws {
    var shards: [[(name: String, tensor: Tensor)]] = [[]]
    var (filled, total) = (0, 0)
    for item in tensors {
      let bytes = item.tensor.count * item.tensor.dtype.byteCount
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
        try write(shard, metadata: metadata, to: folder.appendingPathComponent(file))
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
    of tensors: [(name: String, tensor: Tensor)],
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
    for (name, tensor) in tensors {
      if text.count > 1 { text.append(UInt8(ascii: ",")) }
      let end = start + tensor.count * tensor.dtype.byteCount
      let sizes = tensor.shape.map(String.init).joined(separator: ",")
      text.append(try encoder.encode(name))
      text.append(
        contentsOf: (":{\"dtype\":\"\(code(of: tensor.dtype))\",\"shape\":[\(sizes)],"
          + "\"data_offsets\":[\(start),\(end)]}").utf8
      )
      start = end
    }
    text.append(UInt8(ascii: "}"))
    while !text.count.isMultiple(of: 8) { text.append(UInt8(ascii: " ")) }
    return text
  }
}
