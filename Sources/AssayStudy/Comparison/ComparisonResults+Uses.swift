// What a comparison's page shows besides: uses, costs, what was learnt from, the search.
import AssayEvaluate
import Foundation

extension ComparisonResults {
  var bestOfPart: HTMLReport.Part {
    guard let first = bestOf.first else { return .init(title: "") }
    func line(
      _ name: String,
      _ value: (BestOfNPoint) -> Double
    ) -> HTMLReport.Series {
      .init(method: name, points: first.points.map { .init(x: Double($0.count), y: value($0)) })
    }
    let curves = bestOf.map { curve in
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
      rows: bestOf.compactMap { curve in
        curve.points.last.map { last in
          [
            curve.method, curve.seed.map(String.init) ?? "all", "\(last.count)",
            percent(last.value), percent(last.random), percent(last.oracle),
            Cells.points(curve.gain),
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

  var revisionsPart: HTMLReport.Part {
    .init(
      title: "Revisions",
      note:
        "The policy answers again, with the critique and without. Corrected: wrong answers that "
        + "become right; broken: right ones that become wrong.",
      tables: revisions.isEmpty
        ? [] : [Self.revisionTable(revisions)]
    )
  }

  /// Revisions with and without critiques.
  static func revisionTable(_ figures: [RevisionFigure]) -> HTMLReport.Table {
    .init(
      title: "",
      columns: [
        "critic", "seed", "critique", "before", "behind", "gain", "corrected", "broken",
        "with - without",
      ],
      rows: figures.flatMap { figure in
        [("yes", figure.guided), ("no", figure.unguided)].map { name, way in
          [
            figure.method, figure.seed.map(String.init) ?? "-", name, Cells.share(figure.before),
            Cells.share(way.accuracy), Cells.points(way.gain),
            way.corrected.map(Cells.share) ?? "-",
            way.broken.map(Cells.share) ?? "-",
            name == "yes" ? Cells.points(figure.difference) : "",
          ]
        }
      }
    )
  }

  var costs: HTMLReport.Table {
    .init(
      title: "Cost and care of a judgement",
      columns: [
        "method", "samples", "tokens read", "tokens written", "both right", "contradict",
        "inconsistent", "unparseable",
      ],
      rows: tokens.map { tokens in
        let figures = file.splits.compactMap {
          methods[tokens.method]?[$0]?["overall"]
        }
        func rate(_ key: (ResultsFile.Figure) -> Double?) -> String {
          let found = figures.compactMap { figure in key(figure).map { ($0, Double(figure.n)) } }
          let total = found.reduce(0) { $0 + $1.1 }
          guard total > 0 else { return "-" }
          return percent(found.reduce(0) { $0 + $1.0 * $1.1 } / total)
        }
        return [
          tokens.method, "\(tokens.samples)", String(format: "%.0f", tokens.prompt),
          String(format: "%.0f", tokens.completion), rate(\.strict), rate(\.flipRate),
          rate(\.inconsistentRate), rate(\.unparseableRate),
        ]
      }
    )
  }

  var costsPart: HTMLReport.Part {
    var table = costs
    table.title = ""
    return .init(
      title: "Cost of a judgement",
      note: "Mean tokens of a pair. Of judges, in percent: pairs that both orders get right, whose "
        + "orders contradict each other or differ in any way; votes that cannot be read.",
      tables: table.rows.isEmpty ? [] : [table]
    )
  }

  var truthPart: HTMLReport.Part {
    var tables: [HTMLReport.Table] = []
    if !filters.isEmpty {
      tables.append(
        .init(
          title: "Filters",
          columns: [
            "method", "seed", "pairs kept", "true before", "behind the filter",
            "behind the refinement", "pairs dropped", "critiques dropped",
          ],
          rows: filters.map { filter in
            [
              filter.method, "\(filter.seed)", "\(filter.keptPairs) of \(filter.pairs)",
              filter.trueBefore.map(Cells.share) ?? "-", filter.trueBehind.map(Cells.share) ?? "-",
              filter.trueRefined.map(Cells.share) ?? "-", Cells.counts(filter.droppedPairs),
              Cells.counts(filter.droppedCritiques),
            ]
          },
          textColumns: [0, 6, 7]
        )
      )
    }
    if !star.isEmpty {
      tables.append(
        .init(
          title: "STaR, by iteration",
          columns: [
            "method", "seed", "iteration", "all right", "all wrong", "mixed", "unparseable",
            "right verdicts with true claims",
          ],
          rows: star.map { row in
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

  var searchPart: HTMLReport.Part {
    var tables: [HTMLReport.Table] = []
    if !startModel.isEmpty {
      tables.append(
        .init(
          title: "The start model on validation pairs",
          columns: ["role", "percent"],
          rows: startModel.sorted { $0.key < $1.key }.map { [$0.key, percent($0.value)] }
        )
      )
    }
    if !trials.isEmpty {
      tables.append(
        .init(
          title: "Trials",
          columns: ["method", "learning rate times", "validation accuracy", "used"],
          rows: trials.map {
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
}
