import AssayTensor

/// The weights of a model's language model under the names that it has alone.
///
/// Source: google/gemma-3-4b-it (`language_model.model.`), and what `transformers` 4.52 and newer save
/// (`model.language_model.`); PairRM's encoder (`pretrained_model.`).
struct TextWeights: WeightsSource {
  let names: [String]
  var metadata: [String: String] { whole.metadata }

  private let whole: any WeightsSource
  private let stored: [String: String]

  private static let prefixes = [
    ("language_model.model.", "model."), ("model.language_model.", "model."),
    ("language_model.lm_head.", "lm_head."),
    ("pretrained_model.embeddings.", "deberta.embeddings."),
    ("pretrained_model.encoder.", "deberta.encoder."),
  ]
  private static let unread = ["vision_tower.", "multi_modal_projector."]

  /// The weights of a folder: those of its language model, where its configuration has others too, or where
  /// its class has other names for them.
  static func of(_ folder: WeightsFolder, _ file: ConfigFile) -> any WeightsSource {
    let isRenamed = folder.names.contains { $0.hasPrefix("pretrained_model.embeddings.") }
    return file.isUnset("text_config") && !isRenamed ? folder : TextWeights(folder)
  }

  private init(_ whole: any WeightsSource) {
    self.whole = whole
    var stored: [String: String] = [:]
    for name in whole.names {
      guard !Self.unread.contains(where: { name.hasPrefix($0) || name.hasPrefix("model." + $0) })
      else { continue }
      let prefix = Self.prefixes.first { name.hasPrefix($0.0) }
      stored[prefix.map { $0.1 + name.dropFirst($0.0.count) } ?? name] = name
    }
    self.stored = stored
    names = stored.keys.sorted()
  }

  func shape(of name: String) -> [Int]? { stored[name].flatMap { whole.shape(of: $0) } }

  func dtype(of name: String) -> DType? { stored[name].flatMap { whole.dtype(of: $0) } }

  func tensor(named name: String) throws -> Tensor {
    try whole.tensor(named: stored[name] ?? name)
  }
}
