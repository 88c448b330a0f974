import ArgumentParser
import AssayBase
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayTrain
import Foundation

struct EvalCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval",
    abstract: "Accuracy on benchmarks, per section, with 95 % intervals.",
    discussion: """
      Scores a benchmark's responses with a model, or takes recorded scores. A benchmark is a file or \
      a folder of files, JSON Lines or a JSON list, as published:

      \(BenchmarkCatalogue.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))

      A line of recorded scores is {"id": ..., "chosen": number or list, "rejected": number or list}; \
      of a judge {"id": ..., "verdicts": ["A>B", "B>A"]} in the two orders, A being the response shown \
      first. The id is the file's pair_id or id, or else the 0-based row (in a folder of several files \
      FILE:ROW). Equal scores lose. With --out, scores are recorded, and the same command goes on where \
      it was interrupted.
      """
  )

  @Option(
    help: "The model to score with: a folder; --generator, a judge, stands in. Default: none."
  )
  var model: String?

  @Option(
    help: "Recorded scores or verdicts, JSON Lines, in place of a model; - is stdin. Default: none."
  )
  var scores: String?

  @Option(
    name: .customLong("benchmark"),
    help: "A benchmark and where it is, as NAME=PATH; repeatable."
  )
  var benchmarks: [BenchmarkArgument] = []

  @Option(
    help: "The folder for results.json and, without --scores, scores-NAME.jsonl. Default: none."
  )
  var out: String?

  @Option(help: "Critiques that a score is the mean of, for models that write them. Default: 1.")
  var samples: Int?

  @Option(help: "Temperature. Default: 0 for one text a side; else 0.5 for critiques, judges 1.")
  var temperature: Double?

  @Option(help: "Tokens a text may have. Default: what the model was trained for.")
  var maxTokens: Int?

  @Option(
    help: """
      What a judge's unparseable verdict counts: missing, half or wrong. Default: as --verdict-rule, or \
      the benchmark's own rule: wrong for llmbar, pandalm and judgebench, half for rewardbench, else \
      missing.
      """
  )
  var unparseable: UnparseableRule?

  @Option(
    help: """
      How judgements are read: strict, or as RewardBench v1 reads them ([[A]] wins over [[B]], and \
      unparseable is half). Default: strict.
      """
  )
  var verdictRule: VerdictRule?

  @OptionGroup var rows: RowOptions
  @OptionGroup var judging: JudgeOptions
  @OptionGroup var inference: InferenceOptions
  @OptionGroup var remote: GeneratorOptions

  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard [model != nil, scores != nil, remote.generator != nil].count(where: \.self) == 1 else {
      throw ValidationError("give one of --model, --generator and --scores")
    }
    if remote.generator != nil {
      try remote.validate(model: model, common: common, inference: inference)
      try judging.validateRemote()
      guard samples == nil else {
        throw ValidationError("--samples belongs to models that score; give --votes")
      }
    }
    try rows.validate(canCut: true, isRemote: model == nil)
    guard !benchmarks.isEmpty else { throw ValidationError("give at least one --benchmark") }
    let known = BenchmarkCatalogue.all.map { $0.name }
    if let other = benchmarks.first(where: { !known.contains($0.name) }) {
      throw ValidationError(
        "there is no benchmark '\(other.name)'; known are \(known.joined(separator: ", "))"
      )
    }
    guard Set(benchmarks.map(\.name)).count == benchmarks.count else {
      throw ValidationError("each benchmark can be given once; evaluate the other file on its own")
    }
    if scores != nil {
      guard benchmarks.count == 1 else {
        throw ValidationError("--scores are of one benchmark; give one --benchmark")
      }
      guard samples == nil, temperature == nil, maxTokens == nil else {
        throw ValidationError("--samples, --temperature and --max-tokens belong to --model")
      }
      guard judging.isEmpty, verdictRule == nil else {
        throw ValidationError("--votes, --task, --prompts and --verdict-rule belong to --model")
      }
    }
    try Limit.check("--samples", samples, in: Limit.count)
    try Limit.check("--temperature", temperature.map { Float($0) }, in: Limit.temperature)
    if (samples ?? 1) > 1, temperature == 0 {
      throw ValidationError("several samples at temperature 0 are all alike; give a --temperature")
    }
    try Limit.check("--max-tokens", maxTokens, in: Limit.tokens)
  }

  func execute() async throws {
    let start = Date()
    var results = ResultsFile(seconds: 0)
    var notes: [String] = []
    let name: String
    var loaded: [any Benchmark] = []
    var records: [[BenchmarkRecord]] = []
    if let scores {
      name =
        scores == "-"
        ? "scores" : URL(fileURLWithPath: scores).deletingPathExtension().lastPathComponent
      loaded = try load(nil)
      records = try loaded.map { try BenchmarkRecords.read(scores, for: $0) }
    } else if let model {
      let folder = try ModelPath.folder(model)
      name = URL(fileURLWithPath: model).standardizedFileURL.lastPathComponent
      let model = try inference.load(folder, common)
      let method = try EvaluationMethod(model, folder: folder, command: self)
      let length = try method.length(of: model)
      loaded = try load(length)
      records = try await score(loaded, with: method, isCut: rows.marker(length.items))
    } else {
      name = remote.generatorModel ?? ""
      loaded = try load(nil)
      // Results are alone on standard output.
      try await remote.withEndpoint(out: out, isOutputFree: false, common: common) { endpoint in
        records = try await score(
          loaded,
          with: try EvaluationMethod(endpoint, command: self)
        )
      }
    }
    for (benchmark, records) in zip(loaded, records) {
      let found = try benchmark.results(
        records,
        unparseable: unparseable ?? (verdictRule == .rewardBench ? .half : nil)
      )
      let key = type(of: benchmark).name
      results.methods[name, default: [:]][key] = found.sections
      notes += found.notes.map { "\(key): \($0)" }
    }
    results.seconds = Date().timeIntervalSince(start)
    if let out { try write(results, to: URL(fileURLWithPath: out)) }
    if common.isJSON {
      try Output.result(String(decoding: try results.json(), as: UTF8.self).trimmed)
    } else {
      try Output.result((results.table().text + Self.rates(results)).trimmed)
    }
    if !common.isQuiet { notes.forEach { Output.error("note: \($0)") } }
  }

  private func load(_ length: TextLength?) throws -> [any Benchmark] {
    try benchmarks.map { argument in
      let source = BenchmarkSource(
        argument.path,
        policy: rows.policy,
        limit: rows.limit(length?.items)
      )
      let benchmark = try BenchmarkCatalogue.load(argument.name, from: source)
      try rows.tell(source.report, of: argument.path)
      if let marker = rows.marker(length?.items) {
        rows.tellCut(try benchmark.items.count(where: marker), of: benchmark.items.count)
      }
      return benchmark
    }
  }

  private func score(
    _ benchmarks: [any Benchmark],
    with method: EvaluationMethod,
    isCut: ((BenchmarkItem) throws -> Bool)? = nil
  ) async throws -> [[BenchmarkRecord]] {
    let display = common.progress
    var records: [[BenchmarkRecord]] = []
    for (number, benchmark) in benchmarks.enumerated() {
      let (name, total) = (type(of: benchmark).name, benchmark.items.count)
      let start = Date()
      var isStarted = false
      records.append(
        try await method.records(
          benchmark,
          folder: out.map { URL(fileURLWithPath: $0) },
          isCut: isCut
        ) { done, tokens in
          if !isStarted {
            isStarted = true
            display.handle(
              .stageStarted(name: name, number: number + 1, total: total, resumedAt: done)
            )
          }
          try Interruption.check()
          display.handle(.step(done: done, total: total, metrics: [], tokens: tokens))
        }
      )
      display.handle(
        .stageFinished(
          name: name,
          number: number + 1,
          seconds: Date().timeIntervalSince(start)
        )
      )
    }
    return records
  }

  private func write(_ results: ResultsFile, to folder: URL) throws {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try results.json().write(
        to: folder.appendingPathComponent("results.json"),
        options: .atomic
      )
    } catch let error as CocoaError {
      throw TensorError.cannotWrite(file: folder.path, reason: error.localizedDescription)
    }
  }

  /// A line for each benchmark that a judge answered.
  private static func rates(_ results: ResultsFile) -> String {
    results.methods.values.flatMap { $0.sorted { $0.key < $1.key } }.map { name, sections in
      guard let whole = sections["overall"], let unparseable = whole.unparseableRate else {
        return ""
      }
      let flips = whole.flipRate.map { String(format: "%.1f %%", 100 * $0) } ?? "-"
      return "\(name): verdicts that flip with the order \(flips), unparseable "
        + String(format: "%.1f %%\n", 100 * unparseable)
    }.joined()
  }
}

