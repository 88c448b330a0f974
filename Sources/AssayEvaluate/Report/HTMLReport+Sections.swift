// The sections of a report's page.
import Foundation

extension HTMLReport {
  var tiles: String {
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

  func part(_ part: Part, chartWidth: Double = 460) -> String {
    let shown = part.charts.flatMap { $0.series.map(\.method) }
    let charts = part.charts.map {
      "<figure><figcaption>\(escape($0.title))</figcaption>"
        + HTMLLineChart(chart: $0, color: color, width: chartWidth).svg + "</figure>"
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

  var accuracySection: String {
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
      Whiskers are 95 % intervals\(chance == nil ? "" : "; the dashed line is chance")\
      \(marks.isEmpty ? "" : "; bold lines are \(escape(marks.map(\.name).joined(separator: ", dotted ones ")))").</p>
      \(legend(methods))<div class="charts">\(charts.joined())</div></section>
      """
  }

  var samplesSection: String {
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

  var tableSection: String {
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

  var factsSection: String {
    guard !facts.isEmpty else { return "" }
    let rows = facts.map { "<dt>\(escape($0.label))</dt><dd>\(escape($0.value))</dd>" }
    return "<section><h2>What was run</h2><dl>\(rows.joined())</dl></section>"
  }

  private func scoreText(_ score: Double) -> String {
    (score > 0 ? "+" : score < 0 ? "&minus;" : "") + String(format: "%.2f", abs(score))
  }
}
