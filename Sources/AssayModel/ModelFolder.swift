import AssayTensor
import AssayText
import Foundation

/// What a model is for.
public enum ModelKind: String, Codable, Sendable {
  /// Predicts text only.
  case languageModel = "language-model"
  /// One forward pass, one reward.
  case classic
  /// Writes a critique, then scores.
  case cloud
}

/// What `assay.json` says beside Hugging Face's files.
public struct ModelManifest: Codable, Equatable, Sendable {
  /// A text whose reward every loader can check.
  public struct Golden: Codable, Equatable, Sendable {
    /// A rendered text, special tokens and all.
    public var text: String
    /// Its reward in float32, a logit.
    public var score: Double
  }

  /// What the model is for.
  public var kind: ModelKind
  /// What opens the critique's turn.
  public var leadIn: String?
  /// How many new tokens a critique may have.
  public var critiqueTokens: Int?
  /// Rewards of fixed texts, measured when the model was saved.
  public var golden: [Golden]?

  /// Makes a manifest.
  public init(
    kind: ModelKind, leadIn: String? = nil, critiqueTokens: Int? = nil, golden: [Golden]? = nil
  ) {
    self.kind = kind
    self.leadIn = leadIn
    self.critiqueTokens = critiqueTokens
    self.golden = golden
  }
}

/// A decoder with what it takes to use it: tokenizer, template, reward head.
public final class Model {
  /// The transformer.
  public let decoder: Decoder
  /// The reward head; `nil` for a language model.
  public var head: RewardHead?
  /// The tokenizer.
  public let tokenizer: BPETokenizer
  /// How conversations become text.
  public let template: ChatTemplate
  /// What the model is for, and how its critiques begin.
  public var manifest: ModelManifest

  /// Puts a model together.
  public init(
    decoder: Decoder, head: RewardHead?, tokenizer: BPETokenizer, template: ChatTemplate,
    manifest: ModelManifest
  ) {
    self.decoder = decoder
    self.head = head
    self.tokenizer = tokenizer
    self.template = template
    self.manifest = manifest
  }

  /// What turns conversations into tokens for this model.
  ///
  /// - Parameter maximumTokens: The longest sequence; `nil` is the model's context.
  /// - Returns: A renderer.
  /// - Throws: `TextError` where the template's tokens are missing from the vocabulary.
  public func renderer(maximumTokens: Int? = nil) throws -> SequenceRenderer {
    let context = decoder.configuration.contextTokens
    return try SequenceRenderer(
      tokenizer: tokenizer, template: template, maximumTokens: min(maximumTokens ?? context, context)
    )
  }

  /// All weights, the head's too, in a fixed order.
  public var parameters: [Parameter] { decoder.parameters + (head?.parameters ?? []) }
}

extension Model {
  /// Loads a model folder.
  ///
  /// - Parameters:
  ///   - folder: A folder in the Hugging Face layout.
  ///   - dtype: The type of the weights in memory: float32 to train.
  ///   - device: Where the weights go.
  /// - Returns: The model, of the kind that `assay.json` says, else as its weights show.
  /// - Throws: `ModelError`, `TensorError` or `TextError`, naming the file and what is wrong.
  public static func load(
    _ folder: URL, dtype: DType = .float32, device: Device = .cpu
  ) throws -> Model {
    let configURL = folder.appendingPathComponent("config.json")
    var file = try ModelConfiguration.readFile(configURL)
    if file.hidden_size == nil, let base = file.base_model_name_or_path {
      // CLoud's released config names the folder of the language model that has the sizes.
      let method = file.feedback_method
      file = try ModelConfiguration.readFile(
        URL(fileURLWithPath: base, relativeTo: folder).appendingPathComponent("config.json"))
      file.feedback_method = method
    }
    let configuration = try ModelConfiguration(file: file, path: configURL.path)
    let weights = try WeightsFolder(folder)
    let names = Set(weights.names)
    let prefix = names.contains("reward_base_model.model.norm.weight") ? "reward_base_model." : ""
    let isClassifier = file.architectures?.first?.hasSuffix("ForSequenceClassification") ?? false
    let head = try loadHead(names, weights, configuration, folder.path, device)
    let source = CheckpointLayout.Source(
      file: folder.path, prefix: prefix, names: names, load: { try weights.tensor(named: $0) })
    let decoder = try CheckpointLayout.decoder(
      configuration, from: source, dtype: dtype, device: device, needsLanguageModel: !isClassifier)
    decoder.computeType = dtype
    let tokenizer = try BPETokenizer(contentsOf: folder.appendingPathComponent("tokenizer.json"))
    guard tokenizer.vocabularySize <= configuration.vocabularySize else {
      throw ModelError.configuration(
        file: configURL.path, key: "vocab_size",
        reason: "\(configuration.vocabularySize) is less than the tokenizer's "
          + "\(tokenizer.vocabularySize) ids")
    }
    let template = try TokenizerConfiguration.detect(folder: folder, tokenizer: tokenizer).template
    var manifest = ModelManifest(
      kind: head == nil
        ? .languageModel
        : isClassifier || file.feedback_method == "vanilla" || !decoder.isLanguageModel
          ? .classic : .cloud)
    let manifestURL = folder.appendingPathComponent("assay.json")
    if let data = try? Data(contentsOf: manifestURL) {
      do {
        manifest = try JSONDecoder().decode(ModelManifest.self, from: data)
      } catch {
        throw ModelError.configuration(
          file: manifestURL.path, key: "file", reason: "is not a manifest that Assay wrote")
      }
    }
    guard manifest.kind == .languageModel || head != nil else {
      throw ModelError.lacks(
        path: folder.path, part: "reward head", hint: "its weights were lost when it was saved")
    }
    return Model(
      decoder: decoder, head: head, tokenizer: tokenizer, template: template, manifest: manifest)
  }

