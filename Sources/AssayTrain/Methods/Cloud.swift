// CLoud: critique-out-loud reward models, in three stages.
//
//   1 critique SFT   the base model learns the oracle's critiques of both responses
//   2 critiques      that model writes one critique of every response: on-policy data
//   3 joint          from the weights of stage 1 and a fresh head, Bradley-Terry on rewards read
//                    behind the critiques, plus lambda times the critiques' token loss
//
// `critique.teacher` says whose critiques stage 1 learns. `on_policy: false` trains stage 3 on these
// instead: the paper's ablation. There
// is no filter of critiques, as in the paper. Everything trains; there are no adapters.
//
//   assay train Recipes/cloud.yaml --set model=base --set data.train=train.jsonl --out runs/cloud
//
// Source: Ankner et al. 2024 (arXiv:2408.11791), and their released code for what it leaves open.

import AssayBase
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayText

/// How a CLoud model is trained behind its critique SFT.
package struct CloudSection: RecipeSection {
  /// Whether stage 3 trains on critiques that the model wrote itself.
  ///
  /// Default: true.
  package var onPolicy = true
  /// Temperature of the regenerated critiques.
  ///
  /// Default: 0, greedy, as in the paper.
  package var temperature = 0.0
  /// Weight of the critique's token loss; the paper has 1.25 (8B) and 0.75 (70B).
  ///
  /// Default: 1.25.
  package var lambda = 1.25
  /// The head: `cloud` (two layers, the paper's) or `linear`.
  ///
  /// Default: `cloud`.
  package var head = HeadKind.cloud
  /// How weights are updated.
  package var optimizer = OptimizerSection(learningRate: 1e-6)
  /// Pairs in a step.
  ///
  /// Default: 32.
  package var batchPairs = 32
  /// Parts that a step is computed in, to save memory; the result is the same.
  ///
  /// Default: 1.
  package var accumulation = 1
  /// Times that the pairs are read.
  ///
  /// Default: 1.
  package var epochs = 1
  /// Weight of the term that draws rewards to a mean of zero.
  ///
  /// Default: 0.
  package var centring = 0.0

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    for (value, name) in [
      (batchPairs, "batchPairs"), (accumulation, "accumulation"), (epochs, "epochs"),
    ] { checks.require(value > 0, name, "a number above 0") }
    checks.require(lambda >= 0, "lambda", "a number of at least 0")
    checks.require(temperature >= 0, "temperature", "a number of at least 0")
    checks.require(centring >= 0, "centring", "a number of at least 0")
  }
}

/// Critique, then score.
struct CloudMethod: Method {
  static let section = SectionKey("cloud", CloudSection())

  let name = "cloud"
  let summary = "a reward model that writes a critique and then scores, by CLoud"
  var sections: [any MethodSection] { [CritiqueSFTMethod.section, Self.section] }
  var tuned: [any MethodSection] { sections }

  func trainings(_ settings: MethodSettings) -> [TrainingShape] {
    let (critique, own) = (settings[CritiqueSFTMethod.section], settings[Self.section])
    return [
      critique.shape(share: 0.5),
      TrainingShape(
        stage: name,
        key: "cloud",
        reads: .critiquedPairs(tokens: critique.critiqueTokens),
        head: own.head,
        batch: own.batchPairs,
        accumulation: own.accumulation,
        epochs: own.epochs,
        moments: own.optimizer.moments,
        share: 0.5,
        writes: own.onPolicy
          ? [
            WritingShape(
              stage: "critiques",
              asks: .critiques,
              tokens: critique.critiqueTokens,
              draws: 1
            )
          ] : []
      ),
    ]
  }

  var watchesHeldOut: Bool { true }

  func data(_ settings: MethodSettings) -> MethodData {
    .critiquedPairs(leadIn: settings[CritiqueSFTMethod.section].leadIn)
  }

  func preference(_ settings: MethodSettings, wording: RolePrompts?) -> Preference? {
    .critiqueScores
  }

  func run(in context: RunContext) async throws -> TrainedModel {
    let critique = context.settings[CritiqueSFTMethod.section]
    let cloud = context.settings[Self.section]
    let context = try await context.taught(by: critique)
    let critic = try await CritiqueTraining(section: critique, context: context, share: 0.5).run()
    var own: [CritiqueRecord]?
    var digest = critic.digest
    if cloud.onPolicy {
      let written = try await regenerate(critic, cloud.temperature, context)
      own = try written.records(of: CritiqueRecord.self).records()
      digest = written.digest
    }
    let stage = try await context.stages.run(
      name,
      from: ["cloud": cloud, "compute": context.compute, "replay": context.replay?.made],
      inputs: ["critiques": digest]
    ) { stage in
      try JointTraining(
        head: cloud.head,
        optimizer: cloud.optimizer,
        batchPairs: cloud.batchPairs,
        accumulation: cloud.accumulation,
        epochs: cloud.epochs,
        centring: cloud.centring,
        weight: .added(lambda: cloud.lambda),
        share: 0.5,
        context: context
      ).run(
        stage,
        start: try critic.model(),
        leadIn: critique.leadIn,
        critiqueTokens: critique.critiqueTokens
      ) { renderer in
        func made(_ pairs: [PreferencePair], _ own: [CritiqueRecord]?) throws -> [TrainingPair] {
          try pairsWithCritiques(pairs, renderer: renderer, section: critique, written: own)
        }
        let count = 2 * context.heldOut.count
        return (
          try made(context.pairs, own.map { Array($0.dropLast(count)) }),
          try made(context.heldOut, own.map { $0.suffix(count) })
        )
      }
    }
    return try TrainedModel(stage, .critiqueScores)
  }

  /// Stage 2: the critic writes a critique of every response.
  private func regenerate(
    _ trained: Stage,
    _ temperature: Double,
    _ context: RunContext
  ) async throws -> Stage {
    let sides = (context.pairs + context.heldOut).flatMap(PairSide.both)
    return try await context.stages.run(
      "critiques",
      from: ["temperature": temperature, "compute": context.compute],
      inputs: ["critique-sft": trained.digest]
    ) { stage in
      var settings = CritiqueSettings()
      settings.temperature = Float(temperature)
      settings.seed = UInt64(context.compute.seed)
      let writer = try context.compute.writer(
        try trained.model(),
        for: stage,
        events: context.events
      )
      let critic = Critic(writer, settings: settings)
      let records = try await stage.write(
        sides,
        by: writer,
        stretch: 1024,
        events: context.events
      ) { side in
        [critic.request(.response(prompt: side.pair.prompt, response: side.response))]
      } record: { index, written in
        CritiqueRecord(
          id: sides[index].pair.id,
          side: sides[index].name,
          critique: written[0][0].text,
          finishReason: written[0][0].finishReason
        )
      }
      let cut = records.count { $0.finishReason.isCut }
      if cut > 0 {
        context.events(
          .warning(
            "\(cut) of \(sides.count) critiques were cut at \(critic.critiqueTokens) tokens; their "
              + "end is not learnt"
          )
        )
      }
    }
  }
}
