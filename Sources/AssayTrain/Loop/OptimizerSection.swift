import AssayRun
import AssayTensor

/// How weights are updated.
package struct OptimizerSection: RecipeSection {
  /// The learning rate over the steps.
  package var schedule = Schedule(
    .cosine,
    learningRate: 1e-5,
    warmupFraction: 0.05,
    floorFraction: 0.01
  )
  /// Decay of AdamW's first moment.
  ///
  /// Default: 0.9.
  package var beta1 = 0.9
  /// Decay of AdamW's second moment.
  ///
  /// Default: 0.95.
  package var beta2 = 0.95
  /// Added to the root of the second moment.
  ///
  /// Default: 1e-8.
  package var epsilon = 1e-8
  /// How both moments are kept: `full` or `factored`.
  ///
  /// `full` takes 8 bytes for each number that is trained; `factored` 2: the first moment in bfloat16, the second of a
  /// matrix as the means of its rows and columns (Adafactor's). Other results, less memory.
  ///
  /// Default: `full`.
  package var moments = MomentForm.full
  /// Decoupled weight decay of matrices; norms and biases have none.
  ///
  /// Default: 0.01.
  package var weightDecay = 0.01
  /// The largest norm of all gradients together; 0 does not clip.
  ///
  /// Default: 1.
  package var clipNorm = 1.0
  /// The peak rate of a reward head, which is new where the rest is not; it falls as the other does.
  ///
  /// Default: null, the schedule's own.
  package var headLearningRate: Double?

  /// Makes a section of defaults.
  package init() {}

  /// Makes a section with a peak learning rate.
  package init(learningRate: Double) { schedule.learningRate = learningRate }

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require((0..<1).contains(beta1), "beta1", "a number from 0 to below 1")
    checks.require((0..<1).contains(beta2), "beta2", "a number from 0 to below 1")
    checks.require(epsilon > 0, "epsilon", "a number above 0")
    checks.require(weightDecay >= 0, "weightDecay", "a number of at least 0")
    checks.require(clipNorm >= 0, "clipNorm", "a number of at least 0")
    checks.require((headLearningRate ?? 1) > 0, "headLearningRate", "a number above 0, or null")
  }
}

extension OptimizerSection {
  /// The optimizer that the section asks for.
  func made() -> any Optimizer {
    switch moments {
    case .full: AdamW(beta1: beta1, beta2: beta2, epsilon: epsilon)
    case .factored: FactoredAdam(beta1: beta1, beta2: beta2, epsilon: epsilon)
    }
  }
}
