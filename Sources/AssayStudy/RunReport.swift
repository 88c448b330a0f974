import AssayBase
import AssayEvaluate
import AssayReward
import AssayRun
import Foundation

/// What a run folder with an evaluation shows: figures, a table, a report.
package struct RunReport {
  /// The content of `results.json`.
  package let results: ResultsFile
  /// The accuracies for the terminal.
  package let text: String
  /// The content of `report.html`.
  package let html: String

  /// Reads the evaluation of a run; `nil` where there is no finished one.
  ///
  /// Of several evaluations with other numbers of critiques, the one with the fewest gives the figures.
  ///
  /// - Parameters:
  ///   - run: A run folder.
  ///   - command: How the report says it was made.
  /// - Throws: `FileError` where records are damaged, `StatisticsError` where a score is not finite.
  package init?(run: RunFolder, command: String) throws {
    let stages = run.stageFolders().map { FinishedStage(run.url.appendingPathComponent($0)) }
    guard let evaluation = stages.last(where: { $0.name == "evaluate" && $0.isDone }) else {
      return nil
    }
    let recipe = try RecipeFile(contentsOf: run.url.appendingPathComponent("recipe.yaml"))
    let method = try recipe.setting("method") ?? "model"
    let outcomes = try RecordLog<PairOutcome>(
      evaluation.url.appendingPathComponent("records.jsonl")
    )
    .records()
    // Scorers may be evaluated with several numbers of critiques; votes are as many as each pair needs.
    let fewest = outcomes.filter { $0.votes == nil }.map(\.sampleCount).min()
    let counted = outcomes.filter { $0.votes != nil || $0.sampleCount == fewest }
    let seconds = stages.map(\.seconds).reduce(0, +)
    var results = ResultsFile(seconds: seconds)
    results.methods[method] = try Self.suites(counted)
    self.results = results
    text = results.table().text
    var report = HTMLReport(title: "Assay: \(method)", results: results)
    report.summary = Self.summary(method, results)
    report.trust = try Self.trust(counted)
    report.facts =
      [.init("Command", command), .init("All stages", "\(Int(seconds.rounded())) s")]
      + stages.filter { $0.seconds > 0 }.map {
        .init("Stage \($0.name)", "\(Int($0.seconds.rounded())) s")
      }
    report.parts = [
      try Self.sampleCounts(outcomes),
      .init(
        title: "Training",
        charts: try stages.compactMap { try TrainingChart.chart($0.name, of: $0.url) }
      ),
    ]
    report.footer = [
      "Recipe: recipe.yaml in the run folder.",
      "Intervals: 95 %, Wilson's over pairs; those of one prompt count together.",
    ]
    html = report.html
  }

  /// What a reader must know before quoting the figures.
  private static func trust(_ outcomes: [PairOutcome]) throws -> [HTMLReport.Check] {
    guard !outcomes.isEmpty else { return [] }
    let credits = outcomes.map { $0.credit() - 0.5 }
    let smallest = try PairedEffect(
      credits,
      clusters: outcomes.clusterNumbers ?? Array(credits.indices)
    )
    .detectable(level: 0.05)
    let figure = try ResultsFile.Figure(outcomes)
    func share(_ label: String, _ value: Double?, most: Double) -> HTMLReport.Check? {
      value.map { .init(label, "\(percent($0)) %", $0 > most ? .bad : .good) }
    }
    let isBetter = figure.ci95[0] > 0.5
    let checks: [HTMLReport.Check?] = [
      .init("pairs", "\(outcomes.count)", .good),
      .init("better than chance", isBetter ? "yes" : "no", isBetter ? .good : .bad),
      share("missing verdicts", figure.unparseableRate, most: 0.02),
      share("orders contradict", figure.flipRate, most: 0.2),
      .init(
        "smallest difference to be found",
        "\(percent(smallest)) points",
        smallest > 0.1 ? .open : .good
      ), .init("seeds", "1", .open),
    ]
    return checks.compactMap(\.self)
  }

  /// One sentence with the accuracy on every suite.
  private static func summary(_ method: String, _ results: ResultsFile) -> String {
    let suites = results.splits.compactMap { suite in
      results.methods[method]?[suite]?["overall"].map {
        "\(percent($0.accuracy)) % of \($0.n) right in \(suite)"
      }
    }
    return "\(method) on held-out pairs: \(suites.joined(separator: ", "))."
  }

  private static func suites(
    _ outcomes: [PairOutcome]
  ) throws -> [String: ResultsFile.Sections] {
    try Dictionary(grouping: outcomes, by: \.suite).mapValues { own in
      var sections = ["overall": try ResultsFile.Figure(own)]
      for (subset, part) in Dictionary(grouping: own, by: \.subset) {
        if let subset { sections[subset] = try ResultsFile.Figure(part) }
      }
      return sections
    }
  }

  /// Accuracy against the number of critiques, where there are several evaluations.
  private static func sampleCounts(_ outcomes: [PairOutcome]) throws -> HTMLReport.Part {
    let scored = outcomes.filter { $0.votes == nil }
    let passes = Dictionary(grouping: scored, by: \.sampleCount).sorted { $0.key < $1.key }
    guard passes.count > 1 else { return .init(title: "") }
    let figures = try passes.map { (count: $0.key, suites: try suites($0.value)) }
    let series = Set(outcomes.map(\.suite)).sorted().map { suite in
      HTMLReport.Series(
        method: suite,
        points: figures.compactMap { count, suites in
          guard let figure = suites[suite]?["overall"] else { return nil }
          return .init(
            x: Double(count),
            y: figure.accuracy,
            lower: figure.ci95[0],
            upper: figure.ci95[1]
          )
        }
      )
    }
    let chart = HTMLReport.Chart(
      title: "Accuracy against number of critiques",
      xLabel: "critiques",
      yLabel: "accuracy",
      isShare: true,
      isLogarithmic: true,
      series: series
    )
    return .init(title: "What critiques add", charts: [chart])
  }
}

/// A stage's folder as the report shows it.
private struct FinishedStage {
  let url: URL
  let name: String
  /// How long it took; `nil` where it has not finished.
  private let time: Double?

  init(_ url: URL) {
    struct Done: Decodable { let seconds: Double }
    self.url = url
    name = url.lastPathComponent.split(separator: "-").dropFirst().joined(separator: "-")
    let data = try? Data(contentsOf: url.appendingPathComponent("done.json"))
    time = data.flatMap { try? JSONDecoder().decode(Done.self, from: $0) }?.seconds
  }

  var isDone: Bool { time != nil }
  var seconds: Double { time ?? 0 }
}
