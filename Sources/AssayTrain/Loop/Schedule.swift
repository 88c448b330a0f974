// Learning rates as a closed formula of the step, so that a resumed run needs no state.
import AssayRun
import Foundation

/// A learning rate that rises linearly to its peak and then falls to a floor.
///
/// With `p = (step - warmup) / (total - warmup)`, behind the warm-up the rate is
/// `peak * (floor + (1 - floor) * f(p))`, where `f` is 1 (constant), `1 - p` (linear) or
/// `(1 + cos(pi p)) / 2` (cosine); during it, `peak * step / warmup`.
///
/// Source: `get_cosine_schedule_with_warmup` and its siblings in huggingface/transformers
/// (optimization.py); the floor from CLoud's "cosine to 1 % of peak" (arXiv:2408.11791).
package struct Schedule: RecipeSection {
  /// How the rate falls behind the warm-up.
  package enum Shape: String, CaseIterable, Codable, Sendable {
    /// It stays at the peak.
    case constant
    /// In a straight line to the floor.
    case linear
    /// Along half a cosine to the floor.
    case cosine
  }

  /// How the rate falls behind the warm-up.
  ///
  /// Default: `cosine`.
  package var shape = Shape.cosine
  /// The peak rate.
  ///
  /// Default: 1e-5; sensible: 1e-6 (billions of parameters) to 1e-3 (millions).
  package var learningRate = 1e-5
  /// The share of all steps that warm up, rounded up to whole steps.
  ///
  /// Default: 0.05.
  package var warmupFraction = 0.05
  /// The number of warm-up steps; wins over `warmupFraction`.
  ///
  /// Default: none.
  package var warmupSteps: Int?
  /// The rate at the end, as a share of the peak.
  ///
  /// Default: 0.01.
  package var floorFraction = 0.01

  /// Makes a schedule of defaults.
  package init() {}

  /// Makes a schedule.
  package init(
    _ shape: Shape,
    learningRate: Double,
    warmupFraction: Double = 0,
    warmupSteps: Int? = nil,
    floorFraction: Double = 0
  ) {
    self.shape = shape
    self.learningRate = learningRate
    self.warmupFraction = warmupFraction
    self.warmupSteps = warmupSteps
    self.floorFraction = floorFraction
  }

  /// Returns the learning rate of a step.
  ///
  /// - Parameters:
  ///   - step: 0-based; the first step of a warm-up has rate 0, as in the source.
  ///   - total: The number of steps of the run.
  /// - Returns: The rate; from `total` on it stays at the floor.
  package func rate(step: Int, total: Int) -> Double {
    precondition(step >= 0 && total > 0, "step \(step) of \(total)")
    let warmup = warmup(total: total)
    guard step >= warmup else { return learningRate * Double(step) / Double(warmup) }
    let progress = min(1, Double(step - warmup) / Double(max(1, total - warmup)))
    let fall =
      switch shape {
      case .constant: 1.0
      case .linear: 1 - progress
      case .cosine: (1 + cos(Double.pi * progress)) / 2
      }
    return learningRate * (floorFraction + (1 - floorFraction) * fall)
  }

  /// How many steps warm up.
  func warmup(total: Int) -> Int {
    warmupSteps ?? Int((warmupFraction * Double(total)).rounded(.up))
  }

  /// Reports rates and shares out of range.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(learningRate > 0, "learningRate", "a number above 0")
    checks.require((0...1).contains(warmupFraction), "warmupFraction", "a share from 0 to 1")
    checks.require((warmupSteps ?? 0) >= 0, "warmupSteps", "a number of steps, or null")
    checks.require((0...1).contains(floorFraction), "floorFraction", "a share from 0 to 1")
  }
}
