import ArgumentParser
import AssayBase
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayReward
import AssayRun
import AssayStudy
import AssayText
import Foundation

struct RefineCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "refine",
    abstract: "Lets a policy revise its responses by a critic's critiques, and without.",
    discussion: """
      The policy answers, and revises. Reports accuracy before and behind, the share of wrong \
      responses that became right and of right ones that became wrong. Writes responses, critiques, \
      revisions and results.json; run again, it goes on where it stopped.
      """
  )

  @OptionGroup var critic: CriticOptions
  @OptionGroup var policy: PolicyOptions

  @Option(help: "Prompts, JSON Lines with \"id\" and \"prompt\", or \"question\" and \"answer\".")
  var data: String

  @Option(help: "The folder for records and results.json.")
  var out: String

  @Option(help: "Redoes a stage, as responses, and those behind it. Default: what is done stays.")
  var restartFrom: String?

  @Option(help: "Temperature of the first responses; critiques and revisions are greedy.")
  var temperature: Float = 0

  @Option(help: "Most new tokens of a response.") var maxTokens = 256

  @Option(help: "How the policy is asked: english or playground. Default: english.")
  var prompts: PromptSet?

  @OptionGroup var rows: RowOptions
  @OptionGroup var checks: CheckerOptions
  @OptionGroup var inference: InferenceOptions
  @OptionGroup var common: CommonOptions

  private struct Results: Encodable {
    let seconds: Double
    let figures: RevisionFigure
  }

  func validate() throws {
    guard policy.isGiven else { throw ValidationError("give --policy or --generator") }
    try rows.validate(canCut: false)
    try Limit.check("--max-tokens", maxTokens, in: Limit.tokens)
    try Limit.check("--temperature", temperature, in: Limit.temperature)
    guard checks.playgroundSeed != nil || checks.answers != nil else {
      throw ValidationError("give --playground-seed or --answers, which tell what is right")
    }
  }

  func execute() async throws {
    let start = Date()
    let folder = try RunFolder(URL(fileURLWithPath: out), restartingFrom: restartFrom)
    let display = common.progress
    var outcomes: [RevisionOutcome] = []
    try await policy.open(out: out, inference, common) { policy in
      let prompts = try read(by: policy)
      let run = RevisionRun(folder, prompts: prompts, checker: try checks.required(prompts)) {
        display.handle($0)
      }
      outcomes = try await revise(run, policy: policy)
    }
    let results = Results(
      seconds: Date().timeIntervalSince(start),
      figures: try RevisionFigure(outcomes, method: critic.name)
    )
    try folder.write(try Output.pretty(results), to: "results.json")
    if common.isJSON { return try Output.json(results) }
    try Output.result(ComparisonReport.text(of: [results.figures]))
  }

  private func revise(_ run: RevisionRun, policy: ModelSource) async throws -> [RevisionOutcome] {
    policy.follow(run.events)
    var settings = policy.settings(by: "--policy", inference, common)
    checks.note(in: &settings)
    settings.set("--temperature", temperature)
    settings.set("--max-tokens", maxTokens)
    let inputs = ["data": try Digest.fingerprint(of: URL(fileURLWithPath: data))]
    let responses = try await policy.keeping(beside: "\(out)/responses", settings) {
      try await run.responses(
        of: policy.writer,
        .init(samples: 1, temperature: temperature, maximumTokens: maxTokens, seed: common.seed),
        fingerprint: try settings.fingerprint(inputs: inputs)
      )
    }
    var critiques: RevisionRun.Made<String>?
    try await critic.open(out: out, self.policy.remote, inference, common) { source in
      let own = critic.critic(source, wording, seed: common.seed)
      source.follow(run.events)
      var settings = source.settings(inference, common)
      settings.set("--critique-tokens", own.critiqueTokens)
      settings.set("--prompts", wording.name)
      critiques = try await source.keeping(beside: "\(out)/critiques", settings) {
        try await run.critiques(
          by: own,
          of: responses,
          fingerprint: try settings.fingerprint(inputs: ["responses": responses.digest])
        )
      }
    }
    settings.set("--prompts", wording.name)
    return try await policy.keeping(beside: "\(out)/revisions", settings) {
      try await run.revisions(
        by: policy.writer,
        wording: wording,
        maximumTokens: maxTokens,
        of: responses.records,
        critiques: critiques?.records ?? [],
        fingerprint: try settings.fingerprint(inputs: ["critiques": critiques?.digest ?? ""])
      )
    }
  }
}
