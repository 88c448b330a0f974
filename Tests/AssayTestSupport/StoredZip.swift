// Files as `torch.save` writes them, made by hand.

import AssayTensor
import Foundation

/// A zip file of stored entries.
package struct StoredZip {
  /// The file.
  package private(set) var data = Data()

  /// Makes a file of names and contents; `wide` states sizes as Zip64 has them.
  package init(_ entries: [(String, [UInt8])], wide: Bool = false) {
    var directory = Data()
    for (name, bytes) in entries {
      let place = data.count
      data += Self.numbers([0x0403_4b50], [20, 0, 0, 0, 0], [0], [bytes.count, bytes.count])
      data += Self.numbers([], [name.utf8.count, 0], [], []) + Data(name.utf8) + Data(bytes)
      let size = wide ? 0xFFFF_FFFF : bytes.count
      directory += Self.numbers([0x0201_4b50], [20, 20, 0, 0, 0, 0], [0, size, size], [])
      directory += Self.numbers([], [name.utf8.count, wide ? 28 : 0, 0, 0, 0], [0], [])
      directory += Self.numbers([], [], [wide ? 0xFFFF_FFFF : place], []) + Data(name.utf8)
      if wide {
        directory += Self.numbers([], [1, 24], [bytes.count, 0, bytes.count, 0, place, 0], [])
      }
    }
    let start = data.count
    data += directory
    if wide {
      let end = data.count
      data += Self.numbers([0x0606_4b50, 44, 0], [45, 45], [0, 0], [])
      for value in [entries.count, entries.count, directory.count, start] {
        data += Self.numbers([value, 0], [], [], [])
      }
      data += Self.numbers([0x0706_4b50, 0, end, 0, 1], [], [], [])
    }
    let count = wide ? 0xFFFF : entries.count
    data += Self.numbers([0x0605_4b50], [0, 0, count, count], [directory.count], [])
    data += Self.numbers([wide ? 0xFFFF_FFFF : start], [0], [], [])
  }

  private static func numbers(_ a: [Int], _ b: [Int], _ c: [Int], _ d: [Int]) -> Data {
    var data = Data()
    func add(_ value: Int, _ bytes: Int) {
      for index in 0..<bytes { data.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
    }
    for value in a { add(value, 4) }
    for value in b { add(value, 2) }
    for value in c + d { add(value, 4) }
    return data
  }
}

/// Tensors as `torch.save` writes a dictionary of them.
package enum PyTorchFiles {
  /// Writes a file of a pickle and, one by one, the elements of tensors.
  ///
  /// - Parameters:
  ///   - tensors: Names and tensors.
  ///   - url: The file.
  /// - Throws: Where it cannot be written.
  package static func write(_ tensors: [(name: String, tensor: Tensor)], to url: URL) throws {
    var pickle: [UInt8] = [0x80, 2, UInt8(ascii: "}"), UInt8(ascii: "(")]
    var entries: [(String, [UInt8])] = []
    func text(_ text: String) -> [UInt8] {
      let bytes = Array(text.utf8)
      return [UInt8(ascii: "X")] + number(bytes.count, 4) + bytes
    }
    func number(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    func whole(_ value: Int) -> [UInt8] { [UInt8(ascii: "J")] + number(value, 4) }
    func tuple(_ values: [Int]) -> [UInt8] {
      Array("(".utf8) + values.flatMap(whole) + Array("t".utf8)
    }
    for (index, (name, tensor)) in tensors.enumerated() {
      let storage =
        switch tensor.dtype {
        case .float16: "HalfStorage"
        case .bfloat16: "BFloat16Storage"
        default: "FloatStorage"
        }
      let strides = tensor.shape.indices.map { tensor.shape[($0 + 1)...].reduce(1, *) }
      pickle += text(name) + Array("ctorch._utils\n_rebuild_tensor_v2\n((".utf8)
      pickle += text("storage") + Array("ctorch\n\(storage)\n".utf8)
      pickle += text("\(index)") + text("cpu") + whole(tensor.count) + Array("tQ".utf8)
      // No gradients, and an empty dictionary of hooks.
      pickle += whole(0) + tuple(tensor.shape) + tuple(strides) + [0x89]
      pickle += Array("ccollections\nOrderedDict\n)RtR".utf8)
      entries.append(
        ("archive/data/\(index)", try tensor.contiguous().withUnsafeBytes { Array($0) })
      )
    }
    pickle += Array("u.".utf8)
    try StoredZip([("archive/data.pkl", pickle)] + entries).data.write(to: url)
  }
}
