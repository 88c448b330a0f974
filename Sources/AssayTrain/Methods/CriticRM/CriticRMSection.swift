import AssayBase
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// How Critic-RM writes, filters and learns critiques.
package struct CriticRMSection: RecipeSection {
  /// Critiques of each response; about 10 in the paper.
  ///
  /// Default: 10.
  package var samples = 10
  /// Temperature of the critiques and ratings.
  ///
  /// Default: 1.
  package var temperature = 1.0
  /// The most likely tokens that together have this probability are drawn from.
  ///
  /// Default: 0.95.
  package var topP = 0.95
  /// Tokens that a critique may have when it is written; one that is cut states no score, and is lost.
  ///
  /// Default: 1024, as in the paper.
  package var critiqueTokens = 1024
  /// The wording of all roles: `english`, or `playground`.
  ///
  /// Default: `english`.
  package var prompts = "english"
  /// Which critiques agree with the label.
  ///
  /// Default: `mean`.
  package var filter = ConsistencyRule.mean
  /// Which pairs are learnt from: those that another rule keeps, for arms that differ in the critiques of
  /// the same pairs alone.
  ///
  /// Default: null, the pairs that `filter` keeps.
  package var pairFilter: ConsistencyRule?
  /// Which of the critiques that the filter leaves stay: the best by the meta-judge, or any (rank).
  ///
  /// Default: `best`.
  package var choice = CritiqueChoice.best
  /// Whether the stated score is taken from a critique before it is learnt.
  ///
  /// Default: true.
  package var stripsScore = true
  /// Ratings that a critique's quality is the mean of (rank).
  ///
  /// Default: 3.
  package var ratings = 3
  /// K, the critiques of a response that stay (rank).
  ///
  /// Default: 2.
  package var kept = 2
  /// Critiques that are merged into one, at most (summ).
  ///
  /// Default: 4.
  package var merged = 4
  /// The head: `linear`, or `cloud` (two layers), as CLoud has it.
  ///
  /// Default: `cloud`.
  package var head = HeadKind.cloud
  /// How weights are updated.
  ///
  /// Default: behind the warm-up the rate stays at its peak. The schedule of lambda gives rewards their
  /// weight in the last epoch alone; a cosine would leave a new head the end of the falling rate.
  package var optimizer = {
    var optimizer = OptimizerSection(learningRate: 5e-6)
    optimizer.schedule.shape = .constant
    return optimizer
  }()
  /// Pairs in a step.
  ///
  /// Default: 32.
  package var batchPairs = 32
  /// Parts that a step is computed in, to save memory; the result is the same.
  ///
  /// Default: 1.
  package var accumulation = 1
  /// K of the schedule: times that the pairs are read.
  ///
  /// Default: 3.
  package var epochs = 3
  /// Beta of the schedule: by how much lambda falls from 1 in the last epoch.
  ///
  /// Default: 0.9.
  package var beta = 0.9
  /// A lambda that is the same throughout, the control; null takes the schedule.
  ///
  /// Default: null.
  package var constantLambda: Double?
  /// Weight of the term that draws rewards to a mean of zero.
  ///
  /// Default: 0.
  package var centring = 0.0

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    for (value, name) in [
      (critiqueTokens, "critiqueTokens"), (kept, "kept"), (merged, "merged"),
      (batchPairs, "batchPairs"), (accumulation, "accumulation"), (epochs, "epochs"),
    ] { checks.require(value > 0, name, "a number above 0") }
    checks.requireDraws(samples, "samples")
    checks.requireDraws(ratings, "ratings")
    checks.require(temperature > 0, "temperature", "a number above 0")
    checks.require(topP > 0 && topP <= 1, "topP", "a number above 0 and up to 1")
    checks.require((0...1).contains(beta), "beta", "a number from 0 to 1")
    checks.require(
      (0...1).contains(constantLambda ?? 0),
      "constantLambda",
      "a number from 0 to 1, or null"
    )
    checks.require(centring >= 0, "centring", "a number of at least 0")
    checks.requireWording(prompts)
  }

  /// The wording of all roles.
  var wording: RolePrompts { RolePrompts.named(prompts) ?? .english }

  /// The settings that candidate critiques depend on.
  var sampling: CandidateSampling {
    CandidateSampling(
      samples: samples,
      temperature: temperature,
      topP: topP,
      critiqueTokens: critiqueTokens,
      prompts: prompts
    )
  }
}

/// The settings that candidate critiques depend on.
struct CandidateSampling: Encodable {
  let samples: Int
  let temperature: Double
  let topP: Double
  let critiqueTokens: Int
  let prompts: String
}

/// Which of the critiques that a filter leaves stay.
package enum CritiqueChoice: String, CaseIterable, Codable, Sendable {
  /// Those that the meta-judge rates best.
  case best
  /// Any: the control without ratings.
  case random
}

/// How the critiques that a filter leaves are refined.
package enum CritiqueRefinement: String, CaseIterable, Codable, Sendable {
  /// A meta-judge rates them and the best stay: Critic-RM-Rank.
  case rank
  /// A meta-judge merges them into one: Critic-RM-Summ.
  case summ
}
