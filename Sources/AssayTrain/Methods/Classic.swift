// The classic Bradley-Terry reward model: one forward pass, one number, read at the end of the
// assistant's turn. It does not write critiques.
//
//   assay train Recipes/classic.yaml --set model=base --set data.train=train.jsonl --out runs/classic
//
// Source: Ouyang et al. 2022 (arXiv:2203.02155) eq. 1; several heads, each on a part of the pairs, after
// Osband et al. 2016 (arXiv:1602.04621) and Coste et al. 2024 (arXiv:2310.02743).

import AssayBase
import AssayData
import AssayEvaluate
import AssayModel
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// How a classic reward model is trained.
package struct ClassicSection: RecipeSection {
  /// The head: `linear` (loads as a sequence classifier elsewhere) or `cloud` (two layers).
  package var head = HeadKind.linear
  /// Linear heads, whose mean is the reward and whose standard deviation says how sure it is.
  ///
  /// Each learns from its own random half of the pairs; the trunk learns from all.
  ///
  /// Default: 1.
  package var heads = 1
  /// How weights are updated.
  package var optimizer = OptimizerSection(learningRate: 5e-6)
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
  /// Weight of the term that draws rewards to a mean of zero; 0.01 is common.
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
    checks.require(heads > 0 && heads <= 256, "heads", "a number from 1 to 256")
    checks.require(
      heads == 1 || head == .linear,
      "heads",
      "1 with the head 'cloud': several heads are linear"
    )
    checks.require(centring >= 0, "centring", "a number of at least 0")
  }
}

extension ClassicSection {
  /// What its training reads.
  func shape(_ stage: String, share: Double = 1) -> TrainingShape {
    TrainingShape(
      stage: stage,
      key: "classic",
      reads: .pairs,
      head: head,
      batch: batchPairs,
      accumulation: accumulation,
      epochs: epochs,
      moments: optimizer.moments,
      share: share
    )
  }
}

/// Bradley-Terry: one forward pass, one score.
struct ClassicMethod: Method {
  static let section = SectionKey("classic", ClassicSection())

  let name = "classic"
  let summary = "a reward model that scores in one pass, trained by Bradley-Terry"
  var sections: [any MethodSection] { [Self.section] }
  var tuned: [any MethodSection] { [Self.section] }

  func trainings(_ settings: MethodSettings) -> [TrainingShape] {
    [settings[Self.section].shape(name)]
  }

  var watchesHeldOut: Bool { true }

  var readsWindows: Bool { true }

  func data(_ settings: MethodSettings) -> MethodData { .pairs }

  func preference(_ settings: MethodSettings, wording: RolePrompts?) -> Preference? { .scores }

  func run(in context: RunContext) async throws -> TrainedModel {
    let stage = try await ClassicTraining(
      section: context.settings[Self.section],
      context: context
    ).run(name, start: try context.startFolder(), inputs: context.inputs)
    return try TrainedModel(stage, .scores)
  }
}

/// Trains a classic reward model from any language model.
struct ClassicTraining {
  let section: ClassicSection
  let context: RunContext
  /// Which part of the method's steps this training has, where these are set.
  var share = 1.0

  /// Runs a stage of a method.
  func run(_ name: String, start: URL, inputs: [String: String]) async throws -> Stage {
    try await context.stages.run(
      name,
      from: ["classic": section, "compute": context.compute, "replay": context.replay?.made],
      inputs: inputs
    ) { try train($0, start) }
  }

  /// Two for heads that learn from a pair, none for the others: a fair coin each; `nil` for one head.
  ///
  /// The coins are the pair's own, so that its heads are the same at every reading.
  private func weights(of pair: PreferencePair) -> [Float]? {
    guard section.heads > 1 else { return nil }
    let digest = Digest.hex([pair.id, pair.chosen, pair.rejected].joined(separator: "\u{0}"))
    var random = SeededRandom(
      UInt64(context.compute.seed),
      0x4845_4144,
      UInt64(digest.prefix(16), radix: 16) ?? 0
    )
    return (0..<section.heads).map { _ in random.next() & (1 << 40) == 0 ? 0 : 2 }
  }

  private func train(_ stage: Stage, _ start: URL) throws {
    // 1 model
    let model = try context.compute.modelToTrain(start)
    model.head = context.compute.newHead(section.head, heads: section.heads, for: model)
    // The last token is what transformers reads of what the template writes.
    model.manifest = ModelManifest(kind: .classic, scoredToken: .lastOfTemplate)

    // 2 data
    guard !context.pairs.isEmpty || context.windows != nil else {
      throw TrainingError.noData(stage: stage.name, hint: "every pair was dropped or none given")
    }
    let renderer = try model.renderer()
    func sequences(_ pairs: [PreferencePair], areLearnt: Bool) throws -> [TrainingPair] {
      try pairs.map { pair in
        TrainingPair(
          chosen: TrainingSequence(
            try renderer.render(prompt: pair.prompt, response: pair.chosen),
            withTargets: false
          ),
          rejected: TrainingSequence(
            try renderer.render(prompt: pair.prompt, response: pair.rejected),
            withTargets: false
          ),
          margin: pair.margin,
          probability: pair.probability,
          weights: areLearnt ? weights(of: pair) : nil
        )
      }
    }

    // 3 training
    let training = context.training(stage, model, section.optimizer, share: share)
    let objective = PreferenceObjective(
      weights: (preference: 1, critique: 0),
      centring: section.centring
    )
    let heldOut = try sequences(context.heldOut, areLearnt: false)
    if let windows = context.windows, let steps = training.steps {
      try training.run(
        reading: steps * section.batchPairs,
        heldOut: heldOut,
        batchSize: section.batchPairs,
        accumulation: section.accumulation,
        objective: objective
      ) { try sequences(try windows.pairs(at: $0), areLearnt: true) }
      return
    }
    try training.run(
      try sequences(context.pairs, areLearnt: true),
      heldOut: heldOut,
      batchSize: section.batchPairs,
      accumulation: section.accumulation,
      epochs: section.epochs
    ) { _ in objective }
  }
}
