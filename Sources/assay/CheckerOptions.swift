import ArgumentParser
import AssayData
import AssayEvaluate

/// How responses are checked.
struct CheckerOptions: ParsableArguments {
  @Option(
    help: """
      The prompts are the Playground's, of this seed; their ids name the items. Default: they are not, and \
      --answers says what is right.
      """
  )
  var playgroundSeed: UInt64?

  @Option(
    help: """
      gsm8k: responses are right by their final number, which is that of "answer" in the data: behind \
      "####", else in "\\boxed{}", else the last one in digits. \
      Default: --playground-seed says what is right.
      """
  )
  var answers: AnswerRule?

  enum AnswerRule: String, ExpressibleByArgument, CaseIterable {
    case gsm8k
  }

  func validate() throws {
    guard playgroundSeed == nil || answers == nil else {
      throw ValidationError("give either --playground-seed or --answers")
    }
  }

  /// What checks responses to prompts; `nil` where nothing was asked for.
  func checker(_ prompts: [PromptRecord]) -> ResponseChecker? {
    if let playgroundSeed {
      return .playground(Playground(PlaygroundConfiguration(seed: playgroundSeed)))
    }
    guard answers != nil else { return nil }
    let known = prompts.compactMap { prompt in prompt.answer.map { (prompt.id, $0) } }
    return .finalNumber(answers: Dictionary(known) { first, _ in first })
  }

  /// As above, where there must be one.
  ///
  /// - Throws: `ValidationError`.
  func required(_ prompts: [PromptRecord]) throws -> ResponseChecker {
    guard let checker = checker(prompts) else {
      throw ValidationError("give --playground-seed or --answers, which tell what is right")
    }
    return checker
  }

  /// Notes how responses are checked.
  func note(in settings: inout RecordSettings) {
    settings.set("--playground-seed", playgroundSeed.map(String.init) ?? "none")
    settings.set("--answers", answers?.rawValue ?? "none")
  }
}
