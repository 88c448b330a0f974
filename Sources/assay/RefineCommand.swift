import ArgumentParser
import AssayData
import AssayEvaluate
import AssayReward
import AssayRun
import AssayStudy
import AssayText
import AssayTrain
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

  @Option(
    help: """
      What criticizes: a model folder or a run folder. Default: none; --critic stands in for it.
      """
  )
  var model: String?

  @Option(
    help: ArgumentHelp(
      """
      What criticizes, at an OpenAI-compatible endpoint in place of a model on this machine, as \
      --generator; with the same key, concurrency and patience. Default: none.
      """,
      valueName: "openai:URL"
    )
  )
  var critic: GeneratorAddress?

  @Option(help: "The critic's name at its endpoint. Default: none; --critic needs one.")
  var criticModel: String?

  @OptionGroup var policy: PolicyOptions

  @Option(help: "Prompts, JSON Lines with \"id\" and \"prompt\", or \"question\" and \"answer\".")
  var data: String

  @Option(help: "The folder for records and results.json.")
  var out: String

  @Option(help: "Temperature of the first responses; critiques and revisions are greedy.")
  var temperature: Float = 0

  @Option(help: "Most new tokens of a response.")
  var maxTokens = 256

  @Option(help: "Most new tokens of a critique. Default: what the model was trained for, or 512.")
  var critiqueTokens: Int?

  @Option(help: "How the policy is asked: english or playground.")
  var prompts = "english"

  @OptionGroup var reading: ProblemOptions
  @OptionGroup var checks: CheckerOptions
  @OptionGroup var inference: InferenceOptions
  @OptionGroup var common: CommonOptions

  private struct Results: Encodable {
    let seconds: Double
    let figures: RevisionFigure
  }

  func validate() throws {
    guard policy.isGiven else { throw ValidationError("give --policy or --generator") }
    guard (model == nil) != (critic == nil) else {
      throw ValidationError("give either --model or --critic")
    }
    guard (critic == nil) == (criticModel?.isEmpty ?? true) else {
      throw ValidationError("--critic and --critic-model, the model's name there, belong together")
    }
    try Limit.check("--max-tokens", maxTokens, in: Limit.tokens)
    try Limit.check("--critique-tokens", critiqueTokens, in: Limit.tokens)
    try Limit.check("--temperature", temperature, in: Limit.temperature)
    guard RolePrompts.named(prompts) != nil else {
      throw ValidationError(
        "--prompts is \(RolePrompts.known.map(\.name).joined(separator: " or "))"
      )
    }
    guard checks.playgroundSeed != nil || checks.answers != nil else {
      throw ValidationError("give --playground-seed or --answers, which tell what is right")
    }
  }

  func execute() async throws {
    let start = Date()
    let (rows, report) = try PromptReader(.conversations, policy: reading.policy).read(data)
    try reading.tell(report, of: data)
    guard let checker = checks.checker(rows), let wording = RolePrompts.named(prompts) else {
      throw ValidationError("give --playground-seed or --answers, which tell what is right")
    }
    let run = try RunFolder(URL(fileURLWithPath: out))
    var outcomes: [RevisionOutcome] = []
    try await policy.withPolicy(out: out, inference: inference, common: common) { policy in
      outcomes = try await Refinement(
        command: self,
        rows: rows,
        checker: checker,
        wording: wording,
        run: run,
        policy: policy
      ).outcomes()
    }
    let results = Results(
      seconds: Date().timeIntervalSince(start),
      figures: try RevisionFigure(
        outcomes,
        method: criticModel
          ?? URL(fileURLWithPath: model ?? "").standardizedFileURL.lastPathComponent
      )
    )
    try run.write(try ResultsJSON.data(results), to: "results.json")
    if common.isJSON {
      try Output.json(results)
    } else {
      try Output.result(ComparisonReport.text(of: [results.figures]))
    }
  }
}
