// The report of a run: one HTML file that needs nothing else.
import Foundation

/// A report of results as one self-contained HTML page: no scripts, no fonts, no network.
///
/// All text is escaped, so prompts and critiques may hold anything.
package struct HTMLReport: Sendable {
  /// A fact about the run, as `seeds: 17, 18, 19`.
  package struct Fact: Equatable, Sendable {
    /// What it is.
    package var label: String
    /// Its value.
    package var value: String

    /// Makes a fact.
    package init(_ label: String, _ value: String) {
      self.label = label
      self.value = value
    }
  }

  /// Points of one method in a chart.
  package struct Series: Equatable, Sendable {
    /// A point, with an interval where there is one.
    package struct Point: Equatable, Sendable {
      /// As the step, or the number of critiques.
      package var x: Double
      /// As the loss, or an accuracy.
      package var y: Double
      /// The lower end of the interval.
      package var lower: Double?
      /// The upper end of the interval.
      package var upper: Double?

      /// Makes a point.
      package init(x: Double, y: Double, lower: Double? = nil, upper: Double? = nil) {
        self.x = x
        self.y = y
        self.lower = lower
        self.upper = upper
      }
    }

    /// The method; gives the colour, the same as in all other charts.
    package var method: String
    /// In the order of `x`; points beyond 1e12 or that are no numbers are not drawn.
    package var points: [Point]

    /// Makes a series.
    package init(method: String, points: [Point]) {
      self.method = method
      self.points = points
    }
  }

  /// A chart of lines.
  package struct Chart: Equatable, Sendable {
    /// What is shown.
    package var title: String
    /// What the horizontal axis is, with its unit.
    package var xLabel: String
    /// What the vertical axis is, with its unit.
    package var yLabel: String
    /// Whether `y` is a share to be shown in percent.
    package var isShare: Bool
    /// Whether each doubling of `x` is as wide, with the points' own `x` as ticks.
    package var isLogarithmic: Bool
    /// One line each; long ones are averaged over equal stretches, with their range shaded.
    package var series: [Series]

    /// Makes a chart.
    package init(
      title: String,
      xLabel: String,
      yLabel: String,
      isShare: Bool = false,
      isLogarithmic: Bool = false,
      series: [Series]
    ) {
      self.title = title
      self.xLabel = xLabel
      self.yLabel = yLabel
      self.isShare = isShare
      self.isLogarithmic = isLogarithmic
      self.series = series
    }
  }

  /// A table of text.
  package struct Table: Equatable, Sendable {
    /// What is shown.
    package var title: String
    /// The heads of the columns; all but the first hold numbers or short words.
    package var columns: [String]
    /// The cells; a first cell that names a method is shown in its colour.
    package var rows: [[String]]
    /// Columns, by index from 0, whose text may wrap and stands on the left.
    package var textColumns: Set<Int>

    /// Makes a table.
    package init(
      title: String,
      columns: [String],
      rows: [[String]],
      textColumns: Set<Int> = [0]
    ) {
      self.title = title
      self.columns = columns
      self.rows = rows
      self.textColumns = textColumns
    }
  }

  /// A part of the report: charts and tables under a heading.
  package struct Part: Equatable, Sendable {
    /// The heading.
    package var title: String
    /// What the reader is looking at.
    package var note: String
    /// Charts of lines.
    package var charts: [Chart]
    /// Tables below them.
    package var tables: [Table]

    /// Makes a part.
    package init(title: String, note: String = "", charts: [Chart] = [], tables: [Table] = []) {
      self.title = title
      self.note = note
      self.charts = charts
      self.tables = tables
    }
  }

  /// A prompt with the responses that a model criticized and scored.
  package struct Sample: Equatable, Sendable {
    /// One response.
    package struct Response: Equatable, Sendable {
      /// The response.
      package var text: String
      /// What the model wrote about it.
      package var critique: String
      /// The score that followed; higher is better.
      package var score: Double
      /// Whether the label says that this response is the right one.
      package var isRight: Bool

      /// Makes a response.
      package init(text: String, critique: String, score: Double, isRight: Bool) {
        self.text = text
        self.critique = critique
        self.score = score
        self.isRight = isRight
      }
    }

    /// Where it is from, as `Reasoning, out of distribution`.
    package var section: String
    /// The method that wrote the critiques.
    package var method: String
    /// The prompt.
    package var prompt: String
    /// Usually two.
    package var responses: [Response]

    /// Makes a sample.
    package init(section: String, method: String, prompt: String, responses: [Response]) {
      self.section = section
      self.method = method
      self.prompt = prompt
      self.responses = responses
    }

    /// Whether every right response scores above every wrong one; `nil` without one of each.
    package var isRankedRight: Bool? {
      let right = responses.filter(\.isRight).map(\.score).min()
      let wrong = responses.filter { !$0.isRight }.map(\.score).max()
      guard let right, let wrong else { return nil }
      return right > wrong
    }
  }

  /// The heading.
  package var title: String
  /// One or two sentences below it: what the reader is looking at.
  package var summary = ""
  /// Model size, seconds, seeds, command.
  package var facts: [Fact] = []
  /// The accuracies.
  package var results: ResultsFile
  /// The order of the methods, which also gives their colours; others follow by name.
  package var methodOrder: [String] = []
  /// The accuracy of guessing, drawn as a dashed line: 0.5 for pairs; `nil` draws none.
  package var chance: Double? = 0.5
  /// Training curves: one chart each for loss, accuracy and so on.
  package var curves: [Chart] = []
  /// Accuracy against the number of critiques averaged, where it was measured.
  package var critiqueCounts: Chart?
  /// Further parts, in their order.
  package var parts: [Part] = []
  /// Critiques to look at.
  package var samples: [Sample] = []
  /// Versions and the like, one line each, at the end.
  package var footer: [String] = []

  /// Makes a report.
  ///
  /// - Parameters:
  ///   - title: The heading.
  ///   - results: The accuracies.
  package init(title: String, results: ResultsFile) {
    self.title = title
    self.results = results
  }

  /// The page.
  package var html: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>\(escape(title))</title>
    <style>\(HTMLStyle.css)</style>
    </head>
    <body>
    <main>
    <header>
    <h1>\(escape(title))</h1>
    \(summary.isEmpty ? "" : "<p class=\"lead\">\(escape(summary))</p>")
    \(tiles)
    </header>
    \(accuracySection)
    \(section("What critiques add", [critiqueCounts].compactMap { $0 }))
    \(parts.map(part).joined(separator: "\n"))
    \(section("Training", curves))
    \(samplesSection)
    \(tableSection)
    \(factsSection)
    <footer>\(footer.map { "<p>\(escape($0))</p>" }.joined())</footer>
    </main>
    </body>
    </html>

    """
  }

  package var methods: [String] { ResultsFile.ordered(Array(results.methods.keys), methodOrder) }

  /// The colour class of a method.
  package func color(_ method: String) -> String {
    if let reference = HTMLStyle.references[method] { return reference }
    let index = names.firstIndex(of: method) ?? names.count
    return "c\(index % HTMLStyle.colorCount)\(index < HTMLStyle.solidCount ? "" : " alt")"
  }

  /// The methods, and behind them whatever else has a line in a chart.
  private var names: [String] {
    let charts = curves + [critiqueCounts].compactMap { $0 } + parts.flatMap(\.charts)
    let others = Set(charts.flatMap { $0.series.map(\.method) }).subtracting(methods)
    return methods + others.subtracting(HTMLStyle.references.keys).sorted()
  }

  // MARK: Parts

  private var tiles: String {
    let tiles = methods.compactMap { method -> String? in
      guard let figure = results.methods[method]?["test"]?["overall"] else { return nil }
      let ood = results.methods[method]?["ood"]?["overall"].map {
        "<div class=\"small\">\(percent($0.accuracy)) % out of distribution</div>"
      }
      return """
        <div class="tile \(color(method))"><div class="name"><i></i>\(escape(method))</div>\
        <div class="big">\(percent(figure.accuracy))<span> %</span></div>\
        <div class="small">\(percent(figure.ci95[0])) to \(percent(figure.ci95[1])) on test</div>\
        \(ood ?? "")</div>
        """
    }
    return tiles.isEmpty ? "" : "<div class=\"tiles\">\(tiles.joined())</div>"
  }

  private func part(_ part: Part) -> String {
    let shown = part.charts.flatMap { $0.series.map(\.method) }
    let charts = part.charts.map {
      "<figure><figcaption>\(escape($0.title))</figcaption>"
        + HTMLLineChart(chart: $0, color: color).svg + "</figure>"
    }
    return """
      <section><h2>\(escape(part.title))</h2>\
      \(part.note.isEmpty ? "" : "<p class=\"note\">\(escape(part.note))</p>")\
      \(charts.isEmpty ? "" : legend(shown) + "<div class=\"charts\">\(charts.joined())</div>")\
      \(part.tables.map(table).joined())</section>
      """
  }

  private func table(_ table: Table) -> String {
    // Names stay in one line, sentences do not: the last column must be in sight.
    let hasNames = table.rows.contains { methods.contains($0.first ?? "") }
    func kind(_ column: Int) -> String {
      guard table.textColumns.contains(column) else { return " class=\"num\"" }
      return column == 0 && hasNames ? "" : " class=\"wrap\""
    }
    let heads = table.columns.enumerated().map { "<th\(kind($0))>\(escape($1))</th>" }
    let rows = table.rows.map { row in
      let cells = row.enumerated().map { column, cell in
        let isMethod = column == 0 && methods.contains(cell)
        let text =
          isMethod
          ? "<span class=\"key \(color(cell))\"><i></i>\(escape(cell))</span>" : escape(cell)
        return "<td\(kind(column))>\(text)</td>"
      }
      return "<tr>\(cells.joined())</tr>"
    }
    return """
      \(table.title.isEmpty ? "" : "<h3>\(escape(table.title))</h3>")\
      <div class="scroll"><table><thead><tr>\(heads.joined())</tr></thead>\
      <tbody>\(rows.joined())</tbody></table></div>
      """
  }

  private func legend(_ shown: [String]) -> String {
    let names = methods + Set(shown).subtracting(methods).sorted()
    let keys = names.filter(shown.contains).map {
      "<li class=\"\(color($0))\"><i></i>\(escape($0))</li>"
    }
    return "<ul class=\"legend\">\(keys.joined())</ul>"
  }

  private var accuracySection: String {
    let charts = results.splits.map { split in
      """
      <figure><figcaption>\(escape(Self.splitTitle(split)))</figcaption>\
      \(HTMLBarChart(report: self, split: split).svg)</figure>
      """
    }
    guard !charts.isEmpty else { return "" }
    return """
      <section><h2>Accuracy</h2>
      <p class="note">How often the better response of a pair scores higher, in percent. \
      Whiskers are 95 % intervals\(chance == nil ? "" : "; the dashed line is chance").</p>
      \(legend(methods))<div class="charts">\(charts.joined())</div></section>
      """
  }

  private func section(_ title: String, _ charts: [Chart]) -> String {
    guard !charts.isEmpty else { return "" }
    let figures = charts.map {
      "<figure><figcaption>\(escape($0.title))</figcaption>"
        + HTMLLineChart(chart: $0, color: color).svg + "</figure>"
    }
    return """
      <section><h2>\(escape(title))</h2>\(legend(charts.flatMap { $0.series.map(\.method) }))\
      <div class="charts">\(figures.joined())</div>\
      </section>
      """
  }

  private var samplesSection: String {
    guard !samples.isEmpty else { return "" }
    return "<section><h2>Critiques</h2>" + samples.map(sample).joined() + "</section>"
  }

  private func sample(_ sample: Sample) -> String {
    let verdict = sample.isRankedRight.map {
      $0
        ? "<span class=\"good\">&#10003; ranked right</span>"
        : "<span class=\"bad\">&#10007; ranked wrong</span>"
    }
    let responses = sample.responses.map { response in
      """
      <div class="response"><div class="head"><span class="\(response.isRight ? "good" : "bad")">\
      \(response.isRight ? "&#10003; right answer" : "&#10007; wrong answer")</span>\
      <span class="score">score <b>\(scoreText(response.score))</b></span></div>\
      <pre>\(escape(response.text))</pre>\
      <blockquote>\(escape(response.critique))</blockquote></div>
      """
    }
    return """
      <article><div class="meta"><span class="key \(color(sample.method))"><i></i>\
      \(escape(sample.method))</span><span>\(escape(sample.section))</span>\(verdict ?? "")</div>\
      <pre class="prompt">\(escape(sample.prompt))</pre>\
      <div class="responses">\(responses.joined())</div></article>
      """
  }

  /// More methods than this are rows of the table rather than columns.
  private static let columnLimit = 4

  /// A table for each split with a row for each method.
  private var wideTables: String {
    let tables = results.splits.map { split in
      let sections = results.sections(of: split)
      return Table(
        title: Self.splitTitle(split),
        columns: ["Method"] + sections.map(Self.sectionTitle) + ["n"],
        rows: methods.map { method in
          let figures = sections.map { results.methods[method]?[split]?[$0] }
          let cells = figures.map { figure in
            figure.map {
              "\(percent($0.accuracy)) [\(percent($0.ci95[0])), \(percent($0.ci95[1]))]"
            } ?? "-"
          }
          return [method] + cells + ["\(figures.compactMap { $0?.n }.max() ?? 0)"]
        }
      )
    }
    return part(
      Part(
        title: "All figures",
        note: "Accuracy in percent with its 95 % interval; n is the number of pairs.",
        tables: tables
      )
    )
  }

  private var tableSection: String {
    guard !results.splits.isEmpty else { return "" }
    guard methods.count <= Self.columnLimit else { return wideTables }
    let heads = methods.map {
      "<th class=\"num\"><span class=\"key \(color($0))\"><i></i>\(escape($0))</span></th>"
    }
    var rows = ""
    for split in results.splits {
      rows +=
        "<tr class=\"split\"><th colspan=\"\(methods.count + 2)\">"
        + "\(escape(Self.splitTitle(split)))</th></tr>"
      for section in results.sections(of: split) {
        let figures = methods.map { results.methods[$0]?[split]?[section] }
        let cells = figures.map { figure in
          guard let figure else { return "<td class=\"num\">&ndash;</td>" }
          return """
            <td class="num">\(percent(figure.accuracy)) <small>\(percent(figure.ci95[0]))&ndash;\
            \(percent(figure.ci95[1]))</small></td>
            """
        }
        let count = figures.compactMap { $0?.n }.max() ?? 0
        rows +=
          "<tr\(section == "overall" ? " class=\"overall\"" : "")>"
          + "<td>\(escape(Self.sectionTitle(section)))</td>"
          + cells.joined() + "<td class=\"num\">\(count)</td></tr>"
      }
    }
    return """
      <section><h2>All figures</h2>
      <p class="note">Accuracy in percent with its 95 % interval; n is the number of pairs.</p>
      <div class="scroll"><table><thead><tr><th>Section</th>\(heads.joined())\
      <th class="num">n</th></tr></thead><tbody>\(rows)</tbody></table></div></section>
      """
  }

  private var factsSection: String {
    guard !facts.isEmpty else { return "" }
    let rows = facts.map { "<dt>\(escape($0.label))</dt><dd>\(escape($0.value))</dd>" }
    return "<section><h2>What was run</h2><dl>\(rows.joined())</dl></section>"
  }

  private func scoreText(_ score: Double) -> String {
    (score > 0 ? "+" : score < 0 ? "&minus;" : "") + String(format: "%.2f", abs(score))
  }

  package static func splitTitle(_ split: String) -> String {
    switch split {
    case "test": "Test"
    case "ood": "Out of distribution"
    default: split
    }
  }

  package static func sectionTitle(_ section: String) -> String {
    section == "overall" ? "Overall" : section
  }
}

/// Text that is safe between tags and in attributes; control characters become spaces.
package func escape(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    case "\n", "\t": result.unicodeScalars.append(scalar)
    case _ where scalar.properties.generalCategory == .control: result += " "
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}
