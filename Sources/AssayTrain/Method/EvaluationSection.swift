import AssayEvaluate
import AssayReward
import AssayRun

/// How a trained model is evaluated on the suites of its recipe.
package struct EvaluationSection: RecipeSection {
  /// After how many steps of a training held-out items (`data.validation`, `data.held_out`) are looked at.
  ///
  /// Default: 0, never.
  package var every = 0
  /// Which weights a training ends in, where they are: those with the lowest `loss` or the best `accuracy` on
  /// held-out items, or the `last`.
  ///
  /// Default: `loss`.
  package var best = BestWeights.loss
  /// After how many looks in a row without a better one a training ends.
  ///
  /// Default: 0, it goes on to its last step.
  package var patience = 0
  /// What suites are evaluated in: `f32`, or `bf16`, which is faster and rounds.
  ///
  /// Default: `f32`.
  package var dtype = ComputeType.f32
  /// Critiques that a score is the mean of, of models that write them: one evaluation for each entry, a
  /// single critique being greedy.
  ///
  /// Default: `[1]`.
  package var critiques = [1]
  /// Judgements of each pair, half of them in each order, of judges that reason; two are greedy.
  ///
  /// Default: 2.
  package var votes = 2
  /// Temperature of critiques where there are several.
  ///
  /// Default: 0.5.
  package var critiqueTemperature = 0.5
  /// Temperature of judgements where there are more than two.
  ///
  /// Default: 1.
  package var judgementTemperature = 1.0
  /// Tokens that a judgement may have.
  ///
  /// Default: null, what the model was trained for, or 1024.
  package var judgementTokens: Int?
  /// How sure a pair's votes must be, from 0.5 to 1, for no more to be drawn: the probability that endless
  /// votes would agree; `votes` is then the most.
  ///
  /// Default: none, all are drawn.
  package var confidence: Double?
  /// Whether judgements are free, or held by a grammar to reasons and a verdict: `free` or `enforced`.
  ///
  /// Default: `free`.
  package var verdicts = VerdictForm.free
  /// The most likely tokens that together have this probability are drawn from, in judgements.
  ///
  /// Default: 0.95.
  package var topP = 0.95

  /// What settings were called before.
  package static let formerKeys = ["temperature": "critique_temperature"]

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(every >= 0, "every", "a number of steps, or 0")
    checks.require(patience >= 0, "patience", "a number of at least 0")
    checks.require(
      patience == 0 || (every > 0 && best != .last),
      "patience",
      "0, or a number beside `every` above 0 and `best` loss or accuracy"
    )
    if let most = critiques.max(), most > 0 { checks.requireDraws(most, "critiques") }
    if votes > 0 { checks.requireDraws(votes, "votes") }
    checks.require(
      !critiques.isEmpty && critiques.allSatisfy { $0 > 0 }
        && Set(critiques).count == critiques.count,
      "critiques",
      "a number above 0, or a list of different ones"
    )
    checks.require(votes > 0 && votes.isMultiple(of: 2), "votes", "an even number above 0")
    checks.require(critiqueTemperature > 0, "critiqueTemperature", "a number above 0")
    checks.require(judgementTemperature > 0, "judgementTemperature", "a number above 0")
    checks.require((judgementTokens ?? 1) > 0, "judgementTokens", "a number above 0, or null")
    checks.require(topP > 0 && topP <= 1, "topP", "a number above 0 and up to 1")
    checks.require(
      (0.5...1).contains(confidence ?? 1),
      "confidence",
      "a number from 0.5 to 1, or null"
    )
    checks.require(
      confidence == nil || votes > 4,
      "confidence",
      "null unless `votes` is above 4: two in each order are always drawn"
    )
  }

  /// When held-out items are looked at; `nil` where they never are.
  var watch: WatchPlan? {
    every == 0 ? nil : WatchPlan(every: every, best: best, patience: patience)
  }

  /// The same as the evaluator takes it.
  var sampling: PairSampling {
    var sampling = PairSampling()
    sampling.critiques = critiques
    sampling.votes = votes
    sampling.critiqueTemperature = critiqueTemperature
    sampling.judgementTemperature = judgementTemperature
    sampling.topP = topP
    sampling.judgementTokens = judgementTokens
    sampling.verdicts = verdicts
    sampling.confidence = confidence
    sampling.dtype = dtype.dtype
    return sampling
  }
}
