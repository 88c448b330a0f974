/// How the critique's token loss and the preference loss are weighed over a training.
package enum CritiqueWeight: Equatable, Sendable {
  /// `preference + lambda critique`, as CLoud has it.
  case added(lambda: Double)
  /// `(1 - lambda) preference + lambda critique` with the same lambda throughout.
  case constant(lambda: Double)
  /// The same with Critic-RM's schedule: lambda is 1 until the last epoch, in which it falls along a
  /// line to `1 - beta`.
  case scheduled(beta: Double)

  /// The weights of both losses in a step.
  ///
  /// With T steps an epoch, K epochs and `t = step + 1`, lambda is 1 for `t <= (K - 1) T` and
  /// `1 - beta (t - (K - 1) T) / T` behind it.
  ///
  /// - Parameters:
  ///   - step: From 0.
  ///   - stepsPerEpoch: T, above 0.
  ///   - epochs: K, above 0.
  /// - Returns: What each loss is multiplied with.
  ///
  /// Source: Yu et al. 2024 (arXiv:2411.16646), from memory; the shape is likely, the constants less
  /// so.
  package func weights(
    step: Int,
    stepsPerEpoch: Int,
    epochs: Int
  ) -> (preference: Double, critique: Double) {
    switch self {
    case .added(let lambda): return (1, lambda)
    case .constant(let lambda): return (1 - lambda, lambda)
    case .scheduled(let beta):
      let past = step + 1 - (epochs - 1) * stepsPerEpoch
      let lambda = past <= 0 ? 1 : 1 - beta * min(1, Double(past) / Double(stepsPerEpoch))
      return (1 - lambda, lambda)
    }
  }
}
