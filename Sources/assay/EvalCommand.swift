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
      FILE:ROW); an id that two files share is FILE:ID, one that a file has twice SUBSET:ID. Equal scores \
      lose. With --out, scores are recorded with the texts behind them, and the same command goes on \
      where it was interrupted; --scores makes everything again from such a file. Beside the figures \
      stand what knows nothing (chance, the longer response), training prompts among the items \
      (--train), and what critiques are worth; see Documentation/evaluation.md.
      """
  )

  @OptionGroup var source: ModelOptions
  @OptionGroup var what: EvalOptions
  @OptionGroup var rows: RowOptions
  @OptionGroup var judging: JudgeOptions
  @OptionGroup var records: RecordOptions
  @OptionGroup var common: CommonOptions

  func validate() throws { try what.validate(source, judging, rows, common) }

  func execute() async throws {
    var found: [(benchmark: any Benchmark, records: [BenchmarkRecord])] = []
    var (name, settings) = ("", RecordSettings())
    if let scores = what.scores {
      name =
        scores == "-"
        ? "scores" : URL(fileURLWithPath: scores).deletingPathExtension().lastPathComponent
      settings.set("--scores", name)
      found = try what.load(rows, nil).map { try BenchmarkRecords.open(scores, for: $0) }
    } else {
      // Results are alone on standard output.
      try await source.open(out: what.out, isOutputFree: false, common) { model in
        name = model.name
        try judging.validate(samples: what.samples, scores: model.scores)
        try what.validate(scores: model.scores)
        (found, settings) = try await evaluate(model)
      }
    }
    try show(found, name, settings)
  }

  private func evaluate(
    _ model: ModelSource
  ) async throws -> ([(benchmark: any Benchmark, records: [BenchmarkRecord])], RecordSettings) {
    let critiques = what.draws.critiques(samples: what.samples, seed: common.seed)
    let settings = judging.settings(what.draws, seed: common.seed)
    let length = try model.length(critiques: critiques, judging: settings)
    let (method, written) = try method(model, critiques, settings)
    let benchmarks = try what.load(rows, length).map { method.answerable($0) }
    var found: [(benchmark: any Benchmark, records: [BenchmarkRecord])] = []
    for (number, benchmark) in benchmarks.enumerated() {
      let (start, name) = (Date(), type(of: benchmark).name)
      let progress = Progress(name, number: number + 1, total: benchmark.items.count, common)
        .following(model)
      let scores = what.out.map { URL(fileURLWithPath: $0).appendingPathComponent("scores").path }
      // Scores behind texts depend, in their last bits, on what is written beside them: a stretch that was
      // cut is written again as a whole.
      let out = model.scores ? nil : scores
      let made = try await model.keeping(beside: out, written, anew: records.force) {
        try await method.records(
          benchmark,
          folder: what.out.map { URL(fileURLWithPath: $0) },
          settings: written,
          force: records.force,
          isCut: rows.marker(length?.items),
          onProgress: progress.update
        )
      }
      found.append((benchmark, made))
      progress.finish(seconds: Date().timeIntervalSince(start))
    }
    return (found, written)
  }

  private func method(
    _ model: ModelSource,
    _ critiques: CritiqueSettings,
    _ settings: JudgeSettings
  ) throws -> (EvaluationMethod, RecordSettings) {
    var written = model.settings(source.inference, common)
    if let scorer = try model.scorer(critiques) {
      written.set(critiques, tokens: critiques.tokens)
      return (.scorer(scorer), written)
    }
    let judge = try model.judge(settings)
    written.set(judge)
    written.set("--verdict-rule", (what.verdictRule ?? .strict).rawValue)
    return (.judge(judge, what.verdictRule ?? .strict), written)
  }
}