  private static func loadHead(
    _ names: Set<String>, _ weights: WeightsFolder, _ configuration: ModelConfiguration,
    _ path: String, _ device: Device
  ) throws -> RewardHead? {
    let D = configuration.hiddenSize
    let kind: RewardHead.Kind
    let shapes: [(String, [Int])]
    if names.contains("score.weight") {
      (kind, shapes) = (.linear, [("score.weight", [1, D])])
    } else if names.contains("reward_head.dense.weight") {
      kind = .cloud
      shapes = [
        ("reward_head.dense.weight", [D, D]), ("reward_head.dense.bias", [D]),
        ("reward_head.out_proj.weight", [1, D]), ("reward_head.out_proj.bias", [1]),
      ]
    } else {
      return nil
    }
    let parameters = try shapes.map { name, shape in
      guard names.contains(name) else {
        throw ModelError.weight(file: path, name: name, reason: "is missing")
      }
      let value = try weights.tensor(named: name)
      guard value.shape == shape else {
        let labels = name == "score.weight" ? "; a reward model has one label" : ""
        throw ModelError.weight(
          file: path, name: name, reason: "has shape \(value.shape), expected \(shape)\(labels)")
      }
      return Parameter(name, value.to(.float32).to(device).copy())
    }
    return RewardHead(kind: kind, parameters: parameters)
  }

  /// Writes a model folder that `transformers` loads.
  ///
  /// A classic model with a linear head is a one-label sequence classifier; any other is a causal
  /// language model, with the weights of its reward head under names of their own.
  ///
  /// - Parameters:
  ///   - folder: The folder; made where it does not exist, files in it are replaced.
  ///   - dtype: The type of the stored weights.
  /// - Throws: `TensorError.cannotWrite` or `TextError`.
  public func save(to folder: URL, dtype: DType = .float32) throws {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let isClassifier = manifest.kind == .classic && head?.kind == .linear
      let type = dtype == .bfloat16 ? "bfloat16" : "float32"
      try decoder.configuration.json(isClassifier: isClassifier, dtype: type)
        .write(to: folder.appendingPathComponent("config.json"))
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try encoder.encode(manifest).write(to: folder.appendingPathComponent("assay.json"))
      var weights = CheckpointLayout.weights(of: decoder, dtype: dtype)
      if isClassifier { weights.removeAll { $0.name == "lm_head.weight" } }
      for parameter in head?.parameters ?? [] {
        weights.append((parameter.name, withoutGradients { parameter.value.to(dtype).to(.cpu) }))
      }
      try Safetensors.write(
        weights, metadata: ["format": "pt"],
        to: folder.appendingPathComponent("model.safetensors"))
    } catch let error as CocoaError {
      throw TensorError.cannotWrite(file: folder.path, reason: error.localizedDescription)
    }
    try tokenizer.save(to: folder.appendingPathComponent("tokenizer.json"))
    try TokenizerConfiguration.save(
      to: folder, template: template, contextTokens: decoder.configuration.contextTokens)
  }
}
