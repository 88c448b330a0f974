import AssayBase
import AssayTensor
import AssayText
import Foundation

extension Model {
  /// Writes a model folder that `transformers` loads.
  ///
  /// A classic or pair model with a linear head is a sequence classifier of one label, or of one for each
  /// of several heads; any other is a causal language model, with the weights of its reward head under
  /// names of their own. Golden scores of the weights as they are stored go into `assay.json`, and into
  /// `manifest`.
  ///
  /// - Parameters:
  ///   - folder: The folder; made where it does not exist, files in it are replaced.
  ///   - dtype: The type of the stored weights.
  /// - Throws: `TensorError.cannotWrite`, `TextError`, `ModelError.weight` where a golden score is not a
  ///   finite number, or `ModelError.lacks` for a head that only other tools write.
  package func save(to folder: URL, dtype: DType = .float32) throws {
    let isClassifier = !manifest.kind.writes && [.linear, .pooled].contains(head?.kind)
    if let head, head.kind == nil {
      throw ModelError.lacks(
        path: folder.path,
        part: "head that can be written",
        hint: "it is another tool's (\(head.descriptor.layout)); train a head of its own"
      )
    }
    if let head, head.descriptor.heads > 1 { manifest.head = HeadChoice.mean }
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw TensorError.cannotWrite(file: folder.path, reason: error.fileReason)
    }
    var weights = decoder.named { $0.value }
    if isClassifier { weights.removeAll { $0.name == "lm_head.weight" } }
    for parameter in head?.parameters ?? [] {
      weights.append((parameter.name, parameter.value))
    }
    try Safetensors.writeFolder(weights, as: dtype, to: folder)
    weights = []
    let type =
      switch dtype {
      case .bfloat16: "bfloat16"
      case .float16: "float16"
      default: "float32"
      }
    var configuration = decoder.configuration
    // Without padding of their own, other tools refuse batches, or pad with the end that is scored.
    if configuration.padTokenID == nil, let padding = template.padding,
      padding != template.endOfTurn
    {
      configuration.padTokenID = tokenizer.id(of: padding).map { Int($0) }
    }
    try write(
      configuration.json(labels: isClassifier ? head?.descriptor.heads ?? 1 : 0, dtype: type),
      "config.json",
      folder
    )
    try tokenizer.save(to: folder.appendingPathComponent("tokenizer.json"))
    try TokenizerConfiguration.save(
      to: folder,
      template: template,
      contextTokens: decoder.configuration.contextTokens
    )
    manifest.golden = try goldenScores(storedIn: folder, dtype: dtype)
    try write(manifest.encoded(), ModelManifest.fileName, folder)
  }

  private func write(_ data: Data, _ name: String, _ folder: URL) throws {
    try TextFile.write(Array(data), to: folder.appendingPathComponent(name))
  }

  /// Scores of the fixed texts by the stored weights: reading them back costs memory, so only
  /// where storing may have rounded them, which float32 does to none.
  private func goldenScores(storedIn folder: URL, dtype: DType) throws -> [ModelManifest.Golden]? {
    guard try !goldenTexts().isEmpty else { return nil }
    var (decoder, head) = (decoder, head)
    let all = decoder.parameters + (head?.parameters ?? [])
    if dtype != .float32, all.contains(where: { $0.value.dtype != dtype }) {
      let stored = try Model.loadWeights(folder, device: decoder.device)
      (decoder, head) = (stored.decoder, stored.head)
    }
    return try goldenScores(decoder, head, folder.path)
  }
}
