// The judge that reads the corpus again, as every method does beside its own lesson, and learns nothing
// else: what a trained judge has to be better than where replay and position jumps help by themselves.
//
//   assay compare Recipes/papers.yaml --set methods=[judge,judge-replay,star-dpo] --out runs/replay

import AssayEvaluate
import AssayModel
import AssayRun
import AssayText
import Foundation

/// How long the judge reads.
package struct JudgeReplaySection: RecipeSection {
  /// How weights are updated.
  package var optimizer = OptimizerSection(learningRate: 1e-6)
  /// Pairs beside which other methods read `replay.share` times as many texts in a step.
  ///
  /// Default: 32.
  package var batchPairs = 32
  /// Times that other methods read their pairs.
  ///
  /// Default: 1.
  package var epochs = 1

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(batchPairs > 0, "batchPairs", "a number above 0")
    checks.require(epochs > 0, "epochs", "a number above 0")
  }
}

/// The start model as a judge, having read the corpus again.
struct JudgeReplayMethod: Method {
  static let section = SectionKey("judgeReplay", JudgeReplaySection())

  let name = "judge-replay"
  let summary = "the start model as a judge that reasons, tuned on the corpus alone, a control"
  var sections: [any MethodSection] { [Self.section, UntrainedJudge.section] }
  var tuned: [any MethodSection] { [Self.section] }

  func data(_ settings: MethodSettings) -> MethodData { .pairs }

  func preference(_ settings: MethodSettings, wording: RolePrompts?) -> Preference? {
    UntrainedJudge.chain.preference(settings, wording: wording)
  }

  func run(in context: RunContext) async throws -> TrainedModel {
    let section = context.settings[Self.section]
    let start = try context.startFolder()
    guard context.replay != nil else {
      throw TrainingError.recipe(
        reason:
          "\(name) reads nothing but the corpus: set replay.share above 0, and replay.data to it"
      )
    }
    let stage = try await context.stages.run(
      name,
      from: ["judgeReplay": section, "compute": context.compute, "replay": context.replay?.made],
      inputs: context.inputs
    ) { stage in
      let model = try context.compute.modelToTrain(start)
      try context.training(stage, model, section.optimizer).run(
        count: context.pairs.count,
        batchSize: section.batchPairs,
        epochs: section.epochs
      ) { StepReport(loss: 0, tokens: 0, items: $0.items) }
    }
    return try TrainedModel(stage, preference(context.settings, wording: context.wording))
  }
}
