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
      lose, and count one half in pairs and errors. With --out, scores are recorded with the texts behind them, and the same command goes on \
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
    var found: [Evaluated] = []
    var (name, settings) = ("", RecordSettings())
    if let scores = what.scores {
      name =
        scores == "-"
        ? "scores" : URL(fileURLWithPath: scores).deletingPathExtension().lastPathComponent
      let noted = RecordSettings(beside: scores)
      if let model = noted?.model { name = model }
      if let noted { settings = noted } else { settings.set("--scores", name) }
      for loaded in try what.load(rows, nil) {
        let (benchmark, records) = try BenchmarkRecords.open(scores, for: loaded.benchmark)
        let others = try what.baselines(beside: scores, benchmark)
        found.append(Evaluated(benchmark, records, others, leftOut: loaded.leftOut))
      }
    } else {
      // Results are alone on standard output.
      try await source.open(out: what.out, isOutputFree: false, common) { model in
        name = model.name
        try judging.validate(samples: what.samples, scores: model.scores)
        try rows.validate(canCut: model.scores || model.text == nil)
        try what.validate(model)
        (found, settings) = try await evaluate(model)
      }
    }
    try show(found, name, settings)
  }
}
