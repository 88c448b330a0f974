// STaR: a judge that reasons before its verdict, trained on its own reasoning.
//
// The training pairs are split into equal parts, one for each iteration. In each iteration
//
//   1 judgements-T   the latest model judges its part, several samples an item
//   2 train-T        it learns from them: right ones alone (sft), or right against wrong (dpo, ipo)
//
// The rationalizer is told the right verdict while it writes, and learns to write the same unasked.
// `bootstrap` takes the first iteration's rationales from another source. Each iteration goes on
// from the model before it, which is also the reference of dpo and ipo.
//
//   assay train Recipes/star.yaml --set model=instruct --set data.train=train.jsonl --out runs/s
//
// Source: Mahan et al. 2024 (arXiv:2410.12832) section 3 and appendix A; what they leave open is
// named at each setting.

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
  /// Right judgements that are learnt of each item at most, or wrong ones that the most frequent
  /// right one is held against, the most frequent first; the paper does not say.
  ///
  /// Default: 1.
  package var learntPerItem = 1
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
  /// Beta of DPO or IPO; the paper has 1.0 and 0.4.
  ///
  /// Default: 1.
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

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    for (value, name) in [
      (iterations, "iterations"), (samples, "samples"), (judgementTokens, "judgementTokens"),
      (learntPerItem, "learntPerItem"), (agreement, "agreement"), (batchItems, "batchItems"),
      (accumulation, "accumulation"), (epochs, "epochs"),
    ] { checks.require(value > 0, name, "a number above 0") }
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
      bothOrders: bothOrders
    )
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
}

/// A pair as a judge is shown it.
struct ShownPair {
  /// The pair.
  let pair: PreferencePair
  /// Which response is A.
  let order: JudgementOrder
}

/// What a world knows of judgements, where it does.
package struct JudgementOracle: Sendable {
  /// An exact judgement of a pair in an order; `nil` where there is none.
  package var judgement: @Sendable (_ pair: PreferencePair, _ order: JudgementOrder) -> String?
  /// Whether all claims of a judgement, its verdict aside, are true; `nil` where nobody can tell.
  package var isTrue:
    @Sendable (_ pair: PreferencePair, _ order: JudgementOrder, _ text: String) -> Bool?

  /// Makes an oracle.
  package init(
    judgement: @escaping @Sendable (PreferencePair, JudgementOrder) -> String?,
    isTrue: @escaping @Sendable (PreferencePair, JudgementOrder, String) -> Bool?
  ) {
    self.judgement = judgement
    self.isTrue = isTrue
  }
}

/// STaR in one of its variants.
struct StarMethod: Method {
  static let sft = StarMethod(.sft, "starSft", "learns its right judgements")
  static let rationalizer = StarMethod(
    .rationalizer,
    "starRationalizer",
    "learns judgements written knowing the verdict"
  )
  static let dpo = StarMethod(.dpo, "starDpo", "learns right against wrong judgements by DPO")
  static let ipo = StarMethod(.ipo, "starIpo", "learns right against wrong judgements by IPO")

  let variant: StarVariant
  let section: SectionKey<StarSection>
  let endpoint: SectionKey<WriterEndpoint>
  let summary: String

  private init(_ variant: StarVariant, _ sharedKey: String, _ what: String) {
    self.variant = variant
    section = SectionKey("star", sharedKey: sharedKey, StarSection())
    endpoint = SectionKey("endpoints", sharedKey: sharedKey + "Endpoints")
    summary = "a judge that reasons, and \(what)"
  }

  var name: String { variant.rawValue }
  var sections: [any MethodSection] { [section, endpoint] }
  var tuned: (any MethodSection)? { section }

  func data(_ settings: MethodSettings) -> MethodData { .pairs }

  func preference(_ settings: MethodSettings, wording: RolePrompts?) -> Preference? {
    .verdicts(.chain, wording ?? settings[section].wording)
  }

  func run(in context: RunContext) async throws -> TrainedModel {
    let trained = try await StarIterations(
      section: context.settings[section],
      variant: variant,
      endpoint: context.settings[endpoint],
      context: context
    ).run()
    guard let last = trained.last else {
      throw TrainingError.noData(stage: name, hint: "there is no iteration")
    }
    return try TrainedModel(last, preference(context.settings, wording: context.wording))
  }
}

