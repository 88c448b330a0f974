import AssayBase
import AssayEvaluate
import Foundation

extension DiffCommand {
  /// What was found on a benchmark.
  struct Found {
    let tables: [TextTable]
    let sentence: String
    var difference: RunDifference?
    var agreement: RunAgreement?
    var html = ""
  }

  func compare(_ benchmark: any Benchmark) throws -> Found {
    let (name, names) = (type(of: benchmark).name, Self.names(runs))
    let records = try runs.map { run in
      try BenchmarkRecords.read(Self.file(run, name), for: benchmark)
    }
    let tallies = records.map { RunPage.tally(benchmark, $0, rule: unparseable) }
    guard runs.count == 2 else {
      let agreement = try RunAgreement(name, runs: names, tallies)
      try write(["json": try Output.pretty(agreement)], "agreement-\(name)")
      return Found(
        tables: [agreement.ranking.table, agreement.table],
        sentence: agreement.sentence,
        agreement: agreement
      )
    }
    let difference = try RunDifference(name, runs: names, tallies[0], tallies[1])
    let results = try records.map { try benchmark.results($0, unparseable: unparseable) }
    let html = try RunPage(name, runs: names, tallies).html(
      RunPage.figures(
        benchmark,
        Dictionary(uniqueKeysWithValues: zip(names, results.map(\.sections)))
      ),
      difference: difference,
      notes: zip(names, results).flatMap { run, own in own.notes.map { "\(run): \($0)" } }
    )
    try write(["html": Data(html.utf8), "json": try Output.pretty(difference)], "diff-\(name)")
    return Found(
      tables: [difference.table],
      sentence: "\(difference.changed.count) items changed side",
      difference: difference,
      html: html
    )
  }

  /// Ranks the models of a table of battles.
  func rank(_ path: String) throws {
    let source = BenchmarkSource(path, policy: problems.policy)
    let table = try BattleTable(source)
    try problems.tell(source.report, of: path)
    let ranking = try RunRanking(table.models, table.battles)
    try write(["json": try Output.pretty(ranking)], "ranking")
    if form.form(common) == .json { return try Output.json(ranking) }
    let said = "\(table.battles.count) battles of \(table.models.count) models"
    try show([Found(tables: [ranking.table], sentence: said)])
  }

  /// Prints what was found, in any form but JSON.
  func show(_ found: [Found]) throws {
    let text: [String] =
      switch form.form(common) {
      case .html: found.map(\.html)
      case .markdown: found.map { $0.tables.map { $0.markdown + "\n" }.joined() + $0.sentence }
      case .csv: found.flatMap { $0.tables.map { String($0.csv.dropLast()) } }
      case .table, .json: found.map { $0.tables.map(\.text).joined(separator: "\n") + $0.sentence }
      }
    try Output.result(text.joined(separator: "\n\n"))
  }

  private func write(_ files: [String: Data], _ name: String) throws {
    guard let out else { return }
    let folder = URL(fileURLWithPath: out)
    try DurableFile.makeFolder(folder)
    for (kind, data) in files {
      try DurableFile.write(data, to: folder.appendingPathComponent("\(name).\(kind)"))
    }
  }

  /// The file of a run's scores.
  private static func file(_ run: String, _ benchmark: String) -> String {
    let url = URL(fileURLWithPath: run)
    return url.isFolder ? url.appendingPathComponent("scores-\(benchmark).jsonl").path : run
  }

  /// What to call the runs: by their last names, where these differ, else by their paths or numbers.
  private static func names(_ runs: [String]) -> [String] {
    let names = runs.map { URL(fileURLWithPath: $0).standardizedFileURL.lastPathComponent }
    if Set(names).count == names.count { return names }
    return Set(runs).count == runs.count ? runs : runs.indices.map { "run \($0 + 1)" }
  }
}
