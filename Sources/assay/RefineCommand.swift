import ArgumentParser
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayTensor
import AssayText
import AssayTrain
import Foundation

struct RefineCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "refine",
    abstract: "Lets a policy revise its responses by a critic's critiques, and without.",
    discussion: """
      The policy answers, and revises. Reports accuracy before and behind, the share of wrong responses that became right and of \
      right ones that became wrong. Writes responses, critiques, revisions and results.json; run \
      again, it goes on where it stopped.
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

  @OptionGroup var checks: CheckerOptions
  @OptionGroup var inference: InferenceOptions
  @OptionGroup var common: CommonOptions

  private struct Critique: Codable, Sendable {
    let id: String
    let critique: String
  }

  private struct Revision: Codable, Sendable {
    let id: String
    let guided: String
    let unguided: String
    let outcome: RevisionOutcome
  }

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
    guard maxTokens > 0, critiqueTokens ?? 1 > 0, temperature >= 0 else {
      throw ValidationError(
        "--max-tokens and --critique-tokens are at least 1, --temperature at least 0"
      )
    }
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
    let rows = try PromptRow.read(data, hasResponses: false)
    guard let checker = checks.checker(rows), let wording = RolePrompts.named(prompts) else {
      throw ValidationError("give --playground-seed or --answers, which tell what is right")
    }
    let run = try RunFolder(URL(fileURLWithPath: out))
    var revised: [Revision] = []
    try await policy.withPolicy(out: out, inference: inference, common: common) { policy in
      let (responses, answered) = try await responses(rows, checker, run, policy)
      let (critiques, criticized) = try await critiques(rows, responses, wording, run, answered)
      revised = try await revisions(
        rows,
        responses,
        critiques,
        wording,
        checker,
        run,
        policy,
        criticized
      )
    }
    let results = Results(
      seconds: Date().timeIntervalSince(start),
      figures: try RevisionFigure(
        revised.map(\.outcome),
        method: criticModel
          ?? URL(fileURLWithPath: model ?? "").standardizedFileURL.lastPathComponent
      )
    )
    try run.write(try ResultsJSON.data(results), to: "results.json")
    if common.isJSON {
      try Output.json(results)
    } else {
      Output.result(ComparisonReport.text(of: [results.figures]))
    }
  }

  // MARK: Stages

  private func load(_ path: String) throws -> Model {
    let loaded = try inference.load(path, common)
    guard loaded.decoder.isLanguageModel else {
      throw ModelError.lacks(
        path: path,
        part: "output embedding",
        hint: "a classifier cannot write text"
      )
    }
    return loaded
  }

  private func responses(
    _ rows: [PromptRow],
    _ checker: ResponseChecker,
    _ run: RunFolder,
    _ policy: PolicySource
  ) async throws -> ([PolicyResponses], String) {
    let stage = try run.stage(
      "responses",
      fingerprint: StageFingerprint(
        recipe: """
          temperature: \(temperature)
          max_tokens: \(maxTokens)
          seed: \(common.seed)
          playground_seed: \(checks.playgroundSeed.map(String.init) ?? "none")\(inference.fingerprint)

          """,
        inputs: [
          "policy": try policy.digest(),
          "data": try InputDigest.file(data),
        ]
      )
    )
    let display = common.progress
    let written = try await policy.records(
      of: stage,
      count: rows.count,
      stretch: 512,
      drawing: .init(temperature: temperature, maximumTokens: maxTokens, seed: common.seed),
      events: { display.handle($0) }
    ) { item in
      [.init(messages: rows[item].prompt)]
    } record: { item, texts in
      try PolicyResponses(rows[item], responses: texts, checker: checker)
    }
    return (written, stage.digest)
  }

  private func critiques(
    _ rows: [PromptRow],
    _ responses: [PolicyResponses],
    _ wording: RolePrompts,
    _ run: RunFolder,
    _ answered: String
  ) async throws -> ([String], String) {
    guard let model else {
      return try await remoteCritiques(rows, responses, wording, run, answered)
    }
    let loaded = try load(model)
    let room = min(
      critiqueTokens ?? loaded.manifest.critiqueTokens ?? 512,
      loaded.decoder.configuration.contextTokens / 2
    )
    let leadIn = loaded.manifest.leadIn ?? wording.critiqueLeadIn
    let stage = try run.stage(
      "critiques",
      fingerprint: StageFingerprint(
        recipe: "critique_tokens: \(room)\nlead_in: \(leadIn)\(inference.fingerprint)\n",
        inputs: [
          "model": InputDigest.model(try ModelPath.folder(model)), "responses": answered,
        ]
      )
    )
    let renderer = try loaded.renderer()
    let display = common.progress
    let written = try await SamplingStage<Critique>(
      stage: stage,
      model: loaded,
      events: { display.handle($0) }
    ).run(count: rows.count) { item in
      [
        GenerationRequest(
          promptTokens: try renderer.critiquePrefix(
            prompt: rows[item].prompt,
            response: responses[item].responses[0],
            leadIn: leadIn,
            reservedTokens: room + 1
          ),
          maximumTokens: room,
          stopTokens: [renderer.endOfTurnID]
        )
      ]
    } record: { item, written in
      Critique(id: rows[item].id, critique: written[0].text)
    }
    return (written.map(\.critique), stage.digest)
  }

  private func remoteCritiques(
    _ rows: [PromptRow],
    _ responses: [PolicyResponses],
    _ wording: RolePrompts,
    _ run: RunFolder,
    _ answered: String
  ) async throws -> ([String], String) {
    guard let critic, let criticModel else {
      throw ValidationError("give either --model or --critic")
    }
    var written: [Critique] = []
    var digest = ""
    try await policy.remote.withEndpoint(
      critic,
      model: criticModel,
      answers: out + ".critic-requests.jsonl",
      isOutputFree: false,
      common: common
    ) { endpoint in
      let room = critiqueTokens ?? RemoteCritic(endpoint).critiqueTokens
      let source = PolicySource.endpoint(endpoint, stretch: policy.remote.stretch)
      let stage = try run.stage(
        "critiques",
        fingerprint: StageFingerprint(
          recipe: "critique_tokens: \(room)\nprompts: \(wording.name)\n",
          inputs: ["model": try source.digest(), "responses": answered]
        )
      )
      let display = common.progress
      digest = stage.digest
      written = try await source.records(
        of: stage,
        count: rows.count,
        stretch: 512,
        drawing: .init(temperature: 0, maximumTokens: room, seed: common.seed),
        events: { display.handle($0) }
      ) { item in
        [
          .init(
            messages: wording.critique(
              prompt: rows[item].prompt,
              response: responses[item].responses[0],
              statesScore: false
            )
          )
        ]
      } record: { item, texts in
        Critique(id: rows[item].id, critique: texts[0])
      }
    }
    return (written.map(\.critique), digest)
  }

  private func revisions(
    _ rows: [PromptRow],
    _ responses: [PolicyResponses],
    _ critiques: [String],
    _ wording: RolePrompts,
    _ checker: ResponseChecker,
    _ run: RunFolder,
    _ policy: PolicySource,
    _ criticized: String
  ) async throws -> [Revision] {
    let stage = try run.stage(
      "revisions",
      fingerprint: StageFingerprint(
        recipe: "prompts: \(wording.name)\nmax_tokens: \(maxTokens)\(inference.fingerprint)\n",
        inputs: [
          "policy": try policy.digest(), "critiques": criticized,
        ]
      )
    )
    let display = common.progress
    return try await policy.records(
      of: stage,
      count: rows.count,
      stretch: 512,
      drawing: .init(temperature: 0, maximumTokens: maxTokens, seed: common.seed),
      events: { display.handle($0) }
    ) { item in
      [critiques[item], nil].map { critique in
        .init(
          messages: wording.revision(
            prompt: rows[item].prompt,
            response: responses[item].responses[0],
            critique: critique
          )
        )
      }
    } record: { item, texts in
      let right = try PolicyResponses(
        rows[item],
        responses: texts,
        checker: checker
      ).right
      return Revision(
        id: rows[item].id,
        guided: texts[0],
        unguided: texts[1],
        outcome: RevisionOutcome(
          id: rows[item].id,
          before: responses[item].right[0],
          guided: right[0],
          unguided: right[1]
        )
      )
    }
  }
}
