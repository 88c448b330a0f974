import CTorch
import Foundation

/// A safetensors file, mapped into memory.
///
/// The mapping is private: tensors share its pages with no copy, and a write in place changes only
/// this process's copy. The file must not be cut while tensors of it are in use.
package struct SafetensorsFile: WeightsSource {
  /// Where the file is.
  package let url: URL
  /// The names of all tensors, sorted.
  package let names: [String]
  /// Free text saved with the tensors.
  package var metadata: [String: String] { header.metadata }

  private let header: SafetensorsHeader
  private let mapping: Mapping

  /// Opens a file and checks its header.
  ///
  /// - Parameter url: The file.
  /// - Throws: `TensorError.notFound`, and `TensorError.malformedFile` for whatever is not a whole
  ///   and valid safetensors file.
  package init(_ url: URL) throws {
    self.url = url
    mapping = try Mapping(url)
    header = try SafetensorsHeader(UnsafeRawBufferPointer(mapping.bytes), file: url.path)
    names = header.entries.keys.sorted()
  }

  /// The sizes of a tensor, or `nil` where there is none of this name.
  package func shape(of name: String) -> [Int]? { header.entries[name]?.shape }

  /// The element type of a tensor, or `nil` where there is none of this name.
  package func dtype(of name: String) -> DType? { header.entries[name]?.dtype }

  /// A tensor, on the CPU.
  ///
  /// - Parameter name: Its name in the file.
  /// - Returns: The tensor; it shares memory with the mapping where the file aligns it.
  /// - Throws: `TensorError.malformedFile` where there is none of this name.
  package func tensor(named name: String) throws -> Tensor {
    guard let entry = header.entries[name] else {
      throw TensorError.malformedFile(file: url.path, reason: "has no tensor named \(name)")
    }
    let sizes = entry.shape.map(Int64.init)
    guard entry.byteCount > 0, let base = mapping.bytes.baseAddress else {
      return try withTensorErrors { .uninitialized(entry.shape, dtype: entry.dtype) }
    }
    let data = base + entry.start
    var handle: ct_tensor?
    if Int(bitPattern: data).isMultiple(of: entry.dtype.byteCount) {
      let owner = Unmanaged.passRetained(mapping)
      let code = ct_from_memory(
        data,
        sizes,
        Int32(sizes.count),
        entry.dtype.rawValue,
        owner.toOpaque(),
        { context in context.map { Unmanaged<Mapping>.fromOpaque($0).release() } },
        &handle
      )
      try check(code, name)
    } else {
      let code = ct_from_data(data, sizes, Int32(sizes.count), entry.dtype.rawValue, &handle)
      try check(code, name)
    }
    guard let handle else { throw failure(Int32(CT_ERROR), name) }
    return Tensor(owning: handle)
  }
}

/// The bytes of a file in a private, writable mapping.
private final class Mapping {
  let bytes: UnsafeMutableRawBufferPointer

  init(_ url: URL) throws {
    func fail(_ reason: String) -> TensorError { .malformedFile(file: url.path, reason: reason) }
    var status = stat()
    guard stat(url.path, &status) == 0 else {
      let number = errno
      throw number == ENOENT || number == ENOTDIR
        ? TensorError.notFound(file: url.path)
        : fail("cannot be opened (\(String(cString: strerror(number))))")
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw fail("is not a file") }
    guard status.st_size >= 8 else {
      throw fail("\(status.st_size) bytes are too few for a safetensors file; copy it again")
    }
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw fail("cannot be opened (\(String(cString: strerror(errno))))")
    }
    defer { close(descriptor) }
    // Without a reservation: a model larger than memory can still be mapped and read.
    let pages = mmap(
      nil,
      Int(status.st_size),
      PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_NORESERVE,
      descriptor,
      0
    )
    guard let pages, pages != MAP_FAILED else {
      throw fail("cannot be mapped into memory (\(String(cString: strerror(errno))))")
    }
    bytes = UnsafeMutableRawBufferPointer(start: pages, count: Int(status.st_size))
  }

  deinit { munmap(bytes.baseAddress, bytes.count) }
}

/// A model's weights in a folder: `model.safetensors`, or shards that an index file lists.
///
/// Source: Hugging Face's layout (`model.safetensors.index.json` with a `weight_map`).
package struct WeightsFolder: WeightsSource {
  /// The names of all tensors, sorted.
  package let names: [String]
  /// Free text saved with the tensors, of all files.
  package let metadata: [String: String]

  private let files: [String: SafetensorsFile]
  private let fileOfName: [String: String]

  private struct Index: Decodable {
    let weight_map: [String: String]  // swift-format-ignore: AlwaysUseLowerCamelCase
  }

  /// Opens a folder.
  ///
  /// - Parameters:
  ///   - folder: The folder.
  ///   - name: What its files' names begin with: `model`, or `adapter_model`.
  /// - Throws: `TensorError.notFound` where neither the file nor the index is there or a shard is
  ///   missing, `TensorError.malformedFile` for a damaged one.
  package init(_ folder: URL, name: String = "model") throws {
    let single = folder.appendingPathComponent("\(name).safetensors")
    let index = folder.appendingPathComponent("\(name).safetensors.index.json")
    func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }
    guard !exists(single), exists(index) else {
      let file = try SafetensorsFile(single)
      names = file.names
      metadata = file.metadata
      files = [single.lastPathComponent: file]
      fileOfName = Dictionary(uniqueKeysWithValues: names.map { ($0, single.lastPathComponent) })
      return
    }
    func fail(_ reason: String) -> TensorError { .malformedFile(file: index.path, reason: reason) }
    do {
      let data = try Data(contentsOf: index)
      fileOfName = try JSONDecoder().decode(Index.self, from: data).weight_map
    } catch let error as DecodingError {
      throw fail("cannot be read (\(error.brief))")
    } catch {
      throw fail("cannot be read (\(error.localizedDescription))")
    }
    var files: [String: SafetensorsFile] = [:]
    for shard in Set(fileOfName.values).sorted() {
      guard !shard.isEmpty, shard != ".", shard != "..", !shard.contains("/") else {
        throw fail("names the shard \"\(shard)\", expected a file in the same folder")
      }
      files[shard] = try SafetensorsFile(folder.appendingPathComponent(shard))
    }
    for (name, shard) in fileOfName where files[shard]?.dtype(of: name) == nil {
      throw fail("says that \(shard) has the tensor \(name), which it has not")
    }
    names = fileOfName.keys.sorted()
    metadata = files.sorted { $0.key < $1.key }.reduce(into: [:]) {
      $0.merge($1.value.metadata) { first, _ in first }
    }
    self.files = files
  }

  private func file(of name: String) -> SafetensorsFile? { fileOfName[name].flatMap { files[$0] } }

  /// The sizes of a tensor, or `nil` where there is none of this name.
  package func shape(of name: String) -> [Int]? { file(of: name)?.shape(of: name) }

  /// The element type of a tensor, or `nil` where there is none of this name.
  package func dtype(of name: String) -> DType? { file(of: name)?.dtype(of: name) }

  /// A tensor, on the CPU.
  ///
  /// - Parameter name: Its name.
  /// - Returns: The tensor, which shares memory with the file's private mapping.
  /// - Throws: `TensorError.malformedFile` where there is none of this name.
  package func tensor(named name: String) throws -> Tensor {
    guard let file = file(of: name) else {
      let all = files.values.map(\.url.path).sorted().joined(separator: ", ")
      throw TensorError.malformedFile(file: all, reason: "has no tensor named \(name)")
    }
    return try file.tensor(named: name)
  }
}
