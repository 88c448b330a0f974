// GenRM without rationale: a judge whose next token is the letter of the better response.
//
//   assay train Recipes/genrm.yaml --set model=instruct --set data.train=train.jsonl --out runs/genrm
//
// Source: Mahan et al. 2024 (arXiv:2410.12832) eq. 7.

import AssayEvaluate
import AssayText

/// GenRM.
struct GenRMMethod: Method {
  static let section = SectionKey("verdict", sharedKey: "genrm", VerdictSection())

  let name = "genrm"
  let summary = "a judge that names the better response by one letter, by GenRM"
  var sections: [any MethodSection] { [Self.section] }
  var tuned: [any MethodSection] { [Self.section] }

  func trainings(_ settings: MethodSettings) -> [TrainingShape] {
    [settings[Self.section].shape(name, head: nil)]
  }

  var watchesHeldOut: Bool { true }

  func data(_ settings: MethodSettings) -> MethodData { .pairs }

  func preference(_ settings: MethodSettings, wording: RolePrompts?) -> Preference? {
    .verdicts(.token, wording ?? settings[Self.section].wording)
  }

  func run(in context: RunContext) async throws -> TrainedModel {
    let stage = try await VerdictTraining(
      kind: .letter,
      section: context.settings[Self.section],
      context: context
    ).run(name)
    return try TrainedModel(stage, preference(context.settings, wording: context.wording))
  }
}
