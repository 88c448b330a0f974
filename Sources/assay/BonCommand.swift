import ArgumentParser
import AssayBase
import AssayData
import AssayEvaluate
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

  @OptionGroup var picking: PickingOptions
  @OptionGroup var reading: ProblemOptions
  @OptionGroup var checks: CheckerOptions
  @OptionGroup var inference: InferenceOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    try drawing.validate(candidates: candidates)
    if candidates == nil, checks.playgroundSeed == nil, checks.answers == nil {
      throw ValidationError("give --playground-seed or --answers, which tell what is right")
    }
  }

  func execute() async throws {
    let start = Date()
    let source = candidates ?? drawing.data ?? ""
    let (prompts, report) = try PromptReader(
      candidates == nil ? .conversations : .candidates,
      policy: reading.policy
    ).read(source)
    try reading.tell(report, of: source)
    let folder = try RunFolder(URL(fileURLWithPath: out))
    let run = BestOfNRun(folder, events: common.progress.handle)
    let (responses, digest) = try await responses(prompts, source, run)
    let ranked = try await rank(prompts, responses, run, digest)
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

  private func responses(
    _ prompts: [PromptRecord],
    _ source: String,
    _ run: BestOfNRun
  ) async throws -> ([PolicyResponses], String) {
    var settings = RecordSettings()
    checks.note(in: &settings)
    let data = ["data": try Digest.fingerprint(of: URL(fileURLWithPath: source))]
    if candidates != nil {
      let checker = checks.checker(prompts)
      let given = try prompts.map { try PolicyResponses(given: $0, checker: checker) }
      return (given, try settings.fingerprint(inputs: data).digest)
    }
    let checker = try checks.required(prompts)
    var made = ([PolicyResponses](), "")
    try await drawing.policy.open(out: out, inference, common) { policy in
      var settings = policy.settings(by: "--policy", inference, common)
      checks.note(in: &settings)
      drawing.note(in: &settings)
      made = try await run.responses(
        prompts,
        of: policy.writer,
        drawing.drawing(seed: common.seed),
        checker: checker,
        fingerprint: try settings.fingerprint(inputs: data)
      )
    }
    return made
  }

  private func rank(
    _ prompts: [PromptRecord],
    _ responses: [PolicyResponses],
    _ run: BestOfNRun,
    _ digest: String
  ) async throws -> [BestOfNPrompt] {
    let ranker = try inference.source(model, common)
    var settings = ranker.settings(inference, common)
    picking.note(in: &settings)
    return try await run.ranked(
      prompts,
      responses,
      by: try ranker.rater(
        critiques: picking.critiques(seed: common.seed),
        judging: picking.judging(seed: common.seed),
        caution: picking.caution
      ),
      fingerprint: try settings.fingerprint(inputs: ["responses": digest])
    )
  }
}
