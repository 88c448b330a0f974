import AssayTensor

/// Where the weights of a model folder come from.
struct Checkpoint {
  let file: String
  /// CLoud's released files put everything of the language model below `reward_base_model.`.
  let prefix: String
  let names: Set<String>
  let load: (String) throws -> Tensor

  /// A weight of the shape that the configuration asks for.
  func tensor(
    _ name: String,
    _ shape: [Int],
    prefixed: Bool = true,
    expectation: String? = nil
  ) throws -> Tensor {
    let full = prefixed ? prefix + name : name
    guard names.contains(full) else {
      throw ModelError.weight(file: file, name: full, reason: "is missing")
    }
    let value = try load(full)
    guard value.shape == shape else {
      let expected = expectation ?? "config.json asks for \(shape)"
      throw ModelError.weight(
        file: file,
        name: full,
        reason: "has shape \(value.shape); \(expected)"
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
    let stem = prefix + configuration.architecture.weights.layers
    let known = Set(configuration.weightSpecs.all.flatMap { $0.pieces.map { prefix + $0.name } })
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

  /// The weights of a decoder.
  ///
  /// - Parameters:
  ///   - configuration: Its sizes.
  ///   - dtype: The type of the weights in memory.
  ///   - device: Where they go.
  ///   - needsLanguageModel: Whether tokens are to be predicted, where that can be.
  /// - Returns: The weights, copied.
  /// - Throws: `ModelError.weight` for a weight that is missing or of another shape or type.
  func decoder(
    _ configuration: ModelConfiguration,
    dtype: DType,
    device: Device,
    needsLanguageModel: Bool
  ) throws -> DecoderWeights {
    try refuseOthers(configuration)
    let output = configuration.weightSpecs.outputEmbedding?.pieces.first?.name
    let hasOutput = output.map { names.contains(prefix + $0) } ?? false
    return try DecoderWeights(
      configuration,
      device: device,
      hasOutputEmbedding: hasOutput && needsLanguageModel,
      isLanguageModel: needsLanguageModel && (hasOutput || configuration.tiesEmbeddings)
    ) { spec in
      let whole = spec.joined(try spec.pieces.map { try tensor($0.name, $0.shape) })
      // A copy: the weights must not change with the file, nor the file with the weights.
      return whole.to(dtype).to(device).copy()
    }
  }
}
