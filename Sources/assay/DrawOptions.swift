import ArgumentParser
import AssayReward

/// Options of how texts are drawn, where scorers and judges have defaults of their own.
struct DrawOptions: ParsableArguments {
  @Option(help: "Temperature. Default: 0 (greedy) for one text a side; else 0.5, judges 1.")
  var temperature: Float?

  @Option(
    help: "The most likely tokens of this probability are drawn from. Default: 1, judges 0.95."
  )
  var topP: Float?

  @Option(
    help: """
      Tokens a text may have. Default: what the model was trained for; of a judge at an endpoint \
      1024, 8 for a letter.
      """
  )
  var maxTokens: Int?

  /// Whether none of them is given.
  var isEmpty: Bool { temperature == nil && topP == nil && maxTokens == nil }

  func validate() throws {
    try Limit.check("--temperature", temperature, in: Limit.temperature)
    try Limit.check(share: "--top-p", topP)
    try Limit.check("--max-tokens", maxTokens, in: Limit.tokens)
  }

  /// How critiques are drawn, where the model writes them.
  func critiques(samples: Int?, seed: UInt64) -> CritiqueSettings {
    var settings = CritiqueSettings()
    settings.samples = samples ?? 1
    settings.temperature =
      temperature ?? CritiqueSettings.usualTemperature(samples: settings.samples)
    settings.topP = topP ?? 1
    settings.tokens = maxTokens
    settings.seed = seed
    return settings
  }
}
