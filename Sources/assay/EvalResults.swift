import AssayEvaluate
import Foundation

extension EvalCommand {
  /// Counts what was recorded, and writes it in the form that is asked for.
  func show(
    _ found: [Evaluated],
    _ name: String,
    _ settings: RecordSettings
  ) throws {
    // Without clocks, so that the same command leaves the same bytes.
    var results = ResultsFile(seconds: nil)
    var settings = settings
    if !what.quirks.isEmpty {
      settings.set("--quirk", what.quirks.map(\.rawValue).sorted().joined(separator: ", "))
    }
    var evaluation = ResultsFile.Evaluation(settings: settings.values)
    let leaks = try what.leaks(rows)
    var (notes, remarks, pages): ([String], [String], [String]) = ([], [], [])
    for one in found {
      let (benchmark, records) = (one.benchmark, one.records)
      var own = try benchmark.results(records, unparseable: what.unparseableRule)
      let key = type(of: benchmark).name
      own.notes += what.quirks.filter { $0.benchmark == key }.map(\.note)
      let page = try what.page(benchmark, name, records)
      var part = ResultsFile.Evaluation.Part(
        benchmark,
        records,
        rule: what.unparseableRule,
        critiques: page.qualities[0],
        leaks: leaks,
        others: one.others
      )
      part.named = own.named.isEmpty ? nil : own.named
      part.price = what.price.pricePerMillion
      part.leftOut = one.leftOut == 0 ? nil : one.leftOut
      results.methods[name, default: [:]][key] = own.sections
      try what.writeOfficial(one, own.sections, model: name)
      evaluation.benchmarks[key] = part
      notes += own.notes.map { "\(key): \($0)" }
      remarks += part.remarks.map { "\(key): \($0)" }
      pages.append(
        try what.write(page, own, part, settings.values)
      )
    }
    results.evaluation = evaluation
    if let out = what.out { try what.write(results, to: URL(fileURLWithPath: out)) }
    let text =
      switch what.form.form(common) {
      case .json: String(decoding: try results.json(), as: UTF8.self)
      case .markdown: results.markdown(remarks)
      case .csv: results.rows.csv
      case .html: pages.joined()
      case .table: results.table().text + results.rates + remarks.joined(separator: "\n")
      }
    try Output.result(String(text.reversed().drop(while: \.isNewline).reversed()))
    if !common.isQuiet { notes.forEach { Output.error("note: \($0)") } }
  }
}
