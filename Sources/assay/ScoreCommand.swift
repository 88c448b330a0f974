import ArgumentParser
import AssayBase
import AssayData
import AssayEvaluate
import AssayModel
import AssayReward
import AssayRun
import AssayText
import AssayTrain
import Foundation

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

struct ScoreCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Scores responses.",
    discussion: """
      Reads lines {"id", "prompt", "response"} or {"id", "text"}, a rendered text, and writes one \
      line a response: its score, critiques, the token that was scored, and token counts.
      """
  )

  @Option(help: "A model folder or a run folder.")
  var model: String

  @Option(help: "Responses, JSON Lines; - is standard input.")
  var data: String

  @OptionGroup var rows: RowOptions
  @OptionGroup var critiques: CritiqueOptions
  @OptionGroup var inference: InferenceOptions
  @OptionGroup var common: CommonOptions

  func execute() async throws {
    let loaded = try inference.load(model, common)
    var options = ModelScorer.Options()
    options.critiques = critiques.settings(seed: common.seed)
    let scorer = try ModelScorer(loaded, options: options)
    let length = try TextLength(loaded, critiques: options.critiques)
    let (records, report) = try ResponseReader(
      policy: rows.policy,
      limit: rows.limit(length.responses)
    ).read(data)
    try rows.tell(report, of: data)
    let marker = rows.marker(length.responses)
    let isCut = try records.map { try marker?($0) ?? false }
    rows.tellCut(isCut.count(where: \.self), of: records.count)
    let progress = common.progress
    progress.handle(.stageStarted(name: "score", number: 1, total: records.count, resumedAt: 0))
    var done = 0
    // Stretches are written as they are scored: an interruption keeps what was done.
    for start in stride(from: 0, to: records.count, by: 256) {
      try Interruption.check()
      let part = Array(records[start..<min(start + 256, records.count)])
      let scores = try await RewardError.inStretch(from: start) {
        try await scorer.score(part.map(\.input))
      }
      for (index, score) in scores.enumerated() {
        try Output.json(
          ScoreRecord(id: part[index].id, score: score, isCut: isCut[start + index])
        )
      }
      done += part.count
      progress.handle(
        .step(
          done: done,
          total: records.count,
          metrics: [],
          tokens: scores.map { $0.tokens.prompt + $0.tokens.completion }.reduce(0, +)
        )
      )
    }
  }
}
