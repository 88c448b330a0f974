import AssayBase
import AssayTensor
import AssayText
import Foundation

/// The parts of a model that are read without its weights, whatever the layout of its files.
///
/// A model is a folder in the Hugging Face layout, a GGUF file, a folder that holds one alone, or a
/// folder with an adapter of PEFT, whose base lies beside it or in the hub's cache.
package enum ModelFiles {
  /// Whether a path is a model.
  package static func exist(at url: URL) -> Bool {
    FileManager.default.fileExists(atPath: url.appendingPathComponent("config.json").path)
      || GGUFModel.find(url) != nil || Adapter.exists(at: url)
  }

  /// A model by its path, else by its name in the hub's cache.
  ///
  /// - Parameter path: A path, or `owner/name[@revision]`.
  /// - Returns: The model's folder or file; `nil` where there is none.
  package static func find(_ path: String) -> URL? {
    let url = URL(fileURLWithPath: path)
    if exist(at: url) { return url }
    guard let name = HubName(path), let folder = HubCache().snapshot(name), exist(at: folder) else {
      return nil
    }
    return folder
  }

  /// A model's tokenizer.
  ///
  /// - Parameter url: The model.
  /// - Returns: The tokenizer.
  /// - Throws: `TextError`, `ModelError` or `TensorError`, naming the file and what is wrong.
  package static func tokenizer(at url: URL) throws -> any Tokenizer {
    guard let gguf = try GGUFModel(at: url) else {
      return try TokenizerFile.read(textFolder(url))
    }
    return try gguf.tokenizer()
  }

  /// A model's chat template.
  ///
  /// - Parameters:
  ///   - url: The model.
  ///   - tokenizer: Its tokenizer.
  /// - Returns: The template, and why it must not be used, if it must not.
  /// - Throws: `TextError`, `ModelError` or `TensorError`, naming the file and what is wrong.
  package static func chat(
    at url: URL,
    tokenizer: any Tokenizer
  ) throws -> TokenizerConfiguration {
    guard let gguf = try GGUFModel(at: url) else {
      let folder = try textFolder(url)
      // Texts are rendered whether or not the model can be computed.
      guard let model = try? configuration(at: url), model.architecture.isEncoder else {
        return try TokenizerConfiguration.detect(folder: folder, tokenizer: tokenizer)
      }
      return try TokenizerConfiguration.pair(folder: folder, tokenizer: tokenizer)
    }
    return try gguf.chat(tokenizer)
  }

  /// A model's sizes and constants.
  ///
  /// - Parameter url: The model.
  /// - Returns: Its configuration.
  /// - Throws: `ModelError` or `TensorError`, naming the key that is missing or wrong.
  package static func configuration(at url: URL) throws -> ModelConfiguration {
    guard let gguf = try GGUFModel(at: url) else {
      let folder = try Adapter(at: url)?.base ?? url
      return try ModelConfiguration(contentsOf: folder.appendingPathComponent("config.json"))
    }
    return try ModelConfiguration(gguf.config())
  }

  /// The type that most of a model's weights are stored in; float32 where it is not bfloat16.
  ///
  /// - Parameter url: The model.
  /// - Returns: The type that they have in memory where they are read as they are stored.
  /// - Throws: `TensorError`, naming the file and what is wrong.
  package static func storedType(at url: URL) throws -> DType {
    guard try GGUFModel(at: url) == nil else { return .float32 }
    let folder = try Adapter(at: url)?.base ?? url
    let weights = try WeightsFolder(folder)
    let counts = weights.names.reduce(into: [Bool: Int]()) { counts, name in
      counts[weights.dtype(of: name) == .bfloat16, default: 0] +=
        weights.shape(of: name)?.reduce(1, *) ?? 0
    }
    return counts[true, default: 0] > counts[false, default: 0] ? .bfloat16 : .float32
  }

  /// Bytes of a model's files of weights that are in memory beside the weights made of them, at most: safetensors
  /// files give back what was read of them, so that the largest weight is.
  ///
  /// - Parameter url: The model.
  /// - Returns: Bytes.
  /// - Throws: `ModelError` where an adapter's base is missing, or `TensorError` for files that cannot be read.
  package static func loadingBytes(at url: URL) throws -> Int {
    let place = try GGUFModel.find(url) ?? Adapter(at: url)?.base ?? url
    func size(_ url: URL) -> Int {
      let values = try? url.resolvingSymlinksInPath().resourceValues(forKeys: [.fileSizeKey])
      return values?.fileSize ?? 0
    }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []
    guard !names.isEmpty else { return size(place) }
    guard !names.contains(where: { $0.hasSuffix(".safetensors") }) else {
      let weights = try WeightsFolder(place)
      return weights.names.map { name in
        (weights.shape(of: name)?.reduce(1, *) ?? 0) * (weights.dtype(of: name)?.byteCount ?? 0)
      }.max() ?? 0
    }
    return names.filter { $0.hasSuffix(".bin") }.map { size(place.appendingPathComponent($0)) }
      .reduce(0, +)
  }

  /// The folder of a model's tokenizer: an adapter may leave it to its base.
  private static func textFolder(_ url: URL) throws -> URL {
    try TokenizerFile.isPresent(in: url) ? url : Adapter(at: url)?.base ?? url
  }
}
