// Bradley-Terry from CLoud's critic: the critiques were a lesson, and none is written when it scores. It
// tells what critiques bring as a training signal from what they bring where they are read.
//
//   assay train Recipes/cloud.yaml --set method=classic-critic --set model=base \
//     --set data.train=train.jsonl --out runs/classic-critic

import AssayEvaluate
import AssayRun
import AssayText

/// Bradley-Terry from the weights of CLoud's first stage.
struct ClassicCriticMethod: Method {
  let name = "classic-critic"
  let summary = "a reward model that learns critiques first and writes none, CLoud's control"
  var sections: [any MethodSection] { [CritiqueSFTMethod.section, ClassicMethod.section] }
  var tuned: [any MethodSection] { sections }

  func trainings(_ settings: MethodSettings) -> [TrainingShape] {
    [
      settings[CritiqueSFTMethod.section].shape(share: 0.5),
      settings[ClassicMethod.section].shape(name, share: 0.5),
    ]
  }

  var watchesHeldOut: Bool { true }

  func data(_ settings: MethodSettings) -> MethodData {
    .critiquedPairs(leadIn: settings[CritiqueSFTMethod.section].leadIn)
  }

  func preference(_ settings: MethodSettings, wording: RolePrompts?) -> Preference? { .scores }

  func run(in context: RunContext) async throws -> TrainedModel {
    let section = context.settings[CritiqueSFTMethod.section]
    let taught = try await context.taught(by: section)
    let critic = try await CritiqueTraining(section: section, context: taught, share: 0.5).run()
    let stage = try await ClassicTraining(
      section: context.settings[ClassicMethod.section],
      context: context,
      share: 0.5
    ).run(name, start: try critic.model(), inputs: ["critique-sft": critic.digest])
    return try TrainedModel(stage, .scores)
  }
}
