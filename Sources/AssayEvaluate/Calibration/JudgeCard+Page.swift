// The card as a page.
import AssayText
import Foundation

extension JudgeCard {
  /// The card as one HTML page that needs nothing else.
  package var html: String {
    var sections = agreement.sections
    sections["overall"] = agreement.accuracy
    let figures = sections.mapValues {
      ResultsFile.Figure(accuracy: $0.value, lower: $0.ci95[0], upper: $0.ci95[1], n: $0.n)
    }
    var report = HTMLReport(
      title: "Judge card: \(model)",
      results: ResultsFile(seconds: 0, methods: [model: ["Gold labels": figures]])
    )
    report.summary = sentences.first?.text ?? ""
    report.marks = [
      annotators.map {
        .init(
          name: "the agreement ceiling of the annotators",
          values: ["overall": $0.ceiling.value]
        )
      }
    ].compactMap(\.self)
    report.trust = trust
    report.parts = [findingsPart, biasPart, agreementPart, calibrationPart]
    report.facts = settings.sorted { $0.key < $1.key }.map { .init($0.key, $0.value) }
    report.footer = [
      "\(items) gold items of \(prompts) prompts; intervals are 95 % and count the items of a prompt "
        + "together. Gold labels \(gold.prefix(16))."
    ]
    return report.html
  }

  /// What a reader must know before quoting the card.
  private var trust: [HTMLReport.Check] {
    func count(_ label: String, _ verdict: ProbeFinding.Verdict, _ tone: HTMLReport.Check.Tone)
      -> HTMLReport.Check?
    {
      let own = probes.count { $0.verdict == verdict }
      return own == 0 ? nil : .init(label, "\(own) of \(probes.count)", tone)
    }
    let isBetter = agreement.accuracy.ci95[0] > max(0.5, agreement.longerWins.value)
    let checks: [HTMLReport.Check?] = [
      .init("gold items", "\(items)", items < 200 ? .open : .good),
      .init("better than longer wins", isBetter ? "yes" : "no", isBetter ? .good : .bad),
      .init(
        "unread judgements",
        "\(percent(agreement.unreadShare)) %",
        agreement.unreadShare > 0.02 ? .bad : .good
      ),
      agreement.flipRate.map {
        .init("orders contradict", "\(percent($0)) %", $0 > 0.2 ? .bad : .good)
      },
      calibration.map {
        .init("off by (ECE)", "\(percent($0.raw.ece)) points", $0.raw.ece > 0.1 ? .bad : .good)
      },
      annotators.map { .init("agreement ceiling", "\(percent($0.ceiling.value)) %", .plain) },
      .init(
        "tokens of 1,000 pairs",
        "\(1000 * tokens.prompt / items) read, \(1000 * tokens.completion / items) written",
        .plain
      ),
      questions.price.map { .init("1,000 pairs cost", $0.text(of: tokens, per: items), .plain) },
      count("biases found", .found, .bad),
      count("biases that cannot be told", .cannotTell, .open),
      count("biases that do not matter", .none, .good),
    ]
    return checks.compactMap(\.self)
  }

  private var findingsPart: HTMLReport.Part {
    HTMLReport.Part(
      title: "Findings",
      tables: [
        .init(
          title: "",
          columns: ["", "Finding"],
          rows: sentences.dropFirst().map { [Self.mark($0.tone), $0.text] },
          textColumns: [0, 1]
        )
      ]
    )
  }

  private static func mark(_ tone: Sentence.Tone) -> String {
    switch tone {
    case .good: "\u{2713}"
    case .bad: "\u{2717}"
    case .open: "?"
    case .plain: ""
    }
  }

