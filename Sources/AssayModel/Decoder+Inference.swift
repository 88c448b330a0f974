// S sequences, D hidden, M pages a sequence, P tokens a page.

import AssayTensor

/// Keys and values of all blocks, in pages that sequences own or share.
///
/// See `KeyValueCache` for how a sequence's tokens lie in its pages.
public struct DecoderCache {
  /// P, the tokens of one page.
  public static let pageTokens = KeyValueCache.pageTokens
  /// How many pages there are.
  public let pageCount: Int
  let layers: [KeyValueCache]

  /// Makes an empty cache.
  ///
  /// - Parameters:
  ///   - model: Whose keys and values are kept.
  ///   - pages: How many pages.
  public init(_ model: Decoder, pages: Int) {
    pageCount = pages
    layers = (0..<model.configuration.layerCount).map { _ in
      KeyValueCache(
        pages: pages,
        groups: model.configuration.groupCount,
        width: model.configuration.headWidth,
        dtype: model.computeType,
        device: model.device
      )
    }
  }

  /// Bytes that one page of all blocks takes.
  ///
  /// - Parameter model: Whose keys and values are kept.
  /// - Returns: Bytes of keys and values together.
  public static func pageBytes(_ model: Decoder) -> Int {
    let configuration = model.configuration
    return 2 * configuration.layerCount * pageTokens * configuration.groupCount
      * configuration.headWidth * model.computeType.byteCount
  }

  /// Copies whole pages onto others, in all blocks, in place.
  ///
  /// - Parameters:
  ///   - from: Pages to read.
  ///   - to: As many pages to overwrite.
  public func copyInPlace(from: [Int32], to: [Int32]) {
    guard !from.isEmpty else { return }
    for layer in layers { layer.copyInPlace(from: from, to: to) }
  }
}

extension Decoder {
  /// Reads whole sequences, each into pages of its own.
  ///
  /// - Parameters:
  ///   - batch: Packed sequences.
  ///   - cache: Where keys and values go.
  ///   - tables: The pages of each sequence, at least as many as its tokens need.
  /// - Returns: Hidden states of each sequence's last token after the final norm, `[S, D]`.
  public func prefill(_ batch: PackedBatch, into cache: DecoderCache, tables: [[Int32]]) -> Tensor {
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
      let (H, G) = (configuration.headCount, configuration.groupCount)
      return hiddenStates(batch, rows: Tensor(rows).to(device), training: false) { index, rotated in
        cache.layers[index].storeInPlace(rotated, cells: cellTensor, heads: H, groups: G)
      }
    }
  }

  /// Reads one more token of each sequence.
  ///
  /// - Parameters:
  ///   - tokens: The tokens, one a sequence.
  ///   - cache: Keys and values of what came before.
  ///   - tables: The pages of each sequence, `[S, M]` row by row; those not reached yet may be any.
  ///     Sequences that share pages are fastest as neighbours.
  ///   - positions: The index of each token in its sequence.
  /// - Returns: Hidden states of the tokens after the final norm, `[S, D]`.
  public func step(
    _ tokens: [Int32],
    _ cache: DecoderCache,
    tables: [Int32],
    positions: [Int32]
  ) -> Tensor {
    withoutGradients {
      let (H, G) = (configuration.headCount, configuration.groupCount)
      let epsilon = configuration.normEpsilon
      func weight(_ parameter: Parameter) -> Tensor { parameter(computeType, cached: true) }
      let S = tokens.count
      let tableTensor = Tensor(tables, [S, tables.count / S]).to(device)
      let positionTensor = Tensor(positions).to(device)
      var stream = embedding(weight(inputEmbedding), Tensor(tokens.map(Int64.init)).to(device))
      var normed = rmsNorm(stream, weight(blocks[0].inputNorm), epsilon: epsilon)  // [S, D]
      for (index, block) in blocks.enumerated() {
        let qkv = linear(normed, weight(block.qkv), bias: block.qkvBias.map(weight))
        let attended = cache.layers[index].attend(
          qkv,
          tables: tableTensor,
          positions: positionTensor,
          table: table,
          heads: H,
          groups: G
        )
        (stream, normed) = addRMSNorm(
          linear(attended, weight(block.output)),
          residual: stream,
          weight(block.middleNorm),
          epsilon: epsilon
        )
        let wide = swiGLU(linear(normed, weight(block.gateUp)))  // [S, F]
        let next = index + 1 < blocks.count ? blocks[index + 1].inputNorm : finalNorm
        (stream, normed) = addRMSNorm(
          linear(wide, weight(block.down)),
          residual: stream,
          weight(next),
          epsilon: epsilon
        )
      }
      return normed
    }
  }
}
