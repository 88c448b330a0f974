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
      first, with a paired interval, how many items one of them alone has right, and McNemar's exact \
      test. With --out, diff-NAME.html has all items, to be searched and filtered. Of three runs and \
      more it ranks them by Bradley and Terry's strengths, with win rates and the places that each can \
      have, and says how far they agree, two by two and together, and which items none has right. No \
      model is asked.
      """
  )

  @Argument(help: "Two runs or more: folders of assay eval --out, or files of scores.")
  var runs: [String]

  @Option(
    name: .customLong("benchmark"),
    help: "The benchmark that was evaluated and where it is, as NAME=PATH; repeatable."
  )
  var benchmarks: [BenchmarkArgument]

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
    guard runs.count > 1 else { throw ValidationError("give two runs or more") }
    try form.validate(common, benchmarks: benchmarks.count)
    guard form.format != .html || runs.count == 2 else {
      throw ValidationError("a page is of two runs; give table, json, markdown or csv")
    }
  }

  func execute() async throws {
    var found: [Found] = []
    for argument in benchmarks {
      let source = BenchmarkSource(argument.path, policy: problems.policy)
      let benchmark = try BenchmarkCatalogue.load(argument.name, from: source)
      try problems.tell(source.report, of: argument.path)
      found.append(try compare(benchmark))
    }
    let text: [String]
    switch form.form(common) {
    case .json:
      return try runs.count > 2
        ? Output.json(found.compactMap(\.agreement)) : Output.json(found.compactMap(\.difference))
    case .html: text = found.map(\.html)
    case .markdown:
      text = found.map { $0.tables.map { $0.markdown + "\n" }.joined() + $0.sentence }
    case .csv: text = found.flatMap { $0.tables.map { String($0.csv.dropLast()) } }
    case .table: text = found.map { $0.tables.map(\.text).joined(separator: "\n") + $0.sentence }
    }
    try Output.result(text.joined(separator: "\n\n"))
  }
}
