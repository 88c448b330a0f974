import AssayText
import Foundation

/// The parts of a model that are read without its weights, whatever the layout of its files.
///
/// A model is a folder in the Hugging Face layout, a GGUF file, or a folder that holds one alone.
package enum ModelFiles {
  /// Whether a path is a model.
  package static func exist(at url: URL) -> Bool {
    FileManager.default.fileExists(atPath: url.appendingPathComponent("config.json").path)
      || GGUFModel.find(url) != nil
  }

  /// A model's tokenizer.
  ///
  /// - Parameter url: The model.
  /// - Returns: The tokenizer.
  /// - Throws: `TextError`, `ModelError` or `TensorError`, naming the file and what is wrong.
  package static func tokenizer(at url: URL) throws -> any Tokenizer {
    guard let gguf = try GGUFModel(at: url) else {
      return try TokenizerFile.read(url)
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
      return try TokenizerConfiguration.detect(folder: url, tokenizer: tokenizer)
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
      return try ModelConfiguration(contentsOf: url.appendingPathComponent("config.json"))
    }
    return try ModelConfiguration(gguf.config())
  }
}
