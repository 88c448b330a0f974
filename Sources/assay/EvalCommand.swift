import ArgumentParser
import AssayEvaluate
import AssayReward
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

  @OptionGroup var source: ModelOptions
  @OptionGroup var what: EvalOptions
  @OptionGroup var rows: RowOptions
  @OptionGroup var judging: JudgeOptions
  @OptionGroup var records: RecordOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    try what.validate(source, judging, rows, common)
  }

  func execute() async throws {
    let start = Date()
    var benchmarks: [any Benchmark] = []
    var found: [[BenchmarkRecord]] = []
    var name = ""
    if let scores = what.scores {
      name =
        scores == "-"
        ? "scores" : URL(fileURLWithPath: scores).deletingPathExtension().lastPathComponent
      benchmarks = try what.load(rows, nil)
      found = try benchmarks.map { try BenchmarkRecords.read(scores, for: $0) }
    } else {
      // Results are alone on standard output.
      try await source.open(out: what.out, isOutputFree: false, common) { model in
        name = model.name
        try judging.validate(samples: what.samples, scores: model.scores)
        try what.validate(scores: model.scores)
        let critiques = what.draws.critiques(samples: what.samples, seed: common.seed)
        let settings = judging.settings(what.draws, seed: common.seed)
        let length = try model.length(critiques: critiques, judging: settings)
        benchmarks = try what.load(rows, length)
        found = try await evaluate(model, benchmarks, critiques, settings, length)
      }
    }
    var results = ResultsFile(seconds: 0)
    var notes: [String] = []
    for (benchmark, records) in zip(benchmarks, found) {
      let own = try benchmark.results(records, unparseable: what.unparseableRule)
      let key = type(of: benchmark).name
      results.methods[name, default: [:]][key] = own.sections
      notes += own.notes.map { "\(key): \($0)" }
      try what.writePage(benchmark, name, records, own)
    }
    results.seconds = Date().timeIntervalSince(start)
    if let out = what.out { try what.write(results, to: URL(fileURLWithPath: out)) }
    let text =
      common.isJSON
      ? String(decoding: try results.json(), as: UTF8.self) : results.table().text + results.rates
    try Output.result(String(text.reversed().drop(while: \.isNewline).reversed()))
    if !common.isQuiet { notes.forEach { Output.error("note: \($0)") } }
  }

  private func evaluate(
    _ model: ModelSource,
    _ benchmarks: [any Benchmark],
    _ critiques: CritiqueSettings,
    _ settings: JudgeSettings,
    _ length: TextLength?
  ) async throws -> [[BenchmarkRecord]] {
    var written = model.settings(source.inference, common)
    let method: EvaluationMethod
    if let scorer = try model.scorer(critiques) {
      method = .scorer(scorer)
      written.set(critiques, tokens: critiques.tokens)
    } else {
      let judge = try model.judge(settings)
      method = .judge(judge, what.verdictRule ?? .strict)
      written.set(judge)
      written.set("--verdict-rule", (what.verdictRule ?? .strict).rawValue)
    }
    var found: [[BenchmarkRecord]] = []
    for (number, benchmark) in benchmarks.enumerated() {
      let (start, name) = (Date(), type(of: benchmark).name)
      let progress = Progress(name, number: number + 1, total: benchmark.items.count, common)
      found.append(
        try await method.records(
          benchmark,
          folder: what.out.map { URL(fileURLWithPath: $0) },
          settings: written,
          force: records.force,
          isCut: rows.marker(length?.items),
          onProgress: progress.update
        )
      )
      progress.finish(seconds: Date().timeIntervalSince(start))
    }
    return found
  }
}
