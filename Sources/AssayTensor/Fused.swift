// Operations of the decoder that are one kernel each. Letters: N tokens of all sequences one
// behind the other, D hidden, F feed-forward width, V vocabulary.

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

/// The negative log likelihood of each row's target.
///
/// On the CPU the logits of a large vocabulary never exist all at once; elsewhere they do, `[N, V]`
/// in float32.
///
/// - Parameters:
///   - hidden: `[N, D]`.
///   - weight: The output embedding, `[V, D]`, of the same element type.
///   - targets: `[N]`, int64, each below V.
/// - Returns: `[N]`, float32, nats.
package func tokenNLL(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor {
  Tensor("tokenNLL") { ct_token_nll(hidden.handle, weight.handle, targets.handle, $0) }
}
