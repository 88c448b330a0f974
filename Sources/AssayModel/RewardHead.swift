// D hidden, R rows.

import AssayTensor

/// What turns a hidden state into a reward.
package final class RewardHead {
  /// Which layout.
  package enum Kind: String, Codable, Sendable {
    /// One row without bias: `score.weight`, the sequence-classification layout.
    case linear
    /// CLoud's: `Linear(D, D)`, tanh, `Linear(D, 1)`, with biases.
    case cloud
  }

  /// Which layout.
  package let kind: Kind
  /// The weights: `[score.weight]`, or dense weight and bias, then output weight and bias.
  package let parameters: [Parameter]

  init(kind: Kind, parameters: [Parameter]) {
    self.kind = kind
    self.parameters = parameters
  }

  /// Makes a head with random weights.
  ///
  /// The linear head is normal with deviation `1 / (D + 1)`, after Stiennon et al. 2020; CLoud's
  /// two layers are uniform in `1 / sqrt(D)`'s variance, PyTorch's default, drawn as normal here.
  ///
  /// - Parameters:
  ///   - kind: Which layout.
  ///   - hiddenSize: D.
  ///   - seed: Every weight is a function of it.
  ///   - device: Where the weights go.
  package convenience init(
    random kind: Kind,
    hiddenSize: Int,
    seed: UInt64,
    device: Device = .cpu
  ) {
    let D = hiddenSize
    func normal(_ name: String, _ shape: [Int], _ deviation: Double, _ index: UInt64) -> Parameter {
      Parameter(
        name,
        .normal(shape, deviation: deviation, seed: seed &* 7919 &+ index).to(device)
      )
    }
    let width = (1 / (3 * Double(D))).squareRoot()  // the deviation of U(-1/sqrt(D), 1/sqrt(D))
    switch kind {
    case .linear:
      self.init(kind: kind, parameters: [normal("score.weight", [1, D], 1 / Double(D + 1), 1)])
    case .cloud:
      self.init(
        kind: kind,
        parameters: [
          normal("reward_head.dense.weight", [D, D], width, 1),
          normal("reward_head.dense.bias", [D], width, 2),
          normal("reward_head.out_proj.weight", [1, D], width, 3),
          normal("reward_head.out_proj.bias", [1], width, 4),
        ]
      )
    }
  }

  /// Rewards of hidden states, computed in float32 whatever their type.
  ///
  /// - Parameter hidden: `[R, D]`.
  /// - Returns: `[R]`, float32 logits.
  package func callAsFunction(_ hidden: Tensor) -> Tensor {
    let wide = hidden.to(.float32)
    let weights = parameters.map { $0.value.to(.float32) }
    switch kind {
    case .linear: return linear(wide, weights[0]).reshaped([-1])
    case .cloud:
      let inner = linear(wide, weights[0], bias: weights[1]).tanh()
      return linear(inner, weights[2], bias: weights[3]).reshaped([-1])
    }
  }
}
