import ArgumentParser
import AssayBase
import AssayData
import AssayEvaluate
import Foundation

struct DiffCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "What changed side between two evaluations of the same items.",
    discussion: """
      Reads the recorded scores of two runs of assay eval, as folders with scores-NAME.jsonl or as \
      files of one benchmark, and says for each section how much the second run differs from the \
      first, with a paired interval, how many items one of them alone has right, and McNemar's exact \
      test. With --out, diff-NAME.html has all items, to be searched and filtered. No model is asked.
      """
  )

  @Argument(help: "The first run: a folder of assay eval --out, or a file of scores.")
  var first: String

  @Argument(help: "The second run.")
  var second: String

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

  @OptionGroup var problems: ProblemOptions
  @OptionGroup var common: CommonOptions

  func execute() async throws {
    var found: [RunDifference] = []
    for argument in benchmarks {
      let source = BenchmarkSource(argument.path, policy: problems.policy)
      let benchmark = try BenchmarkCatalogue.load(argument.name, from: source)
      try problems.tell(source.report, of: argument.path)
      found.append(try compare(benchmark))
    }
    if common.isJSON { return try Output.json(found) }
    try Output.result(
      found.map { $0.table.text + "\($0.changed.count) items changed side" }.joined(
        separator: "\n\n"
      )
    )
  }

  private func compare(_ benchmark: any Benchmark) throws -> RunDifference {
    let (name, runs) = (type(of: benchmark).name, Self.names(first, second))
    let records = try [first, second].map { run in
      try BenchmarkRecords.read(Self.file(run, name), for: benchmark)
    }
    let tallies = records.map { RunPage.tally(benchmark, $0, rule: unparseable) }
    let difference = try RunDifference(name, runs: runs, tallies[0], tallies[1])
    guard let out else { return difference }
    let results = try records.map { try benchmark.results($0, unparseable: unparseable) }
    let html = try RunPage(name, runs: runs, tallies).html(
      RunPage.figures(
        benchmark,
        Dictionary(uniqueKeysWithValues: zip(runs, results.map(\.sections)))
      ),
      difference: difference,
      notes: zip(runs, results).flatMap { run, own in own.notes.map { "\(run): \($0)" } }
    )
    let folder = URL(fileURLWithPath: out)
    try DurableFile.makeFolder(folder)
    for (kind, data) in [("html", Data(html.utf8)), ("json", try Output.pretty(difference))] {
      try DurableFile.write(data, to: folder.appendingPathComponent("diff-\(name).\(kind)"))
    }
    return difference
  }

  /// The file of a run's scores.
  private static func file(_ run: String, _ benchmark: String) -> String {
    let url = URL(fileURLWithPath: run)
    let isFolder = (try? url.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true
    return isFolder ? url.appendingPathComponent("scores-\(benchmark).jsonl").path : run
  }

  /// What to call the runs: by their last names, where these differ.
  private static func names(_ first: String, _ second: String) -> [String] {
    let names = [first, second].map {
      URL(fileURLWithPath: $0).standardizedFileURL.lastPathComponent
    }
    if names[0] != names[1] { return names }
    return first == second ? ["first", "second"] : [first, second]
  }
}
