import AssayTensor

/// The weights of a decoder, which every `Decoder` of them shares.
package final class DecoderWeights {
  /// Sizes and constants.
  package let configuration: ModelConfiguration
  /// Where the weights are.
  package let device: Device
  /// Whether the model can predict tokens.
  package let isLanguageModel: Bool
  /// What there is to be known of each weight.
  let specs: DecoderParts<WeightSpec>
  /// The weights themselves.
  let parts: DecoderParts<Weight>
  /// What each block's attention computes.
  let attention: [AttentionOptions]
  /// Rotary angles of each block.
  let angles: [RotaryTable]
  private var keptStepper: DecoderStepper?
  private var keptPackedStepper: (stepper: DecoderStepper, isInvariant: Bool)?
  /// Whether anything is trained in place of weights or stands beside them: asked for at every step.
  private var hasLowRank = false
  /// Tables of LongRoPE's angles in short texts and, behind them, in texts of up to so many tokens.
  private var longAngles: (tokens: Int, table: RotaryTable)?

  /// Makes each weight of its specification.
  ///
  /// - Parameters:
  ///   - configuration: Sizes.
  ///   - device: Where the weights are.
  ///   - hasOutputEmbedding: Whether an output embedding of its own is made, where it is not tied.
  ///   - isLanguageModel: Whether the model can predict tokens.
  ///   - make: Makes the value of one weight, on the device.
  init(
    _ configuration: ModelConfiguration,
    device: Device,
    hasOutputEmbedding: Bool,
    isLanguageModel: Bool,
    make: (WeightSpec) throws -> Tensor
  ) rethrows {
    var specs = configuration.weightSpecs
    if !hasOutputEmbedding { specs.outputEmbedding = nil }
    self.specs = specs
    self.configuration = configuration
    self.device = device
    self.isLanguageModel = isLanguageModel
    parts = try specs.map { Weight(Parameter($0.name, try make($0))) }
    attention = (0..<configuration.layerCount).map { configuration.attentionOptions(layer: $0) }
    angles = configuration.rotaryTables(device: device)
  }

  /// The weights of another model, those that an adapter changes in a way of its own.
  ///
  /// - Parameters:
  ///   - other: The model that the adapter was trained beside.
  ///   - isLanguageModel: Whether tokens are to be predicted, where the other one can.
  ///   - change: Another weight in place of one; `nil` is the same.
  /// - Throws: What `change` throws.
  init(
    beside other: DecoderWeights,
    isLanguageModel: Bool,
    change: (WeightSpec, Weight) throws -> Weight?
  ) rethrows {
    (configuration, device, specs) = (other.configuration, other.device, other.specs)
    (attention, angles) = (other.attention, other.angles)
    self.isLanguageModel = isLanguageModel && other.isLanguageModel
    let named = Dictionary(specs.all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    parts = try other.parts.map { weight in
      try named[weight.name].flatMap { try change($0, weight) } ?? weight
    }
    hasLowRank = parts.blocks.contains { $0.products.contains { $0.lowRank != nil } }
  }

  /// Where the tokens of a batch find their angles: in the tables of all texts or, where one is longer than
  /// LongRoPE's original context, behind them.
  ///
  /// Each text has the frequencies of its own length, where `transformers` takes the longest's for all of a
  /// batch.
  ///
  /// - Parameter batch: Packed sequences.
  /// - Returns: The tables of the blocks, and rows of them, `[N]`.
  func rotation(of batch: PackedBatch) -> (angles: [RotaryTable], positions: Tensor) {
    guard case .longrope(let long)? = configuration.rotary.scaling,
      let longest = batch.lengths.max(), longest > long.original
    else { return (angles, batch.positions) }
    let offsets = batch.lengths.flatMap { length in
      [Int32](repeating: length > long.original ? Int32(long.original) : 0, count: length)
    }
    let table = longTable(tokens: longest, original: long.original)
    return (angles.map { _ in table }, batch.positions + Tensor(offsets).to(device))
  }

  private func longTable(tokens: Int, original: Int) -> RotaryTable {
    if let longAngles, longAngles.tokens >= tokens { return longAngles.table }
    var count = original
    while count < tokens { count *= 2 }
    func table(_ count: Int, isLong: Bool) -> RotaryTable {
      let width = configuration.headWidth
      return configuration.rotary.table(
        width: width,
        positions: count,
        device: device,
        isLong: isLong
      )
    }
    let (short, long) = (table(original, isLong: false), table(count, isLong: true))
    let both = RotaryTable(
      cosine: .concatenated([short.cosine, long.cosine]),
      sine: .concatenated([short.sine, long.sine])
    )
    longAngles = (count, both)
    return both
  }

  /// All weights that can be trained, in a fixed order.
  var parameters: [Parameter] { parts.all.compactMap(\.parameter) }

  /// The tensors of a checkpoint with their names there, in the order of the layers.
  ///
  /// - Parameter read: What is taken of a weight: its value, or its gradient.
  /// - Returns: The pieces that the joined weights are cut into.
  func named(_ read: (Parameter) -> Tensor) -> [(name: String, tensor: Tensor)] {
    zip(specs.all, parts.all).flatMap { spec, weight in
      weight.parameter.map { parameter in withoutGradients { spec.cut(read(parameter)) } } ?? []
    }
  }

  /// The weights under the names of another architecture that has the same ones, cut as it has them.
  ///
  /// - Parameter configuration: The model, as one of that architecture.
  /// - Returns: As `named(_:)`.
  func named(as configuration: ModelConfiguration) -> [(name: String, tensor: Tensor)] {
    var others = configuration.weightSpecs
    if specs.outputEmbedding == nil { others.outputEmbedding = nil }
    return zip(others.all, parts.all).flatMap { spec, weight in
      weight.parameter.map { parameter in withoutGradients { spec.cut(parameter.value) } } ?? []
    }
  }

  private lazy var isSmall = Decoder.packsSteps(configuration)

  private lazy var isFloat32 = parameters.allSatisfy { $0.value.dtype == .float32 }

  /// What takes single steps of so many sequences; `nil` where the model or the execution is none for it.
  func stepper(_ execution: Execution, rows: Int) -> DecoderStepper? {
    guard device.hasKernels, !hasLowRank else { return nil }
    return execution.dtype == .float32 && execution.weights == .plain
      ? floatStepper : packedStepper(execution, rows: rows)
  }

  private var floatStepper: DecoderStepper? {
    guard isSmall else { return nil }
    // Float32 weights are the very tensors that were packed; casts may have been made anew.
    if let keptStepper, isFloat32 { return keptStepper }
    let weights = parts.map { $0(.float32, training: false) }
    if let keptStepper, keptStepper.holds(weights) { return keptStepper }
    keptStepper = DecoderStepper(
      weights,
      attention: attention,
      options: configuration.options
    )
    return keptStepper
  }

  private func packedStepper(_ execution: Execution, rows: Int) -> DecoderStepper? {
    guard execution.dtype == .bfloat16, execution.packs(rows: rows, on: device),
      let weights = packedDecoder(execution)
    else { return nil }
    if let keptPackedStepper, keptPackedStepper.isInvariant == execution.isBatchInvariant,
      keptPackedStepper.stepper.holds(weights)
    {
      return keptPackedStepper.stepper
    }
    keptPackedStepper = DecoderStepper(
      weights,
      attention: attention,
      options: configuration.options,
      isBatchInvariant: execution.isBatchInvariant
    ).map { ($0, execution.isBatchInvariant) }
    return keptPackedStepper?.stepper
  }

  /// What a block has beside its products, in bfloat16.
  private func vectors(_ block: BlockParts<Weight>) -> BlockParts<Tensor?> {
    func vector(_ weight: Weight?) -> Tensor?? { weight.map { $0(.bfloat16, training: false) } }
    return BlockParts(
      inputNorm: vector(block.inputNorm),
      qkv: nil,
      qkvBias: vector(block.qkvBias),
      queryNorm: vector(block.queryNorm),
      keyNorm: vector(block.keyNorm),
      output: nil,
      attentionNorm: vector(block.attentionNorm),
      middleNorm: vector(block.middleNorm),
      feedForward: nil,
      feedForwardNorm: vector(block.feedForwardNorm)
    )
  }

  private func packedDecoder(_ execution: Execution) -> PackedDecoder? {
    guard configuration.experts == nil, let embedding = parts.embedding.parameter?.value,
      [.float32, .bfloat16].contains(embedding.dtype), let finalNorm = parts.finalNorm,
      let output = (parts.outputEmbedding ?? parts.embedding).packed(execution)
    else { return nil }
    var products: [PackedWeight] = []
    for block in parts.blocks {
      guard let feedForward = block.feedForward else { return nil }
      let own = [block.qkv, block.output, feedForward.gateUp, feedForward.down].compactMap {
        $0.packed(execution)
      }
      guard own.count == 4 else { return nil }
      products += own
    }
    return PackedDecoder(
      embedding: embedding,
      vectors: parts.blocks.map(vectors),
      products: products,
      finalNorm: finalNorm(.bfloat16, training: false),
      output: output
    )
  }

  /// Packs the weights of blocks for good, where every product of an execution uses them so.
  func packForGood(_ execution: Execution) {
    // Plain float32 has another form for single steps.
    guard execution.packs(rows: .max, on: device),
      execution.weights != .plain || execution.dtype == .bfloat16
    else { return }
    pack(execution)
  }

  /// Packs the weights of blocks for good, to be trained beside.
  func freeze(_ format: WeightFormat) { pack(Execution(dtype: .bfloat16, weights: format)) }

  /// Takes the blocks' plain weights of another model in place of packings.
  func unpack(as other: DecoderWeights) {
    for (own, others) in zip(parts.blocks, other.parts.blocks) {
      for (weight, plain) in zip(own.products, others.products) { weight.unpack(as: plain) }
    }
  }

  private func pack(_ execution: Execution) {
    // Kind by kind: what one gives up the next of its size takes, so that one of them is there twice at
    // most.
    for kind in (parts.blocks.map(\.productKinds).first ?? []).indices {
      Engine.releaseMemory()
      for block in parts.blocks { block.productKinds[kind].forEach { $0.packForGood(execution) } }
    }
    Engine.releaseMemory()
  }

  /// What is trained in place of weights.
  var lowRank: [LowRank] { parts.blocks.flatMap { $0.products.compactMap(\.lowRank) } }

  /// The last parts of the names of the layers that products of low rank may stand beside, sorted.
  var lowRankTargets: [String] {
    let names = specs.blocks.flatMap { $0.products.flatMap { $0.pieces.map(\.name) } }
    return Set(names.compactMap { $0.split(separator: ".").dropLast().last.map(String.init) })
      .sorted()
  }

  /// Has products of low rank trained in place of the blocks' weights.
  func addLowRank(_ options: LowRankOptions, seed: UInt64) {
    for (spec, block) in zip(specs.blocks, parts.blocks) {
      for (spec, weight) in zip(spec.products, block.products) {
        weight.add(spec, options, seed: seed)
      }
    }
    hasLowRank = true
  }

  /// Makes one weight of each and what was trained in its place.
  func mergeLowRank() {
    for block in parts.blocks {
      block.products.forEach { $0.merge() }
      // What was there has another size, so that no later one would take its memory.
      Engine.releaseMemory()
    }
    hasLowRank = false
  }
}

extension BlockParts {
  /// Those of linear layers, without the one that experts are chosen by, those of a size together.
  fileprivate var productKinds: [[Value]] {
    let gated = (feedForward.map { [$0] } ?? []) + experts
    return [[qkv], [output], gated.map(\.gateUp), gated.map(\.down)]
  }

  var products: [Value] { productKinds.flatMap(\.self) }
}

extension DecoderWeights {
  /// Random weights, as their specifications start them.
  convenience init(
    random configuration: ModelConfiguration,
    seed: UInt64,
    device: Device,
    dtype: DType,
    isLanguageModel: Bool
  ) {
    var next = seed &* 0x9E37_79B9_7F4A_7C15
    self.init(
      configuration,
      device: device,
      hasOutputEmbedding: isLanguageModel,
      isLanguageModel: isLanguageModel
    ) { spec in
      switch spec.start {
      case .ones: return .ones(spec.shape, dtype: dtype, device: device)
      case .zeros: return .zeros(spec.shape, dtype: dtype, device: device)
      case .normal(let factor):
        next &+= 1
        return Tensor.normal(
          spec.shape,
          deviation: configuration.initializerRange * factor,
          seed: next,
          dtype: dtype
        ).to(device)
      }
    }
  }
}
