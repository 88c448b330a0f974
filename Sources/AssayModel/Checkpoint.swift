import AssayTensor

/// Where the weights of a model folder come from.
struct Checkpoint {
  let file: String
  /// What stands in place of the transformer's `model.`, and before the weights beside it.
  let backbone: Backbone
  let names: Set<String>
  let load: (String) throws -> Tensor

  /// Where a checkpoint keeps the language model.
  struct Backbone: Equatable {
    /// What the transformer's names begin with: usually `model.`.
    let transformer: String
    /// What those of the output embedding begin with: usually nothing.
    let outer: String

    /// Places that checkpoints use: CLoud's released files, PEFT's and TRL's wrappers, Starling's own
    /// class, and a transformer that was saved without anything around it.
    private static let known = [
      Backbone(transformer: "model.", outer: ""),
      Backbone(transformer: "reward_base_model.model.", outer: "reward_base_model."),
      Backbone(transformer: "pretrained_model.model.", outer: "pretrained_model."),
      Backbone(transformer: "transformer.", outer: ""),
      Backbone(transformer: "", outer: ""),
    ]

    /// The first place that has the transformer's last norm; the usual one where none has.
    init(_ names: Set<String>) {
      self = Self.known.first { names.contains($0.transformer + "norm.weight") } ?? Self.known[0]
    }

    private init(transformer: String, outer: String) {
      self.transformer = transformer
      self.outer = outer
    }

    /// The name in the checkpoint of a weight of the language model.
    func callAsFunction(_ name: String) -> String {
      name.hasPrefix("model.") ? transformer + name.dropFirst("model.".count) : outer + name
    }
  }

  /// A weight of the shape that the configuration asks for.
  func tensor(_ name: String, _ shape: [Int], isInBackbone: Bool = true) throws -> Tensor {
    let full = isInBackbone ? backbone(name) : name
    guard names.contains(full) else {
      throw ModelError.weight(file: file, name: full, reason: "is missing")
    }
    let value = try load(full)
    guard value.shape == shape else {
      throw ModelError.weight(
        file: file,
        name: full,
        reason: "has shape \(value.shape); config.json asks for \(shape)"
      )
    }
    guard value.dtype.isFloatingPoint else {
      throw ModelError.weight(
        file: file,
        name: full,
        reason: "is of type \(value.dtype); quantized weights are not supported"
      )
    }
    return value
  }

  /// A buffer of older files, which follows from the configuration.
  private static let buffer = "rotary_emb.inv_freq"

  /// Refuses a weight of a block that the architecture does not have: it would not be computed.
  private func refuseOthers(_ configuration: ModelConfiguration) throws {
    let stem = backbone(configuration.architecture.weights.layers)
    let known = Set(configuration.weightSpecs.all.flatMap { $0.pieces.map { backbone($0.name) } })
    let other = names.sorted().first { name in
      name.hasPrefix(stem) && !known.contains(name) && !name.hasSuffix(Self.buffer)
    }
    guard let other else { return }
    throw ModelError.weight(
      file: file,
      name: other,
      reason: "is not one of \(configuration.architecture.modelType)'s as config.json describes it"
    )
  }

  /// The weights of another model with an adapter beside them.
  ///
  /// - Parameters:
  ///   - base: The model that the adapter was trained beside.
  ///   - adapter: The adapter, whose weights these are merged; `nil` is the base itself.
  ///   - dtype: The type of weights that the adapter exchanges; `nil` as below.
  ///   - needsLanguageModel: Whether tokens are to be predicted, where that can be.
  /// - Returns: Weights of which those that the adapter leaves alone, and those that it adds products of low rank to,
  ///   are the base's.
  /// - Throws: As below, and for parts of the adapter that do not fit.
  func decoder(
    beside base: DecoderWeights,
    _ adapter: MergedWeights?,
    dtype: DType?,
    needsLanguageModel: Bool
  ) throws -> DecoderWeights {
    let products = Set(base.specs.blocks.flatMap { $0.products.map(\.name) })
    return try DecoderWeights(beside: base, isLanguageModel: needsLanguageModel) { spec, weight in
      let names = spec.pieces.map { backbone($0.name) }
      guard let adapter, names.contains(where: adapter.changes) else { return nil }
      if products.contains(spec.name), !names.contains(where: adapter.exchanges) {
        let parts = try spec.pieces.map {
          try adapter.part(backbone($0.name), $0, device: base.device)
        }
        let lengths = parts.contains { $0.trained?.magnitude != nil } ? names : []
        let stored = try lengths.map { try adapter.base.tensor(named: $0).to(base.device) }
        return Weight(weight, beside: LowRank(parts, spec) { spec.joined(stored) })
      }
      let whole = spec.joined(try spec.pieces.map { try tensor($0.name, $0.shape) })
      let type = dtype ?? (whole.dtype == .bfloat16 ? .bfloat16 : .float32)
      return Weight(Parameter(spec.name, whole.to(type).to(base.device)))
    }
  }

  /// The weights of a decoder.
  ///
  /// All are copied, so that they change neither with the file nor the file with them; but the input
  /// embedding of a model that writes nothing, whose few rows that texts use are read from the file, where
  /// the file has the type asked for and that is not float32.
  ///
  /// - Parameters:
  ///   - configuration: Its sizes.
  ///   - dtype: The type of the weights in memory; `nil` is bfloat16 of those that are stored so, and
  ///     float32 of others.
  ///   - device: Where they go.
  ///   - needsLanguageModel: Whether tokens are to be predicted, where that can be.
  /// - Returns: The weights.
  /// - Throws: `ModelError.weight` for a weight that is missing or of another shape or type.
  func decoder(
    _ configuration: ModelConfiguration,
    dtype: DType?,
    device: Device,
    needsLanguageModel: Bool
  ) throws -> DecoderWeights {
    try refuseOthers(configuration)
    let output = configuration.weightSpecs.outputEmbedding?.pieces.first?.name
    let input = configuration.weightSpecs.embedding.name
    let hasOutput = output.map { names.contains(backbone($0)) } ?? false
    return try DecoderWeights(
      configuration,
      device: device,
      hasOutputEmbedding: hasOutput && needsLanguageModel,
      isLanguageModel: needsLanguageModel && (hasOutput || configuration.tiesEmbeddings)
    ) { spec in
      let pieces = try spec.pieces.map { try tensor($0.name, $0.shape) }
      let whole = spec.joined(pieces)
      let type = dtype ?? (whole.dtype == .bfloat16 ? .bfloat16 : .float32)
      let isOwn = pieces.count > 1 || whole.dtype != type || device != .cpu
      let isRead = !needsLanguageModel && spec.name == input && type != .float32
      let value = whole.to(type).to(device)
      return isOwn || isRead ? value : value.copy()
    }
  }
}
