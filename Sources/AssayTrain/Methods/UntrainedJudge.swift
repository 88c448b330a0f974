// A model as it is, as a judge: what training a judge has to be better than.
//
//   assay train Recipes/judge.yaml --set model=instruct --set data.suites.test=test.jsonl --out runs/judge

import AssayEvaluate
import AssayRun
import AssayText

/// How a model that nobody trained is asked for verdicts.
package struct JudgeSection: RecipeSection {
  /// The wording of the comparison: `english`, or `playground`.
  ///
  /// Default: `english`.
  package var prompts = "english"

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) { checks.requireWording(prompts) }
}

/// The start model itself as a judge.
struct UntrainedJudge: Method {
  static let section = SectionKey("judge", JudgeSection())
  /// Asked for reasons.
  static let chain = UntrainedJudge(
    name: "judge",
    summary: "the start model itself as a judge that reasons; nothing is trained",
    task: .chain
  )
  /// Asked for the letter alone.
  static let token = UntrainedJudge(
    name: "judge-token",
    summary: "the start model itself as a judge that names a letter; nothing is trained",
    task: .token
  )

  let name: String
  let summary: String
  let task: RolePrompts.JudgeTask
  var sections: [any MethodSection] { [Self.section] }
  var tuned: [any MethodSection] { [] }

  func data(_ settings: MethodSettings) -> MethodData { .none }

  func preference(_ settings: MethodSettings, wording: RolePrompts?) -> Preference? {
    .verdicts(task, wording ?? RolePrompts.named(settings[Self.section].prompts) ?? .english)
  }

  func run(in context: RunContext) async throws -> TrainedModel {
    TrainedModel(
      folder: try context.startFolder(),
      digest: context.start?.digest ?? "",
      preference: preference(context.settings, wording: context.wording)
    )
  }
}

extension RecipeChecks {
  /// Notes a wording that nobody knows.
  mutating func requireWording(_ prompts: String) {
    require(
      RolePrompts.named(prompts) != nil,
      "prompts",
      RolePrompts.known.map(\.name).joined(separator: " or ")
    )
  }
}
