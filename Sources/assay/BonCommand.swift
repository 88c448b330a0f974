import ArgumentParser
import AssayBase
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayStudy
import AssayTensor
import AssayText
import AssayTrain
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

  @OptionGroup var policy: PolicyOptions

  @Option(
    help: """
      Prompts, JSON Lines with "id" and "prompt", or "question" and "answer". Default: none, see \
      --candidates.
      """
  )
  var data: String?

  @Option(
    help: """
      Lines {"id", "prompt", "responses", "right"} instead of a policy. Default: none, the policy \
      answers.
      """
  )
  var candidates: String?

  @Option(help: "The folder for records and results.json.")
  var out: String

  @Option(help: "Responses of the policy to each prompt.")
  var samples = 16

  @Option(help: "Temperature of the policy.")
  var temperature: Float = 1

  @Option(help: "Most new tokens of a response.")
  var maxTokens = 256

  @Option(help: "Critiques of each response, for models that write them; one is greedy.")
  var critiques = 1

  @Option(help: "Judgements of two responses, half in each order, for judges that reason.")
  var votes = 2

  @OptionGroup var reading: ProblemOptions
  @OptionGroup var checks: CheckerOptions
  @OptionGroup var inference: InferenceOptions
  @OptionGroup var common: CommonOptions

  /// What the model thinks of the responses to one prompt.
  private struct Line: Codable, Sendable {
    let id: String
    let right: [Bool]
    let scores: [Double]
  }

  private struct Results: Encodable {
    let seconds: Double
    let model: String
    let prompts: Int
    let points: [BestOfNPoint]
    let gain: ComparisonResults.Interval
  }

  func validate() throws {
    guard (candidates == nil) != (!policy.isGiven && data == nil) else {
      throw ValidationError("give either --policy or --generator and --data, or --candidates")
    }
    guard candidates != nil || (policy.isGiven && data != nil) else {
      throw ValidationError("--data and either --policy or --generator belong together")
    }
    try Limit.check("--samples", samples, in: 2...Limit.count.upperBound)
    try Limit.check("--max-tokens", maxTokens, in: Limit.tokens)
    try Limit.check("--critiques", critiques, in: Limit.count)
    try Limit.check("--votes", votes, in: Limit.count)
    try Limit.check("--temperature", temperature, in: Limit.temperature)
    guard temperature > 0 else {
      throw ValidationError("--temperature is above 0, or all samples are alike")
    }
    if candidates == nil, checks.playgroundSeed == nil, checks.answers == nil {
      throw ValidationError("give --playground-seed or --answers, which tell what is right")
    }
  }

  func execute() async throws {
    let start = Date()
    let source = candidates ?? data ?? ""
    let (rows, report) = try PromptReader(
      candidates == nil ? .conversations : .candidates,
      policy: reading.policy
    ).read(source)
    try reading.tell(report, of: source)
    let run = try RunFolder(URL(fileURLWithPath: out))
    var (responses, digest) = ([PolicyResponses](), "")
    if candidates != nil {
      (responses, digest) = try given(rows, source)
    } else {
      try await policy.withPolicy(out: out, inference: inference, common: common) {
        (responses, digest) = try await sampled(rows, run, source, $0)
      }
    }
    let lines = try await scores(rows, responses, run, digest)
    let prompts = lines.map { line in
      BestOfNPrompt(id: line.id, values: line.right.map { $0 ? 1 : 0 }, scores: line.scores)
    }
    let results = Results(
      seconds: Date().timeIntervalSince(start),
      model: URL(fileURLWithPath: model).standardizedFileURL.lastPathComponent,
      prompts: prompts.count,
      points: try BestOfN.curve(prompts, seed: common.seed),
      gain: .init(try BestOfN.gain(prompts, seed: common.seed))
    )
    try run.write(try ResultsJSON.data(results), to: "results.json")
    if common.isJSON { try Output.json(results) } else { try Output.result(Self.table(results)) }
  }

  // MARK: Stages

  private func given(
    _ rows: [PromptRecord],
    _ source: String
  ) throws -> ([PolicyResponses], String) {
    let checker = checks.checker(rows)
    let given = try rows.map { row in
      if let right = row.right {
        return PolicyResponses(id: row.id, responses: row.responses ?? [], right: right)
      }
      guard let checker else { throw UncheckedPrompt(id: row.id) }
      return try PolicyResponses(row, responses: row.responses ?? [], checker: checker)
    }
    let rule = checks.playgroundSeed.map { "playground \($0)" } ?? checks.answers?.rawValue
    return (given, "\(try InputDigest.file(source)) \(rule ?? "flags")")
  }

  private func sampled(
    _ rows: [PromptRecord],
    _ run: RunFolder,
    _ source: String,
    _ policy: PolicySource
  ) async throws -> ([PolicyResponses], String) {
    guard let checker = checks.checker(rows) else {
      throw ValidationError("give --playground-seed or --answers")
    }
    let stage = try run.stage(
      "responses",
      fingerprint: Fingerprint(
        recipe: """
          samples: \(samples)
          temperature: \(temperature)
          max_tokens: \(maxTokens)
          seed: \(common.seed)
          playground_seed: \(checks.playgroundSeed.map(String.init) ?? "none")
          \(inference.fingerprint(common))
          """,
        inputs: ["policy": try policy.digest(), "data": try InputDigest.file(source)]
      )
    )
    let display = common.progress
    let written = try await policy.records(
      of: stage,
      count: rows.count,
      stretch: 64,
      drawing: .init(temperature: temperature, maximumTokens: maxTokens, seed: common.seed),
      events: { display.handle($0) }
    ) { item in
      [.init(messages: rows[item].messages, draws: samples)]
    } record: { item, texts in
      try PolicyResponses(rows[item], responses: texts, checker: checker)
    }
    return (written, stage.digest)
  }

  private func scores(
    _ rows: [PromptRecord],
    _ responses: [PolicyResponses],
    _ run: RunFolder,
    _ digest: String
  ) async throws -> [Line] {
    let folder = try ModelPath.folder(model)
    let stage = try run.stage(
      "scores",
      fingerprint: Fingerprint(
        recipe: """
          critiques: \(critiques)
          votes: \(votes)
          seed: \(common.seed)
          \(inference.fingerprint(common))
          """,
        inputs: ["model": InputDigest.model(folder), "responses": digest]
      )
    )
    let log = try stage.records(of: Line.self)
    var lines = try log.records()
    let loaded = try inference.load(folder, common)
    let rater = try rater(loaded)
    let display = common.progress
    let stretch = 32
    display.handle(
      .stageStarted(
        name: stage.name,
        number: stage.number,
        total: rows.count,
        resumedAt: lines.count
      )
    )
    while lines.count < rows.count {
      try Interruption.check()
      // A stretch that was cut short is scored again as a whole: sums depend on what is packed.
      let start = lines.count / stretch * stretch
      let range = start..<min(start + stretch, rows.count)
      let ranking = try await rater.rank(
        range.map { Candidates(prompt: rows[$0].messages, responses: responses[$0].responses) }
      )
      let part = zip(range, ranking.scores).dropFirst(lines.count - start).map {
        Line(id: responses[$0].id, right: responses[$0].right, scores: $1)
      }
      try log.append(contentsOf: part)
      lines += part
      display.handle(
        .step(done: lines.count, total: rows.count, metrics: [], tokens: ranking.tokens)
      )
    }
    try log.synchronize()
    return lines
  }

  private func rater(_ model: Model) throws -> any Rater {
    var writing = CritiqueSettings()
    writing.samples = critiques
    writing.temperature = CritiqueSettings.usualTemperature(samples: critiques)
    writing.seed = common.seed
    var judging = JudgeSettings()
    judging.votes = votes
    judging.seed = common.seed
    return try LocalPort(model).rater(critiques: writing, judging: judging)
  }

  private static func table(_ results: Results) -> String {
    func share(_ value: Double) -> String { String(format: "%.1f", 100 * value) }
    var table = TextTable([
      ("N", .right), ("picked right [95 %]", .right), ("oracle", .right), ("random", .right),
    ])
    table.rows = results.points.map { point in
      [
        "\(point.count)",
        "\(share(point.value)) [\(share(point.ci95[0])), \(share(point.ci95[1]))]",
        share(point.oracle), share(point.random),
      ]
    }
    return table.text
      + "gain over a random pick: \(share(results.gain.value)) points "
      + "[\(share(results.gain.lower)), \(share(results.gain.upper))], \(results.prompts) prompts"
  }
}

/// What stages were made from.
enum InputDigest {
  /// The hash of a file.
  ///
  /// - Throws: `DataError.notFound`.
  static func file(_ path: String) throws -> String {
    guard FileManager.default.fileExists(atPath: path) else {
      throw DataError.notFound(path: path)
    }
    return try Digest.fingerprint(of: URL(fileURLWithPath: path))
  }

  /// The names, sizes and dates of a model's files.
  static func model(_ folder: URL) -> String {
    EvaluationSettings(model: folder, critiques: CritiqueSettings(), dtype: "").weights
  }
}

/// `results.json` of a command.
enum ResultsJSON {
  /// The JSON with sorted keys.
  static func data(_ results: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(results) + Data("\n".utf8)
  }
}
