import ArgumentParser
import AssayReward

/// Options of commands in which a model may write critiques.
struct CritiqueOptions: ParsableArguments {
  @Option(help: "Critiques of each response; a score is their mean.")
  var samples = 1

  @Option(help: "Temperature of critiques. Default: 0 (greedy) for one, 0.5 for more.")
  var temperature: Float?

  @Option(help: "The most likely tokens that together have this probability are drawn from.")
  var topP: Float = 1

  @Option(
    help: """
      Tokens a critique may have. Default: what the model was trained for, or 512; of an oracle 2048.
      """
  )
  var maxTokens: Int?

  func validate() throws {
    try Limit.check("--samples", samples, in: Limit.count)
    try Limit.check("--temperature", temperature, in: Limit.temperature)
    try Limit.check(share: "--top-p", topP)
    try Limit.check("--max-tokens", maxTokens, in: Limit.tokens)
  }

  func settings(seed: UInt64) -> CritiqueSettings {
    var settings = CritiqueSettings()
    settings.samples = samples
    settings.temperature = temperature ?? CritiqueSettings.usualTemperature(samples: samples)
    settings.topP = topP
    settings.tokens = maxTokens
    settings.seed = seed
    return settings
  }
}
