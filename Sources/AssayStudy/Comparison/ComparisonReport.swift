// A comparison for the terminal and as a page.
import AssayBase
import AssayEvaluate
import AssayTrain
import Foundation

/// Shows a comparison.
package struct ComparisonReport {
  /// What is shown.
  package let results: ComparisonResults
  /// The heading of the page.
  package var title = "Assay: methods compared"
  /// Facts about the run, as the command.
  package var facts: [HTMLReport.Fact] = []
  /// Training curves.
  package var curves: [HTMLReport.Chart] = []
  /// Critiques to look at.
  package var samples: [HTMLReport.Sample] = []

  /// Makes a report.
  ///
  /// - Parameters:
  ///   - results: What is shown.
  ///   - command: How the report says it was made; `nil` leaves that out.
  package init(_ results: ComparisonResults, command: String? = nil) {
    self.results = results
    facts = command.map { [.init("Command", $0)] } ?? []
  }

  /// Makes the report of a study.
  ///
  /// - Parameters:
  ///   - study: What was made.
  ///   - folder: Its folder.
  ///   - command: How the report says it was made.
  /// - Throws: `FileError` where records are damaged, `EvaluateError` where they do not belong
  ///   together.
  package init(_ study: Study, folder: URL, command: String) throws {
    let reader = ComparisonReader(study, folder: folder)
    self.init(try reader.results())
    facts = [.init("Command", command), .init("World", study.world)]
    curves = try reader.curves()
    samples = try reader.samples()
  }

  /// Writes `results.json`, `report.html` and `claims.md`.
  ///
  /// - Parameter folder: Where, in the place of earlier ones.
  /// - Throws: `FileError.fileSystem`.
  package func write(to folder: URL) throws {
    for (name, data) in [
      ("results.json", try results.json()), ("report.html", Data(html.utf8)),
      ("claims.md", Data(ClaimTable.markdown(results.claims).utf8)),
    ] { try DurableFile.write(data, to: folder.appendingPathComponent(name)) }
  }

  /// What a critique buys, where that was measured: one sentence below the heading.
  private var summary: String {
    guard let classic = results.methods["classic"]?["test"]?["Reasoning"],
      let cloud = results.methods["cloud"]?["test"]?["Reasoning"]
    else { return "" }
    return "From the same model and the same pairs, writing a critique first takes accuracy on "
      + "reasoning from \(percent(classic.accuracy)) % to \(percent(cloud.accuracy)) %."
  }

  // MARK: Terminal

  /// Accuracies, differences, costs and claims as tables.
  package var text: String {
    var parts = [accuracies.text]
    if !results.differences.isEmpty {
      // All sections are in the report.
      parts.append(
        Self.text(results.differenceTable { ["overall", "Reasoning"].contains($0.section) })
      )
    }
    parts += [results.costs].filter { !$0.rows.isEmpty }.map(Self.text)
    if !results.measuredClaims.isEmpty {
      parts.append(ClaimTable.text(results.measuredClaims).text)
    }
    if let missing = results.missingClaims { parts.append(missing + "\n") }
    parts += samples.prefix(2).map(Self.text)
    return parts.joined(separator: "\n")
  }

  private static func text(_ sample: HTMLReport.Sample) -> String {
    "[\(sample.section)] \(sample.prompt)\n"
      + sample.responses.map { response in
        """
          response: \(response.text)
          critique: \(response.critique)
          reward:   \(String(format: "%.2f", response.score)) \
        (the \(response.isRight ? "preferred" : "other") response)

        """
      }.joined()
  }

  /// A row for each method and suite: overall and each section, in percent.
  private var accuracies: TextTable {
    let file = results.file
    let sections = ordered(Set(file.splits.flatMap { file.sections(of: $0) }))
    var table = TextTable(
      [("method", .left), ("suite", .left)] + sections.map { ($0, .right) } + [("n", .right)]
    )
    for suite in file.splits {
      for method in ResultsFile.ordered(Array(results.methods.keys), results.order) {
        guard let figures = results.methods[method]?[suite] else { continue }
        let cells = sections.map { section in
          figures[section].map {
            "\(percent($0.accuracy)) [\(percent($0.ci95[0])), \(percent($0.ci95[1]))]"
          } ?? "-"
        }
        table.rows.append([method, suite] + cells + ["\(figures["overall"]?.n ?? 0)"])
      }
    }
    return table
  }

  /// Revisions as a table for the terminal.
  package static func text(of revisions: [RevisionFigure]) -> String {
    text(ComparisonResults.revisionTable(revisions))
  }

  private static func text(_ table: HTMLReport.Table) -> String {
    var text = TextTable(
      table.columns.enumerated().map {
        ($1, table.textColumns.contains($0) ? .left : .right)
      }
    )
    text.rows = table.rows
    return table.title.isEmpty ? text.text : "\(table.title)\n\(text.text)"
  }

  private func ordered(_ sections: Set<String>) -> [String] {
    sections.filter { $0 == "overall" } + sections.subtracting(["overall"]).sorted()
  }

  // MARK: Page

  /// What a reader must know before quoting the figures.
  private var trust: [HTMLReport.Check] {
    let wholes = results.file.methods.values.flatMap { $0.values.compactMap { $0["overall"] } }
    func worst(_ label: String, _ rate: (ResultsFile.Figure) -> Double?, most: Double)
      -> HTMLReport.Check?
    {
      wholes.compactMap(rate).max().map {
        .init(label, "up to \(percent($0)) %", $0 > most ? .bad : .good)
      }
    }
    let (seeds, fewest) = (results.seeds.count, wholes.map(\.n).min() ?? 0)
    let checks: [HTMLReport.Check?] = [
      .init("seeds", "\(seeds)", seeds < 3 ? .open : .good),
      .init("pairs", "at least \(fewest)", fewest < 200 ? .open : .good),
      worst("missing verdicts", \.unparseableRate, most: 0.02),
      worst("orders contradict", \.flipRate, most: 0.2),
    ]
    return checks.compactMap(\.self)
  }

  /// The page: one file that needs nothing else.
  package var html: String {
    var report = HTMLReport(title: title, results: results.file)
    report.summary = summary
    report.methodOrder = results.order
    report.trust = trust
    report.samples = samples
    // Those without figures are left out.
    report.parts = [
      results.claimsPart, results.differencesPart, results.samplesPart, results.dataPart,
      results.bestOfPart, results.revisionsPart, results.calibrationPart, results.costsPart,
      results.truthPart, results.searchPart, .init(title: "Training", charts: curves),
    ]
    report.facts =
      [
        .init("Seeds", results.seeds.map(String.init).joined(separator: ", ")),
        .init("Intervals", results.intervals),
        .init("Seconds of all stages", "\(Int(results.seconds.rounded()))"),
      ] + facts
    return report.html
  }
}
