import ArgumentParser
import AssayBase
import AssayData
import AssayEvaluate
import Foundation

struct DiffCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "What changed side between two evaluations, or how far several agree.",
    discussion: """
      Reads the recorded scores of two runs of assay eval, as folders with scores-NAME.jsonl or as \
      files of one benchmark, and says for each section how much the second run differs from the \
      first, with a paired interval, on how many items one of them does better, and the exact sign \
      test of these (McNemar's, where each is right or wrong). With --out, diff-NAME.html has all items, to be searched and filtered. Of three runs and \
      more it ranks them by Bradley and Terry's strengths, with win rates and the places that each can \
      have, and says how far they agree, two by two and together, and which items none has right. \
      --battles FILE ranks the models of a table of battles in the same way: rows with model_a, \
      model_b, winner (model_a, model_b or tie), and cluster where some count together. No model is \
      asked.
      """
  )

  @Argument(help: "Two runs or more: folders of assay eval --out, or files of scores.")
  var runs: [String] = []

  @Option(help: "A table of battles to rank the models of, in place of runs. Default: none.")
  var battles: String?

  @Option(
    name: .customLong("benchmark"),
    help: "The benchmark that was evaluated and where it is, as NAME=PATH; repeatable."
  )
  var benchmarks: [BenchmarkArgument] = []

  @Option(
    help: """
      What a judge's unparseable verdict counts: missing, half or wrong. Default: the benchmark's own \
      rule.
      """
  )
  var unparseable: UnparseableRule?

  @Option(help: "The folder for diff-NAME.json and diff-NAME.html. Default: none.")
  var out: String?

  @OptionGroup var form: FormatOptions
  @OptionGroup var problems: ProblemOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if battles != nil {
      guard runs.isEmpty, benchmarks.isEmpty, unparseable == nil else {
        throw ValidationError("--battles takes no runs, no --benchmark and no --unparseable")
      }
    } else {
      guard runs.count > 1 else { throw ValidationError("give two runs or more, or --battles") }
      guard !benchmarks.isEmpty else { throw ValidationError("give --benchmark NAME=PATH") }
    }
    try form.validate(common, benchmarks: max(1, benchmarks.count))
    guard form.format != .html || runs.count == 2 else {
      throw ValidationError("a page is of two runs; give table, json, markdown or csv")
    }
  }

  func execute() async throws {
    if let battles { return try rank(battles) }
    var found: [Found] = []
    for argument in benchmarks {
      let source = BenchmarkSource(argument.path, policy: problems.policy)
      let benchmark = try BenchmarkCatalogue.load(argument.name, from: source)
      try problems.tell(source.report, of: argument.path)
      found.append(try compare(benchmark))
    }
    if form.form(common) == .json {
      return try runs.count > 2
        ? Output.json(found.compactMap(\.agreement)) : Output.json(found.compactMap(\.difference))
    }
    try show(found)
  }
}
