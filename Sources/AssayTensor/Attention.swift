// N tokens of all sequences one behind the other, H query heads, G key/value heads, K head width,
// T positions.

import CTorch

/// Cosines and sines of the rotary embedding, `[T, K/2]` each, float32.
package struct RotaryTable {
  /// Cosines, `[T, K/2]`.
  package let cosine: Tensor
  /// Sines, `[T, K/2]`.
  package let sine: Tensor

  /// Makes a table.
  ///
  /// - Parameters:
  ///   - cosine: `[T, K/2]`, float32.
  ///   - sine: `[T, K/2]`, float32.
  package init(cosine: Tensor, sine: Tensor) {
    self.cosine = cosine
    self.sine = sine
  }
}

/// What an attention call computes: `softmax(cap(scale q k) + mask) v`.
package struct AttentionOptions: Equatable, Sendable {
  /// H, query heads.
  package var heads: Int
  /// G, key/value heads; divides H.
  package var groups: Int
  /// What products of queries and keys are multiplied with; `nil` is `1 / sqrt(K)`.
  package var scale: Float?
  /// c of `c tanh(s / c)`, which bounds the products; `nil` bounds nothing.
  ///
  /// Source: Gemma Team 2024 (arXiv:2408.00118) section 2, "Logit soft-capping".
  package var softCap: Float?
  /// How many tokens a token sees, itself and those before it; `nil` is all.
  ///
  /// Source: Beltagy et al. 2020 (arXiv:2004.05150), as Mistral and Gemma use it.
  package var window: Int?

  /// Makes options.
  package init(
    heads: Int,
    groups: Int,
    scale: Float? = nil,
    softCap: Float? = nil,
    window: Int? = nil
  ) {
    self.heads = heads
    self.groups = groups
    self.scale = scale
    self.softCap = softCap
    self.window = window
  }

  var raw: ct_attention {
    ct_attention(
      heads: Int32(heads),
      groups: Int32(groups),
      scale: scale ?? 0,
      soft_cap: softCap ?? 0,
      window: Int32(clamping: window ?? 0)
    )
  }
}

/// Causal attention within each of the packed sequences, queries and keys rotated by position.
///
/// Softmax in float32. Linear in memory: scores are never stored.
///
/// - Parameters:
///   - qkv: Queries, keys and values of each token, `[N, (H + 2G) K]`.
///   - positions: Where each token stands in its sequence, `[N]`, int32: what it is rotated by.
///   - table: Angles for all positions.
///   - lengths: Tokens of each sequence; their sum is N.
///   - options: Heads, scale, cap and window.
///   - wantsRotated: Whether the rotated rows are asked for.
/// - Returns: `[N, H K]`, and the rotated rows to store in a cache, without gradient.
///
/// Source: Su et al. 2021 (arXiv:2104.09864), halves as in Hugging Face's Llama; Dao et al. 2022.
package func rotaryAttention(
  _ qkv: Tensor,
  positions: Tensor,
  table: RotaryTable,
  lengths: [Int],
  options: AttentionOptions,
  wantsRotated: Bool = false
) -> (output: Tensor, rotated: Tensor?) {
  var rotated: ct_tensor?
  var raw = options.raw
  let output = Tensor("rotaryAttention") { out in
    withUnsafeMutablePointer(to: &rotated) {
      ct_rotary_attention(
        qkv.handle,
        positions.handle,
        table.cosine.handle,
        table.sine.handle,
        lengths.map(Int64.init),
        Int32(lengths.count),
        &raw,
        out,
        wantsRotated ? $0 : nil
      )
    }
  }
  return (output, rotated.map(Tensor.init(owning:)))
}

/// RMSNorm of the queries and of the keys, each head by itself; values stay as they are.
///
/// A weight as long as all heads together norms them together.
///
/// - Parameters:
///   - qkv: `[N, (H + 2G) K]`.
///   - query: `[K]`, or `[H K]`.
///   - key: `[K]`, or `[G K]`.
///   - heads: H.
///   - groups: G.
///   - epsilon: Added to the mean square.
///   - offset: Added to the weights.
/// - Returns: `[N, (H + 2G) K]`.
///
/// Source: Qwen Team 2025 (arXiv:2505.09388) section 2; Team OLMo 2024 (arXiv:2501.00656) section 2.
package func headNorm(
  _ qkv: Tensor,
  query: Tensor,
  key: Tensor,
  heads: Int,
  groups: Int,
  epsilon: Double,
  offset: Double = 0
) -> Tensor {
  Tensor("headNorm") {
    ct_head_norm(
      qkv.handle,
      query.handle,
      key.handle,
      Int32(heads),
      Int32(groups),
      epsilon,
      offset,
      $0
    )
  }
}
