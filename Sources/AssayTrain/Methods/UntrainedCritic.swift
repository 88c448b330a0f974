// A model as it is, as a judge of single responses: critiques that end with a score, whose mean counts.
//
//   assay train Recipes/judge.yaml --set method=critic --set model=instruct \
//     --set data.suites.test=test.jsonl --set evaluation.votes=16 --out runs/critic

import AssayEvaluate
import AssayRun
import AssayText

/// The start model itself as a critic that states scores.
struct UntrainedCritic: Method {
  /// All its critiques count.
  static let plain = UntrainedCritic(
    name: "critic",
    summary: "the start model's stated scores, response by response; nothing is trained",
    keepsBetterHalf: false
  )
  /// The better half of its critiques counts.
  static let meta = UntrainedCritic(
    name: "critic-meta",
    summary: "the same, of the half of its critiques that it rates better itself",
    keepsBetterHalf: true
  )

  let name: String
  let summary: String
  let keepsBetterHalf: Bool
  var sections: [any MethodSection] { [UntrainedJudge.section] }
  var tuned: [any MethodSection] { [] }

  func data(_ settings: MethodSettings) -> MethodData { .none }

  func preference(_ settings: MethodSettings, wording: RolePrompts?) -> Preference? {
    .statedScores(
      wording ?? RolePrompts.named(settings[UntrainedJudge.section].prompts) ?? .english,
      keepsBetterHalf: keepsBetterHalf
    )
  }

  func run(in context: RunContext) async throws -> TrainedModel {
    TrainedModel(
      folder: try context.startFolder(),
      digest: context.start?.digest ?? "",
      preference: preference(context.settings, wording: context.wording)
    )
  }
}
