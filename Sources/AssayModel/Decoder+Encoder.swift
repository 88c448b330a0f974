// The encoder: blocks whose tokens see all others of their text, with norms behind each part.
// Letters: N tokens of all texts, T of one, R rows asked for, D hidden, H heads, K head width, P positions
// that occur.

import AssayTensor

extension Decoder {
  /// The hidden states of chosen rows, of an encoder.
  ///
  /// - Parameters:
  ///   - batch: Packed texts.
  ///   - rows: Rows wanted, `[R]`, int64; `nil` is all N.
  ///   - training: Whether gradients will be asked for.
  ///   - options: What it computes.
  ///   - own: Its weights outside of the blocks.
  /// - Returns: `[R, D]` in the compute type.
  ///
  /// Source: He et al. 2021 (arXiv:2006.03654) section 3.
  func encoded(
    _ batch: PackedBatch,
    rows: Tensor?,
    training: Bool,
    _ options: EncoderOptions,
    _ own: EncoderParts<Weight>
  ) -> Tensor {
    let parts = weights.parts
    func weight(_ weight: Weight) -> Tensor { weight(execution.dtype, training: training) }
    func norm(_ x: Tensor, _ scale: Weight?, _ bias: Weight?) -> Tensor {
      guard let scale, let bias else { return x }
      let epsilon = configuration.options.normEpsilon
      return layerNorm(x, weight(scale), bias: weight(bias), epsilon: epsilon)
    }
    let tokens = parts.embedding.rows(batch.ids, execution.dtype)
    let embedded = norm(tokens, own.embeddingNorm.weight, own.embeddingNorm.bias)  // [N, D]
    let places = RelativePlaces(batch.lengths, options, heads: configuration.headCount, device)
    let known = weight(own.relative)
      .narrowed(axis: 0, start: places.range.lowerBound, count: places.range.count)
    let relative = norm(known, own.relativeNorm?.weight, own.relativeNorm?.bias)  // [P, D]
    var x = embedded
    for (index, block) in parts.blocks.enumerated() {
      guard let biases = block.encoder, let inner = block.feedForward else { continue }
      let qkv = product(x, block.qkv, bias: block.qkvBias, training: training)
      // Positions have the keys and queries that contents have.
      let positions = product(relative, block.qkv, bias: block.qkvBias, training: training)
      var mixed = attended(qkv, positions, batch, places, options)  // [N, H K]
      let isLast = index + 1 == parts.blocks.count && (index > 0 || own.convolution == nil)
      if isLast, let rows {
        mixed = mixed.selected(axis: 0, rows)  // [R, H K]
        x = x.selected(axis: 0, rows)  // [R, D]
      }
      mixed = product(mixed, block.output, bias: biases.outputBias, training: training)
      x = norm(mixed + x, block.attentionNorm, biases.attentionNormBias)
      let wide = product(x, inner.gateUp, bias: biases.innerBias, training: training).gelu()
      let narrow = product(wide, inner.down, bias: biases.downBias, training: training)
      x = norm(narrow + x, block.feedForwardNorm, biases.feedForwardNormBias)
      if index == 0, let convolution = own.convolution, let settings = options.convolution {
        let near = convolved(embedded, weight(convolution.weight), batch.lengths)
        let sum = near + weight(convolution.bias)
        let active = settings.isGELU ? sum.gelu() : sum.tanh()
        x = norm(x + active, convolution.norm.weight, convolution.norm.bias)
      }
    }
    return rows.map { x.shape[0] == $0.shape[0] ? x : x.selected(axis: 0, $0) } ?? x
  }

  /// `softmax((q k + q p_k + k p_q) / sqrt(K terms)) v` within each text.
  private func attended(
    _ qkv: Tensor,
    _ positions: Tensor,
    _ batch: PackedBatch,
    _ places: RelativePlaces,
    _ options: EncoderOptions
  ) -> Tensor {
    let (H, K) = (configuration.headCount, configuration.headWidth)
    /// Queries, keys or values of some rows: `[H, rows, K]`.
    func heads(_ x: Tensor, _ kind: Int) -> Tensor {
      x.narrowed(axis: 1, start: kind * H * K, count: H * K).reshaped([-1, H, K]).transposed(0, 1)
    }
    let scale = 1 / Double(K * options.terms).squareRoot()
    let (toQuery, toKey) = (heads(positions, 0), heads(positions, 1))  // [H, P, K]
    let texts = zip(batch.starts, batch.lengths).map { start, T in
      let own = qkv.narrowed(axis: 0, start: start, count: T)
      let (query, key, value) = (heads(own, 0), heads(own, 1), heads(own, 2))  // [H, T, K]
      var scores = query.matmul(key.transposed(1, 2))  // [H, T, T]
      if let place = places.indices[T] {
        if options.contentToPosition {
          let all = query.matmul(toKey.transposed(1, 2))  // [H, T, P]
          scores = scores + all.gathered(axis: 2, place)
        }
        if options.positionToContent {
          let all = key.matmul(toQuery.transposed(1, 2))  // [H, T, P]
          scores = scores + all.gathered(axis: 2, place.transposed(1, 2)).transposed(1, 2)
        }
      }
      let shares = (scores.to(.float32) * scale).softmax(axis: 2).to(qkv.dtype)
      return shares.matmul(value).transposed(0, 1).reshaped([T, H * K])
    }
    return .concatenated(texts)
  }

  /// Each token's neighbours, zeros outside of a text, times `[D, D, tokens]`.
  private func convolved(_ x: Tensor, _ weight: Tensor, _ lengths: [Int]) -> Tensor {
    let (D, width) = (weight.shape[0], weight.shape[2])
    let side = Tensor.zeros([width / 2, D], dtype: x.dtype, device: x.device)
    var start = 0
    let texts = lengths.map { T in
      let padded = Tensor.concatenated([side, x.narrowed(axis: 0, start: start, count: T), side])
      start += T
      let near = (0..<width).map { padded.narrowed(axis: 0, start: $0, count: T) }
      return Tensor.concatenated(near, axis: 1)  // [T, tokens D]
    }
    let rows = weight.transposed(1, 2).reshaped([D, width * D])
    return linear(.concatenated(texts), rows)  // [N, D]
  }
}

/// Which embeddings of relative positions texts need, and where each pair of tokens finds its own.
private struct RelativePlaces {
  /// Rows of the table of embeddings.
  let range: Range<Int>
  /// By a text's length the row within `range` for each query and key, `[H, T, T]`, int64.
  let indices: [Int: Tensor]

  init(_ lengths: [Int], _ options: EncoderOptions, heads H: Int, _ device: Device) {
    let longest = lengths.max() ?? 1
    let buckets = (1 - longest..<longest).map { options.bucket($0) + options.span }
    let first = buckets.min() ?? 0
    range = first..<(buckets.max() ?? 0) + 1
    var made: [Int: Tensor] = [:]
    for T in Set(lengths) {
      let places = (0..<T).flatMap { query in
        (0..<T).map { key in Int64(buckets[query - key + longest - 1] - first) }
      }
      let one = Tensor(places, [1, T, T]).to(device)
      made[T] = .concatenated(Array(repeating: one, count: H))
    }
    indices = made
  }
}
