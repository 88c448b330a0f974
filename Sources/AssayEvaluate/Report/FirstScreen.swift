// What a reader of a report sees first: whether to trust it, and what to look at.

extension HTMLReport {
  /// A check of what the figures rest on.
  package struct Check: Equatable, Sendable {
    /// What it says of the figures.
    package enum Tone: String, Sendable {
      /// Nothing speaks against them.
      case good
      /// They should not be quoted as they are.
      case bad
      /// It is not known.
      case open
      /// It is for the reader to judge.
      case plain
    }

    /// What is checked, as `missing verdicts`.
    package var label: String
    /// What was found, as `1.2 %`.
    package var value: String
    /// What that says.
    package var tone: Tone

    /// Makes a check.
    package init(_ label: String, _ value: String, _ tone: Tone) {
      (self.label, self.value, self.tone) = (label, value, tone)
    }
  }

  /// An item that is worth a look.
  package struct Highlight: Equatable, Sendable {
    /// Its id among the items.
    package var id: String
    /// Why, in a few words.
    package var why: String
    /// Its prompt, or what else names it.
    package var title: String

    /// Makes one.
    package init(id: String, why: String, title: String) {
      (self.id, self.why, self.title) = (id, why, title)
    }
  }

  /// A line through the bars of a split, as of whoever prefers the longer response.
  package struct Mark: Equatable, Sendable {
    /// What it stands for.
    package var name: String
    /// Of each section, where there is one.
    package var values: [String: Double]

    /// Makes one.
    package init(name: String, values: [String: Double]) {
      (self.name, self.values) = (name, values)
    }
  }

  /// The checks in a row.
  var trustStrip: String {
    let checks = trust.map { check in
      let sign =
        switch check.tone {
        case .good: "&#10003;"
        case .bad: "&#10007;"
        case .open: "?"
        case .plain: ""
        }
      return "<li class=\"\(check.tone.rawValue)\"><span>\(escape(check.label))</span> "
        + "<b>\(sign) \(escape(check.value))</b></li>"
    }
    return checks.isEmpty ? "" : "<ul class=\"trust\">\(checks.joined())</ul>"
  }

  /// Two charts stand beside each other.
  private static let firstChartWidth = 360.0

  /// The accuracies, beside what tells more than they do: the first chart, and items worth a look.
  var firstSection: String {
    guard !highlights.isEmpty || firstPart != nil else { return accuracySection }
    let rows = highlights.map { highlight in
      "<li><a href=\"#browser\" data-item=\"\(escape(highlight.id))\">"
        + "<b>\(escape(highlight.why))</b> \(escape(highlight.title))</a></li>"
    }
    let list =
      rows.isEmpty
      ? ""
      : "<section><h2>Most informative items</h2><ol class=\"telling\">\(rows.joined())</ol></section>"
    return """
      <div class="first\(methods.count == 1 ? " single" : "")"><div>\(accuracySection)</div>\
      <div>\(firstPart.map { part($0, chartWidth: Self.firstChartWidth) } ?? "")</div>\(list)</div>
      """
  }

  /// The styles of these parts.
  static let firstStyle = """
    .trust{list-style:none;display:flex;flex-wrap:wrap;gap:6px 8px;padding:0;margin:14px 0 0;font-size:13px}
    .trust li{background:var(--soft);border-radius:7px;padding:3px 9px;font-weight:400}
    .trust li span{color:var(--muted)}.trust b{font-weight:600;color:var(--fg)}
    .trust .good b{color:var(--good)}.trust .bad{outline:1.5px solid var(--bad)}.trust .bad b{color:var(--bad)}
    .first{display:grid;grid-template-columns:minmax(0,1fr);gap:0 36px}
    @media(min-width:1000px){.first{grid-template-columns:minmax(0,400px) minmax(0,1fr)}
    .first>:only-child,.first>section{grid-column:1/-1}.telling{columns:2;column-gap:36px}}
    .first .charts{grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr));gap:0 16px}
    .first figcaption{font-size:13px;min-height:36px}
    .first section{margin-top:20px;min-width:0}.first h2{font-size:16px}.first .charts{margin-top:4px}
    .first .legend{margin:4px 0 6px}.first.single .legend{display:none}.first svg{max-width:430px}
    .first .note{font-size:12.5px;line-height:1.35;margin-bottom:4px}.first td,.first th{padding-top:3px;
    padding-bottom:3px}
    .telling{margin:4px 0 0;padding:0;font-size:13.5px}.telling li{margin-left:26px}
    .telling a{color:var(--fg);text-decoration:none;display:block;white-space:nowrap;overflow:hidden;
    text-overflow:ellipsis}.telling a:hover{text-decoration:underline}
    .telling b{color:var(--bad);font-weight:600}
    svg .mark{stroke:var(--fg);stroke-width:2;fill:none}svg .mark+.mark{stroke-dasharray:2 2}
    @media(min-width:900px){.compact{max-width:1160px;padding-top:16px}.compact h1{font-size:23px;margin-bottom:4px}
    .compact .lead{font-size:15px;max-width:none}
    .compact .trust{margin-top:8px}.compact .first section{margin-top:14px}}
    """
}
