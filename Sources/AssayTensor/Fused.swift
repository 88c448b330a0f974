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

/// `x / sqrt(mean(x^2) + epsilon) * (weight + offset)`, reduced in float32.
///
/// - Parameters:
///   - x: `[N, D]`.
///   - weight: `[D]`.
///   - epsilon: Added to the mean square.
///   - offset: Added to the weight.
/// - Returns: `[N, D]`.
///
/// Source: Zhang and Sennrich 2019 (arXiv:1910.07467).
package func rmsNorm(
  _ x: Tensor,
  _ weight: Tensor,
  epsilon: Double,
  offset: Double = 0
) -> Tensor {
  Tensor("rmsNorm") { ct_rms_norm(x.handle, weight.handle, epsilon, offset, $0) }
}

/// A residual sum and its RMSNorm in one pass over memory.
///
/// - Parameters:
///   - x: What is added, `[N, D]`.
///   - residual: The residual stream, `[N, D]`.
///   - weight: `[D]`.
///   - epsilon: Added to the mean square.
///   - offset: Added to the weight.
/// - Returns: `x + residual` and its norm, `[N, D]` each.
package func addRMSNorm(
  _ x: Tensor,
  residual: Tensor,
  _ weight: Tensor,
  epsilon: Double,
  offset: Double = 0
) -> (sum: Tensor, normed: Tensor) {
  var sum: ct_tensor?
  let normed = Tensor("addRMSNorm") {
    ct_add_rms_norm(x.handle, residual.handle, weight.handle, epsilon, offset, &sum, $0)
  }
  return (sum.map(Tensor.init(owning:)) ?? normed, normed)
}

/// What a gated unit does with its gate.
package enum GateActivation: Int32, Sendable {
  /// `g sigmoid(g)`.
  case silu = 0
  /// `g (1 + tanh(sqrt(2 / pi) (g + 0.044715 g^3))) / 2`.
  case gelu = 1
}

/// `activation(gate) * up` of rows that hold the gate and then the other half.
///
/// - Parameters:
///   - gateUp: `[N, 2F]`.
///   - activation: SwiGLU's, or GeGLU's.
/// - Returns: `[N, F]`.
///
/// Source: Shazeer 2020 (arXiv:2002.05202); Hendrycks and Gimpel 2016 (arXiv:1606.08415).
package func gatedUnit(_ gateUp: Tensor, activation: GateActivation = .silu) -> Tensor {
  Tensor("gatedUnit") { ct_gated(gateUp.handle, activation.rawValue, $0) }
}

/// The negative log likelihood of each row's target.
///
/// The logits of a large vocabulary never exist all at once.
///
/// - Parameters:
///   - hidden: `[N, D]`.
///   - weight: The output embedding, `[V, D]`, of the same element type.
///   - targets: `[N]`, int64, each below V.
///   - softCap: c of `c tanh(l / c)`, which bounds the logits; `nil` bounds nothing.
/// - Returns: `[N]`, float32, nats.
package func tokenNLL(
  hidden: Tensor,
  weight: Tensor,
  targets: Tensor,
  softCap: Double? = nil
) -> Tensor {
  Tensor("tokenNLL") {
    ct_token_nll(hidden.handle, weight.handle, targets.handle, softCap ?? 0, $0)
  }
}
