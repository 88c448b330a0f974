import AssayEvaluate
import AssayReward
import AssayRun
import AssayText

/// How a judge is trained on rewards of its judgements.
package struct GRPOSection: RecipeSection {
  /// The wording of the comparison: `english`, or `playground`.
  ///
  /// Default: `english`.
  package var prompts = "english"
  /// Rounds, each on its own equal part of the pairs.
  ///
  /// Default: 8.
  package var rounds = 8
  /// Judgements of each pair in each order: a group.
  ///
  /// Default: 8.
  package var samples = 8
  /// Tokens that a judgement may have; one that is cut has no verdict, so no reward.
  ///
  /// Default: 512.
  package var judgementTokens = 512
  /// Whether judgements are free, or held by a grammar to reasons and a verdict: `free` or `enforced`.
  ///
  /// Default: `free`.
  package var verdicts = VerdictForm.free
  /// How far the ratio of a token's probability to the round's first may count, either way.
  ///
  /// Default: 0.2.
  package var clip = 0.2
  /// Weight of the divergence from the start model.
  ///
  /// Default: 0.001, as RM-R1 has it.
  package var klWeight = 0.001
  /// How weights are updated.
  package var optimizer = OptimizerSection(learningRate: 1e-6)
  /// Judgements in a step.
  ///
  /// Default: 64.
  package var batchItems = 64
  /// Parts that a step is computed in, to save memory; the result is the same.
  ///
  /// Default: 1.
  package var accumulation = 1
  /// Times that a round's judgements are read.
  ///
  /// Default: 1.
  package var epochs = 1

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    for (value, name) in [
      (rounds, "rounds"), (judgementTokens, "judgementTokens"), (batchItems, "batchItems"),
      (accumulation, "accumulation"), (epochs, "epochs"),
    ] { checks.require(value > 0, name, "a number above 0") }
    checks.requireDraws(samples, "samples")
    checks.require(samples > 1, "samples", "a number above 1: one judgement has no group")
    checks.require(clip > 0 && clip < 1, "clip", "a number above 0 and below 1")
    checks.require(klWeight >= 0, "klWeight", "a number of at least 0")
    checks.requireWording(prompts)
  }

  /// How a round's judgements are written: as STaR's, from the whole distribution.
  var judging: StarSection {
    var star = StarSection()
    star.prompts = prompts
    star.iterations = rounds
    star.samples = samples
    star.temperature = 1
    star.topP = 1
    star.judgementTokens = judgementTokens
    star.verdicts = verdicts
    star.bothOrders = true
    return star
  }
}
