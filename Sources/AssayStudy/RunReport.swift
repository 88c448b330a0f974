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
    let records = try Row.read(folder.appendingPathComponent("records.jsonl"), run: run)
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

  private static func results(_ records: [Row], seconds: Double) throws -> ResultsFile {
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

  private static func sections(_ scores: [Row]) throws -> ResultsFile.Sections {
    func figure(_ part: [Row]) throws -> ResultsFile.Figure {
      let outcomes = try Statistics.outcomes(
        chosen: part.map(\.preference),
        rejected: part.map { _ in 0 }
      )
      return ResultsFile.Figure(try Statistics.accuracy(outcomes))
    }
    var sections = ["overall": try figure(scores)]
    for (subset, part) in Dictionary(grouping: scores, by: \.subset) {
      if let subset { sections[subset] = try figure(part) }
    }
    return sections
  }

  private static func critiqueCounts(_ records: [Row]) throws -> HTMLReport.Chart? {
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
    else { return results.methods.keys.sorted().joined(separator: ", ") + " on held-out pairs." }
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
    _ records: [Row],
    run: RunFolder
  ) throws -> [HTMLReport.Sample] {
    let cloud = records.filter { !$0.critiques.isEmpty }
    guard let suite = cloud.first?.suite else { return [] }
    let first = cloud.filter { $0.suite == suite && $0.samples == cloud.first?.samples }
    let prompts = try pairs(of: suite, run: run)
    var chosen: [Row] = []
    for subset in Set(first.compactMap(\.subset)).sorted() {
      let right = first.filter { $0.subset == subset && $0.preference > 0 }
      if let best = right.max(by: { length($0) < length($1) }) { chosen.append(best) }
    }
    if chosen.isEmpty { chosen = Array(first.prefix(2)) }
    chosen.sort { length($0) > length($1) }
    if let wrong = first.first(where: { $0.preference <= 0 }) {
      chosen.append(wrong)
    }
    return chosen.compactMap { scores in
      guard let pair = prompts[scores.id] else { return nil }
      func response(_ text: String, _ side: Int) -> HTMLReport.Sample.Response {
        .init(
          text: text,
          critique: scores.critiques[side],
          score: scores.scores[side],
          isRight: side == 0
        )
      }
      return HTMLReport.Sample(
        section: scores.subset ?? suite,
        method: scores.method,
        prompt: pair.prompt.map(\.content).joined(separator: "\n"),
        responses: [
          response(pair.chosen, 0),
          response(pair.rejected, 1),
        ]
      )
    }
  }

  private static func length(_ scores: Row) -> Int {
    scores.critiques.map(\.count).reduce(0, +)
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

/// What a model made of a pair.
private struct Row {
  let method: String
  let suite: String
  let samples: Int
  let id: String
  let subset: String?
  /// Above 0 for chosen; nothing that can be read counts as a tie.
  let preference: Double
  /// Of chosen and rejected, where the model scores.
  let scores: [Double]
  /// The first critiques of chosen and rejected, where the model writes them.
  let critiques: [String]

  static func read(_ file: URL, run: RunFolder) throws -> [Row] {
    let recipe = try RecipeFile(contentsOf: run.url.appendingPathComponent("recipe.yaml"))
    let method = try recipe.setting("method") ?? "model"
    if method == "comparison" { return try RecordLog<PairScores>(file).records().map(Row.init) }
    return try RecordLog<PairOutcome>(file).records().map { Row($0, method) }
  }

  private init(_ outcome: PairOutcome, _ method: String) {
    func mean(_ values: [Double]?) -> Double {
      guard let values, !values.isEmpty else { return 0 }
      return values.reduce(0, +) / Double(values.count)
    }
    self.method = method
    suite = outcome.suite
    samples = outcome.sampleCount
    id = outcome.id
    subset = outcome.subset
    preference = outcome.preference() ?? 0
    scores = [mean(outcome.chosen), mean(outcome.rejected)]
    critiques =
      outcome.chosenCritiques == nil
      ? [] : [outcome.chosenCritiques, outcome.rejectedCritiques].map { $0?.first ?? "" }
  }

  private init(_ scores: PairScores) {
    method = scores.method
    suite = scores.suite
    samples = scores.samples
    id = scores.id
    subset = scores.subset
    preference = scores.chosen.value - scores.rejected.value
    self.scores = [scores.chosen.value, scores.rejected.value]
    critiques =
      scores.chosen.critiques == nil
      ? [] : [scores.chosen, scores.rejected].map { $0.critiques?.first?.text ?? "" }
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
