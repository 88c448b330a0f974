// S sequences, D hidden, M pages a sequence, P tokens a page.

import AssayTensor

/// Keys and values of all blocks, in pages that sequences own or share.
///
/// See `KeyValueCache` for how a sequence's tokens lie in its pages.
package struct DecoderCache {
  /// P, the tokens of one page.
  package static let pageTokens = KeyValueCache.pageTokens
  /// How many pages there are.
  package private(set) var pageCount: Int
  private(set) var layers: [KeyValueCache]

  /// Makes an empty cache.
  ///
  /// - Parameters:
  ///   - model: Whose keys and values are kept.
  ///   - pages: How many pages.
  package init(_ model: Decoder, pages: Int) {
    pageCount = pages
    layers = (0..<model.configuration.layerCount).map { _ in
      // One more page takes what the rows of no meaning write.
      KeyValueCache(
        pages: pages + (model.roundsRows ? 1 : 0),
        groups: model.configuration.groupCount,
        width: model.configuration.headWidth,
        dtype: model.execution.dtype,
        device: model.device
      )
    }
  }

  /// Adds empty pages behind those that are there.
  ///
  /// Blocks grow one by one: beside the new cache there is never more than one block's old one.
  ///
  /// - Parameter pages: How many pages there are then.
  package mutating func grow(to pages: Int) {
    precondition(pages >= pageCount, "\(pages) pages where there are \(pageCount)")
    for index in layers.indices { layers[index] = layers[index].grown(by: pages - pageCount) }
    pageCount = pages
  }

  /// Bytes that one page of all blocks takes.
  ///
  /// - Parameter model: Whose keys and values are kept.
  /// - Returns: Bytes of keys and values together.
  package static func pageBytes(_ model: Decoder) -> Int {
    pageBytes(model.configuration, model.execution.dtype)
  }

  /// The same of a model's sizes and the type that it computes in.
  package static func pageBytes(_ configuration: ModelConfiguration, _ dtype: DType) -> Int {
    2 * configuration.layerCount * pageTokens * configuration.groupCount * configuration.headWidth
      * dtype.byteCount
  }

  /// Copies whole pages onto others, in all blocks, in place.
  ///
  /// - Parameters:
  ///   - from: Pages to read.
  ///   - to: As many pages to overwrite.
  package func copyInPlace(from: [Int32], to: [Int32]) {
    guard !from.isEmpty else { return }
    for layer in layers { layer.copyInPlace(from: from, to: to) }
  }

  /// Empties whole pages, in all blocks, in place.
  ///
  /// - Parameter pages: Pages to overwrite.
  package func clearInPlace(_ pages: [Int32]) {
    for layer in layers { layer.clearInPlace(pages) }
  }
}

extension Decoder {
  /// Bytes of weights up to which a second, packed copy is kept.
  private static let packedBytes = 64 << 20

  /// Whether a second copy of a model's float32 weights is kept for single steps.
  package static func packsSteps(_ configuration: ModelConfiguration) -> Bool {
    configuration.experts == nil && configuration.parameterCount * 4 <= packedBytes
  }

  /// Reads whole sequences, each into pages of its own.
  ///
  /// - Parameters:
  ///   - batch: Packed sequences; one of no meaning may be behind them.
  ///   - cache: Where keys and values go.
  ///   - tables: The pages of each sequence, at least as many as its tokens need.
  /// - Returns: Hidden states of each sequence's last token after the final norm, `[S, D]`.
  package func prefill(_ batch: PackedBatch, into cache: DecoderCache, tables: [[Int32]]) -> Tensor
  {
    withoutGradients {
      let rows = zip(batch.starts, batch.lengths).map { Int64($0 + $1 - 1) }
      let P = DecoderCache.pageTokens
      var cells: [Int32] = []
      cells.reserveCapacity(batch.tokenCount)
      for (table, length) in zip(tables, batch.lengths) {
        for position in 0..<length {
          cells.append(table[position / P] * Int32(P) + Int32(position % P))
        }
      }
      let cellTensor = Tensor(cells).to(device)
      let isWhole = batch.lengths.count == tables.count
      let attention = PackedAttention(
        batch: batch,
        positions: batch.positions,
        angles: weights.angles
      ) { block, rotated in
        cache.layers[block].storeInPlace(
          isWhole ? rotated : rotated.narrowed(axis: 0, start: 0, count: batch.tokenCount),
          cells: cellTensor,
          heads: configuration.headCount,
          groups: configuration.groupCount
        )
      }
      return hiddenStates(
        batch.ids,
        rows: Tensor(Array(rows.prefix(tables.count))).to(device),
        training: false,
        attention: attention
      )
    }
  }

