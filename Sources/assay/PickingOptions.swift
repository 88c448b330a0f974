import ArgumentParser
import AssayEvaluate
import AssayReward

/// How `bon` picks.
struct PickingOptions: ParsableArguments {
  @Option(help: "Critiques of each response, for models that write them; one is greedy.")
  var critiques = 1

  @Option(help: "Judgements of two responses, half in each order, for judges that reason.")
  var votes = 2

  @Option(
    help: """
      U of score - U x std, by which responses are picked: std is the standard deviation over a model's \
      heads or critiques.
      """
  )
  var caution = 0.0

  func validate() throws {
    guard caution.isFinite, caution >= 0 else {
      throw ValidationError("--caution is a number of at least 0, not \(caution)")
    }
    try Limit.check("--critiques", critiques, in: Limit.count)
    try Limit.check("--votes", votes, in: Limit.count)
  }

  /// Notes how responses are picked.
  func note(in settings: inout RecordSettings) {
    settings.set("--critiques", critiques)
    settings.set("--votes", votes)
    if caution != 0 { settings.set("--caution", caution) }
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
