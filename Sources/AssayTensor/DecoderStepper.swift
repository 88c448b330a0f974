// S sequences, M pages a sequence, D hidden, V vocabulary.

import CTorch

/// One decoding step of a small float32 decoder on the CPU as one parallel region.
///
/// Keeps a packed copy of the weights, which follows their changes in place. What a row gives is the
/// same bit for bit whatever rows are beside it.
package final class DecoderStepper {
  /// The weights that were packed, with an output embedding of their own.
  package let weights: DecoderParts<Tensor>
  private let outputEmbedding: Tensor
  private let handle: ct_stepper

  /// Packs weights.
  ///
  /// - Parameters:
  ///   - weights: Float32, on the CPU; without an output embedding the input embedding is taken.
  ///   - attention: What each block's attention computes.
  ///   - options: Everything else that it does.
  ///
  /// Gives `nil` where a width is no multiple of 16, and where a block has experts.
  package init?(
    _ weights: DecoderParts<Tensor>,
    attention: [AttentionOptions],
    options: DecoderOptions
  ) {
    guard weights.blocks.allSatisfy({ $0.experts.isEmpty }), let finalNorm = weights.finalNorm
    else { return nil }
    let widths = weights.blocks.flatMap { block in
      [block.qkv.shape[0]] + (block.feedForward.map { [$0.down.shape[1]] } ?? [])
    }
    guard (widths + [finalNorm.count]).allSatisfy({ $0 % 16 == 0 }) else { return nil }
    precondition(attention.count == weights.blocks.count, "\(attention.count) attentions")
    let outputEmbedding = weights.outputEmbedding ?? weights.embedding
    var made: ct_stepper?
    var raw = options.raw
    let handles: [ct_tensor?] = weights.blocks.flatMap { $0.dense.map { $0?.handle } }
    let code = withExtendedLifetime(weights) {
      ct_stepper_make(
        weights.embedding.handle,
        handles,
        attention.map(\.raw),
        Int32(weights.blocks.count),
        finalNorm.handle,
        outputEmbedding.handle,
        &raw,
        &made
      )
    }
    if code != 0 { report(failure(code, "pack")) }
    guard let made else { return nil }
    self.weights = weights
    self.outputEmbedding = outputEmbedding
    handle = made
  }

  /// Whether these are the very tensors that were packed, not only equal to them.
  ///
  /// - Parameter other: Other weights.
  /// - Returns: Whether each tensor is the other's.
  package func holds(_ other: DecoderParts<Tensor>) -> Bool {
    let (own, other) = (weights.all, other.all)
    return own.count == other.count
      && zip(own, other).allSatisfy { $0.storage === $1.storage }
  }

  deinit { ct_stepper_free(handle) }

  /// Reads one token of each sequence and picks the next where one is wanted.
  ///
  /// - Parameters:
  ///   - tokens: S tokens.
  ///   - caches: Keys and values, one cache a block; the new ones are stored in place.
  ///   - angles: A table for each block.
  ///   - tables: Pages of each sequence, `[S, M]` row by row.
  ///   - positions: Index of each token in its sequence.
  ///   - rows: How to pick each next token; `nil` where none is wanted.
  /// - Returns: What was picked, zeros where nothing was wanted, and the hidden states after the
  ///   final norm, `[S, D]`.
  package func step(
    _ tokens: [Int32],
    caches: [KeyValueCache],
    angles: [RotaryTable],
    tables: [Int32],
    positions: [Int32],
    rows: [SamplingRow?]
  ) -> (picked: SampledTokens, hidden: Tensor) {
    let S = tokens.count
    precondition(
      caches.count == weights.blocks.count && angles.count == caches.count && positions.count == S
        && rows.count == S && S > 0
        && tables.count % S == 0,
      "\(S) tokens with \(positions.count) positions, \(tables.count) pages, \(rows.count) rows"
    )
    let read = tokens
    let handles: [ct_tensor?] = caches.flatMap { [$0.keys.handle, $0.values.handle] }
    let angleHandles: [ct_tensor?] = angles.flatMap { [$0.cosine.handle, $0.sine.handle] }
    let wanted = rows.map { $0 == nil ? UInt8(0) : 1 }
    var hidden: Tensor?
    let V = outputEmbedding.shape[0]
    let picked = sampled(rows, vocabularySize: V) { arguments, tokens, logProbabilities in
      hidden = Tensor("step") { out in
        withExtendedLifetime((caches, angles)) {
          ct_stepper_step(
            handle,
            handles,
            angleHandles,
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
