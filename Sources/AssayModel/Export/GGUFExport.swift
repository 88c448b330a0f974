import AssayBase
import AssayTensor
import AssayText
import Foundation

/// A model written as one GGUF file, which llama.cpp loads.
///
/// Matrices are kept as asked for, norms and biases in float32. The reward head and the manifest stand
/// in the metadata, which llama.cpp passes over. What the file cannot say is refused: the file is read
/// back, and must give the same settings and tokens.
///
/// Source: github.com/ggml-org/llama.cpp, convert_hf_to_gguf.py; gguf-py/gguf/constants.py.
struct GGUFExport {
  let model: Model
  /// The model's settings, with the architecture whose weights the file has.
  private let written: ModelConfiguration
  private let storage: GGUFContents.Storage
  private let places: [String: GGUFWeights.Place]
  let url: URL
  private let prefix: String

  /// Makes ready to write.
  ///
  /// - Parameters:
  ///   - model: The model, in float32.
  ///   - storage: How matrices are kept.
  ///   - url: The file.
  init(_ model: Model, storage: GGUFContents.Storage, to url: URL) {
    var written = model.decoder.configuration
    // llama.cpp has no Mistral but as a Llama.
    if written.architecture == .mistral { written.architecture = .llama }
    let (type, form) = (written.architecture.modelType, written.architecture.gguf)
    prefix = form.name ?? type.filter { $0.isLetter || $0.isNumber }
    // InternLM 2 has another name there, but Llama's weights.
    if let layout = Architecture.all.first(where: { $0.modelType == form.modelType }) {
      written.architecture = layout
    }
    self.model = model
    self.written = written
    self.storage = storage
    self.url = url
    places = GGUFModel.places(written)
  }

  /// Writes the file with golden scores of the weights as they are stored in it.
  ///
  /// - Returns: The model as the file has it.
  /// - Throws: `ModelError` for what the file cannot say, `TensorError.cannotWrite`.
  func write() throws -> Model {
    var manifest = model.manifest
    manifest.golden = nil
    try contents(manifest).write(to: url)
    do {
      let stored = try Model.load(url)
      try check(stored)
      manifest.golden = try stored.goldenScores()
      try contents(manifest).write(to: url)
      stored.manifest = manifest
      return stored
    } catch {
      unlink(url.path)
      throw error
    }
  }

  private func contents(_ manifest: ModelManifest) throws -> GGUFContents {
    var values = try settings() + (try tokenizerValues())
    let json = String(decoding: try manifest.encoded(), as: UTF8.self)
    values.append((GGUFModel.manifest, .text(json)))
    for parameter in model.head?.parameters ?? [] {
      let key = GGUFModel.head + parameter.name
      let value = try withTensorErrors { parameter.value.detached().to(.cpu).to(.float32) }
      values.append((key, .numbers(value.floats)))
      values.append((key + GGUFModel.sizesSuffix, .integers(value.shape)))
    }
    return GGUFContents(values: values, items: try items())
  }

  // MARK: Settings

  private func settings() throws -> [(key: String, value: GGUFContents.Value)] {
    let configuration = model.decoder.configuration
    let document = try JSONValue(
      parsing: Array(configuration.json(labels: 0, dtype: "float32"))
    )
    // The format's numbers of kinds of files.
    let kind =
      switch storage {
      case .f32: 0
      case .f16: 1
      case .q8_0: 7
      }
    var values: [(key: String, value: GGUFContents.Value)] = [
      ("general.architecture", .text(prefix)), ("general.type", .text("model")),
      ("general.name", .text(url.deletingPathExtension().lastPathComponent)),
      ("general.file_type", .integer(kind)), ("general.quantization_version", .integer(2)),
    ]
    for (key, target) in GGUFModel.sizes.sorted(by: { $0.key < $1.key }) {
      // Some call them otherwise.
      let other = target == "num_local_experts" ? document["num_experts"] : nil
      guard let number = (document[target] ?? other)?.int else { continue }
      values.append(("\(prefix).\(key)", .integer(number)))
    }
    for (key, target) in GGUFModel.numbers.sorted(by: { $0.key < $1.key }) {
      guard let number = document[target]?.double, target != "rope_theta" else { continue }
      values.append(("\(prefix).\(key)", .number(number)))
    }
    values += [
      ("\(prefix).attention.value_length", .integer(configuration.headWidth)),
      ("\(prefix).vocab_size", .integer(configuration.vocabularySize)),
      ("\(prefix).rope.freq_base", .number(configuration.rotary.base)),
      (
        "\(prefix).rope.dimension_count",
        .integer(configuration.rotary.rotatedWidth(of: configuration.headWidth))
      ),
    ]
    return values + scaling(configuration.rotary.scaling)
  }

  /// Stretched rotary positions, as far as keys say them.
  private func scaling(_ scaling: RotaryScaling?) -> [(key: String, value: GGUFContents.Value)] {
    let stem = "\(prefix).rope.scaling."
    switch scaling {
    case .linear(let factor):
      return [(stem + "type", .text("linear")), (stem + "factor", .number(factor))]
    case .yarn(let yarn):
      return [
        (stem + "type", .text("yarn")), (stem + "factor", .number(yarn.factor)),
        (stem + "original_context_length", .integer(yarn.original)),
      ]
    case .longrope(let long):
      return [
        (stem + "original_context_length", .integer(long.original)),
        (stem + "attn_factor", .number(Double(RotaryScaling.longrope(long).attentionFactor))),
      ]
    default: return []
    }
  }