  private var biasPart: HTMLReport.Part {
    let rows = probes.map { finding in
      [
        finding.probe.title, signed(finding.effect.value),
        finding.effect.ci95.map(signed).joined(separator: " to "),
        percent(finding.moved), "\(finding.effect.n)",
        String(format: "%.3f", finding.correctedPValue), percent(finding.detectable),
        Self.verdict(finding.verdict),
      ]
    }
    let columns = [
      "Bias", "Effect", "95 %", "Turned", "n", "p", "Detectable", "Verdict",
    ]
    return HTMLReport.Part(
      title: "Biases",
      note:
        "By how many points a change that makes a response no better raises the preference for it "
        + "(position: for the one shown first), and how many preferences it turned, in percent. p is "
        + "corrected for the number of biases; an effect of the detectable size is found in 95 of 100 "
        + "samples. Effects below \(percent(questions.smallestEffect)) points do not matter here.",
      tables: rows.isEmpty
        ? [] : [.init(title: "", columns: columns, rows: rows, textColumns: [0, 7])]
    )
  }

  private static func verdict(_ verdict: ProbeFinding.Verdict) -> String {
    switch verdict {
    case .found: "found"
    case .none: "none"
    case .cannotTell: "cannot tell"
    }
  }

  private var agreementPart: HTMLReport.Part {
    var rows = [row("right over both orders", agreement.accuracy)]
    rows.append(row("right in both orders", agreement.bothOrders))
    rows += [
      ("seen where the first shown is better", agreement.truePositiveRate),
      ("seen where the second shown is better", agreement.trueNegativeRate),
      ("right where the better response is longer", agreement.whereLonger),
      ("right where the better response is shorter", agreement.whereShorter),
      ("annotator with annotator", annotators?.between),
      ("rater with annotator", annotators?.withRater),
      ("best possible with annotators", annotators?.ceiling),
    ].compactMap { name, figure in figure.map { row(name, $0) } }
    rows.append(row("preferring the longer response", agreement.longerWins))
    return HTMLReport.Part(
      title: "Agreement",
      note: "In percent. Ties and what cannot be read count a half.",
      tables: [.init(title: "", columns: ["", "Share", "95 %", "n"], rows: rows)]
    )
  }

  private func row(_ name: String, _ figure: CardFigure) -> [String] {
    [
      name, percent(figure.value), figure.ci95.map(percent).joined(separator: " to "),
      "\(figure.n)",
    ]
  }

  private var calibrationPart: HTMLReport.Part {
    guard let calibration else { return HTMLReport.Part(title: "Calibration") }
    let rows = [
      ("as it is", calibration.raw), ("temperature, held out", calibration.withTemperature),
      ("isotonic, held out", calibration.withIsotonic),
    ].compactMap { name, errors in
      errors.map {
        [name, percent($0.ece), decimal($0.brier), decimal($0.logLoss)]
      }
    }
    let reliability = HTMLReport.Chart(
      title: "Reliability",
      xLabel: "probability of the preferred response",
      yLabel: "how often it is the better one",
      isShare: true,
      series: [
        .init(
          method: model,
          points: calibration.bins.map { .init(x: $0.probability, y: $0.frequency) }
        ),
        .init(method: "perfect", points: [.init(x: 0.5, y: 0.5), .init(x: 1, y: 1)]),
      ]
    )
    let coverage = HTMLReport.Chart(
      title: "Precision by coverage",
      xLabel: "share of pairs kept, the surest first",
      yLabel: "how often they are right",
      isShare: true,
      series: [
        .init(
          method: model,
          points: threshold.curve.map { .init(x: $0.coverage, y: $0.precision) }
        )
      ]
    )
    return HTMLReport.Part(
      title: "Calibration",
      note: "ECE in points, log loss in nats; mended values are of items held out.",
      charts: [reliability, coverage],
      tables: [
        .init(title: "", columns: ["", "ECE", "Brier", "Log loss"], rows: rows)
      ]
    )
  }

  private func signed(_ share: Double) -> String { String(format: "%+.1f", 100 * share) }
  private func decimal(_ value: Double) -> String { String(format: "%.3f", value) }
}
