// Operations of the decoder that are one kernel each. Letters: N tokens of all sequences one
// behind the other, S sequences, D hidden, H query heads, G key/value heads, K head width,
// F feed-forward width, V vocabulary, T positions.

import CTorch

/// Rows of an embedding table.
///
/// - Parameters:
///   - weight: The table, `[V, D]`.
///   - ids: Rows to take, `[N]`, int64.
/// - Returns: `[N, D]`.
package func embedding(_ weight: Tensor, _ ids: Tensor) -> Tensor {
  Tensor("embedding") { ct_embedding(weight.handle, ids.handle, $0) }
}

/// `x / sqrt(mean(x^2) + epsilon) * weight`, reduced in float32.
///
/// - Parameters:
///   - x: `[N, D]`.
///   - weight: `[D]`.
///   - epsilon: Added to the mean square.
/// - Returns: `[N, D]`.
///
/// Source: Zhang and Sennrich 2019 (arXiv:1910.07467).
package func rmsNorm(_ x: Tensor, _ weight: Tensor, epsilon: Double) -> Tensor {
  Tensor("rmsNorm") { ct_rms_norm(x.handle, weight.handle, epsilon, $0) }
}

/// A residual sum and its RMSNorm in one pass over memory.
///
/// - Parameters:
///   - x: What is added, `[N, D]`.
///   - residual: The residual stream, `[N, D]`.
///   - weight: `[D]`.
///   - epsilon: Added to the mean square.
/// - Returns: `x + residual` and its norm, `[N, D]` each.
package func addRMSNorm(
  _ x: Tensor,
  residual: Tensor,
  _ weight: Tensor,
  epsilon: Double
) -> (sum: Tensor, normed: Tensor) {
  var sum: ct_tensor?
  let normed = Tensor("addRMSNorm") {
    ct_add_rms_norm(x.handle, residual.handle, weight.handle, epsilon, &sum, $0)
  }
  return (sum.map(Tensor.init(owning:)) ?? normed, normed)
}

/// `silu(gate) * up` of rows that hold the gate and then the other half.
///
/// - Parameter gateUp: `[N, 2F]`.
/// - Returns: `[N, F]`.
///
/// Source: Shazeer 2020 (arXiv:2002.05202).
package func swiGLU(_ gateUp: Tensor) -> Tensor {
  Tensor("swiGLU") { ct_swiglu(gateUp.handle, $0) }
}

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

/// Causal attention within each of the packed sequences, queries and keys rotated by position.
///
/// Softmax in float32. Linear in memory: scores are never stored.
///
/// - Parameters:
///   - qkv: Queries, keys and values of each token, `[N, (H + 2G) K]`.
///   - positions: Index of each token in its sequence, `[N]`, int32.
///   - table: Angles for all positions.
///   - lengths: Tokens of each sequence; their sum is N.
///   - heads: H.
///   - groups: G, which divides H.
///   - wantsRotated: Whether the rotated rows are asked for.
/// - Returns: `[N, H K]`, and the rotated rows to store in a cache, without gradient.
///
/// Source: Su et al. 2021 (arXiv:2104.09864), halves as in Hugging Face's Llama; Dao et al. 2022.
package func rotaryAttention(
  _ qkv: Tensor,
  positions: Tensor,
  table: RotaryTable,
  lengths: [Int],
  heads: Int,
  groups: Int,
  wantsRotated: Bool = false
) -> (output: Tensor, rotated: Tensor?) {
  var rotated: ct_tensor?
  let output = Tensor("rotaryAttention") { out in
    withUnsafeMutablePointer(to: &rotated) {
      ct_rotary_attention(
        qkv.handle,
        positions.handle,
        table.cosine.handle,
        table.sine.handle,
        lengths.map(Int64.init),
        Int32(lengths.count),
        Int32(heads),
        Int32(groups),
        out,
        wantsRotated ? $0 : nil
      )
    }
  }
  return (output, rotated.map(Tensor.init(owning:)))
}

/// The negative log likelihood of each row's target, without keeping a large vocabulary's logits.
///
/// - Parameters:
///   - hidden: `[N, D]`.
///   - weight: The output embedding, `[V, D]`, of the same element type.
///   - targets: `[N]`, int64, each below V.
/// - Returns: `[N]`, float32, nats.
package func tokenNLL(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor {
  Tensor("tokenNLL") { ct_token_nll(hidden.handle, weight.handle, targets.handle, $0) }
}
