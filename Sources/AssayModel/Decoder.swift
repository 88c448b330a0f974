// The decoder: RMSNorm, rotary grouped-query attention and SwiGLU blocks over a residual stream.
// Letters: N packed tokens, R rows asked for, S sequences, D hidden, H query heads, G key/value
// heads, K head width, F feed-forward width, V vocabulary.
//
// Queries, keys and values are one matrix, as are gate and up: fewer and larger products. Checkpoints
// keep Hugging Face's separate names (see CheckpointLayout).

import AssayTensor

/// A weight that is trained in float32 and used in the compute type.
package final class Parameter {
  /// A name that is unique in the model, used for optimizer state.
  package let name: String
  /// The weight itself; a leaf of the gradient graph.
  ///
  /// It must not be asked for once the weight is packed for good.
  package internal(set) var value: Tensor {
    get {
      guard let plain else { preconditionFailure("\(name) is packed, and has no plain form") }
      return plain
    }
    set { plain = newValue }
  }
  private var plain: Tensor?
  /// The last cast made without gradients, for inference.
  private var cast: Tensor?
  /// The last packing, for inference.
  private var packing: PackedWeight?

  init(_ name: String, _ value: Tensor) {
    self.name = name
    plain = value
  }

  /// The weight in a compute type.
  ///
  /// With gradients the cast is part of the graph; without, it is made once and kept until
  /// `forgetCast`.
  func callAsFunction(_ dtype: DType, cached: Bool) -> Tensor {
    guard value.dtype != dtype else { return value }
    guard cached else { return value.to(dtype) }
    if let cast, cast.dtype == dtype { return cast }
    let made = withoutGradients { value.to(dtype) }
    cast = made
    return made
  }

  /// The weight packed for products with few rows; made once and kept until `forgetCast`.
  func packed(_ format: WeightFormat, _ dtype: DType) -> PackedWeight? {
    if let packing, packing.format == format, packing.dtype == dtype { return packing }
    packing = PackedWeight(value, format: format, dtype: dtype)
    return packing
  }

  /// Packs the weight, and gives up its plain form.
  func packForGood(_ format: WeightFormat, _ dtype: DType) {
    guard packed(format, dtype) != nil else { return }
    (plain, cast) = (nil, nil)
  }

  /// Drops what is kept of the weight: call when it has changed.
  func forgetCast() {
    cast = nil
    packing = nil
  }
}

