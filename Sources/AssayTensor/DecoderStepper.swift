// S sequences, M pages a sequence, D hidden, H query heads, G key/value heads, K head width,
// F feed-forward width, V vocabulary.

import CTorch

/// One decoding step of a small float32 decoder on the CPU as one parallel region.
///
/// Keeps a packed copy of the weights, which follows their changes in place. What a row gives is the
/// same bit for bit whatever rows are beside it.
package final class DecoderStepper {
  /// One block's weights.
  package struct Layer {
    let inputNorm: Tensor
    let qkv: Tensor
    let qkvBias: Tensor?
    let output: Tensor
    let middleNorm: Tensor
    let gateUp: Tensor
    let down: Tensor

    /// Gathers a block's weights.
    ///
    /// - Parameters:
    ///   - inputNorm: `[D]`.
    ///   - qkv: `[(H + 2G) K, D]`.
    ///   - qkvBias: `[(H + 2G) K]`, or none.
    ///   - output: `[D, H K]`.
    ///   - middleNorm: `[D]`.
    ///   - gateUp: `[2F, D]`.
    ///   - down: `[D, F]`.
    package init(
      inputNorm: Tensor,
      qkv: Tensor,
      qkvBias: Tensor?,
      output: Tensor,
      middleNorm: Tensor,
      gateUp: Tensor,
      down: Tensor
    ) {
      self.inputNorm = inputNorm
      self.qkv = qkv
      self.qkvBias = qkvBias
      self.output = output
      self.middleNorm = middleNorm
      self.gateUp = gateUp
      self.down = down
    }

    var all: [Tensor?] { [inputNorm, qkv, qkvBias, output, middleNorm, gateUp, down] }
  }

  /// A decoder's weights.
  package struct Weights {
    let embedding: Tensor
    let layers: [Layer]
    let finalNorm: Tensor
    let outputEmbedding: Tensor

    /// Gathers a decoder's weights.
    ///
    /// - Parameters:
    ///   - embedding: `[V, D]`.
    ///   - layers: The blocks.
    ///   - finalNorm: `[D]`.
    ///   - outputEmbedding: `[V, D]`.
    package init(embedding: Tensor, layers: [Layer], finalNorm: Tensor, outputEmbedding: Tensor) {
      self.embedding = embedding
      self.layers = layers
      self.finalNorm = finalNorm
      self.outputEmbedding = outputEmbedding
    }

    private var all: [Tensor?] {
      [embedding, finalNorm, outputEmbedding] + layers.flatMap(\.all)
    }

    /// Whether these are the very tensors of another.
    ///
    /// - Parameter other: Other weights.
    /// - Returns: Whether each tensor is the other's, not only equal to it.
    package func isSame(as other: Weights) -> Bool {
      layers.count == other.layers.count
        && zip(all, other.all).allSatisfy { $0?.storage === $1?.storage }
    }
  }

  /// The weights that were packed.
  package let weights: Weights
  private let handle: ct_stepper

  /// Packs weights.
  ///
  /// - Parameters:
  ///   - weights: Float32, on the CPU.
  ///   - heads: H.
  ///   - groups: G.
  ///   - width: K.
  ///   - epsilon: Of the norms.
  ///
  /// Gives `nil` where a width is no multiple of 16.
  package init?(_ weights: Weights, heads: Int, groups: Int, width: Int, epsilon: Double) {
    guard let first = weights.layers.first else { return nil }
    let widths = [
      (heads + 2 * groups) * width, weights.finalNorm.count, first.down.shape.last ?? 1,
    ]
    guard widths.allSatisfy({ $0 % 16 == 0 }) else { return nil }
    var made: ct_stepper?
    let handles: [ct_tensor?] = weights.layers.flatMap { $0.all.map { $0?.handle } }
    let code = withExtendedLifetime(weights) {
      ct_stepper_make(
        weights.embedding.handle,
        handles,
        Int32(weights.layers.count),
        weights.finalNorm.handle,
        weights.outputEmbedding.handle,
        Int32(heads),
        Int32(groups),
        epsilon,
        &made
      )
    }
    if code != 0 { report(failure(code, "pack")) }
    guard let made else { return nil }
    self.weights = weights
    handle = made
  }

  deinit { ct_stepper_free(handle) }

  /// Reads one token of each sequence and picks the next where one is wanted.
  ///
  /// - Parameters:
  ///   - tokens: S tokens.
  ///   - caches: Keys and values, one cache a block; the new ones are stored in place.
  ///   - table: Angles.
  ///   - tables: Pages of each sequence, `[S, M]` row by row.
  ///   - positions: Index of each token in its sequence.
  ///   - rows: How to pick each next token; `nil` where none is wanted.
  /// - Returns: What was picked, zeros where nothing was wanted, and the hidden states after the
  ///   final norm, `[S, D]`.
  package func step(
    _ tokens: [Int32],
    caches: [KeyValueCache],
    table: RotaryTable,
    tables: [Int32],
    positions: [Int32],
    rows: [SamplingRow?]
  ) -> (picked: SampledTokens, hidden: Tensor) {
    let S = tokens.count
    precondition(
      caches.count == weights.layers.count && positions.count == S && rows.count == S && S > 0
        && tables.count % S == 0,
      "\(S) tokens with \(positions.count) positions, \(tables.count) pages, \(rows.count) rows"
    )
    let read = tokens
    let handles: [ct_tensor?] = caches.flatMap { [$0.keys.handle, $0.values.handle] }
    let wanted = rows.map { $0 == nil ? UInt8(0) : 1 }
    var hidden: Tensor?
    let V = weights.outputEmbedding.shape[0]
    let picked = sampled(rows, vocabularySize: V) { arguments, tokens, logProbabilities in
      hidden = Tensor("step") { out in
        withExtendedLifetime(caches) {
          ct_stepper_step(
            handle,
            handles,
            table.cosine.handle,
            table.sine.handle,
            Int32(S),
            read,
            tables,
            Int32(tables.count / S),
            positions,
            wanted,
            arguments.settings,
            arguments.seen,
            arguments.seenCounts,
            tokens,
            logProbabilities,
            out
          )
        }
      }
    }
    return (picked, hidden ?? .zeros([S, 0]))
  }
}
