// S sequences, M pages a sequence, D hidden, V vocabulary.

import CTorch

/// One decoding step of a decoder on the CPU in one call.
///
/// Of a small float32 model it is one parallel region, with a packed copy of the weights, which follows
/// their changes in place; of others in bfloat16 it takes the packed weights that separate operations
/// take, and gives what they give, bit for bit. What a row gives is the same bit for bit whatever rows
/// are beside it, in bfloat16 as far as the products' rows are.
package final class DecoderStepper {
  /// What it was made of.
  private let parts: [AnyObject]
  private let blockCount: Int
  private let vocabularySize: Int
  private let handle: ct_stepper

  private init(_ handle: ct_stepper, of parts: [AnyObject], blocks: Int, vocabularySize: Int) {
    (self.handle, self.parts) = (handle, parts)
    (blockCount, self.vocabularySize) = (blocks, vocabularySize)
  }

  /// Packs weights.
  ///
  /// - Parameters:
  ///   - weights: Float32, on the CPU; without an output embedding the input embedding is taken.
  ///   - attention: What each block's attention computes.
  ///   - options: Everything else that it does.
  ///
  /// Gives `nil` where a width is no multiple of 16, and where a block has experts.
  package convenience init?(
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
    self.init(
      made,
      of: weights.all.map(\.storage),
      blocks: weights.blocks.count,
      vocabularySize: outputEmbedding.shape[0]
    )
  }

  /// Takes packed weights.
  ///
  /// - Parameters:
  ///   - weights: On the CPU.
  ///   - attention: What each block's attention computes.
  ///   - options: Everything else that it does.
  ///   - isBatchInvariant: Whether rows are not to depend on others in int4 either.
  ///
  /// Gives `nil` where a product's inputs do not fill the packing's tiles.
  package convenience init?(
    _ weights: PackedDecoder,
    attention: [AttentionOptions],
    options: DecoderOptions,
    isBatchInvariant: Bool
  ) {
    let packings = weights.products + [weights.output]
    guard packings.allSatisfy(\.isWhole) else { return nil }
    precondition(
      attention.count == weights.vectors.count && weights.products.count == 4 * attention.count,
      "\(attention.count) attentions and \(weights.products.count) products"
    )
    var made: ct_stepper?
    var raw = options.raw
    let handles: [ct_tensor?] = weights.vectors.flatMap {
      $0.dense.map { $0.flatMap { $0?.handle } }
    }
    let products: [ct_packed?] = weights.products.map(\.handle)
    let code = withExtendedLifetime(weights) {
      ct_stepper_make_packed(
        weights.embedding.handle,
        handles,
        products,
        attention.map(\.raw),
        Int32(attention.count),
        weights.finalNorm.handle,
        weights.output.handle,
        &raw,
        isBatchInvariant,
        &made
      )
    }
    if code != 0 { report(failure(code, "step")) }
    guard let made else { return nil }
    self.init(
      made,
      of: weights.parts,
      blocks: attention.count,
      vocabularySize: weights.output.outputs
    )
  }

  /// Whether these are the very tensors that were packed, not only equal to them.
  package func holds(_ other: DecoderParts<Tensor>) -> Bool { holds(other.all.map(\.storage)) }

  /// Whether these are the very tensors and packings that it takes.
  package func holds(_ other: PackedDecoder) -> Bool { holds(other.parts) }

  private func holds(_ others: [AnyObject]) -> Bool {
    parts.count == others.count && zip(parts, others).allSatisfy { $0 === $1 }
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
      caches.count == blockCount && angles.count == caches.count && positions.count == S
        && rows.count == S && S > 0
        && tables.count % S == 0,
      "\(S) tokens with \(positions.count) positions, \(tables.count) pages, \(rows.count) rows"
    )
    let read = tokens
    let handles: [ct_tensor?] = caches.flatMap { [$0.keys.handle, $0.values.handle] }
    let angleHandles: [ct_tensor?] = angles.flatMap { [$0.cosine.handle, $0.sine.handle] }
    let wanted = rows.map { $0 == nil ? UInt8(0) : 1 }
    var hidden: Tensor?
    let picked = sampled(rows, vocabularySize: vocabularySize) {
      arguments,
      tokens,
      logProbabilities in
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

/// The weights of a decoder without experts in bfloat16, its products packed.
package struct PackedDecoder {
  /// The input embedding, `[V, D]`, float32 or bfloat16.
  package var embedding: Tensor
  /// What else each block has, in bfloat16; products are `nil`.
  package var vectors: [BlockParts<Tensor?>]
  /// Queries, keys and values, output, gate and other half, and down, of each block.
  package var products: [PackedWeight]
  /// The norm behind the last block, in bfloat16.
  package var finalNorm: Tensor
  /// The output embedding.
  package var output: PackedWeight

  /// Puts a decoder together.
  package init(
    embedding: Tensor,
    vectors: [BlockParts<Tensor?>],
    products: [PackedWeight],
    finalNorm: Tensor,
    output: PackedWeight
  ) {
    self.embedding = embedding
    self.vectors = vectors
    self.products = products
    self.finalNorm = finalNorm
    self.output = output
  }

  fileprivate var parts: [AnyObject] {
    let tensors = [embedding, finalNorm] + vectors.flatMap { $0.all.compactMap(\.self) }
    return tensors.map(\.storage) + products + [output]
  }
}
