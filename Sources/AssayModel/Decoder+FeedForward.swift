// Letters: N tokens, D hidden, E experts, C experts that a token takes.

import AssayTensor

extension Decoder {
  /// What the feed-forward part of a block, or its experts, add to the residual stream.
  ///
  /// - Parameters:
  ///   - x: `[N, D]`.
  ///   - block: The block.
  ///   - training: Whether gradients will be asked for.
  /// - Returns: `[N, D]`.
  func feedForward(_ x: Tensor, _ block: BlockParts<Weight>, training: Bool) -> Tensor {
    if let parts = block.feedForward { return gated(x, parts, training: training) }
    guard let router = block.router, let experts = configuration.experts else { return x }
    let (shares, chosen) = route(x, router, experts, training: training)  // [N, C], N C
    // The tokens of each expert together, and where each token's answers lie among them.
    var tokens = [[Int64]](repeating: [], count: experts.count)
    for (place, expert) in chosen.enumerated() {
      tokens[expert].append(Int64(place / experts.perToken))
    }
    var next = tokens.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
    let places = chosen.map { expert in
      defer { next[expert] += 1 }
      return Int64(next[expert])
    }
    let answers = zip(block.experts, tokens).filter { !$1.isEmpty }.map { parts, tokens in
      gated(x.selected(axis: 0, Tensor(tokens).to(device)), parts, training: training)
    }
    let (N, C, D) = (x.shape[0], experts.perToken, x.shape[1])
    let own = Tensor.concatenated(answers).selected(axis: 0, Tensor(places).to(device))  // [N C, D]
    return (own.reshaped([N, C, D]) * shares.to(own.dtype).reshaped([N, C, 1])).sum(axis: 1)
  }

  private func gated(_ x: Tensor, _ parts: GatedParts<Weight>, training: Bool) -> Tensor {
    let wide = gatedUnit(
      product(x, parts.gateUp, training: training),
      activation: configuration.options.activation
    )  // [N, F]
    return product(wide, parts.down, training: training)
  }

  /// Which experts each token takes, and with what shares.
  ///
  /// Softmax in float32 over all experts, then the likeliest, the first among equals. The router is
  /// not quantized.
  ///
  /// - Returns: Shares, `[N, C]`, float32, and experts, the likeliest of each token first.
  ///
  /// Source: Shazeer et al. 2017 (arXiv:1701.06538) section 2.1; Jiang et al. 2024 (arXiv:2401.04088)
  /// section 2.1.
  private func route(
    _ x: Tensor,
    _ router: Weight,
    _ experts: Experts,
    training: Bool
  ) -> (shares: Tensor, chosen: [Int]) {
    var plain = self
    plain.execution.weights = .plain
    let logits = plain.product(x, router, training: training)  // [N, E]
    let probabilities = logits.to(.float32).softmax(axis: 1)
    let numbers = probabilities.floats
    let chosen = (0..<x.shape[0]).flatMap { token -> [Int] in
      let row = token * experts.count
      let order = (0..<experts.count).sorted {
        let (a, b) = (numbers[row + $0], numbers[row + $1])
        return a != b ? a > b : $0 < $1
      }
      return Array(order.prefix(experts.perToken))
    }
    let places = Tensor(chosen.map(Int64.init), [x.shape[0], experts.perToken]).to(device)
    let shares = probabilities.gathered(axis: 1, places)
    guard experts.normalizesShares else { return (shares, chosen) }
    return (shares / shares.sum(axis: 1, keeping: true), chosen)
  }
}
