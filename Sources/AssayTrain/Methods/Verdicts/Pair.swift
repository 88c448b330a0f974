// PairRM: a model that reads both responses at once and puts out one logit, that the first is better.
//
//   assay train Recipes/genrm.yaml --set method=pair --set model=instruct \
//     --set data.train=train.jsonl --out runs/pair
//
// Source: Jiang et al. 2023 (arXiv:2306.02561).

import AssayEvaluate
import AssayText

/// PairRM.
struct PairMethod: Method {
  static let section = SectionKey("verdict", sharedKey: "pair", VerdictSection())

  let name = "pair"
  let summary = "a model that reads both responses and puts out one logit, by PairRM"
  var sections: [any MethodSection] { [Self.section] }
  var tuned: [any MethodSection] { [Self.section] }

  func trainings(_ settings: MethodSettings) -> [TrainingShape] {
    [settings[Self.section].shape(name, head: settings[Self.section].head)]
  }

  var watchesHeldOut: Bool { true }

  func data(_ settings: MethodSettings) -> MethodData { .pairs }

  func preference(_ settings: MethodSettings, wording: RolePrompts?) -> Preference? { .pairLogit }

  func run(in context: RunContext) async throws -> TrainedModel {
    let stage = try await VerdictTraining(
      kind: .pair,
      section: context.settings[Self.section],
      context: context
    ).run(name)
    return try TrainedModel(stage, .pairLogit)
  }
}