/// The iterations of STaR, one behind the other.
struct StarIterations {
  let section: StarSection
  let variant: StarVariant
  /// Who writes judgements for the latest model.
  let endpoint: WriterEndpoint
  let context: RunContext

  /// Runs the iterations.
  ///
  /// - Returns: The training stage of each iteration.
  /// - Throws: What sampling, training or writing throws.
  func run() async throws -> [Stage] {
    let (start, seed) = (try context.startFolder(), context.compute.seed)
    if section.bootstrap != .own, context.oracle == nil {
      throw TrainingError.recipe(
        reason:
          "bootstrap: \(section.bootstrap.rawValue) needs a world with an oracle of judgements"
      )
    }
    let decided = context.pairs.compactMap(\.decided)
    let ties = context.pairs.count - decided.count
    if ties > 0 {
      context.events(.message("\(ties) ties are left out: no verdict on them is right"))
    }
    var trained: [Stage] = []
    for iteration in 1...section.iterations {
      let part = Self.part(iteration, of: section.iterations, pairs: decided, seed: seed)
      let items = section.items(of: part, iteration: iteration, seed: seed)
      let latest = try trained.last?.model() ?? start
      let digests = trained.last.map { ["previous": $0.digest] } ?? context.inputs
      let judged = try await judge(iteration, items, model: latest, inputs: digests)
      let stage = try await learn(
        iteration,
        items,
        judged: judged,
        model: section.startsOver ? start : latest,
        inputs: digests.merging(["judgements": judged.digest]) { $1 }
      )
      trained.append(stage)
    }
    return trained
  }

  /// The first stage of an iteration.
  private func judge(
    _ iteration: Int,
    _ items: [ShownPair],
    model: URL,
    inputs: [String: String]
  ) async throws -> Stage {
    let source = source(iteration)
    return try await context.stages.run(
      "judgements-\(iteration)",
      from: [
        "judgements": section.sampling(source), "generatorModel": endpoint.place?.model,
        "compute": context.compute,
      ],
      inputs: inputs
    ) { stage in
      try await Judgements(
        section: section,
        source: source,
        iteration: iteration,
        context: context,
        endpoint: endpoint
      ).run(stage, model: model, items: items)
    }
  }

  /// The second stage of an iteration.
  private func learn(
    _ iteration: Int,
    _ items: [ShownPair],
    judged: Stage,
    model: URL,
    inputs: [String: String]
  ) async throws -> Stage {
    let records = try judged.records(of: JudgementRecord.self).records()
    return try await context.stages.run(
      "train-\(iteration)",
      from: [
        "variant": variant, "star": section, "compute": context.compute,
        "replay": context.replay?.made,
      ],
      inputs: inputs
    ) { stage in
      try StarTraining(
        section: section,
        variant: variant,
        iteration: iteration,
        context: context
      ).run(stage, start: model, items: items, records: records)
    }
  }

  private func source(_ iteration: Int) -> JudgementSource {
    if variant == .rationalizer { return .told }
    switch section.bootstrap {
    case .own: return .sampled
    case .oracle: return iteration == 1 ? borrowed : .sampled
    case .oracleAlways: return borrowed
    }
  }

  /// Who learns from wrong judgements too needs the model's own beside the oracle's.
  private var borrowed: JudgementSource { variant.isContrastive ? .oracleAndSampled : .oracle }

  /// The pairs of an iteration: equal parts of a shuffled order, none in two of them.
  static func part(
    _ iteration: Int,
    of iterations: Int,
    pairs: [PreferencePair],
    seed: Int
  ) -> [PreferencePair] {
    var random = SeededRandom(UInt64(seed), 0x50_4152_54)
    let order = random.shuffled(Array(pairs.indices))
    let (start, end) = (
      pairs.count * (iteration - 1) / iterations, pairs.count * iteration / iterations
    )
    return order[start..<end].map { pairs[$0] }
  }
}
