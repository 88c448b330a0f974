// Judges that give a verdict without words: GenRM, which predicts the letter of the better response
// as its next token, and PairRM, which reads both responses and puts out one logit.
//
// Each pair is shown in an order drawn anew in every epoch, or in both at once.
//
// Source: Mahan et al. 2024 (arXiv:2410.12832) eq. 7 for GenRM; Jiang et al. 2023
// (arXiv:2306.02561) for reading both responses at once.

import AssayData
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// How a judge without words is trained.
package struct VerdictSection: RecipeSection {
  /// The wording of the comparison: `english`, or `playground`.
  ///
  /// Default: `english`.
  package var prompts = "english"
  /// The head of a pair model: `linear`, or `cloud` (two layers); the letter needs none.
  ///
  /// Default: `linear`.
  package var head = HeadKind.linear
  /// How weights are updated.
  package var optimizer = OptimizerSection(learningRate: 5e-6)
  /// Whether a step reads each of its pairs in both orders, so that no place can be preferred.
  ///
  /// Default: false, one order drawn anew in every epoch; true reads twice as much.
  package var bothOrders = false
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

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    for (value, name) in [
      (batchPairs, "batchPairs"), (accumulation, "accumulation"), (epochs, "epochs"),
    ] { checks.require(value > 0, name, "a number above 0") }
    checks.requireWording(prompts)
  }

  /// The wording of the comparison.
  var wording: RolePrompts { RolePrompts.named(prompts) ?? .english }
}

extension VerdictSection {
  /// What its training reads; without a head the letter is learnt.
  func shape(_ stage: String, head: HeadKind?) -> TrainingShape {
    TrainingShape(
      stage: stage,
      key: "verdict",
      reads: .verdicts(wording, bothOrders: bothOrders, isScored: head != nil),
      head: head,
      batch: batchPairs,
      accumulation: accumulation,
      epochs: epochs,
      moments: optimizer.moments
    )
  }
}

/// What a judge without words is.
enum VerdictKind {
  /// The next token is the verdict.
  case letter
  /// A head's logit is.
  case pair
}

/// Trains a judge without words.
struct VerdictTraining {
  let kind: VerdictKind
  let section: VerdictSection
  let context: RunContext

  /// Runs the stage of a method.
  func run(_ name: String) async throws -> Stage {
    let start = try context.startFolder()
    return try await context.stages.run(
      name,
      from: ["verdict": section, "compute": context.compute, "replay": context.replay?.made],
      inputs: context.inputs
    ) { try train($0, start) }
  }

  private func train(_ stage: Stage, _ start: URL) throws {
    guard !context.pairs.isEmpty else {
      throw TrainingError.noData(stage: stage.name, hint: "every pair was dropped or none given")
    }
    let model = try model(start)
    let items = try self.items(context.pairs, model)
    let heldOut = try self.items(context.heldOut, model).flatMap { item in
      JudgementOrder.allCases.map { ShownItem(item: item, order: $0) }
    }
    func figures(_ objective: some Objective<ShownItem>) -> [Metric] {
      heldOutFigures(
        heldOut,
        batchSize: max(1, section.batchPairs / section.accumulation),
        model: model,
        objective: objective
      )
    }
    try context.training(stage, model, section.optimizer).run(
      count: items.count,
      batchSize: section.batchPairs,
      epochs: section.epochs,
      indifferentLoss: kind == .pair ? PairLogitObjective.indifferentLoss : nil,
      measure: heldOut.isEmpty
        ? nil
        : { _ in kind == .pair ? figures(PairLogitObjective()) : figures(LetterObjective()) }
    ) { step in
      let batch = step.items.flatMap { index in
        orders(of: index, epoch: step.epoch).map { ShownItem(item: items[index], order: $0) }
      }
      func report(_ objective: some Objective<ShownItem>) -> StepReport {
        objective.step(
          batch,
          items: step.items,
          model: model,
          accumulation: section.accumulation
        )
      }
      return kind == .pair ? report(PairLogitObjective()) : report(LetterObjective())
    }
  }

  private func orders(of item: Int, epoch: Int) -> [JudgementOrder] {
    section.bothOrders
      ? JudgementOrder.allCases
      : [.drawn(seed: context.compute.seed, round: epoch, item: item)]
  }

  /// The start model, with a head where one gives the verdict.
  private func model(_ start: URL) throws -> Model {
    let model = try context.compute.modelToTrain(start)
    switch kind {
    case .letter:
      guard model.decoder.isLanguageModel else {
        throw ModelError.lacks(
          path: start.path,
          part: "output embedding",
          hint: "the verdict is its next token"
        )
      }
      model.manifest = ModelManifest(kind: .judge)
    case .pair:
      model.head = context.compute.newHead(section.head, for: model)
      model.manifest = ModelManifest(kind: .pair)
    }
    model.manifest.judge = JudgeManifest(task: .token, prompts: section.wording, tokens: 1)
    return model
  }

  /// The pairs as tokens, in both orders.
  private func items(_ pairs: [PreferencePair], _ model: Model) throws -> [VerdictItem] {
    let sequences = JudgeSequences(renderer: try model.renderer(), prompts: section.wording)
    return try pairs.map { pair in
      let shown = JudgementOrder.allCases.map { sequences.conversation(pair, $0, .token) }
      return VerdictItem(
        sequences: try shown.map { conversation in
          kind == .pair
            ? [try sequences.scored(conversation)]
            : try Verdict.allCases.map { try sequences.letter(conversation, $0) }
        },
        margin: pair.margin ?? 0,
        probability: pair.probability ?? 1
      )
    }
  }
}
