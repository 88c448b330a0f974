import Foundation

/// A model's weights in a folder: one file, or shards that an index file lists.
///
/// `model.safetensors` comes before `pytorch_model.bin`, which is read where it stands alone.
/// Source: Hugging Face's layout (`model.safetensors.index.json` with a `weight_map`).
package struct WeightsFolder: WeightsSource {
  /// The names of all tensors, sorted.
  package let names: [String]
  /// Free text saved with the tensors, of all files.
  package let metadata: [String: String]

  private let files: [String: any WeightsSource]
  private let place: String
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
    func exists(_ file: String) -> Bool {
      FileManager.default.fileExists(atPath: folder.appendingPathComponent(file).path)
    }
    let pickled = name == "model" ? "pytorch_model.bin" : name + ".bin"
    let candidates = [name + ".safetensors", pickled]
    let found = candidates.first { exists($0) || exists($0 + ".index.json") }
    let single = found ?? candidates[0]
    let open: (URL) throws -> any WeightsSource =
      single == pickled ? PyTorchFile.init : SafetensorsFile.init
    place = folder.path
    guard !exists(single), exists(single + ".index.json") else {
      let file = try open(folder.appendingPathComponent(single))
      names = file.names
      metadata = file.metadata
      files = [single: file]
      fileOfName = Dictionary(uniqueKeysWithValues: names.map { ($0, single) })
      return
    }
    let index = folder.appendingPathComponent(single + ".index.json")
    func fail(_ reason: String) -> TensorError { .malformedFile(file: index.path, reason: reason) }
    do {
      let data = try Data(contentsOf: index)
      fileOfName = try JSONDecoder().decode(Index.self, from: data).weight_map
    } catch let error as DecodingError {
      throw fail("cannot be read (\(error.brief))")
    } catch {
      throw fail("cannot be read (\(error.localizedDescription))")
    }
    var files: [String: any WeightsSource] = [:]
    for shard in Set(fileOfName.values).sorted() {
      guard !shard.isEmpty, shard != ".", shard != "..", !shard.contains("/") else {
        throw fail("names the shard \"\(shard)\", expected a file in the same folder")
      }
      files[shard] = try open(folder.appendingPathComponent(shard))
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

  private func file(of name: String) -> (any WeightsSource)? {
    fileOfName[name].flatMap { files[$0] }
  }

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
      throw TensorError.malformedFile(file: place, reason: "has no tensor named \(name.quotable)")
    }
    return try file.tensor(named: name)
  }
}
