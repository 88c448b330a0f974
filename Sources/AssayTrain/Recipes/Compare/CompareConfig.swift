import AssayRun
import Foundation

/// Models that are trained, or only asked, in a comparison.
package enum ComparedMethod: String, CaseIterable, Codable, Sendable {
  /// Bradley-Terry.
  case classic
  /// PairRM.
  case pair
  /// The start model as a judge that reasons.
  case judge
  /// The start model as a judge that names the letter.
  case judgeToken = "judge-token"
  /// A judge trained to name the letter.
  case genrm
  /// STaR on right judgements.
  case starSFT = "star-sft"
  /// STaR on judgements written knowing the verdict.
  case starRationalizer = "star-rationalizer"
  /// STaR with DPO.
  case starDPO = "star-dpo"
  /// STaR with IPO.
  case starIPO = "star-ipo"
  /// Critique, then score.
  case cloud
  /// Critic-RM that keeps its best critiques.
  case criticRMRank = "critic-rm-rank"
  /// Critic-RM that merges its critiques.
  case criticRMSumm = "critic-rm-summ"

  /// The recipe's settings of the learning rate, `nil` where nothing is trained.
  var learningRateKey: String? {
    let section: String
    switch self {
    case .judge, .judgeToken: return nil
    case .criticRMRank, .criticRMSumm: section = "critic_rm"
    default: section = rawValue.replacing("-", with: "_")
    }
    return "\(section).optimizer.schedule.learning_rate"
  }

  /// Whether it writes critiques of one response.
  var writesCritiques: Bool { [.cloud, .criticRMRank, .criticRMSumm].contains(self) }

  /// The STaR variant, where it is one.
  var star: StarVariant? { StarVariant(rawValue: rawValue) }
}

/// How compared models are evaluated.
package struct CompareEvaluationSection: RecipeSection {
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
    checks.require((judgementTokens ?? 1) > 0, "judgementTokens", "a number above 0, or null")
    checks.require(prompts >= 0, "prompts", "a number of at least 0")
    checks.require(critiqueTemperature > 0, "critiqueTemperature", "a number above 0")
    checks.require(judgementTemperature > 0, "judgementTemperature", "a number above 0")
    checks.require(topP > 0 && topP <= 1, "topP", "a number above 0 and up to 1")
  }
}

extension CompareEvaluationSection {
  /// How texts are drawn.
  var sampling: OutcomeSampling {
    OutcomeSampling(
      critiqueTemperature: critiqueTemperature,
      judgementTemperature: judgementTemperature,
      topP: topP,
      judgementTokens: judgementTokens
    )
  }
}

/// How settings are searched: every method tries the same number of learning rates.
package struct SearchSection: RecipeSection {
  /// What a method's learning rate is multiplied with; one entry searches nothing.
  ///
  /// Default: `[1]`.
  package var learningRates = [1.0]
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
    checks.require(share > 0 && share <= 1, "share", "a share above 0 and up to 1")
    checks.require(pairs > 0, "pairs", "a number above 0")
  }
}

/// The settings of a comparison of methods.
package struct CompareConfig: RecipeSection {
  /// Names the recipe's kind.
  package var method = "compare"
  /// Where the data come from.
  package var world = World.playground
  /// What is compared: methods, and names of variants.
  package var methods = ["classic", "cloud"]
  /// Methods with other settings: a name, and the method with `key=value` settings behind it.
  package var variants: [String: String] = [:]
  /// Every method is trained once for each seed; world, base and start model are the first one's.
  ///
  /// Default: `[1]`.
  package var seeds = [1]
  /// The share of the training pairs that is used.
  ///
  /// Default: 1.
  package var share = 1.0
  /// Where and how it computes; its seed is the world's, and its jumps are the methods' alone: the
  /// base and the start model read texts as they are.
  package var compute = ComputeSection()
  /// Sizes of the Playground.
  package var playground = PlaygroundSection()
  /// Pairs of GSM8K.
  package var gsm8k = GSM8KSection()
  /// The base model.
  package var base = BaseSection()
  /// What every method reads again while it learns.
  package var replay = ReplaySection()
  /// The start model of every method.
  package var instruct = InstructSection()
  /// Bradley-Terry.
  package var classic = ClassicSection()
  /// PairRM.
  package var pair = VerdictSection()
  /// GenRM.
  package var genrm = VerdictSection()
  /// CLoud's first stage.
  package var critique = CritiqueSection()
  /// CLoud's further stages.
  package var cloud = CloudSection()
  /// Critic-RM.
  package var criticRm = CriticRMSection()
  /// STaR-SFT.
  package var starSft = StarSection()
  /// STaR-Rationalizer.
  package var starRationalizer = StarSection()
  /// STaR-DPO.
  package var starDpo = StarSection()
  /// STaR-IPO.
  package var starIpo = StarSection()
  /// How settings are searched.
  package var search = SearchSection()
  /// What is evaluated.
  package var evaluation = CompareEvaluationSection()

  /// Makes a config of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(!seeds.isEmpty, "seeds", "at least one seed")
    checks.require(Set(seeds).count == seeds.count, "seeds", "different numbers")
    checks.require(seeds.allSatisfy { $0 >= 0 }, "seeds", "numbers of at least 0")
    checks.require(share > 0 && share <= 1, "share", "a share above 0 and up to 1")
    let known = ComparedMethod.allCases.map(\.rawValue)
    checks.require(
      !methods.isEmpty && methods.allSatisfy { known.contains($0) || variants[$0] != nil }
        && Set(methods).count == methods.count,
      "methods",
      "different names out of \(known.joined(separator: ", ")), or of `variants`"
    )
    checks.require(
      variants.allSatisfy { name, text in
        !known.contains(name)
          && name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "-") }
          && known.contains { text.split(separator: " ").first.map(String.init) == $0 }
      },
      "variants",
      "names of lower-case letters, digits and hyphens, each with a method and its settings, as "
        + "\"cloud cloud.on_policy=false\""
    )
    for (names, key) in [(evaluation.deep, "deep"), (evaluation.bestOf, "bestOf")] {
      checks.require(
        names.allSatisfy(methods.contains),
        "evaluation.\(key)",
        "names out of `methods`"
      )
    }
  }

  /// The method of a name, and the settings that make a variant of it.
  func method(named name: String) -> (method: ComparedMethod, settings: [String])? {
    if let method = ComparedMethod(rawValue: name) { return (method, []) }
    let words = (variants[name] ?? "").split(separator: " ").map(String.init)
    guard let first = words.first, let method = ComparedMethod(rawValue: first) else { return nil }
    return (method, Array(words.dropFirst()))
  }
}
