import ArgumentParser
import AssayEvaluate
import AssayReward

/// How `bon` picks.
struct PickingOptions: ParsableArguments {
  @Option(help: "Critiques of each response, for models that write them; one is greedy.")
  var critiques = 1

  @Option(help: "Judgements of two responses, half in each order, for judges that reason.")
  var votes = 2

  func validate() throws {
    try Limit.check("--critiques", critiques, in: Limit.count)
    try Limit.check("--votes", votes, in: Limit.count)
  }

  /// Notes how responses are picked.
  func note(in settings: inout RecordSettings) {
    settings.set("--critiques", critiques)
    settings.set("--votes", votes)
  }

  /// How critiques are written.
  func critiques(seed: UInt64) -> CritiqueSettings {
    var settings = CritiqueSettings()
    settings.samples = critiques
    settings.temperature = CritiqueSettings.usualTemperature(samples: critiques)
    settings.seed = seed
    return settings
  }

  /// How responses are compared.
  func judging(seed: UInt64) -> JudgeSettings {
    var settings = JudgeSettings()
    settings.votes = votes
    settings.seed = seed
    return settings
  }
}
