import AssayTensor

/// Keys and values of all blocks for a number of slots, each of which holds one sequence.
public struct DecoderCache {
  /// How many sequences fit.
  public let slotCount: Int
  /// How many tokens each may have.
  public let slotTokens: Int
  let layers: [KeyValueCache]

  /// Makes an empty cache.
  ///
  /// - Parameters:
  ///   - model: Whose keys and values are kept.
  ///   - slots: How many sequences.
  ///   - tokens: How many tokens each may have.
  public init(_ model: Decoder, slots: Int, tokens: Int) {
    slotCount = slots
    slotTokens = tokens
    layers = (0..<model.configuration.layerCount).map { _ in
      KeyValueCache(
        slots: slots, tokens: tokens, groups: model.configuration.groupCount,
        width: model.configuration.headWidth, dtype: model.computeType, device: model.device)
    }
  }

  /// Bytes that a cache of this size takes.
  ///
  /// - Parameters:
  ///   - model: Whose keys and values are kept.
  ///   - slots: How many sequences.
  ///   - tokens: How many tokens each may have.
  public static func byteCount(_ model: Decoder, slots: Int, tokens: Int) -> Int {
    let configuration = model.configuration
    return 2 * configuration.layerCount * slots * tokens * configuration.groupCount
      * configuration.headWidth * model.computeType.byteCount
  }
}

extension Decoder {
  /// Reads whole sequences, each into a slot of its own.
  ///
  /// - Parameters:
  ///   - batch: Packed sequences.
  ///   - cache: Where keys and values go.
  ///   - slots: The slot of each sequence.
  /// - Returns: Hidden states of each sequence's last token after the final norm, `[S, D]`.
  public func prefill(_ batch: PackedBatch, into cache: DecoderCache, slots: [Int]) -> Tensor {
    withoutGradients {
      let rows = zip(batch.starts, batch.lengths).map { Int64($0 + $1 - 1) }
      let slotOfRow = zip(slots, batch.lengths).flatMap { slot, length in
        [Int32](repeating: Int32(slot), count: length)
      }
      let slotTensor = Tensor(slotOfRow).to(device)
      let (H, G) = (configuration.headCount, configuration.groupCount)
      return hiddenStates(batch, rows: Tensor(rows).to(device), training: false) { index, rotated in
        cache.layers[index].storeInPlace(
          rotated, slots: slotTensor, positions: batch.positions,
          heads: H, groups: G)
      }
    }
  }

  /// Reads one more token of each sequence.
  ///
  /// - Parameters:
  ///   - tokens: The tokens, one a sequence.
  ///   - cache: Keys and values of what came before.
  ///   - slots: The slot of each sequence.
  ///   - positions: The index of each token in its sequence.
  /// - Returns: Hidden states of the tokens after the final norm, `[S, D]`.
  public func step(
    _ tokens: [Int32], _ cache: DecoderCache, slots: [Int], positions: [Int]
  ) -> Tensor {
    withoutGradients {
      let (H, G) = (configuration.headCount, configuration.groupCount)
      let epsilon = configuration.normEpsilon
      func weight(_ parameter: Parameter) -> Tensor { parameter(computeType, cached: true) }
      let slotTensor = Tensor(slots.map(Int32.init)).to(device)
      let positionTensor = Tensor(positions.map(Int32.init)).to(device)
      var stream = embedding(weight(inputEmbedding), Tensor(tokens.map(Int64.init)).to(device))
      var normed = rmsNorm(stream, weight(blocks[0].inputNorm), epsilon: epsilon)  // [S, D]
      for (index, block) in blocks.enumerated() {
        let qkv = linear(normed, weight(block.qkv), bias: block.qkvBias.map(weight))
        let attended = cache.layers[index].attend(
          qkv, slots: slotTensor, positions: positionTensor, table: table, heads: H, groups: G)
        (stream, normed) = addRMSNorm(
          linear(attended, weight(block.output)), residual: stream, weight(block.middleNorm),
          epsilon: epsilon)
        let wide = swiGLU(linear(normed, weight(block.gateUp)))  // [S, F]
        let next = index + 1 < blocks.count ? blocks[index + 1].inputNorm : finalNorm
        (stream, normed) = addRMSNorm(
          linear(wide, weight(block.down)), residual: stream, weight(next), epsilon: epsilon)
      }
      return normed
    }
  }
}
