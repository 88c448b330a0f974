// What a comparison's page shows of pairs: claims, differences, samples, data, calibration.
import AssayEvaluate
import Foundation

extension ComparisonResults {
  /// The claims that this comparison says something about.
  var measuredClaims: [ClaimTable.Result] {
    claims.filter { $0.outcome != .notMeasured }
  }

  /// How many claims this comparison says nothing about; `nil` where there are none, or no others.
  var missingClaims: String? {
    let count = claims.count - measuredClaims.count
    guard count > 0, !measuredClaims.isEmpty else { return nil }
    let verb = count == 1 ? "is" : "are"
    return "\(count) of the papers' \(claims.count) claims \(verb) about methods, suites "
      + "or measurements that this comparison does not have."
  }

  var claimsPart: HTMLReport.Part {
    guard !measuredClaims.isEmpty else { return .init(title: "") }
    return .init(
      title: "The papers' claims",
      note: "Held: the figure lies above the limit, 0 where none is named; not held: below it; "
        + "unclear: it may be on either side. Outcomes are corrected for the number of claims by "
        + "Holm's rule, so that the 95 % interval of an unclear one may lie on one side; bars and "
        + "controls, which no paper claims, stand for themselves. Points are percentage points of "
        + "accuracy unless the claim says otherwise." + (missingClaims.map { " " + $0 } ?? ""),
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

  func differenceTable(
    _ isShown: (ComparisonResults.Difference) -> Bool = { _ in true }
  ) -> HTMLReport.Table {
    let reference = differences.first?.reference ?? ""
    return .init(
      title: "Beside \(reference)",
      columns: [
        "method", "suite", "section", "points [95 %]", "sign test p", "better on", "worse on",
      ],
      rows: differences.filter(isShown).map { difference in
        [
          difference.method, difference.suite, difference.section,
          Cells.points(difference.difference), Cells.pValue(difference.p),
          "\(difference.onlyMethod)", "\(difference.onlyReference)",
        ]
      },
      textColumns: [0, 1, 2]
    )
  }

  var differencesPart: HTMLReport.Part {
    guard let reference = differences.first?.reference else { return .init(title: "") }
    var table = differenceTable()
    table.title = ""
    return .init(
      title: "Differences from \(reference)",
      note:
        "Accuracy less that of \(reference), in points, paired by seed and pair. The exact "
        + "sign test is of pairs on which one does better over all seeds: McNemar's, where each is right or "
        + "wrong. It knows the pairs' chance alone, the intervals that of the seeds too.",
      tables: [table]
    )
  }

  var samplesPart: HTMLReport.Part {
    func charts(_ curves: [ComparisonResults.SampleCurve]) -> [HTMLReport.Chart] {
      var places: [[String]] = []
      for curve in curves where !places.contains([curve.suite, curve.section]) {
        places.append([curve.suite, curve.section])
      }
      return places.map { place in
        Cells.chart(
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
      charts: charts(sampleCurves) + charts(binnedCurves)
    )
  }

  var dataPart: HTMLReport.Part {
    var places: [[String]] = []
    for point in dataEfficiency where !places.contains([point.suite, point.section]) {
      places.append([point.suite, point.section])
    }
    let charts = places.map { place in
      let own = dataEfficiency.filter { [$0.suite, $0.section] == place }
      let methods = order.filter { method in own.contains { $0.method == method } }
      return Cells.chart(
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

  var calibrationPart: HTMLReport.Part {
    let suites = file.splits
    let charts = suites.compactMap { suite -> HTMLReport.Chart? in
      let own = calibration.filter { $0.suite == suite }
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
      rows: calibration.map {
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
      tables: calibration.isEmpty ? [] : [table]
    )
  }
}
