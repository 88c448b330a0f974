import AssayBase
import AssayTensor
import AssayText
import Foundation

extension Adapter {
  /// Writes the adapter as PEFT reads it, with the tokenizer and golden scores of the merged model.
  ///
  /// The base's name stays where it is one of a hub; a path becomes absolute.
  ///
  /// - Parameters:
  ///   - model: The merged model.
  ///   - folder: An empty folder.
  /// - Throws: `TensorError.cannotWrite`, `TextError`, `ModelError`.
  func export(_ model: Model, to folder: URL) throws {
    let key = "base_model_name_or_path"
    let name = document[key]?.string ?? ""
    let isOfHub = HubName(name).flatMap { HubCache().snapshot($0) }?.path == base.path
    let document = document.replacing(key, with: .string(isOfHub ? name : base.path))
      .replacing("inference_mode", with: true)
    try TextFile.write(
      Array((document.pretty + "\n").utf8),
      to: folder.appendingPathComponent(Self.fileName)
    )
    let weights = try stored.names.sorted().map { name in
      let full = name.hasPrefix(Self.prefix) ? name : Self.prefix + name
      return (name: full, tensor: try stored.tensor(named: name))
    }
    try Safetensors.writeFolder(weights, to: folder, name: "adapter_model")
    try Self.writeCompanions(of: model, to: folder)
  }

  /// Writes what goes along with an adapter's weights: the tokenizer with its template, and the manifest
  /// with golden scores of the merged model.
  static func writeCompanions(of model: Model, to folder: URL) throws {
    try model.tokenizer.save(to: folder.appendingPathComponent("tokenizer.json"))
    try TokenizerConfiguration.save(
      to: folder,
      template: model.template,
      contextTokens: model.decoder.configuration.contextTokens
    )
    var manifest = model.manifest
    manifest.golden = try model.goldenScores()
    try TextFile.write(
      Array(try manifest.encoded()),
      to: folder.appendingPathComponent(ModelManifest.fileName)
    )
  }
}
