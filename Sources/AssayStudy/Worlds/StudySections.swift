import AssayEvaluate
import AssayRun
import AssayTrain

/// How compared models are evaluated.
package struct StudyEvaluationSection: RecipeSection {
  /// What models compute in where they are evaluated: `f32`, or `bf16`, which is faster and rounds.
  ///
  /// Default: `f32`.
  package var dtype = ComputeType.f32
  /// Critiques that a score is the mean of, for models that write them.
  ///
  /// Default: 4.
  package var critiques = 4
  /// Judgements of each pair, half of them in each order, for judges that reason.
  ///
  /// Default: 8.
  package var votes = 8
  /// The same for the methods of `deep`, to see what more of them brings.
  ///
  /// Default: 16.
  package var deepCritiques = 16
  /// The same for the methods of `deep`.
  ///
  /// Default: 32.
  package var deepVotes = 32
  /// Methods that are evaluated with more critiques and votes.
  ///
  /// Default: none.
  package var deep: [String] = []
  /// Temperature of critiques where there are several.
  ///
  /// Default: 0.5.
  package var critiqueTemperature = 0.5
  /// Temperature of judgements.
  ///
  /// Default: 1.
  package var judgementTemperature = 1.0
  /// Tokens that a judgement may have; null is what the model was trained for.
  ///
  /// Default: null.
  package var judgementTokens: Int?
  /// The most likely tokens that together have this probability are drawn from, in judgements.
  ///
  /// Default: 0.95.
  package var topP = 0.95
  /// Pairs of each suite that are evaluated, its first ones; null takes all.
  ///
  /// Default: null.
  package var pairs: Int?
  /// Parts that the pairs of each suite are divided into, by question: a seed is evaluated on the part
  /// of its number, so that seeds know nothing of each other and five of them see five times as many
  /// pairs; with 1, all seeds see all pairs.
  ///
  /// Default: 1.
  package var parts = 1
  /// Test prompts for best-of-N and revision; 0 leaves both out.
  ///
  /// Default: 0.
  package var prompts = 0
  /// Responses sampled of each prompt for best-of-N.
  ///
  /// Default: 8.
  package var responses = 8
  /// Methods that pick the best of N and guide revisions.
  ///
  /// Default: none.
  package var bestOf: [String] = []

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    for (value, name) in [
      (critiques, "critiques"), (votes, "votes"), (deepCritiques, "deepCritiques"),
      (deepVotes, "deepVotes"), (responses, "responses"),
    ] { checks.require(value > 0, name, "a number above 0") }
    for (value, name) in [(votes, "votes"), (deepVotes, "deepVotes")] {
      checks.require(value.isMultiple(of: 2), name, "an even number, half for each order")
    }
    checks.require((pairs ?? 1) > 0, "pairs", "a number above 0, or null")
    checks.require(parts > 0, "parts", "a number above 0")
    checks.require((judgementTokens ?? 1) > 0, "judgementTokens", "a number above 0, or null")
    checks.require(prompts >= 0, "prompts", "a number of at least 0")
    checks.require(critiqueTemperature > 0, "critiqueTemperature", "a number above 0")
    checks.require(judgementTemperature > 0, "judgementTemperature", "a number above 0")
    checks.require(topP > 0 && topP <= 1, "topP", "a number above 0 and up to 1")
  }
}

extension StudyEvaluationSection {
  /// How texts are drawn.
  ///
  /// - Parameter isDeep: Whether with more critiques and votes.
  /// - Returns: The same as the evaluator takes it.
  func sampling(isDeep: Bool) -> PairSampling {
    var sampling = PairSampling()
    sampling.critiques = [isDeep ? deepCritiques : critiques]
    sampling.votes = isDeep ? deepVotes : votes
    sampling.critiqueTemperature = critiqueTemperature
    sampling.judgementTemperature = judgementTemperature
    sampling.topP = topP
    sampling.judgementTokens = judgementTokens
    sampling.dtype = dtype.dtype
    return sampling
  }

  /// The same with one greedy critique, and one greedy judgement in each order.
  var greedy: PairSampling {
    var greedy = sampling(isDeep: false)
    greedy.critiques = [1]
    greedy.votes = 2
    return greedy
  }
}

/// How settings are searched: every method tries the same number of learning rates.
package struct SearchSection: RecipeSection {
  /// What a method's learning rates are multiplied with; one entry searches nothing.
  ///
  /// Default: `[1]`.
  package var learningRates = [1.0]
  /// What an earlier search found, by method: with it nothing is searched, and what is reported was not
  /// looked at by the search.
  ///
  /// Default: none.
  package var factors: [String: Double] = [:]
  /// The share of the training pairs that a trial learns from.
  ///
  /// Default: 0.25.
  package var share = 0.25
  /// Validation pairs, drawn like training's and used for nothing else.
  ///
  /// Default: 400.
  package var pairs = 400

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(
      !learningRates.isEmpty && learningRates.allSatisfy { $0 > 0 }
        && Set(learningRates).count == learningRates.count,
      "learningRates",
      "a list of different numbers above 0"
    )
    checks.require(
      factors.isEmpty || learningRates.count == 1,
      "factors",
      "to be left out where learning_rates has several entries, which a search chooses from"
    )
    checks.require(factors.values.allSatisfy { $0 > 0 }, "factors", "numbers above 0")
    checks.require(share > 0 && share <= 1, "share", "a share above 0 and up to 1")
    checks.require(pairs > 0, "pairs", "a number above 0")
  }
}

/// How pairs are made of GSM8K.
package struct GSM8KSection: RecipeSection {
  /// The folder with `train.jsonl` and `example_model_solutions.jsonl`.
  ///
  /// Default: none; `world: gsm8k` needs it.
  package var folder = ""
  /// Broken solutions of each question.
  ///
  /// Default: 2.
  package var breaksPerQuestion = 2
  /// Pairs of real model solutions of each test question, at most.
  ///
  /// Default: 2.
  package var pairsPerTestQuestion = 2

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(breaksPerQuestion > 0, "breaksPerQuestion", "a number above 0")
    checks.require(pairsPerTestQuestion > 0, "pairsPerTestQuestion", "a number above 0")
  }
}
