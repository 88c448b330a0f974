import ArgumentParser
import AssayEvaluate
import AssayReward
import AssayText

/// How a model at an endpoint is asked for critiques.
struct AskingOptions: ParsableArguments {
  @Flag(
    help: """
      With --generator: critiques end with a score from 1 to 10, which is written as "stated_score" \
      and taken from the text.
      """
  )
  var statedScores = false

  @Option(help: "How a --generator is asked: english or playground. Default: english.")
  var prompts: PromptSet?

  @Flag(
    help: """
      With --generator: ask as CLoud's oracle is asked, for an expert's feedback on one response, in \
      words and without a score.
      """
  )
  var oracle = false

  /// Refuses what does not go together.
  ///
  /// - Throws: `ValidationError`.
  func validate(isRemote: Bool) throws {
    guard isRemote || !statedScores && prompts == nil && !oracle else {
      throw ValidationError("--stated-scores, --prompts and --oracle belong to --generator")
    }
    guard !oracle || !statedScores && prompts == nil else {
      throw ValidationError("--oracle has a wording of its own, which asks for no score")
    }
  }

  private var wording: RolePrompts { prompts?.prompts ?? .english }

  /// How a model is asked: one here as it was trained.
  func asking(_ model: ModelSource) -> Critic.Asking {
    if model.text != nil { return .trained }
    return oracle ? .oracle : .wording(wording, statesScore: statedScores)
  }

  /// Notes how a model elsewhere is asked.
  func note(in settings: inout RecordSettings) {
    settings.set("--prompts", wording.name)
    settings.set("--stated-scores", statedScores)
    settings.set("--oracle", oracle)
  }
}
