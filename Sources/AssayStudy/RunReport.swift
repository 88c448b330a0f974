import AssayBase
import AssayData
import AssayEvaluate
import AssayReward
import AssayRun
import AssayText
import AssayTrain
import Foundation

/// What a run folder with an evaluation shows: figures, a table, a report.
package struct RunReport {
  /// The content of `results.json`.
  package let results: ResultsFile
  /// The comparison for the terminal, with two critiques.
  package let text: String
  /// The content of `report.html`.
  package let html: String

  /// Reads the evaluation of a run; `nil` where there is no finished one.
  ///
  /// - Parameters:
  ///   - run: A run folder.
  ///   - command: How the report says it was made.
  /// - Throws: `RunError` where records are damaged, `StatisticsError` where a score is not finite.
  package init?(run: RunFolder, command: String) throws {
    let folders = run.stageFolders()
    guard let evaluation = folders.last(where: { $0.hasSuffix("-evaluate") }) else { return nil }
    let folder = run.url.appendingPathComponent(evaluation)
    guard
      FileManager.default.fileExists(atPath: folder.appendingPathComponent("done.json").path)
    else { return nil }
    let records = try RecordLog<PairScores>(folder.appendingPathComponent("records.jsonl"))
      .records()
    let stages = folders.map { StageSummary(run.url.appendingPathComponent($0)) }
    let seconds = stages.map(\.seconds).reduce(0, +)
    results = try Self.results(records, seconds: seconds)
    let examples = try Self.examples(records, run: run)
    text = Self.text(results, examples)
    var report = HTMLReport(title: "Assay: what a critique buys", results: results)
    report.summary = Self.summary(results)
    report.facts =
      [
        HTMLReport.Fact("Command", command),
        HTMLReport.Fact("Training and evaluation", "\(Int(seconds.rounded())) s"),
      ]
      + stages.filter { $0.seconds > 0 }.map {
        HTMLReport.Fact("Stage \($0.name)", "\(Int($0.seconds.rounded())) s")
      }
    report.methodOrder = ["classic", "cloud"]
    report.curves = try stages.compactMap { try $0.chart() }
    report.critiqueCounts = try Self.critiqueCounts(records)
    report.samples = examples
    report.footer = [
      "Recipe: recipe.yaml in the run folder.", "Intervals: 95 %, bootstrap over pairs.",
    ]
    html = report.html
  }

  private static func results(_ records: [PairScores], seconds: Double) throws -> ResultsFile {
    var file = ResultsFile(seconds: seconds)
    for (method, own) in Dictionary(grouping: records, by: \.method) {
      let fewest = own.map(\.samples).min() ?? 1
      var suites: [String: ResultsFile.Sections] = [:]
      for (suite, scores) in Dictionary(grouping: own.filter { $0.samples == fewest }, by: \.suite)
      {
        suites[suite] = try sections(scores)
      }
      file.methods[method] = suites
    }
    return file
  }

  private static func sections(_ scores: [PairScores]) throws -> ResultsFile.Sections {
    func figure(_ part: [PairScores]) throws -> ResultsFile.Figure {
      let outcomes = try Statistics.outcomes(
        chosen: part.map(\.chosen.value),
        rejected: part.map(\.rejected.value)
      )
      return ResultsFile.Figure(try Statistics.accuracy(outcomes))
    }
    var sections = ["overall": try figure(scores)]
    for (subset, part) in Dictionary(grouping: scores, by: \.subset) {
      if let subset { sections[subset] = try figure(part) }
    }
    return sections
  }

  private static func critiqueCounts(_ records: [PairScores]) throws -> HTMLReport.Chart? {
    let cloud = records.filter { $0.method == "cloud" }
    let counts = Set(cloud.map(\.samples)).sorted()
    guard counts.count > 1 else { return nil }
    let series = try Set(cloud.map(\.suite)).sorted().map { suite in
      HTMLReport.Series(
        method: suite,
        points: try counts.compactMap { count in
          let part = cloud.filter { $0.suite == suite && $0.samples == count }
          guard let figure = try sections(part)["overall"] else { return nil }
          return .init(
            x: Double(count),
            y: figure.accuracy,
            lower: figure.ci95[0],
            upper: figure.ci95[1]
          )
        }
      )
    }
    return HTMLReport.Chart(
      title: "Accuracy against number of critiques",
      xLabel: "critiques",
      yLabel: "accuracy",
      isShare: true,
      isLogarithmic: true,
      series: series
    )
  }

  private static func summary(_ results: ResultsFile) -> String {
    guard let classic = results.methods["classic"]?["test"]?["Reasoning"],
      let cloud = results.methods["cloud"]?["test"]?["Reasoning"]
    else { return "A classic and a critique-then-score reward model from the same base and pairs." }
    func percent(_ value: Double) -> String { String(format: "%.1f %%", 100 * value) }
    return "From the same base and the same pairs, writing a critique first takes accuracy on "
      + "reasoning from \(percent(classic.accuracy)) to \(percent(cloud.accuracy))."
  }

  private static func text(_ results: ResultsFile, _ samples: [HTMLReport.Sample]) -> String {
    var text = results.table(order: ["classic", "cloud"]).text
    for sample in samples.prefix(2) {
      text += "\n\n[\(sample.section)] \(sample.prompt)"
      for response in sample.responses {
        text += "\n  response: \(response.text)"
        text += "\n  critique: \(response.critique)"
        text += String(
          format: "\n  reward:   %.2f (the %@ response)",
          response.score,
          response.isRight ? "preferred" : "other"
        )
      }
    }
    return text
  }

  /// Two or more pairs whose critiques are worth reading: scored right, with the longest critiques
  /// first, one of each section; then one that went wrong.
  private static func examples(
    _ records: [PairScores],
    run: RunFolder
  ) throws -> [HTMLReport.Sample] {
    let cloud = records.filter { $0.method == "cloud" && $0.chosen.critiques != nil }
    guard let suite = cloud.first?.suite else { return [] }
    let first = cloud.filter { $0.suite == suite && $0.samples == cloud.first?.samples }
    let prompts = try pairs(of: suite, run: run)
    var chosen: [PairScores] = []
    for subset in Set(first.compactMap(\.subset)).sorted() {
      let right = first.filter { $0.subset == subset && $0.chosen.value > $0.rejected.value }
      if let best = right.max(by: { length($0) < length($1) }) { chosen.append(best) }
    }
    if chosen.isEmpty { chosen = Array(first.prefix(2)) }
    chosen.sort { length($0) > length($1) }
    if let wrong = first.first(where: { $0.chosen.value <= $0.rejected.value }) {
      chosen.append(wrong)
    }
    return chosen.compactMap { scores in
      guard let pair = prompts[scores.id] else { return nil }
      func response(_ text: String, _ score: Score, _ isRight: Bool) -> HTMLReport.Sample.Response {
        .init(
          text: text,
          critique: score.critiques?.first?.text ?? "",
          score: score.value,
          isRight: isRight
        )
      }
      return HTMLReport.Sample(
        section: scores.subset ?? suite,
        method: "cloud",
        prompt: pair.prompt.map(\.content).joined(separator: "\n"),
        responses: [
          response(pair.chosen, scores.chosen, true),
          response(pair.rejected, scores.rejected, false),
        ]
      )
    }
  }

  private static func length(_ scores: PairScores) -> Int {
    let texts = (scores.chosen.critiques ?? []) + (scores.rejected.critiques ?? [])
    return texts.map(\.text.count).reduce(0, +)
  }

  private static func pairs(of suite: String, run: RunFolder) throws -> [String: PreferencePair] {
    let files = run.stageFolders().filter { $0.hasSuffix("-data") }.map {
      run.url.appendingPathComponent($0).appendingPathComponent("\(suite).jsonl")
    }
    guard let file = files.first, FileManager.default.fileExists(atPath: file.path) else {
      return [:]
    }
    return Dictionary(
      try PairReader().read(file.path).pairs.map { ($0.id, $0) },
      uniquingKeysWith: { a, _ in a }
    )
  }
}

/// A finished stage as the report shows it.
private struct StageSummary {
  let name: String
  let seconds: Double
  private let url: URL

  init(_ url: URL) {
    struct Done: Decodable { let seconds: Double }
    self.url = url
    name = url.lastPathComponent.split(separator: "-").dropFirst().joined(separator: "-")
    let data = try? Data(contentsOf: url.appendingPathComponent("done.json"))
    seconds = data.flatMap { try? JSONDecoder().decode(Done.self, from: $0) }?.seconds ?? 0
  }

  func chart() throws -> HTMLReport.Chart? {
    let lines = try MetricsWriter.lines(in: url)
    guard lines.count > 1 else { return nil }
    let series = ["loss", "accuracy", "preference_loss", "critique_loss"].compactMap { metric in
      let points = lines.compactMap { line in
        line.metrics.first { $0.name == metric }.map {
          HTMLReport.Series.Point(x: Double(line.step), y: $0.value)
        }
      }
      return points.isEmpty ? nil : HTMLReport.Series(method: metric, points: points)
    }
    return HTMLReport.Chart(
      title: "Training: \(name)",
      xLabel: "step",
      yLabel: "nats, or share",
      isShare: false,
      isLogarithmic: false,
      series: series
    )
  }
}