/// The transformer trunk, with the output embedding of its language model.
package final class Decoder {
  /// One block's weights.
  final class Block {
    let inputNorm: Parameter  // input_layernorm
    let qkv: Parameter  // self_attn.{q,k,v}_proj
    let qkvBias: Parameter?
    let output: Parameter  // self_attn.o_proj
    let middleNorm: Parameter  // post_attention_layernorm
    let gateUp: Parameter  // mlp.{gate,up}_proj
    let down: Parameter  // mlp.down_proj

    init(
      inputNorm: Parameter,
      qkv: Parameter,
      qkvBias: Parameter?,
      output: Parameter,
      middleNorm: Parameter,
      gateUp: Parameter,
      down: Parameter
    ) {
      self.inputNorm = inputNorm
      self.qkv = qkv
      self.qkvBias = qkvBias
      self.output = output
      self.middleNorm = middleNorm
      self.gateUp = gateUp
      self.down = down
    }

    var parameters: [Parameter] {
      [inputNorm, qkv] + (qkvBias.map { [$0] } ?? []) + [output, middleNorm, gateUp, down]
    }
  }

  /// Sizes and constants.
  package let configuration: ModelConfiguration
  /// The type that products are computed in; weights trained in float32 are cast to it.
  package var computeType: DType = .float32
  /// How many positions the sequences of a training step jump over, at most; 0 jumps nowhere.
  package var positionJumps = 0
  /// How weights of products are kept for inference on the CPU; quantized ones compute in bfloat16.
  package var weightFormat: WeightFormat = .plain
  /// Whether sums of inference are taken in one order whatever is beside them, on the CPU: a text
  /// and its reward are then the same bit for bit in every batch.
  package var isBatchInvariant = false
  /// Where the weights are.
  package let device: Device

  let inputEmbedding: Parameter  // model.embed_tokens
  let blocks: [Block]
  let finalNorm: Parameter  // model.norm
  let outputEmbedding: Parameter?  // lm_head; nil where tied, or where there is none
  let table: RotaryTable
  /// Whether the model can predict tokens.
  package let isLanguageModel: Bool

  init(
    configuration: ModelConfiguration,
    device: Device,
    inputEmbedding: Parameter,
    blocks: [Block],
    finalNorm: Parameter,
    outputEmbedding: Parameter?,
    isLanguageModel: Bool
  ) {
    self.configuration = configuration
    self.device = device
    self.inputEmbedding = inputEmbedding
    self.blocks = blocks
    self.finalNorm = finalNorm
    self.outputEmbedding = outputEmbedding
    self.isLanguageModel = isLanguageModel
    table = RotaryTable(configuration, positions: configuration.contextTokens, device: device)
  }

  /// All weights, in a fixed order.
  package var parameters: [Parameter] {
    [inputEmbedding] + blocks.flatMap(\.parameters) + [finalNorm]
      + (outputEmbedding.map { [$0] } ?? [])
  }

  /// Tells the model that its weights have changed since the last inference.
  package func weightsChanged() {
    parameters.forEach { $0.forgetCast() }
    stepper = nil
  }

  /// The weights packed for single steps, where the model is small enough.
  var stepper: DecoderStepper?

  /// The hidden states of chosen rows after the final norm.
  ///
  /// The last block computes only the rows asked for beyond its attention, which spares a reward
  /// model most of that block.
  ///
  /// - Parameters:
  ///   - batch: Packed sequences.
  ///   - rows: Rows wanted, `[R]`, int64 on the model's device; `nil` is all N.
  ///   - training: Whether gradients will be asked for; without, casts of weights are kept.
  /// - Returns: `[R, D]` in the compute type.
  package func callAsFunction(_ batch: PackedBatch, rows: Tensor?, training: Bool) -> Tensor {
    hiddenStates(batch, rows: rows, training: training, store: nil)
  }

  /// As `callAsFunction`, handing each block's index and rotated queries, keys and values on.
  func hiddenStates(
    _ batch: PackedBatch,
    rows: Tensor?,
    training: Bool,
    store: ((Int, Tensor) -> Void)?
  ) -> Tensor {
    let (H, G) = (configuration.headCount, configuration.groupCount)
    let epsilon = configuration.normEpsilon
    func weight(_ parameter: Parameter) -> Tensor { parameter(computeType, cached: !training) }

    var stream = embedding(weight(inputEmbedding), batch.ids)  // [N, D]
    var normed = rmsNorm(stream, weight(blocks[0].inputNorm), epsilon: epsilon)  // [N, D]
    for (index, block) in blocks.enumerated() {
      let qkv = product(normed, block.qkv, bias: block.qkvBias, training: training)
      var (attended, rotated) = rotaryAttention(
        qkv,
        positions: batch.positions,
        table: table,
        lengths: batch.lengths,
        heads: H,
        groups: G,
        wantsRotated: store != nil
      )  // [N, H K]
      if let rotated { store?(index, rotated) }
      if index == blocks.count - 1, let rows {
        attended = attended.selected(axis: 0, rows)  // [R, H K]
        stream = stream.selected(axis: 0, rows)  // [R, D]
      }
      (stream, normed) = addRMSNorm(
        product(attended, block.output, training: training),
        residual: stream,
        weight(block.middleNorm),
        epsilon: epsilon
      )
      let wide = swiGLU(product(normed, block.gateUp, training: training))  // [N, F]
      let next = index + 1 < blocks.count ? blocks[index + 1].inputNorm : finalNorm
      (stream, normed) = addRMSNorm(
        product(wide, block.down, training: training),
        residual: stream,
        weight(next),
        epsilon: epsilon
      )
    }
    return normed
  }

  /// The output embedding in the compute type, `[V, D]`.
  ///
  /// - Parameter training: Whether gradients will be asked for.
  /// - Returns: The tied input embedding where there is none of its own.
  package func outputWeight(training: Bool) -> Tensor {
    (outputEmbedding ?? inputEmbedding)(computeType, cached: !training)
  }

  /// The logits of every token for hidden states.
  ///
  /// - Parameters:
  ///   - hidden: `[R, D]`.
  ///   - training: Whether gradients will be asked for.
  /// - Returns: `[R, V]` in the compute type.
  package func logits(_ hidden: Tensor, training: Bool) -> Tensor {
    product(hidden, outputEmbedding ?? inputEmbedding, training: training)
  }

  /// What is read from rows of hidden states; where sums are to be batch-invariant, each row by
  /// itself, since LibTorch's order of summation depends on their number.
  ///
  /// - Parameters:
  ///   - hidden: `[R, D]`.
  ///   - read: Reads some of the rows, whose indices it is given; the numbers of a row together.
  /// - Returns: The numbers of all rows.
  package func readings(_ hidden: Tensor, _ read: (Tensor, Range<Int>) -> Tensor) -> [Float] {
    let count = hidden.shape[0]
    guard isBatchInvariant else { return read(hidden, 0..<count).floats }
    return (0..<count).flatMap {
      read(hidden.narrowed(axis: 0, start: $0, count: 1), $0..<$0 + 1).floats
    }
  }

  /// Rows times a weight, and a bias: `[N, I]` to `[N, O]`.
  func product(
    _ x: Tensor,
    _ weight: Parameter,
    bias: Parameter? = nil,
    training: Bool
  ) -> Tensor {
    if !training, packs(rows: x.shape[0]), let packed = weight.packed(weightFormat, computeType) {
      return packed(
        x,
        bias: bias.map { $0(computeType, cached: true) },
        isBatchInvariant: isBatchInvariant
      )
    }
    return linear(
      x,
      weight(computeType, cached: !training),
      bias: bias.map { $0(computeType, cached: !training) }
    )
  }

  /// Packs the weights of blocks, where every product uses them so, and gives up their plain form.
  ///
  /// From then on the decoder is for inference alone, and `computeType` and `weightFormat` are fixed.
  /// Embeddings keep their plain form, since single rows of them are read.
  package func packForInference() {
    // Plain float32 has another form for single steps.
    guard packs(rows: .max), weightFormat != .plain || computeType == .bfloat16 else { return }
    for block in blocks {
      for weight in [block.qkv, block.output, block.gateUp, block.down] {
        weight.packForGood(weightFormat, computeType)
      }
    }
    Engine.releaseMemory()
  }

  /// Rows up to which packed weights are faster on every processor.
  private static let fewRows = 16

  private func packs(rows: Int) -> Bool {
    guard device == .cpu else { return false }
    if weightFormat != .plain || isBatchInvariant { return true }
    return computeType == .bfloat16 && (PackedWeight.isFast || rows <= Self.fewRows)
  }

  /// Whether few different numbers of rows are worth some rows of no meaning.
  ///
  /// oneDNN, which computes bfloat16 products on the CPU, compiles a kernel for every new number.
  package var roundsRows: Bool {
    computeType == .bfloat16 && device == .cpu && !packs(rows: Self.fewRows + 1)
  }
}
