// The decoder: norms, rotary grouped-query attention and gated feed-forward blocks over a residual
// stream. What an architecture has of it, its weights' specification says.
// Letters: N tokens, R rows asked for, D hidden, H query heads, G key/value heads, K head width,
// F feed-forward width, V vocabulary.

import AssayTensor

/// The transformer trunk, with the output embedding of its language model, and how it computes.
///
/// A value: two may compute in different ways with the same weights.
package struct Decoder {
  /// The weights.
  package let weights: DecoderWeights
  /// How it computes.
  package var execution: Execution

  /// Puts a decoder together.
  package init(_ weights: DecoderWeights, execution: Execution) {
    self.weights = weights
    self.execution = execution
  }

  /// Makes a decoder with random weights.
  ///
  /// Normal with the configuration's `initializerRange`, as `WeightSpec` says; norms are one and
  /// biases zero.
  ///
  /// - Parameters:
  ///   - configuration: Sizes.
  ///   - seed: Every weight is a function of it.
  ///   - device: Where the weights go.
  ///   - dtype: The type of the weights; float32 to train them.
  ///   - isLanguageModel: Whether there is an output embedding.
  ///   - execution: How it computes.
  package init(
    random configuration: ModelConfiguration,
    seed: UInt64,
    device: Device = .cpu,
    dtype: DType = .float32,
    isLanguageModel: Bool = true,
    execution: Execution = Execution()
  ) {
    let weights = DecoderWeights(
      random: configuration,
      seed: seed,
      device: device,
      dtype: dtype,
      isLanguageModel: isLanguageModel
    )
    self.init(weights, execution: execution)
  }

  /// Sizes and constants.
  package var configuration: ModelConfiguration { weights.configuration }
  /// Where the weights are.
  package var device: Device { weights.device }
  /// Whether the model can predict tokens.
  package var isLanguageModel: Bool { weights.isLanguageModel }
  /// All weights that can be trained, in a fixed order.
  package var parameters: [Parameter] { weights.parameters }
  /// Whether training reads what texts begin with alike once: not where a text's length changes how its
  /// beginning is read.
  package var sharesPrefixes: Bool {
    if case .longrope? = configuration.rotary.scaling { return false }
    return execution.sharesPrefixes
  }
  /// Whether few different numbers of rows are worth some rows of no meaning.
  package var roundsRows: Bool { execution.roundsRows(on: device) }

  /// The tensors of a checkpoint with Hugging Face's names, in the order of the layers.
  ///
  /// - Parameter read: What is taken of a weight: its value, or its gradient.
  /// - Returns: The pieces that the joined weights are cut into.
  package func named(_ read: (Parameter) -> Tensor) -> [(name: String, tensor: Tensor)] {
    weights.named(read)
  }

  /// The weights under the names of another architecture that has the same ones.
  func named(as configuration: ModelConfiguration) -> [(name: String, tensor: Tensor)] {
    weights.named(as: configuration)
  }

  /// Packs the weights of blocks, where every product uses them so, and gives up their plain form.
  ///
  /// From then on the weights are for inference in this way alone. Embeddings keep their plain form,
  /// since single rows of them are read.
  package func packForInference() { weights.packForGood(execution) }

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
    if let options = configuration.encoder, let own = weights.parts.encoder {
      return encoded(batch, rows: rows, training: training, options, own)
    }
    let (angles, positions) = weights.rotation(of: batch)
    let attention = PackedAttention(batch: batch, positions: positions, angles: angles)
    return hiddenStates(batch.ids, rows: rows, training: training, attention: attention)
  }

  /// The hidden states after the final norm, however tokens see each other.
  ///
  /// - Parameters:
  ///   - ids: Tokens, `[N]`, int64.
  ///   - rows: Rows wanted, `[R]`, int64; `nil` is all N.
  ///   - training: Whether gradients will be asked for.
  ///   - attention: Attends in each block.
  /// - Returns: `[R, D]` in the compute type.
  func hiddenStates(
    _ ids: Tensor,
    rows: Tensor?,
    training: Bool,
    attention: some AttentionExecution
  ) -> Tensor {
    let (parts, constants) = (weights.parts, configuration.options)
    let (epsilon, offset) = (constants.normEpsilon, constants.normOffset)
    func weight(_ weight: Weight) -> Tensor { weight(execution.dtype, training: training) }
    func norm(_ x: Tensor, _ scale: Weight?) -> Tensor {
      scale.map { rmsNorm(x, weight($0), epsilon: epsilon, offset: offset) } ?? x
    }
    /// The stream with what a part adds to it, and the norm of that.
    func add(_ x: Tensor, _ stream: Tensor, _ scale: Weight?) -> (sum: Tensor, normed: Tensor) {
      let x = scaled(x, constants.residualScale)
      guard let scale else {
        let sum = x + stream
        return (sum, sum)
      }
      return addRMSNorm(x, residual: stream, weight(scale), epsilon: epsilon, offset: offset)
    }

    let rowsOfTable = parts.embedding.rows(ids, execution.dtype)
    var stream = scaled(rowsOfTable, constants.embeddingScale)  // [N, D]
    var normed = norm(stream, parts.blocks.first?.inputNorm)  // [N, D]
    func compute(_ index: Int, _ stream: Tensor, _ normed: Tensor) -> (Tensor, Tensor) {
      var stream = stream
      let block = parts.blocks[index]
      let options = weights.attention[index]
      var qkv = product(normed, block.qkv, bias: block.qkvBias, training: training)
      if let query = block.queryNorm, let key = block.keyNorm {
        qkv = headNorm(
          qkv,
          query: weight(query),
          key: weight(key),
          heads: options.heads,
          groups: options.groups,
          epsilon: epsilon,
          offset: offset
        )
      }
      var attended = attention.attend(qkv, block: index, options)  // [N, H K]
      let isLast = index + 1 == parts.blocks.count
      if isLast, let rows {
        attended = attended.selected(axis: 0, rows)  // [R, H K]
        stream = stream.selected(axis: 0, rows)  // [R, D]
      }
      let mixed = product(attended, block.output, training: training)
      let (sum, inner) = add(norm(mixed, block.attentionNorm), stream, block.middleNorm)
      let narrow = feedForward(inner, block, training: training)  // [N, D]
      let next = isLast ? parts.finalNorm : parts.blocks[index + 1].inputNorm
      return add(norm(narrow, block.feedForwardNorm), sum, next)
    }
    for index in parts.blocks.indices {
      (stream, normed) =
        training && execution.recomputes
        ? recomputed(stream, normed) { compute(index, $0, $1) } : compute(index, stream, normed)
    }
    return normed
  }

  private var outputEmbedding: Weight { weights.parts.outputEmbedding ?? weights.parts.embedding }

  /// The output embedding in the compute type, `[V, D]`.
  ///
  /// - Parameter training: Whether gradients will be asked for.
  /// - Returns: The tied input embedding where there is none of its own.
  package func outputWeight(training: Bool) -> Tensor {
    outputEmbedding(execution.dtype, training: training)
  }

  /// The logits of every token for hidden states.
  ///
  /// - Parameters:
  ///   - hidden: `[R, D]`.
  ///   - training: Whether gradients will be asked for.
  /// - Returns: `[R, V]` in the compute type.
  package func logits(_ hidden: Tensor, training: Bool) -> Tensor {
    finished(product(hidden, outputEmbedding, training: training))
  }

  /// The logits of some tokens for hidden states, computed in float32 whatever their type.
  ///
  /// - Parameters:
  ///   - hidden: `[R, D]`.
  ///   - ids: `[C]`, int64.
  ///   - training: Whether gradients will be asked for.
  /// - Returns: `[R, C]`, float32.
  package func logits(_ hidden: Tensor, of ids: Tensor, training: Bool) -> Tensor {
    let rows = outputWeight(training: training).selected(axis: 0, ids).to(.float32)
    return finished(linear(hidden.to(.float32), rows))
  }

  /// Products of hidden states and rows of the output embedding, scaled and bounded as the model does.
  private func finished(_ products: Tensor) -> Tensor {
    let logits = scaled(products, configuration.options.logitScale)
    return configuration.options.logitCap.map { (logits / $0).tanh() * $0 } ?? logits
  }

  /// The negative log likelihood of each row's target.
  ///
  /// - Parameters:
  ///   - hidden: `[N, D]`.
  ///   - targets: `[N]`, int64.
  ///   - training: Whether gradients will be asked for.
  /// - Returns: `[N]`, float32, nats.
  package func tokenLosses(_ hidden: Tensor, targets: Tensor, training: Bool) -> Tensor {
    tokenNLL(
      hidden: scaled(hidden, configuration.options.logitScale),
      weight: outputWeight(training: training),
      targets: targets,
      softCap: configuration.options.logitCap
    )
  }

  private func scaled(_ x: Tensor, _ factor: Double) -> Tensor { factor == 1 ? x : x * factor }

  /// What is read from rows of hidden states; where sums are to be batch-invariant, each row by
  /// itself, since LibTorch's order of summation depends on their number.
  ///
  /// - Parameters:
  ///   - hidden: `[R, D]`.
  ///   - read: Reads some of the rows, whose indices it is given; the numbers of a row together.
  /// - Returns: The numbers of all rows.
  package func readings(_ hidden: Tensor, _ read: (Tensor, Range<Int>) -> Tensor) -> [Float] {
    let count = hidden.shape[0]
    guard execution.isBatchInvariant else { return read(hidden, 0..<count).floats }
    return (0..<count).flatMap {
      read(hidden.narrowed(axis: 0, start: $0, count: 1), $0..<$0 + 1).floats
    }
  }

  /// Rows times a weight, and a bias: `[N, I]` to `[N, O]`.
  func product(
    _ x: Tensor,
    _ weight: Weight,
    bias: Weight? = nil,
    training: Bool
  ) -> Tensor {
    let bias = bias.map { $0(execution.dtype, training: training) }
    let frozen = training ? weight.frozen : nil
    // Beside what is trained, packings would come and go.
    let isPacked = weight.lowRank.map { $0.isFixed || weight.frozen != nil } ?? true
    let packed =
      !training && isPacked && execution.packs(rows: x.shape[0], on: device)
      ? weight.packed(execution) : nil
    if let lowRank = weight.lowRank {
      let plain = {
        weight.frozen?.unpacked(.float32) ?? weight(execution.dtype, training: training)
      }
      let base =
        frozen?.frozen(x)
        ?? packed.map { $0(x, bias: nil, isBatchInvariant: execution.isBatchInvariant) }
        ?? linear(x, plain())
      return lowRank.product(x, base: base, weight: plain, bias: bias)
    }
    if let frozen {
      let product = frozen.frozen(x)
      return bias.map { product + $0 } ?? product
    }
    if let packed {
      return packed(x, bias: bias, isBatchInvariant: execution.isBatchInvariant)
    }
    return linear(x, weight(execution.dtype, training: training), bias: bias)
  }
}
