import AssayTensor

extension Decoder {
  /// Makes a decoder with random weights.
  ///
  /// Normal with the configuration's `initializerRange`; the two products that write into the
  /// residual stream are scaled by `1 / sqrt(2 layers)` (Radford et al. 2019); norms are one and
  /// biases zero.
  ///
  /// - Parameters:
  ///   - configuration: Sizes.
  ///   - seed: Every weight is a function of it.
  ///   - device: Where the weights go.
  ///   - dtype: The type of the weights; float32 to train them.
  ///   - isLanguageModel: Whether there is an output embedding.
  package convenience init(
    random configuration: ModelConfiguration,
    seed: UInt64,
    device: Device = .cpu,
    dtype: DType = .float32,
    isLanguageModel: Bool = true
  ) {
    var next = seed &* 0x9E37_79B9_7F4A_7C15
    func random(_ name: String, _ shape: [Int], _ factor: Double = 1) -> Parameter {
      next &+= 1
      let value = Tensor.normal(
        shape,
        deviation: configuration.initializerRange * factor,
        seed: next,
        dtype: dtype
      )
      return Parameter(name, value.to(device))
    }
    func ones(_ name: String) -> Parameter {
      Parameter(name, .ones([configuration.hiddenSize], dtype: dtype, device: device))
    }
    let (D, F) = (configuration.hiddenSize, configuration.feedForwardSize)
    let K = configuration.headWidth
    let wide = (configuration.headCount + 2 * configuration.groupCount) * K
    let residual = 1 / (2 * Double(configuration.layerCount)).squareRoot()
    let embedding = random("embed_tokens", [configuration.vocabularySize, D])
    let blocks = (0..<configuration.layerCount).map { index in
      Block(
        inputNorm: ones("\(index).input_norm"),
        qkv: random("\(index).qkv", [wide, D]),
        qkvBias: configuration.hasAttentionBias
          ? Parameter("\(index).qkv_bias", .zeros([wide], dtype: dtype, device: device)) : nil,
        output: random("\(index).output", [D, configuration.headCount * K], residual),
        middleNorm: ones("\(index).middle_norm"),
        gateUp: random("\(index).gate_up", [2 * F, D]),
        down: random("\(index).down", [D, F], residual)
      )
    }
    self.init(
      configuration: configuration,
      device: device,
      inputEmbedding: embedding,
      blocks: blocks,
      finalNorm: ones("norm"),
      outputEmbedding: isLanguageModel && !configuration.tiesEmbeddings
        ? random("lm_head", [configuration.vocabularySize, D]) : nil,
      isLanguageModel: isLanguageModel
    )
  }
}
