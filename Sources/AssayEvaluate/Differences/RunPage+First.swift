// What a page of one run says first.
import AssayReward
import AssayText
import Foundation

extension RunPage {
  /// Sections with bars on the first screen.
  private static let barLimit = 6

  /// Fills in what a reader of one run sees first.
  ///
  /// - Parameters:
  ///   - report: The report.
  ///   - part: What stands beside the figures.
  func open(_ report: inout HTMLReport, _ part: ResultsFile.Evaluation.Part) {
    let sections = report.results.methods[runs[0]]?[benchmark] ?? [:]
    guard let whole = sections["overall"] else { return }
    let longer = part.baselines?["longer"]?["overall"]
    report.summary = verdict(sections, whole, part)
    report.chance = part.baselines?["chance"]?["overall"] ?? report.chance
    report.marks = marks(part)
    report.barSections = barSections(sections)
    report.trust = trust(whole, part, longer: longer) + origin(part, report.facts) + cost(part)
    report.firstPart = firstPart
    report.highlights = highlights
    let critiques = part.critiques?.sentences ?? []
    let others =
      part.namedSentences
      + [part.baselineSentence, part.ceilingSentence, part.leaks?.sentence].compactMap(\.self)
    let said = critiques + (part.labels?.sentences ?? []) + others
    report.parts.append(
      .init(
        title: critiques.isEmpty ? "Data" : "Critiques and data",
        tables: said.isEmpty
          ? []
          : [.init(title: "", columns: ["Finding"], rows: said.map { [$0] }, textColumns: [0])]
      )
    )
  }

  /// Lines through the bars: the longer response, where it is ever right the same score for all, and what the
  /// annotators' agreement allows.
  private func marks(_ part: ResultsFile.Evaluation.Part) -> [HTMLReport.Mark] {
    let names = [
      ("longer", "whoever prefers the longer response"), ("constant", "equal scores for all"),
    ]
    let ceiling = part.agreementCeiling.map {
      HTMLReport.Mark(name: "the agreement ceiling of the annotators", values: $0)
    }
    let own: [HTMLReport.Mark] = names.compactMap { key, name in
      part.baselines?[key].flatMap { values in
        key == "constant" && values["overall"] == 0 ? nil : .init(name: name, values: values)
      }
    }
    return own + [ceiling].compactMap(\.self)
  }

  /// What 1,000 items cost; nothing where no tokens are recorded.
  private func cost(_ part: ResultsFile.Evaluation.Part) -> [HTMLReport.Check] {
    guard part.tokens.total > 0 else { return [] }
    let (read, written) = (part.tokens.prompt, part.tokens.completion)
    let n = max(1, part.n)
    // The thousandfold of the sum itself may be too large.
    func each(_ count: Int) -> Int { count / n * 1000 + count % n * 1000 / n }
    let money = part.price.map {
      HTMLReport.Check("1,000 items cost", $0.text(of: part.tokens, per: part.n), .plain)
    }
    return [.init("tokens of 1,000 items", "\(each(read)) read, \(each(written)) written", .plain)]
      + [money].compactMap(\.self)
  }

  /// The sections with most items.
  private func barSections(_ sections: ResultsFile.Sections) -> [String] {
    let others = sections.filter { $0.key != "overall" }
    let named = Set(tallies[0].items.map(\.part))
    let own = others.filter { named.contains($0.key) }
    return (own.isEmpty ? others : own).sorted { ($1.value.n, $0.key) < ($0.value.n, $1.key) }
      .prefix(Self.barLimit).map(\.key)
  }

  private func verdict(
    _ sections: ResultsFile.Sections,
    _ whole: ResultsFile.Figure,
    _ part: ResultsFile.Evaluation.Part
  ) -> String {
    let ends = whole.ci95.map(percent).joined(separator: ", ")
    var said = "\(runs[0]) is right on \(percent(whole.accuracy)) % [\(ends)] of \(whole.n) items"
    let against = [("longer", "whoever prefers the longer response"), ("chance", "chance")]
    for (key, name) in against {
      guard let value = part.baselines?[key]?["overall"] else { continue }
      let points = String(format: "%+.1f", 100 * (whole.accuracy - value))
      let isTold = value < whole.ci95[0] || value > whole.ci95[1]
      said += isTold ? ", \(points) points against \(name)" : ", not told apart from \(name)"
    }
    let parts = barSections(sections).compactMap { name in
      sections[name].map { (name: name, accuracy: $0.accuracy) }
    }
    let lowest = parts.min { ($0.accuracy, $0.name) < ($1.accuracy, $1.name) }
    if let lowest, parts.count > 1 {
      said += "; lowest in \(lowest.name) (\(percent(lowest.accuracy)) %)"
    }
    return said + "."
  }