  // MARK: Weights

  private func items() throws -> [GGUFContents.Item] {
    let isClassifier = !model.manifest.kind.writes && model.head != nil
    let output = written.architecture.weights.outputEmbedding
    var names: [String] = []
    // Experts lie in one tensor there, and are several here.
    var parts: [String: [(place: GGUFWeights.Place, tensor: Tensor)]] = [:]
    for (name, tensor) in model.decoder.named(as: written) where !(isClassifier && name == output) {
      guard let place = places[name] else {
        throw ModelError.weight(file: url.path, name: name, reason: "has no name in GGUF files")
      }
      if parts[place.name] == nil { names.append(place.name) }
      parts[place.name, default: []].append((place, tensor))
    }
    let weights = names.map { name in
      let tensors = parts[name] ?? []
      return item(name, tensors.map(\.place), tensors.map(\.tensor))
    }
    let lists = factors().map { name, factors in
      GGUFContents.Item(name: name, shape: [factors.count], storage: .f32) { Tensor(factors) }
    }
    return lists + weights
  }

  private func item(
    _ name: String,
    _ places: [GGUFWeights.Place],
    _ tensors: [Tensor]
  ) -> GGUFContents.Item {
    let inner = tensors[0].shape
    let isJoined = places[0].part != nil
    let isWhole = inner.last?.isMultiple(of: 32) == true
    return .init(
      name: name,
      shape: (isJoined ? [tensors.count] : []) + inner,
      // Routers are too small to round, and too sharp.
      storage: inner.count < 2 || name.hasSuffix("ffn_gate_inp.weight")
        ? .f32 : storage == .q8_0 && !isWhole ? .f16 : storage
    ) {
      try withoutGradients {
        let written = try zip(places, tensors).map { try $0.written($1) }
        guard isJoined else { return written[0] }
        return try withTensorErrors {
          Tensor.concatenated(written.map { $0.reshaped([1] + inner) })
        }
      }
    }
  }

  /// What frequencies are divided by, of Llama 3.1 and of LongRoPE; none where rotary positions are not so
  /// stretched.
  private func factors() -> [(name: String, factors: [Float])] {
    let rotary = model.decoder.configuration.rotary
    if case .longrope(let long)? = rotary.scaling {
      return zip(GGUFModel.longFactors, [long.short, long.long]).map { ($0, $1.map(Float.init)) }
    }
    guard case .llama3? = rotary.scaling, prefix == "llama" else { return [] }
    let width = model.decoder.configuration.headWidth
    let plain = Rotary(base: rotary.base).frequencies(width: width)
    return [(GGUFModel.factors, zip(plain, rotary.frequencies(width: width)).map { $0 / $1 })]
  }

  // MARK: Check

  /// Refuses a file that does not say what the model is.
  private func check(_ stored: Model) throws {
    func comparable(_ model: Model) -> ModelConfiguration {
      var configuration = model.decoder.configuration
      configuration.architecture = .llama
      configuration.initializerRange = 0
      // Numbers are float32 in files.
      func narrow(_ number: Double) -> Double { Double(Float(number)) }
      let options = configuration.options
      configuration.options.normEpsilon = narrow(options.normEpsilon)
      configuration.options.embeddingScale = narrow(options.embeddingScale)
      configuration.options.residualScale = narrow(options.residualScale)
      configuration.options.logitScale = narrow(options.logitScale)
      configuration.options.logitCap = options.logitCap.map(narrow)
      configuration.attention.scale = configuration.attention.scale.map(narrow)
      configuration.attention.softCap = configuration.attention.softCap.map(narrow)
      configuration.rotary.base = narrow(configuration.rotary.base)
      if case .longrope(var long)? = configuration.rotary.scaling {
        (long.short, long.long) = (long.short.map(narrow), long.long.map(narrow))
        long.attentionFactor = Double(RotaryScaling.longrope(long).attentionFactor)
        configuration.rotary.scaling = .longrope(long)
      }
      configuration.padTokenID = nil
      configuration.beginTokenID = nil
      configuration.endTokenIDs = []
      // A classifier has no output embedding.
      if !self.model.manifest.kind.writes { configuration.tiesEmbeddings = true }
      return configuration
    }
    guard comparable(stored) == comparable(model) else {
      throw ModelError.configuration(
        file: url.path,
        key: "general.architecture",
        reason: "a \(model.decoder.configuration.architecture.modelType) model with these settings "
          + "(rotary scaling, windows, factors) cannot be said in a GGUF file; export a folder"
      )
    }
    let texts = try model.goldenTexts() + ["The 1234 hens don't\n\n  caf\u{E9} \u{1F414}"]
    for text in texts where stored.tokenizer.encode(text) != model.tokenizer.encode(text) {
      throw ModelError.configuration(
        file: url.path,
        key: "tokenizer.ggml.pre",
        reason: "the file's tokenizer gives other tokens of \(JSONValue.string(text).compact)"
      )
    }
  }
}
