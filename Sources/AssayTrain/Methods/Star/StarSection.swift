import AssayBase
import AssayData
import AssayEvaluate
import AssayModel
import AssayReward
import AssayRun
import AssayText
import Foundation

/// What a judge learns from its judgements.
package enum StarVariant: String, CaseIterable, Codable, Sendable {
  /// Judgements whose verdict is right.
  case sft = "star-sft"
  /// Judgements written knowing the right verdict.
  case rationalizer = "star-rationalizer"
  /// To prefer right to wrong judgements of the same pair, by DPO.
  case dpo = "star-dpo"
  /// The same by IPO.
  case ipo = "star-ipo"

  /// Whether it learns from right against wrong.
  var isContrastive: Bool { self == .dpo || self == .ipo }
}

/// Where the rationales of the first iteration come from.
package enum StarBootstrap: String, CaseIterable, Codable, Sendable {
  /// The start model.
  case own = "self"
  /// The world's oracle, beside the start model's own where wrong ones are needed.
  case oracle
  /// The oracle, in every iteration.
  case oracleAlways = "oracle-always"
}

/// Which of an item's different judgements are learnt first.
package enum StarPick: String, CaseIterable, Codable, Sendable {
  /// Those that were written most often.
  case frequent
  /// Any, each text as likely as often it was written.
  case random
}

/// Which of its judgements a judge learns.
package enum StarFilter: String, CaseIterable, Codable, Sendable {
  /// Those whose verdict is right.
  case verdict
  /// Any with a verdict, whatever it is: the same texts and steps without what labels tell, a control.
  case none
}