  private func trust(
    _ whole: ResultsFile.Figure,
    _ part: ResultsFile.Evaluation.Part,
    longer: Double?
  ) -> [HTMLReport.Check] {
    func share(_ label: String, _ value: Double?, most: Double) -> HTMLReport.Check? {
      value.map { .init(label, "\(percent($0)) %", $0 > most ? .bad : .good) }
    }
    var checks = [HTMLReport.Check?]()
    checks.append(
      longer.map {
        .init(
          "better than longer wins",
          whole.ci95[0] > $0 ? "yes" : "no",
          whole.ci95[0] > $0 ? .good : .bad
        )
      }
    )
    checks.append(share("missing verdicts", whole.unparseableRate, most: 0.02))
    checks.append(share("orders contradict", whole.flipRate, most: 0.2))
    checks.append(share("equal scores", equalShare, most: 0.01))
    checks.append(
      part.leaks.map {
        HTMLReport.Check(
          "training prompts",
          "\($0.exact + $0.near)",
          $0.exact + $0.near > 0 ? .bad : .good
        )
      } ?? HTMLReport.Check("training prompts", "not checked", .open)
    )
    checks.append(
      part.labels?.noise.map {
        .init(
          "labels contradicted by sure scores",
          "\(percent($0.share)) %",
          $0.ci95[0] > 0.05 ? .bad : $0.ci95[1] > 0.1 ? .open : .good
        )
      }
    )
    let odd = (part.labels?.contradicting ?? 0) + (part.labels?.repeated ?? 0)
    checks.append(
      part.agreementCeiling?["overall"].map {
        .init("agreement ceiling", "\(percent($0)) %", .plain)
      }
    )
    checks.append(
      .init("repeated or contradicting pairs", "\(odd)", 100 * odd > part.n ? .bad : .good)
    )
    checks.append(
      part.critiques?.contradictions.map {
        .init(
          "text and score contradict",
          "\(percent($0.share)) %",
          $0.ci95[0] > 0.1 ? .bad : .good
        )
      }
    )
    checks.append(
      detectable.map {
        .init("smallest difference to be found", "\(percent($0)) points", $0 > 0.1 ? .open : .good)
      }
    )
    return checks.compactMap(\.self)
  }

  /// Checks of where the records come from: the model's own scores, rows, and seeds.
  private func origin(
    _ part: ResultsFile.Evaluation.Part,
    _ facts: [HTMLReport.Fact]
  ) -> [HTMLReport.Check] {
    func fact(_ label: String) -> String? { facts.first { $0.label == label }?.value }
    let rows = [part.leftOut.map { "\($0) left out" }, part.cut.map { "\($0) cut" }]
      .compactMap(\.self)
    return [
      fact(RecordSettings.golden).map { .init("same scores as when saved", $0, .good) },
      rows.isEmpty
        ? .init("rows", "all", .good) : .init("rows", rows.joined(separator: ", "), .bad),
      fact("--seed").map { .init("seeds", "one (\($0))", .open) },
    ].compactMap(\.self)
  }

  /// The share of items whose scores are all the same; `nil` of verdicts.
  private var equalShare: Double? {
    let own = tallies[0].records.compactMap { record -> Bool? in
      guard case .scores(let scores) = record.content else { return nil }
      return scores.chosen.count + scores.rejected.count > 1
        && Set(scores.chosen + scores.rejected).count == 1
    }
    return own.isEmpty ? nil : Double(own.count(where: \.self)) / Double(own.count)
  }

  /// The smallest difference from chance that 95 of 100 samples like this would show.
  private var detectable: Double? {
    let numbers = tallies[0].items.promptNumbers
    let counted = zip(tallies[0].outcomes, numbers).compactMap { outcome, number in
      outcome.map { ($0 - 0.5, number) }
    }
    return (try? PairedEffect(counted.map(\.0), clusters: counted.map(\.1)))?
      .detectable(level: 0.05)
  }

  /// Reliability and coverage of scores, and what the model leans to.
  private var firstPart: HTMLReport.Part? {
    let rows = leanings
    let charts = confidenceCharts
    guard !rows.isEmpty || !charts.isEmpty else { return nil }
    return .init(
      title: charts.isEmpty ? "Where it is right" : "Confidence, and where it is right",
      charts: charts,
      tables: rows.isEmpty
        ? [] : [.init(title: "", columns: ["", "Right", "95 %", "n"], rows: rows)]
    )
  }

  /// Where the better response is longer, shorter, or more marked up; and, of judges, shown first.
  private var leanings: [[String]] {
    let items = tallies[0].items
    let isPair = { (item: BenchmarkItem) in
      item.chosen.count == 1 && item.rejected.count == 1 && !item.isTie
    }
    func size(_ text: String) -> Int { text.unicodeScalars.count }
    func style(_ text: String) -> Int { text.count { "*#`|".contains($0) } }
    func row(_ name: String, _ measure: (String) -> Int, more: Bool) -> [String]? {
      let own = items.indices.filter { index in
        guard isPair(items[index]) else { return false }
        let (chosen, rejected) = (
          measure(items[index].chosen[0]), measure(items[index].rejected[0])
        )
        return more ? chosen > rejected : chosen < rejected
      }
      guard let figure = try? tallies[0].figure(own) else { return nil }
      return [
        name, percent(figure.accuracy), figure.ci95.map(percent).joined(separator: " to "),
        "\(figure.n)",
      ]
    }
    let rows = [
      row("better one longer", size, more: true), row("better one shorter", size, more: false),
      row("better one more marked up", style, more: true),
      row("better one less marked up", style, more: false),
    ].compactMap(\.self)
    return rows + (firstShare.map { [$0] } ?? [])
  }

  /// How often a judge prefers the response that is shown first.
  private var firstShare: [String]? {
    var verdicts: [(credit: Double, cluster: Int)] = []
    let numbers = tallies[0].items.promptNumbers
    for (index, record) in tallies[0].records.enumerated() {
      for pair in record.pairs {
        for (order, verdict) in pair.enumerated() where verdict == .chosen || verdict == .rejected {
          let isChosenFirst = tallies[0].items[index].isChosenFirst == (order == 0)
          verdicts.append(((verdict == .chosen) == isChosenFirst ? 1 : 0, numbers[index]))
        }
      }
    }
    guard
      let share = try? Statistics.accuracy(
        verdicts.map(\.credit),
        clusters: verdicts.map(\.cluster)
      )
    else { return nil }
    return [
      "prefers the one shown first", percent(share.value),
      [share.lower, share.upper].map(percent).joined(separator: " to "), "\(share.count)",
    ]
  }
}
