// Letters: N rows, S sequences, M pages a sequence, P tokens a page, H query heads, G key/value
// heads, K head width.

import CTorch

/// Keys and values of one layer, in pages that sequences own or share.
///
/// A sequence has a table of page numbers: its token at position p lies in page `table[p / P]`, at
/// place `p % P`. Sequences with a common beginning share its full pages, which none of them writes
/// to; the kernel reads shared pages of neighbouring sequences once for all of them.
package struct KeyValueCache {
  /// P, the tokens of one page.
  package static let pageTokens = Int(CT_PAGE)

  /// `[pages, G, K, P]`.
  package let keys: Tensor
  /// `[pages, G, P, K]`.
  package let values: Tensor

  /// Makes an empty cache.
  ///
  /// - Parameters:
  ///   - pages: How many pages it has.
  ///   - groups: G.
  ///   - width: K.
  ///   - dtype: Element type.
  ///   - device: Where it lives.
  package init(pages: Int, groups: Int, width: Int, dtype: DType, device: Device = .cpu) {
    let P = Self.pageTokens
    keys = .zeros([pages, groups, width, P], dtype: dtype, device: device)
    values = .zeros([pages, groups, P, width], dtype: dtype, device: device)
  }

  private init(keys: Tensor, values: Tensor) {
    self.keys = keys
    self.values = values
  }

  /// A cache with the same pages and empty ones behind them.
  ///
  /// - Parameter pages: How many empty ones.
  /// - Returns: The cache, in memory of its own.
  package func grown(by pages: Int) -> KeyValueCache {
    func grown(_ tensor: Tensor) -> Tensor {
      let shape = [pages] + tensor.shape.dropFirst()
      let empty = Tensor.zeros(shape, dtype: tensor.dtype, device: tensor.device)
      return Tensor.concatenated([tensor, empty])
    }
    return KeyValueCache(keys: grown(keys), values: grown(values))
  }

  /// Stores the keys and values of rotated rows, in place.
  ///
  /// - Parameters:
  ///   - rotated: `[N, (H + 2G) K]`.
  ///   - cells: Each row's page times P plus its place in the page, `[N]`, int32.
  ///   - heads: H.
  ///   - groups: G.
  package func storeInPlace(_ rotated: Tensor, cells: Tensor, heads: Int, groups: Int) {
    let code = ct_cache_store(
      rotated.handle,
      keys.handle,
      values.handle,
      cells.handle,
      Int32(heads),
      Int32(groups)
    )
    if code != 0 { report(failure(code, "cache")) }
  }

  /// Copies whole pages onto others, in place.
  ///
  /// - Parameters:
  ///   - from: Pages to read.
  ///   - to: As many pages to overwrite.
  package func copyInPlace(from: [Int32], to: [Int32]) {
    precondition(from.count == to.count, "\(from.count) pages onto \(to.count)")
    let code = ct_cache_copy(keys.handle, values.handle, from, to, Int32(from.count))
    if code != 0 { report(failure(code, "cache copy")) }
  }

  /// Empties whole pages, in place.
  ///
  /// - Parameter pages: Pages to overwrite.
  package func clearInPlace(_ pages: [Int32]) {
    for page in pages {
      for tensor in [keys, values] {
        tensor.narrowed(axis: 0, start: Int(page), count: 1).fillInPlace(0)
      }
    }
  }

  /// Stores one new token a sequence and attends to its tokens so far, or those in the window.
  ///
  /// - Parameters:
  ///   - qkv: `[S, (H + 2G) K]`, not yet rotated.
  ///   - tables: Pages of each sequence, `[S, M]`, int32; those not reached yet may be any page.
  ///   - positions: Index of the new token in its sequence, `[S]`, int32, below M P.
  ///   - table: Angles.
  ///   - options: Heads, scale, cap and window.
  /// - Returns: `[S, H K]`.
  package func attend(
    _ qkv: Tensor,
    tables: Tensor,
    positions: Tensor,
    table: RotaryTable,
    options: AttentionOptions
  ) -> Tensor {
    var raw = options.raw
    return Tensor("cachedAttention") {
      ct_cached_attention(
        qkv.handle,
        keys.handle,
        values.handle,
        tables.handle,
        positions.handle,
        table.cosine.handle,
        table.sine.handle,
        &raw,
        $0
      )
    }
  }
}