  /// Reads one more token of each sequence.
  ///
  /// - Parameters:
  ///   - tokens: The tokens, one a sequence.
  ///   - cache: Keys and values of what came before.
  ///   - tables: The pages of each sequence, `[S, M]` row by row; those not reached yet may be any.
  ///     Sequences that share pages are fastest as neighbours.
  ///   - positions: The index of each token in its sequence. Several tokens of one sequence may be
  ///     read at once, as neighbours: each sees those at positions before its own.
  /// - Returns: Hidden states of the tokens after the final norm, `[S, D]`.
  package func step(
    _ tokens: [Int32],
    _ cache: DecoderCache,
    tables: [Int32],
    positions: [Int32]
  ) -> Tensor {
    let spare = roundsRows && tokens.count > 4 ? (8 - tokens.count % 8) % 8 : 0
    guard spare > 0 else {
      return hiddenStates(tokens, cache, tables: tables, positions: positions)
    }
    let width = tables.count / tokens.count
    let hidden = hiddenStates(
      tokens + [Int32](repeating: 0, count: spare),
      cache,
      tables: tables + [Int32](repeating: Int32(cache.pageCount), count: spare * width),
      positions: positions + (0..<Int32(spare))
    )
    return hidden.narrowed(axis: 0, start: 0, count: tokens.count)
  }

  private func hiddenStates(
    _ tokens: [Int32],
    _ cache: DecoderCache,
    tables: [Int32],
    positions: [Int32]
  ) -> Tensor {
    withoutGradients {
      let S = tokens.count
      let attention = PagedAttention(
        layers: cache.layers,
        tables: Tensor(tables, [S, tables.count / S]).to(device),
        positions: Tensor(positions).to(device),
        angles: weights.angles
      )
      let ids = Tensor(tokens.map(Int64.init)).to(device)
      return hiddenStates(ids, rows: nil, training: false, attention: attention)
    }
  }

  /// Reads one more token of each sequence and picks the next where one is wanted.
  ///
  /// On the CPU small float32 models and all with packed weights in bfloat16 take one fused step; others
  /// go through `step` and `sampleTokens`.
  ///
  /// - Parameters:
  ///   - tokens: The tokens, one a sequence.
  ///   - cache: Keys and values of what came before.
  ///   - tables: As in `step`.
  ///   - positions: The index of each token in its sequence.
  ///   - rows: How to pick each sequence's next token; `nil` where none is wanted.
  /// - Returns: What was picked, zeros where nothing was wanted, and the hidden states after the
  ///   final norm, `[S, D]`.
  package func step(
    _ tokens: [Int32],
    _ cache: DecoderCache,
    tables: [Int32],
    positions: [Int32],
    rows: [SamplingRow?]
  ) -> (picked: SampledTokens, hidden: Tensor) {
    if let stepper = weights.stepper(execution, rows: tokens.count) {
      return stepper.step(
        tokens,
        caches: cache.layers,
        angles: weights.angles,
        tables: tables,
        positions: positions,
        rows: rows
      )
    }
    let hidden = step(tokens, cache, tables: tables, positions: positions)
    var picked = SampledTokens(empty: tokens.count)
    let wanted = rows.indices.filter { rows[$0] != nil }
    guard !wanted.isEmpty else { return (picked, hidden) }
    let logits = withoutGradients {
      wanted.count == rows.count
        ? self.logits(hidden, training: false)
        : self.logits(
          hidden.selected(axis: 0, Tensor(wanted.map(Int64.init)).to(device)),
          training: false
        )
    }
    let sampled = sampleTokens(logits, rows: wanted.compactMap { rows[$0] })
    for (index, row) in wanted.enumerated() {
      picked.tokens[row] = sampled.tokens[index]
      picked.logProbabilities[row] = sampled.logProbabilities[index]
      picked.top[row] = sampled.top[index]
      picked.read[row] = sampled.read[index]
    }
    return (picked, hidden)
  }
}
