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
  private let mapping: MappedFile

  /// Opens a file and checks its header.
  ///
  /// - Parameter url: The file.
  /// - Throws: `TensorError.notFound`, and `TensorError.malformedFile` for whatever is not a whole
  ///   and valid safetensors file.
  package init(_ url: URL) throws {
    self.url = url
    mapping = try MappedFile(url, format: "a safetensors file", minimumBytes: 8)
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
    return try mapping.tensor(
      at: entry.start,
      shape: entry.shape,
      dtype: entry.dtype,
      name: name
    )
  }
}