extension String {
  /// Without the line breaks at its end.
  fileprivate var trimmed: String {
    String(reversed().drop { $0.isNewline }.reversed())
  }
}

extension UnparseableRule: ExpressibleByArgument {}
extension VerdictRule: ExpressibleByArgument {}

/// What gives a benchmark's items scores or verdicts.
private enum EvaluationMethod {
  case scorer(ModelScorer, EvaluationSettings)
  case judge(any Judge, VerdictRule, EvaluationSettings)

  init(_ endpoint: OpenAIEndpoint, command: EvalCommand) throws {
    let settings = command.judging.settings(
      temperature: command.temperature.map { Float($0) },
      topP: nil,
      tokens: command.maxTokens,
      seed: command.common.seed
    )
    let judge = try JudgeRater(RemoteWriter(endpoint), settings: settings)
    let rule = command.verdictRule ?? .strict
    self = .judge(judge, rule, EvaluationSettings(name: endpoint.model, judge: judge, rule: rule))
  }

  init(_ model: Model, folder: URL, command: EvalCommand) throws {
    let kernels = command.inference.kernels
    let dtype =
      "\(command.common.dtype)"
      + (kernels.weights == .plain ? "" : " \(kernels.weights.rawValue)")
      + (kernels.batchInvariant ? " batch-invariant" : "")
      + (command.inference.approximateTemplate ? " approximate-template" : "")
    guard model.manifest.kind.scores else {
      guard command.samples == nil else {
        throw ValidationError("--samples belongs to models that score; give --votes")
      }
      let settings = command.judging.settings(
        temperature: command.temperature.map { Float($0) },
        topP: nil,
        tokens: command.maxTokens,
        seed: command.common.seed
      )
      let judge = try JudgeRater(model, settings: settings)
      let rule = command.verdictRule ?? .strict
      self = .judge(
        judge,
        rule,
        EvaluationSettings(model: folder, judge: judge, rule: rule, dtype: dtype)
      )
      return
    }
    guard command.judging.isEmpty, command.verdictRule == nil, command.unparseable == nil else {
      throw ValidationError(
        "--votes, --task, --prompts, --verdict-rule and --unparseable belong to judges"
      )
    }
    var options = ModelScorer.Options()
    options.critiques.samples = command.samples ?? 1
    options.critiques.temperature = Float(
      command.temperature ?? (options.critiques.samples > 1 ? 0.5 : 0)
    )
    options.critiques.tokens = command.maxTokens
    options.critiques.seed = command.common.seed
    self = .scorer(
      try ModelScorer(model, options: options),
      EvaluationSettings(model: folder, critiques: options.critiques, dtype: dtype)
    )
  }

  /// How long items are for the model.
  func length(of model: Model) throws -> TextLength {
    switch self {
    case .scorer(let scorer, _): try TextLength(model, critiques: scorer.options.critiques)
    case .judge(let judge, _, _):
      try TextLength(model, judging: (judge as? JudgeRater)?.settings ?? JudgeSettings())
    }
  }

  func records(
    _ benchmark: any Benchmark,
    folder: URL?,
    isCut: ((BenchmarkItem) throws -> Bool)?,
    onProgress: (Int, Int) throws -> Void
  ) async throws -> [BenchmarkRecord] {
    switch self {
    case .scorer(let scorer, let settings):
      try await EvaluationScoring.score(
        benchmark,
        with: scorer,
        folder: folder,
        settings: settings,
        isCut: isCut,
        onProgress: onProgress
      )
    case .judge(let judge, let rule, let settings):
      try await EvaluationScoring.judge(
        benchmark,
        with: judge,
        rule: rule,
        folder: folder,
        settings: settings,
        onProgress: onProgress
      )
    }
  }
}

/// `NAME=PATH`.
struct BenchmarkArgument: ExpressibleByArgument {
  let name: String
  let path: String

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return nil }
    (name, path) = (parts[0], parts[1])
  }
}
