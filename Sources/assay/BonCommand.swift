import ArgumentParser
import AssayBase
import AssayData
import AssayEvaluate
import AssayReward
import AssayRun
import Foundation

struct BonCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "bon",
    abstract: "Best-of-N: how often the response that a model picks out of N is right.",
    discussion: """
      A policy answers each prompt several times, or --candidates holds the responses; the model \
      scores them, or judges each against each. Writes responses, scores and results.json; run \
      again, it goes on where it stopped.
      """
  )

  @Option(help: "What picks: a model folder or a run folder.")
  var model: String

  @OptionGroup var drawing: DrawingOptions

  @Option(
    help: """
      Lines {"id", "prompt", "responses", "right"} instead of a policy. Default: none, the policy \
      answers.
      """
  )
  var candidates: String?

  @Option(help: "The folder for records and results.json.")
  var out: String

  @Option(help: "Redoes a stage, as responses, and those behind it. Default: what is done stays.")
  var restartFrom: String?

  @OptionGroup var picking: PickingOptions
  @OptionGroup var rows: RowOptions
  @OptionGroup var checks: CheckerOptions
  @OptionGroup var inference: InferenceOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    try drawing.validate(candidates: candidates)
    try rows.validate(canCut: false)
    if candidates == nil, checks.playgroundSeed == nil, checks.answers == nil {
      throw ValidationError("give --playground-seed or --answers, which tell what is right")
    }
  }

  func execute() async throws {
    let start = Date()
    let folder = try RunFolder(URL(fileURLWithPath: out), restartingFrom: restartFrom)
    let run = BestOfNRun(folder, events: common.progress.handle)
    let answered = try await answered(run)
    let ranked = try await rank(answered, run)
    let results = BestOfNResults(
      seconds: Date().timeIntervalSince(start),
      model: URL(fileURLWithPath: model).standardizedFileURL.lastPathComponent,
      try BestOfN.curve(ranked, seed: common.seed),
      gain: try BestOfN.gain(ranked, seed: common.seed),
      prompts: ranked.count
    )
    try folder.write(try Output.pretty(results), to: "results.json")
    if common.isJSON { try Output.json(results) } else { try Output.result(results.text) }
  }

  private func rank(_ answered: Answered, _ run: BestOfNRun) async throws -> [BestOfNPrompt] {
    let ranker = try inference.source(model, common)
    try tellCut(answered, ranker)
    var settings = ranker.settings(inference, common)
    picking.note(in: &settings)
    let rater = try ranker.rater(
      critiques: picking.critiques(seed: common.seed),
      judging: picking.judging(seed: common.seed),
      caution: picking.caution
    )
    ranker.follow(run.events)
    return try await ranker.keeping(beside: ranker.place("\(out)/scores", of: rater), settings) {
      try await run.ranked(
        answered.prompts,
        answered.responses,
        by: rater,
        fingerprint: try settings.fingerprint(inputs: ["responses": answered.digest])
      )
    }
  }
}
