// A comparison for the terminal and as a page.
import AssayEvaluate
import Foundation

/// Shows a comparison.
package struct ComparisonReport {
  /// What is shown.
  package let results: ComparisonResults
  /// The heading of the page.
  package var title = "Assay: methods compared"
  /// One or two sentences below it.
  package var summary = ""
  /// Facts about the run, as the command.
  package var facts: [HTMLReport.Fact] = []

  /// Makes a report.
  package init(_ results: ComparisonResults) { self.results = results }

  // MARK: Terminal

  /// Accuracies, differences, costs and claims as tables.
  package var text: String {
    var parts = [accuracies.text]
    if !results.differences.isEmpty {
      // All sections are in the report.
      parts.append(Self.text(differences { ["overall", "Reasoning"].contains($0.section) }))
    }
    parts += [costs].filter { !$0.rows.isEmpty }.map(Self.text)
    if !measuredClaims.isEmpty { parts.append(ClaimTable.text(measuredClaims).text) }
    if let missing = missingClaims { parts.append(missing + "\n") }
    return parts.joined(separator: "\n")
  }

  private var measuredClaims: [ClaimTable.Result] {
    results.claims.filter { $0.outcome != .notMeasured }
  }

  /// How many claims this comparison says nothing about, `nil` where there are none.
  private var missingClaims: String? {
    let count = results.claims.count - measuredClaims.count
    guard count > 0 else { return nil }
    let verb = count == 1 ? "is" : "are"
    return "\(count) of the papers' \(results.claims.count) claims \(verb) about methods, suites "
      + "or measurements that this comparison does not have."
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
    text(Self.revisions(revisions))
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

  /// The page: one file that needs nothing else.
  package var html: String {
    var report = HTMLReport(title: title, results: results.file)
    report.summary = summary
    report.methodOrder = results.order
    report.parts = [
      claimsPart, differencesPart, samplesPart, dataPart, bestOfPart, revisionsPart,
      calibrationPart, costsPart, truthPart, searchPart,
    ].filter { !$0.charts.isEmpty || !$0.tables.isEmpty }
    report.facts =
      [
        .init("Seeds", results.seeds.map(String.init).joined(separator: ", ")),
        .init("Intervals", results.intervals),
        .init("Seconds of all stages", "\(Int(results.seconds.rounded()))"),
      ] + facts
    return report.html
  }

  private var claimsPart: HTMLReport.Part {
    guard !measuredClaims.isEmpty else { return .init(title: "") }
    return .init(
      title: "The papers' claims",
      note: "Held: the 95 % interval lies above the limit, 0 where none is named; not held: below "
        + "it; unclear: around it. Points are percentage points of accuracy unless the claim says "
        + "otherwise." + (missingClaims.map { " " + $0 } ?? ""),
      tables: [
        .init(
          title: "",
          columns: ClaimTable.titles,
          rows: measuredClaims.map(ClaimTable.cells),
          textColumns: [0, 1, 2, 4]
        )
      ]
    )
  }

  private func differences(
    _ isShown: (ComparisonResults.Difference) -> Bool = { _ in true }
  ) -> HTMLReport.Table {
    let reference = results.differences.first?.reference ?? ""
    return .init(
      title: "Beside \(reference)",
      columns: [
        "method", "suite", "section", "points [95 %]", "McNemar p", "only it", "only other",
      ],
      rows: results.differences.filter(isShown).map { difference in
        [
          difference.method, difference.suite, difference.section,
          Self.points(difference.difference), Self.pValue(difference.p),
          "\(difference.onlyMethod)", "\(difference.onlyReference)",
        ]
      },
      textColumns: [0, 1, 2]
    )
  }

  private var differencesPart: HTMLReport.Part {
    guard let reference = results.differences.first?.reference else { return .init(title: "") }
    var table = differences()
    table.title = ""
    return .init(
      title: "Differences from \(reference)",
      note:
        "Accuracy less that of \(reference), in points, paired by seed and pair. McNemar's exact "
        + "test is of pairs that a method gets right under more than half of its seeds.",
      tables: [table]
    )
  }

  private var samplesPart: HTMLReport.Part {
    func charts(_ curves: [ComparisonResults.SampleCurve]) -> [HTMLReport.Chart] {
      var places: [[String]] = []
      for curve in curves where !places.contains([curve.suite, curve.section]) {
        places.append([curve.suite, curve.section])
      }
      return places.map { place in
        chart(
          "\(HTMLReport.splitTitle(place[0])), \(HTMLReport.sectionTitle(place[1]))",
          "critiques or votes",
          curves.filter { [$0.suite, $0.section] == place }.map { curve in
            (curve.method, curve.points.map { (Double($0.samples), $0.accuracy) })
          }
        )
      }
    }
    return .init(
      title: "More critiques, more votes",
      note: "Accuracy against the number of critiques whose scores are averaged, or of votes that "
        + "are counted; the mean over disjoint groups of so many.",
      charts: charts(results.sampleCurves) + charts(results.binnedCurves)
    )
  }

  private var dataPart: HTMLReport.Part {
    var places: [[String]] = []
    for point in results.dataEfficiency where !places.contains([point.suite, point.section]) {
      places.append([point.suite, point.section])
    }
    let charts = places.map { place in
      let own = results.dataEfficiency.filter { [$0.suite, $0.section] == place }
      let methods = results.order.filter { method in own.contains { $0.method == method } }
      return chart(
        "\(HTMLReport.splitTitle(place[0])), \(HTMLReport.sectionTitle(place[1]))",
        "share of the training pairs",
        methods.map { method in
          let points = own.filter { $0.method == method }.sorted { $0.share < $1.share }
          return (method, points.map { ($0.share, $0.accuracy) })
        }
      )
    }
    return .init(title: "Fewer pairs", note: "Accuracy by training pairs.", charts: charts)
  }

  private var bestOfPart: HTMLReport.Part {
    guard let first = results.bestOf.first else { return .init(title: "") }
    func line(
      _ name: String,
      _ value: (BestOfNPoint) -> Double
    ) -> HTMLReport.Series {
      .init(method: name, points: first.points.map { .init(x: Double($0.count), y: value($0)) })
    }
    let curves = results.bestOf.map { curve in
      HTMLReport.Series(
        method: curve.method,
        points: curve.points.map {
          .init(x: Double($0.count), y: $0.value, lower: $0.ci95.first, upper: $0.ci95.last)
        }
      )
    }
    let chart = HTMLReport.Chart(
      title: "Best of N",
      xLabel: "responses to pick from",
      yLabel: "share of picks that are right",
      isShare: true,
      series: curves + [line("oracle", \.oracle), line("random", \.random)]
    )
    let table = HTMLReport.Table(
      title: "Gain over a random pick, out of all responses",
      columns: ["method", "seed", "N", "picked right", "random", "oracle", "gain [95 %]"],
      rows: results.bestOf.compactMap { curve in
        curve.points.last.map { last in
          [
            curve.method, curve.seed.map(String.init) ?? "all", "\(last.count)",
            percent(last.value), percent(last.random), percent(last.oracle),
            Self.points(curve.gain),
          ]
        }
      }
    )
    return .init(
      title: "Best of N",
      note:
        "How often the response with the highest score of N is right, in exact expectation over "
        + "all choices of N.",
      charts: [chart],
      tables: [table]
    )
  }

  private var revisionsPart: HTMLReport.Part {
    .init(
      title: "Revisions",
      note:
        "The policy answers again, with the critique and without. Corrected: wrong answers that "
        + "become right; broken: right ones that become wrong.",
      tables: results.revisions.isEmpty
        ? [] : [Self.revisions(results.revisions)]
    )
  }

  /// Revisions with and without critiques.
  private static func revisions(_ figures: [RevisionFigure]) -> HTMLReport.Table {
    .init(
      title: "",
      columns: [
        "critic", "seed", "critique", "before", "behind", "gain", "corrected", "broken",
        "with - without",
      ],
      rows: figures.flatMap { figure in
        [("yes", figure.guided), ("no", figure.unguided)].map { name, way in
          [
            figure.method, figure.seed.map(String.init) ?? "-", name, share(figure.before),
            share(way.accuracy), points(way.gain), way.corrected.map(share) ?? "-",
            way.broken.map(share) ?? "-", name == "yes" ? points(figure.difference) : "",
          ]
        }
      }
    )
  }

  private var calibrationPart: HTMLReport.Part {
    let suites = results.file.splits
    let charts = suites.compactMap { suite -> HTMLReport.Chart? in
      let own = results.calibration.filter { $0.suite == suite }
      guard !own.isEmpty else { return nil }
      let lines = own.map { figure in
        HTMLReport.Series(
          method: figure.method,
          points: figure.bins.map { .init(x: $0.probability, y: $0.frequency) }
        )
      }
      let perfect = HTMLReport.Series(
        method: "perfect",
        points: [.init(x: 0.5, y: 0.5), .init(x: 1, y: 1)]
      )
      return .init(
        title: HTMLReport.splitTitle(suite),
        xLabel: "probability of the preferred response",
        yLabel: "how often it is right",
        isShare: true,
        series: lines + [perfect]
      )
    }
    let table = HTMLReport.Table(
      title: "",
      columns: ["method", "suite", "calibration error", "Brier", "without probability"],
      rows: results.calibration.map {
        [
          $0.method, $0.suite, String(format: "%.3f", $0.expectedError),
          String(format: "%.3f", $0.brier), "\($0.missing)",
        ]
      },
      textColumns: [0, 1]
    )
    return .init(
      title: "Calibration",
      note: "Whether probabilities mean what they say: of a scorer the logistic of the difference, "
        + "of a judge the share of votes or its own probability.",
      charts: charts,
      tables: results.calibration.isEmpty ? [] : [table]
    )
  }

  private var costs: HTMLReport.Table {
    .init(
      title: "Cost and care of a judgement",
      columns: ["method", "samples", "tokens read", "tokens written", "flips", "unparseable"],
      rows: results.tokens.map { tokens in
        let figures = results.file.splits.compactMap {
          results.methods[tokens.method]?[$0]?["overall"]
        }
        func rate(_ key: (ResultsFile.Figure) -> Double?) -> String {
          let found = figures.compactMap { figure in key(figure).map { ($0, Double(figure.n)) } }
          let total = found.reduce(0) { $0 + $1.1 }
          guard total > 0 else { return "-" }
          return percent(found.reduce(0) { $0 + $1.0 * $1.1 } / total)
        }
        return [
          tokens.method, "\(tokens.samples)", String(format: "%.0f", tokens.prompt),
          String(format: "%.0f", tokens.completion), rate(\.flipRate), rate(\.unparseableRate),
        ]
      }
    )
  }

  private var costsPart: HTMLReport.Part {
    var table = costs
    table.title = ""
    return .init(
      title: "Cost of a judgement",
      note: "Mean tokens of a pair; pairs of which a judge's two orders disagree, and votes that "
        + "cannot be read, in percent.",
      tables: table.rows.isEmpty ? [] : [table]
    )
  }

  private var truthPart: HTMLReport.Part {
    var tables: [HTMLReport.Table] = []
    if !results.filters.isEmpty {
      tables.append(
        .init(
          title: "Filters",
          columns: [
            "method", "seed", "pairs kept", "true before", "behind the filter",
            "behind the refinement", "pairs dropped", "critiques dropped",
          ],
          rows: results.filters.map { filter in
            [
              filter.method, "\(filter.seed)", "\(filter.keptPairs) of \(filter.pairs)",
              filter.trueBefore.map(Self.share) ?? "-", filter.trueBehind.map(Self.share) ?? "-",
              filter.trueRefined.map(Self.share) ?? "-", Self.counts(filter.droppedPairs),
              Self.counts(filter.droppedCritiques),
            ]
          },
          textColumns: [0, 6, 7]
        )
      )
    }
    if !results.star.isEmpty {
      tables.append(
        .init(
          title: "STaR, by iteration",
          columns: [
            "method", "seed", "iteration", "all right", "all wrong", "mixed", "unparseable",
            "right verdicts with true claims",
          ],
          rows: results.star.map { row in
            [
              row.method, "\(row.seed)", "\(row.iteration)", "\(row.allRight)", "\(row.allWrong)",
              "\(row.mixed)", percent(row.unparseableRate), row.rightAndTrue.map(percent) ?? "-",
            ]
          }
        )
      )
    }
    return .init(
      title: "What was learnt from",
      note:
        "Shares in percent; a critique or judgement is true where the world's checker finds none "
        + "of its claims false.",
      tables: tables
    )
  }

  private var searchPart: HTMLReport.Part {
    var tables: [HTMLReport.Table] = []
    if !results.startModel.isEmpty {
      tables.append(
        .init(
          title: "The start model on validation pairs",
          columns: ["role", "percent"],
          rows: results.startModel.sorted { $0.key < $1.key }.map { [$0.key, percent($0.value)] }
        )
      )
    }
    if !results.trials.isEmpty {
      tables.append(
        .init(
          title: "Trials",
          columns: ["method", "learning rate times", "validation accuracy", "used"],
          rows: results.trials.map {
            [
              $0.method, String(format: "%g", $0.factor), percent($0.accuracy),
              $0.isChosen ? "yes" : "",
            ]
          }
        )
      )
    }
    return .init(title: "Search", tables: tables)
  }

  // MARK: Cells

  private func chart(
    _ title: String,
    _ xLabel: String,
    _ lines: [(String, [(Double, ComparisonResults.Interval)])]
  ) -> HTMLReport.Chart {
    .init(
      title: title,
      xLabel: xLabel,
      yLabel: "accuracy",
      isShare: true,
      isLogarithmic: true,
      series: lines.map { method, points in
        .init(
          method: method,
          points: points.map { .init(x: $0, y: $1.value, lower: $1.lower, upper: $1.upper) }
        )
      }
    )
  }

  private static func share(_ figure: ComparisonResults.Interval) -> String {
    "\(percent(figure.value)) [\(percent(figure.lower)), \(percent(figure.upper))]"
  }

  private static func points(_ figure: ComparisonResults.Interval) -> String {
    func signed(_ value: Double) -> String { String(format: "%+.1f", 100 * value) }
    return "\(signed(figure.value)) [\(signed(figure.lower)), \(signed(figure.upper))]"
  }

  private static func pValue(_ p: Double) -> String {
    p < 0.0001 ? "< 0.0001" : String(format: "%.4f", p)
  }

  private static func counts(_ counts: [String: Int]) -> String {
    counts.isEmpty
      ? "none"
      : counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }
}