/// How a judge is trained on its own reasoning.
package struct StarSection: RecipeSection {
  /// The wording of the comparison: `english`, or `playground`.
  ///
  /// Default: `english`.
  package var prompts = "english"
  /// Iterations, each on its own equal part of the pairs.
  ///
  /// Default: 3.
  package var iterations = 3
  /// Judgements of each pair; the paper does not say.
  ///
  /// Default: 8.
  package var samples = 8
  /// Temperature of the judgements.
  ///
  /// Default: 1.
  package var temperature = 1.0
  /// The most likely tokens that together have this probability are drawn from.
  ///
  /// Default: 0.95.
  package var topP = 0.95
  /// Tokens that a judgement may have.
  ///
  /// Default: 512.
  package var judgementTokens = 512
  /// Whether judgements are free, or held by a grammar to reasons and a verdict: `free` or `enforced`.
  ///
  /// Default: `free`, as in the paper.
  package var verdicts = VerdictForm.free
  /// Which judgements are learnt: those whose verdict is right, or any that have one.
  ///
  /// Default: `verdict`; `none` is a control, which DPO and IPO cannot have.
  package var filter = StarFilter.verdict
  /// Right judgements that are learnt of each item at most, or wrong ones that the first right one is
  /// held against; the paper does not say.
  ///
  /// Default: 1.
  package var learntPerItem = 1
  /// Which of an item's different judgements come first: those written most often, or any.
  ///
  /// Small models write the same text often; learning it makes them surer of what they wrote anyway.
  ///
  /// Default: `frequent`; the paper takes any with the right verdict, `random`.
  package var pick = StarPick.frequent
  /// How many samples of an item have to say the same, word for word, for a right judgement to be
  /// learnt: a verdict may be right by chance, and false reasons seldom repeat.
  ///
  /// Default: 1, as in the paper.
  package var agreement = 1
  /// Whether every pair is judged in both orders, `samples` times in each, and learnt only where
  /// both have a right judgement that may be learnt.
  ///
  /// A judge that prefers one place is right most often where the better response has it. Learning
  /// what it got right then makes that preference stronger; what it got right in both orders cannot.
  ///
  /// Default: false, one order drawn for each pair; the paper does not say.
  package var bothOrders = false
  /// Whether a judgement without a readable verdict counts as wrong, to be learnt against.
  ///
  /// Default: true.
  package var unparseableIsWrong = true
  /// Beta of DPO or IPO.
  ///
  /// Default: 1 of DPO and 0.4 of IPO, as in the paper.
  package var beta = 1.0
  /// Weight of the right judgement's token loss beside DPO or IPO.
  ///
  /// Default: 0.
  package var tokenLossWeight = 0.0
  /// Where the first iteration's rationales come from.
  ///
  /// Default: `self`.
  package var bootstrap = StarBootstrap.own
  /// Whether each iteration starts from the first model again rather than from the one before.
  ///
  /// Default: false; the paper does not say.
  package var startsOver = false
  /// How weights are updated.
  package var optimizer = OptimizerSection(learningRate: 1e-6)
  /// Items in a step.
  ///
  /// Default: 32.
  package var batchItems = 32
  /// Parts that a step is computed in, to save memory; the result is the same.
  ///
  /// Default: 1.
  package var accumulation = 1
  /// Times that an iteration's judgements are read.
  ///
  /// Default: 1.
  package var epochs = 1

  /// Makes a section of defaults.
  package init() {}

  /// Makes a section of a variant's defaults.
  ///
  /// Source: Mahan et al. 2024 (arXiv:2410.12832) appendix A: beta 0.4 of IPO, and a rate of 2e-5 of the
  /// rationaliser.
  init(of variant: StarVariant) {
    if variant == .ipo { beta = 0.4 }
    if variant == .rationalizer { optimizer = OptimizerSection(learningRate: 2e-5) }
  }

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    for (value, name) in [
      (iterations, "iterations"), (judgementTokens, "judgementTokens"),
      (learntPerItem, "learntPerItem"), (agreement, "agreement"), (batchItems, "batchItems"),
      (accumulation, "accumulation"), (epochs, "epochs"),
    ] { checks.require(value > 0, name, "a number above 0") }
    checks.requireDraws(samples, "samples")
    checks.require(temperature > 0, "temperature", "a number above 0")
    checks.require(topP > 0 && topP <= 1, "topP", "a number above 0 and up to 1")
    checks.require(beta > 0, "beta", "a number above 0")
    checks.require(tokenLossWeight >= 0, "tokenLossWeight", "a number of at least 0")
    checks.requireWording(prompts)
  }

  /// The wording of the comparison.
  var wording: RolePrompts { RolePrompts.named(prompts) ?? .english }

  /// What the judgements of an iteration depend on.
  func sampling(_ source: JudgementSource) -> JudgementSampling {
    JudgementSampling(
      source: source,
      iterations: iterations,
      samples: samples,
      temperature: temperature,
      topP: topP,
      judgementTokens: judgementTokens,
      prompts: prompts,
      bothOrders: bothOrders,
      verdicts: verdicts == .free ? nil : verdicts
    )
  }

  /// What is judged in an iteration, for plans.
  func part(_ iteration: Int) -> JudgedPart {
    JudgedPart(iteration: iteration, samples: samples, tokens: judgementTokens) { pairs, seed in
      let decided = pairs.compactMap(\.decided)
      let part = decided.part(iteration, of: iterations, seed: seed)
      return items(of: part, iteration: iteration, seed: seed).map {
        wording.judge($0.pair, $0.order, task: .chain)
      }
    }
  }

  /// What a judge is shown of an iteration's pairs: each in both orders, neighbours, or in one.
  func items(of pairs: [PreferencePair], iteration: Int, seed: Int) -> [ShownPair] {
    pairs.enumerated().flatMap { index, pair in
      let orders =
        bothOrders
        ? JudgementOrder.allCases : [.drawn(seed: seed, round: iteration, item: index)]
      return orders.map { ShownPair(pair: pair, order: $0) }
    }
  }
}

/// The settings that the judgements of an iteration depend on.
struct JudgementSampling: Encodable {
  let source: JudgementSource
  let iterations: Int
  let samples: Int
  let temperature: Double
  let topP: Double
  let judgementTokens: Int
  let prompts: String
  let bothOrders: Bool
  /// `nil` where they are free, as in records of earlier versions.
  let verdicts: VerdictForm?
}

/// A pair as a judge is shown it.
struct ShownPair {
  /// The pair.
  let pair: PreferencePair
  /// Which response is A.
  let order: JudgementOrder
}

/// Who writes the judgements of an iteration.
enum JudgementSource: String, Encodable {
  /// The latest model.
  case sampled
  /// The latest model, told the right verdict.
  case told
  /// The oracle.
  case oracle
  /// The oracle one, the latest model the rest.
  case oracleAndSampled = "oracle-and-sampled"
}
