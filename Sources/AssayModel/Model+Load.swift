import AssayBase
import AssayTensor
import AssayText
import Foundation

extension Model {
  /// A model folder's weights and what says how to read them.
  package struct Weights {
    /// The transformer.
    package let decoder: Decoder
    /// The reward head, if any.
    package let head: RewardHead?
    /// Whether CLoud's configuration says that the model writes no critiques.
    let isVanilla: Bool
    /// The folder that `config.json` was read from: another one in CLoud's released layout.
    let base: URL
    /// The GGUF file that all was read from, where it is one.
    let gguf: GGUFModel?
    /// What `assay.json` says, where there is one.
    let manifest: ModelManifest?
    /// What the user says is the score, or `assay.json` does.
    let choice: HeadChoice?

    /// What the weights show the model to be, where no manifest says it.
    var kind: ModelKind {
      guard let head else { return .languageModel }
      if case .compared = head.descriptor.position { return .pair }
      let writes = head.descriptor.needsLanguageModel && decoder.isLanguageModel
      return isVanilla || !writes ? .classic : .cloud
    }
  }

  /// Loads a model folder.
  ///
  /// - Parameters:
  ///   - folder: A folder in the Hugging Face layout, or a GGUF file or a folder with one alone.
  ///   - dtype: The type of the weights in memory: float32 to train; `nil` is bfloat16 of those that are
  ///     stored so, and float32 of others.
  ///   - device: Where the weights go.
  ///   - approximateTemplate: Whether conversations may be rendered with the preset that is nearest to
  ///     a chat template which cannot be followed exactly; otherwise rendering them is refused.
  ///   - choice: What is the score, where the folder does not say it; `nil` is what `assay.json` says.
  ///   - question: What the user is made to ask behind a response; `nil` is what `assay.json` says.
  ///   - bases: Base models that adapters stand beside; of others adapters are merged into the weights.
  /// - Returns: The model, of the kind that `assay.json` says, else as its weights show.
  /// - Throws: `ModelError`, `TensorError` or `TextError`, naming the file and what is wrong.
  package static func load(
    _ folder: URL,
    dtype: DType? = .float32,
    device: Device = .cpu,
    approximateTemplate: Bool = false,
    choice: HeadChoice? = nil,
    question: String? = nil,
    beside bases: SharedBases? = nil
  ) throws -> Model {
    let weights = try loadWeights(
      folder,
      dtype: dtype,
      device: device,
      choice: choice,
      beside: bases
    )
    let decoder = weights.decoder
    // CLoud's released folders may leave the tokenizer to the language model's.
    let text = TokenizerFile.isPresent(in: folder) ? folder : weights.base
    let tokenizer = try weights.gguf?.tokenizer() ?? TokenizerFile.read(text)
    guard tokenizer.vocabularySize <= decoder.configuration.vocabularySize else {
      throw ModelError.configuration(
        file: weights.base.appendingPathComponent("config.json").path,
        key: "vocab_size",
        reason: "\(decoder.configuration.vocabularySize) is less than the tokenizer's "
          + "\(tokenizer.vocabularySize) ids"
      )
    }
    let isEncoder = decoder.configuration.architecture.isEncoder
    let detected =
      try weights.gguf?.chat(tokenizer)
      ?? (isEncoder
        ? TokenizerConfiguration.pair(folder: text, tokenizer: tokenizer)
        : TokenizerConfiguration.detect(folder: text, tokenizer: tokenizer))
    let chat = approximateTemplate ? detected.approximated : detected
    // What others trained is scored where they, transformers and servers read it.
    var manifest =
      try weights.gguf.flatMap { try ModelManifest($0) } ?? weights.manifest
      ?? ModelManifest(kind: weights.kind, scoredToken: .lastOfTemplate)
    let head = try weights.chosenHead(tokenizer, folder) ?? weights.head
    if weights.choice?.readsVocabulary == true { manifest.kind = .classic }
    manifest.question = question ?? manifest.question
    if isEncoder, head == nil {
      throw ModelError.lacks(
        path: folder.path,
        part: "reward head",
        hint: "an encoder writes no text; a reward model has pooler.dense and classifier"
      )
    }
    if manifest.kind.hasHead, head == nil {
      throw ModelError.lacks(
        path: folder.path,
        part: "reward head",
        hint: "its weights were lost when it was saved"
      )
    }
    if manifest.kind.writes, !decoder.isLanguageModel {
      throw ModelError.weight(file: folder.path, name: "lm_head.weight", reason: "is missing")
    }
    return Model(
      decoder: decoder,
      head: head,
      tokenizer: tokenizer,
      template: chat.template,
      templateRefusal: chat.refusal,
      manifest: manifest
    )
  }

