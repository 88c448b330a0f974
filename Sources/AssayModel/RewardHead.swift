// D hidden, R rows of hidden states, C rows of the head.

import AssayTensor

/// What turns hidden states into rewards.
package final class RewardHead {
  /// Which layout we make.
  package enum Kind: String, Codable, Sendable {
    /// One row without bias: `score.weight`, the sequence-classification layout.
    case linear
    /// CLoud's: `Linear(D, D)`, tanh, `Linear(D, 1)`, with biases.
    case cloud
    /// An encoder's: `Linear(D, D)`, GELU, `Linear(D, 1)` at the first token, with biases.
    case pooled

    /// What it computes; several heads are linear ones.
    func descriptor(hiddenSize: Int, heads: Int = 1) -> HeadDescriptor {
      switch self {
      case .linear: .linear(hiddenSize: hiddenSize, heads: heads)
      case .cloud: .cloud(hiddenSize: hiddenSize)
      case .pooled: .pooled(hiddenSize: hiddenSize)
      }
    }
  }

  /// A layer of the descriptor with its weights.
  private struct Layer {
    let weight: Parameter
    let bias: Parameter?
    let activation: HeadDescriptor.Activation
    /// What a batch norm multiplies with and adds.
    let norm: (scale: Tensor, shift: Tensor)?
  }

  /// What is computed.
  package let descriptor: HeadDescriptor
  /// Which of our layouts it is; `nil` where it is another tool's.
  package var kind: Kind? {
    let D = descriptor.layers.first?.columns ?? 0
    return [Kind.linear, .cloud, .pooled].first {
      $0.descriptor(hiddenSize: D, heads: descriptor.heads).layers == descriptor.layers
        && descriptor.normalizer == nil
    }
  }
  /// The weights, layer by layer.
  package var parameters: [Parameter] {
    (layers + gate).flatMap { [$0.weight] + ($0.bias.map { [$0] } ?? []) }
  }

  private let layers: [Layer]
  private let gate: [Layer]
  private let combination: HeadCombination

  /// Makes a head of weights.
  ///
  /// - Parameters:
  ///   - descriptor: What is computed.
  ///   - device: Where the weights go.
  ///   - load: A weight of a name and shape.
  /// - Throws: What `load` throws.
  package init(
    _ descriptor: HeadDescriptor,
    device: Device,
    load: (String, [Int]) throws -> Tensor
  ) throws {
    func wide(_ name: String, _ shape: [Int]) throws -> Tensor {
      try load(name, shape).to(.float32).to(device).copy()
    }
    /// A layer of two states: rows for the first, with the bias, above those for the second.
    func split(_ layer: HeadDescriptor.Layer) throws -> (Tensor, Tensor?) {
      let (rows, D) = (layer.rows / 2, layer.columns)
      let whole = try wide(layer.name + ".weight", [rows, 2 * D])
      let halves = [0, D].map { whole.narrowed(axis: 1, start: $0, count: D) }
      let bias = try layer.hasBias ? wide(layer.name + ".bias", [rows]) : nil
      return (
        .concatenated(halves), bias.map { .concatenated([$0, .zeros([rows], device: device)]) }
      )
    }
    func layer(_ layer: HeadDescriptor.Layer) throws -> Layer {
      let (name, rows) = (layer.name, layer.rows)
      let (weight, bias) =
        try layer.isSplit
        ? split(layer)
        : (
          wide(name + ".weight", [rows, layer.columns]),
          layer.hasBias ? wide(name + ".bias", [rows]) : nil
        )
      return Layer(
        weight: Parameter(name + ".weight", weight),
        bias: bias.map { Parameter(name + ".bias", $0) },
        activation: layer.activation,
        norm: try layer.norm.map { norm in
          let deviation = (try wide(norm + ".running_var", [rows]) + Self.normEpsilon).squareRoot()
          let scale = try wide(norm + ".weight", [rows]) / deviation
          let mean = try wide(norm + ".running_mean", [rows])
          return (scale, try wide(norm + ".bias", [rows]) - mean * scale)
        }
      )
    }
    self.descriptor = descriptor
    layers = try descriptor.layers.map(layer)
    gate = try descriptor.gate?.layers.map(layer) ?? []
    let count = descriptor.gate?.layers.last?.rows ?? 0
    combination = HeadCombination(
      descriptor,
      scale: try descriptor.gate?.scale.map { Double(try load($0, [1]).to(.float32).floats[0]) },
      transform: try descriptor.gate?.transform.map {
        try load($0, [count, count]).to(.float32).floats.map(Double.init)
      },
      second: try Self.meanRow(descriptor.reading, wide)
    )
  }

  /// The mean over the rows of the layer behind compared rows; empty where there is none.
  private static func meanRow(
    _ reading: HeadDescriptor.Reading,
    _ load: (String, [Int]) throws -> Tensor
  ) rethrows -> [Double] {
    guard case .compared(let layer) = reading else { return [] }
    let (rows, columns) = (layer.rows, layer.columns)
    let numbers = try load(layer.name + ".weight", [rows, columns]).floats.map(Double.init)
    return (0..<columns).map { column in
      (0..<rows).reduce(0) { $0 + numbers[$1 * columns + column] } / Double(rows)
    }
  }

  /// PyTorch's default for batch norms.
  private static let normEpsilon = 1e-5

  /// Makes a head with random weights.
  ///
  /// The linear head is normal with deviation `1 / (D + 1)`, after Stiennon et al. 2020; those of
  /// two layers are uniform in `1 / sqrt(D)`'s variance, PyTorch's default, drawn as normal here.
  ///
  /// - Parameters:
  ///   - kind: Which layout.
  ///   - hiddenSize: D.
  ///   - heads: How many linear heads, whose mean is the score.
  ///   - seed: Every weight is a function of it.
  ///   - device: Where the weights go.
  package init(
    random kind: Kind,
    hiddenSize: Int,
    heads: Int = 1,
    seed: UInt64,
    device: Device = .cpu
  ) {
    let D = hiddenSize
    let width = (1 / (3 * Double(D))).squareRoot()  // the deviation of U(-1/sqrt(D), 1/sqrt(D))
    let deviation = kind == .linear ? 1 / Double(D + 1) : width
    descriptor = kind.descriptor(hiddenSize: D, heads: heads)
    gate = []
    combination = HeadCombination(descriptor)
    var index: UInt64 = 0
    func normal(_ name: String, _ shape: [Int]) -> Parameter {
      index += 1
      let seed = seed &* 7919 &+ index
      return Parameter(name, .normal(shape, deviation: deviation, seed: seed).to(device))
    }
    layers = descriptor.layers.map { layer in
      Layer(
        weight: normal(layer.name + ".weight", [layer.rows, layer.columns]),
        bias: layer.hasBias ? normal(layer.name + ".bias", [layer.rows]) : nil,
        activation: layer.activation,
        norm: nil
      )
    }
  }

  /// Rewards of hidden states, of one head or the mean of several, computed in float32 whatever their
  /// type.
  ///
  /// - Parameter hidden: `[R, D]`.
  /// - Returns: `[R]`, float32 logits.
  package func callAsFunction(_ hidden: Tensor) -> Tensor {
    let rewards = each(hidden)
    return rewards.rank == 1 ? rewards : rewards.mean(axis: 1)
  }

  /// As above, of each head by itself.
  ///
  /// - Parameter hidden: `[R, D]`.
  /// - Returns: `[R]` of one head, `[R, K]` of K heads.
  package func each(_ hidden: Tensor) -> Tensor {
    let rewards = apply(layers, to: hidden.to(.float32))
    return descriptor.heads > 1 ? rewards : rewards.reshaped([-1])
  }

  /// The rows of hidden states, and behind them the numbers of a gate, in float32.
  ///
  /// - Parameters:
  ///   - hidden: `[R, D]`.
  ///   - logits: The logits of ids for hidden states, `[R, C]`.
  /// - Returns: `[R, descriptor.width]`, float32.
  func rows(_ hidden: Tensor, logits: (Tensor, [Int32]) -> Tensor) -> Tensor {
    let wide = hidden.to(.float32)
    let rows =
      layers.isEmpty
      ? logits(hidden, descriptor.vocabulary).to(.float32) : apply(layers, to: wide)
    return gate.isEmpty ? rows : .concatenated([rows, apply(gate, to: wide)], axis: 1)
  }

  /// What the rows of one text's places say.
  ///
  /// - Parameter rows: `descriptor.width` numbers a place.
  /// - Returns: The score, and what stands beside it.
  func value(_ rows: [[Double]]) -> PassValue { combination(rows) }

  // Source: Klambauer et al. 2017 (arXiv:1706.02515) equation 2.
  private func selu(_ x: Tensor) -> Tensor {
    let (scale, alpha) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2)
    let below = (x.clamped(atMost: 0).exp() - 1) * alpha
    return (x.clamped(atLeast: 0) + below) * scale
  }

  private func apply(_ layers: [Layer], to hidden: Tensor) -> Tensor {
    layers.reduce(hidden) { x, layer in
      let weight = layer.weight.value.to(.float32)
      let sum = linear(x, weight, bias: layer.bias?.value.to(.float32))
      let active =
        switch layer.activation {
        case .none: sum
        case .relu: sum.clamped(atLeast: 0)
        case .leakyReLU: sum.maximum(sum * 0.01)
        case .selu: selu(sum)
        case .tanh: sum.tanh()
        case .gelu: sum.gelu()
        }
      return layer.norm.map { active * $0.scale + $0.shift } ?? active
    }
  }
}
