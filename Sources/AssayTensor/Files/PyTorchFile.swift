// PyTorch's checkpoints (`.bin`, `.pt`, `.pth`): a zip file with a pickle that names tensors, and a
// file for the elements of each storage.
//
// Source: PyTorch 2.11, torch/serialization.py (`_save`) and caffe2/serialize/inline_container.h.

import Foundation

/// A PyTorch checkpoint of tensors, mapped into memory; nothing in it is executed.
package struct PyTorchFile: WeightsSource {
  /// Where the file is.
  package let url: URL
  /// The names of all tensors, sorted.
  package let names: [String]
  /// Empty: the format has no text beside the tensors.
  package var metadata: [String: String] { [:] }

  private let tensors: [String: PickledTensor]
  private let archive: ZipArchive
  private let root: String
  private let mapping: MappedFile

  /// Longest pickle that is read; those of the largest models have about a megabyte.
  private static let maximumPickleBytes = 1 << 26
  /// Keys that checkpoints of a training run keep the model's tensors under.
  private static let wrappers = ["state_dict", "model_state_dict", "model", "module"]

  /// Opens a file and reads its table of tensors.
  ///
  /// - Parameter url: The file.
  /// - Throws: `TensorError.notFound`, and `TensorError.malformedFile` for whatever is not a whole
  ///   checkpoint of tensors; a pickle that asks for other things is refused by their name.
  package init(_ url: URL) throws {
    self.url = url
    let mapping = try MappedFile(url, format: "a PyTorch checkpoint", minimumBytes: 22)
    self.mapping = mapping
    try Self.checkStart(mapping)
    archive = try ZipArchive(mapping)
    let suffix = "/data.pkl"
    guard let name = archive.entries.keys.filter({ $0.hasSuffix(suffix) }).min(),
      let entry = archive.entries[name]
    else { throw mapping.failure("has no data.pkl: it is a zip file but no PyTorch checkpoint") }
    root = String(name.dropLast(suffix.count))
    guard archive.entries[root + "/constants.pkl"] == nil else {
      throw mapping.failure("is a TorchScript program; save its state_dict() instead")
    }
    guard entry.byteCount <= Self.maximumPickleBytes else {
      throw mapping.failure("has a pickle of \(entry.byteCount) bytes, more than any model's")
    }
    let order = root + "/byteorder"
    if let entry = archive.entries[order], entry.byteCount < 16,
      try archive.contents(of: entry, name: order).elementsEqual("big".utf8)
    {
      throw mapping.failure("is a big-endian checkpoint; save it anew on another machine")
    }
    let pickle = try archive.contents(of: entry, name: name).withUnsafeBytes {
      try TensorPickle($0, failure: mapping.failure)
    }
    tensors = try Self.tensors(of: pickle, mapping)
    names = tensors.keys.sorted()
    for name in names { try check(name) }
  }

  private static func checkStart(_ file: MappedFile) throws {
    let start = file.bytes.prefix(4)
    guard !start.elementsEqual([0x50, 0x4B, 0x03, 0x04]) else { return }
    // A pickle of the format's magic number, 0x1950a86a20f9469cfc6c.
    let magic: [UInt8] = [0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    guard start.first == 0x80, file.bytes[2..<14].elementsEqual(magic) else {
      throw file.failure("is not a PyTorch checkpoint (a zip file with data.pkl)")
    }
    throw file.failure(
      "is in PyTorch's format from before version 1.6, which is not read; if you trust it, load and "
        + "save it again: python -c \"import sys, torch; torch.save(torch.load(sys.argv[1], "
        + "map_location='cpu'), sys.argv[2])\" OLD NEW"
    )
  }

  /// The tensors of the pickle's dictionary, or of the one that a training run wrapped.
  private static func tensors(
    of pickle: TensorPickle,
    _ file: MappedFile
  ) throws -> [String: PickledTensor] {
    func tensors(_ value: PickleValue) throws -> [String: PickledTensor] {
      var found: [String: PickledTensor] = [:]
      for (key, value) in pickle.members(value) ?? [] {
        guard case .tensor(let index) = value else { continue }
        guard found.updateValue(pickle.tensors[index], forKey: key) == nil else {
          throw file.failure("has the tensor \(key.quotable) twice")
        }
      }
      return found
    }
    let direct = try tensors(pickle.root)
    guard direct.isEmpty else { return direct }
    let members = pickle.members(pickle.root) ?? []
    for name in wrappers {
      guard let member = members.first(where: { $0.key == name }) else { continue }
      let wrapped = try tensors(member.value)
      if !wrapped.isEmpty { return wrapped }
    }
    throw file.failure("has no dictionary of tensors by name, as state_dict() gives it")
  }

  /// The entry of a tensor's elements, checked to hold them.
  private func entry(_ name: String, _ tensor: PickledTensor) throws -> ZipArchive.Entry {
    let storage = tensor.storage
    guard let entry = archive.entries[root + "/data/" + storage.key] else {
      throw mapping.failure("lacks the elements of tensor \(name.quotable); copy it again")
    }
    guard storage.count <= entry.byteCount / storage.dtype.byteCount else {
      throw mapping.failure(
        "tensor \(name.quotable) needs \(storage.count) elements of \(storage.dtype.byteCount) "
          + "bytes, the file has \(entry.byteCount) bytes for them; copy it again"
      )
    }
    return entry
  }

  private func check(_ name: String) throws {
    if let tensor = tensors[name], !tensor.shape.contains(0) { _ = try entry(name, tensor) }
  }

  /// The sizes of a tensor, or `nil` where there is none of this name.
  package func shape(of name: String) -> [Int]? { tensors[name]?.shape }

  /// The element type of a tensor, or `nil` where there is none of this name.
  package func dtype(of name: String) -> DType? { tensors[name]?.storage.dtype }

  /// A tensor, on the CPU, in row-major order.
  ///
  /// - Parameter name: Its name.
  /// - Returns: The tensor; it shares memory with the file's private mapping where its elements are
  ///   stored in order and without compression.
  /// - Throws: `TensorError.malformedFile` where there is none of this name or its elements are
  ///   damaged.
  package func tensor(named name: String) throws -> Tensor {
    guard let tensor = tensors[name] else {
      throw mapping.failure("has no tensor named \(name.quotable)")
    }
    let dtype = tensor.storage.dtype
    guard !tensor.shape.contains(0) else {
      return try withTensorErrors { .uninitialized(tensor.shape, dtype: dtype) }
    }
    let entry = try entry(name, tensor)
    if tensor.isContiguous, !entry.isDeflated {
      return try mapping.tensor(
        at: entry.range.lowerBound + tensor.offset * dtype.byteCount,
        shape: tensor.shape,
        dtype: dtype,
        name: name
      )
    }
    let result = try withTensorErrors { Tensor.uninitialized(tensor.shape, dtype: dtype) }
    func fill(_ source: UnsafeRawBufferPointer) throws {
      try result.withUnsafeBytes { room in
        guard let start = room.baseAddress else { return }
        let out = UnsafeMutableRawBufferPointer(
          start: UnsafeMutableRawPointer(mutating: start),
          count: room.count
        )
        Self.gather(tensor, from: source, into: out)
      }
    }
    if entry.isDeflated {
      try archive.contents(of: entry, name: name).withUnsafeBytes(fill)
    } else {
      try fill(UnsafeRawBufferPointer(rebasing: mapping.bytes[entry.range]))
    }
    return result
  }

  /// Copies a view's elements in row-major order.
  private static func gather(
    _ tensor: PickledTensor,
    from source: UnsafeRawBufferPointer,
    into out: UnsafeMutableRawBufferPointer
  ) {
    let width = tensor.storage.dtype.byteCount
    var index = [Int](repeating: 0, count: tensor.shape.count)
    var place = tensor.offset
    for target in stride(from: 0, to: out.count, by: width) {
      for byte in 0..<width { out[target + byte] = source[place * width + byte] }
      for axis in index.indices.reversed() {
        index[axis] += 1
        place += tensor.strides[axis]
        guard index[axis] == tensor.shape[axis] else { break }
        place -= tensor.strides[axis] * tensor.shape[axis]
        index[axis] = 0
      }
    }
  }
}