  /// Loads the weights of a folder, without its tokenizer and manifest.
  ///
  /// - Parameters:
  ///   - folder: A folder in the Hugging Face layout, or a GGUF file or a folder with one alone.
  ///   - dtype: The type of the weights in memory; `nil` as above.
  ///   - device: Where the weights go.
  ///   - choice: What is the score, where the folder does not say it; `nil` is what `assay.json` says.
  ///   - bases: As above.
  ///   - keepsLanguageModel: Whether an output embedding is loaded also where the head does not need it.
  /// - Returns: Decoder and head.
  /// - Throws: `ModelError` or `TensorError`, naming the file and what is wrong.
  package static func loadWeights(
    _ folder: URL,
    dtype: DType? = .float32,
    device: Device = .cpu,
    choice: HeadChoice? = nil,
    beside bases: SharedBases? = nil,
    keepsLanguageModel: Bool = false
  ) throws -> Weights {
    let gguf = try GGUFModel(at: folder)
    let adapter = try Adapter(at: folder)
    let place = adapter?.base ?? folder
    var url = gguf?.file.url ?? place.appendingPathComponent("config.json")
    var file = try gguf?.config() ?? ConfigFile(contentsOf: url)
    let isVanilla = try file.string("feedback_method") == "vanilla"
    if !file.has("hidden_size"), let name = try file.string("base_model_name_or_path") {
      url = try base(name, of: url)
      file = try ConfigFile(contentsOf: url)
    }
    let configuration = try ModelConfiguration(file)
    var stored: any WeightsSource =
      try gguf?.weights(configuration) ?? TextWeights.of(WeightsFolder(place), file)
    let merged = try adapter?.merged(into: stored)
    stored = merged ?? stored
    stored = try withHeadFiles(stored, in: folder)
    let names = Set(stored.names)
    let source = Checkpoint(
      file: folder.path,
      backbone: Checkpoint.Backbone(names),
      names: names,
      load: { [stored] in try stored.tensor(named: $0) }
    )
    let manifest = try ModelManifest.read(folder)
    let choice = try choice ?? manifest?.headChoice(folder)
    let className = try file.strings("architectures")?.first ?? ""
    let evidence = HeadEvidence(
      className: className,
      architecture: configuration.architecture.className,
      hiddenSize: configuration.hiddenSize,
      vocabularySize: configuration.vocabularySize,
      backbone: source.backbone.transformer,
      isClassifier: adapter?.isClassifier == true
        || className.hasSuffix("ForSequenceClassification"),
      isOwn: manifest.map { $0.head == nil } ?? false,
      padding: configuration.padTokenID.flatMap { Int32(exactly: $0) },
      names: names,
      shape: { [stored] in stored.shape(of: $0) },
      numbers: { [stored] in try stored.tensor(named: $0).to(.float32).floats.map(Double.init) },
      settings: file,
      choice: choice
    )
    return try withTensorErrors {
      let head = try loadHead(source, evidence, config: url.path, device)
      let needsLanguageModel = head?.descriptor.needsLanguageModel ?? true
      let base = try bases?.weights(of: place) {
        try loadWeights(place, dtype: dtype, device: device, keepsLanguageModel: true).decoder
          .weights
      }
      // An output embedding that the base has none of has no place beside it.
      let output = configuration.weightSpecs.outputEmbedding?.pieces.first?.name
      let isNew = output.map { merged?.exchanges(source.backbone($0)) == true } ?? false
      let shared = base.flatMap { isNew && $0.specs.outputEmbedding == nil ? nil : $0 }
      let decoder =
        try shared.map {
          try source.decoder(
            beside: $0,
            merged,
            dtype: dtype,
            needsLanguageModel: needsLanguageModel
          )
        }
        ?? source.decoder(
          configuration,
          dtype: dtype,
          device: device,
          needsLanguageModel: needsLanguageModel || keepsLanguageModel
        )
      return Weights(
        decoder: Decoder(decoder, execution: Execution(dtype: dtype ?? .float32)),
        head: head,
        isVanilla: isVanilla,
        base: url.deletingLastPathComponent(),
        gguf: gguf,
        manifest: manifest,
        choice: choice
      )
    }
  }

  /// The configuration of the language model that CLoud's released configuration, or an adapter's,
  /// names.
  ///
  /// A path is taken from the folder; of `owner/name` a folder `name` beside it is taken too, or what
  /// the hub's cache has of it.
  static func base(
    _ name: String,
    of config: URL,
    _ part: String = "has the sizes"
  ) throws -> URL {
    let folder = config.deletingLastPathComponent()
    let parent = folder.appendingPathComponent("..")
    let last = name.split(separator: "/").last.map(String.init) ?? name
    let places =
      name.hasPrefix("/")
      ? [URL(fileURLWithPath: name)]
      : [folder.appendingPathComponent(name), parent.appendingPathComponent(last)]
        + (HubName(name).flatMap { HubCache().snapshot($0) }.map { [$0] } ?? [])
    let found = places.map { $0.appendingPathComponent("config.json").standardizedFileURL }
      .first { FileManager.default.fileExists(atPath: $0.path) && $0 != config.standardizedFileURL }
    guard let found else {
      throw ModelError.configuration(
        file: config.path,
        key: "base_model_name_or_path",
        reason: "\(name) \(part) and is not here; put that model's config.json into a folder "
          + "\(last) beside this one"
          + (HubName(name).map { ", or fetch it with `assay pull \($0)`" } ?? "")
      )
    }
    return found
  }
}

extension ModelManifest {
  /// The file of a model folder that holds the manifest.
  static let fileName = "assay.json"

  /// The manifest of a folder; `nil` where it has none.
  package static func read(_ folder: URL) throws -> ModelManifest? {
    let url = folder.appendingPathComponent(fileName)
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    return try ModelManifest(try TextFile.read(url), file: url.path)
  }

  /// The manifest as JSON text.
  func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }

  /// Reads the manifest of a GGUF file; `nil` where Assay did not write it.
  init?(_ gguf: GGUFModel) throws {
    guard let text = try gguf.file.text(GGUFModel.manifest) else { return nil }
    try self.init(Array(text.utf8), file: gguf.file.url.path)
  }

  /// Reads a manifest.
  ///
  /// - Parameters:
  ///   - bytes: JSON text.
  ///   - file: Where it stands, for messages.
  /// - Throws: `ModelError.configuration`.
  init(_ bytes: [UInt8], file: String) throws {
    guard let manifest = try? JSONDecoder().decode(ModelManifest.self, from: Data(bytes)) else {
      throw ModelError.configuration(
        file: file,
        key: "file",
        reason: "is not a manifest that Assay wrote"
      )
    }
    if let tokens = manifest.critiqueTokens, tokens < 1 {
      throw ModelError.configuration(
        file: file,
        key: "critiqueTokens",
        reason: "\(tokens) is not a number of tokens"
      )
    }
    self = manifest
  }
}
