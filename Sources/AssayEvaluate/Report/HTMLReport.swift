// The report of a run: one HTML file that needs nothing else.
import Foundation

/// A report of results as one self-contained HTML page: no fonts, no network, and scripts only where
/// there are items to browse.
///
/// All text is escaped, so prompts and critiques may hold anything.
package struct HTMLReport: Sendable {
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
  /// Checks of what the figures rest on, in a row below the heading.
  package var trust: [Check] = []
  /// Other lines through the bars, of splits by name.
  package var marks: [Mark] = []
  /// The sections that have bars, beside `overall`; `nil`: all.
  package var barSections: [String]?
  /// What stands beside the accuracies; `nil`: nothing.
  package var firstPart: Part?
  /// Items that are worth a look, the most informative first.
  package var highlights: [Highlight] = []
  /// Parts with charts and tables, in their order.
  package var parts: [Part] = []
  /// Critiques to look at.
  package var samples: [Sample] = []
  /// Items to search, filter and sort; `nil` shows none.
  package var items: ItemBrowser?
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

  /// The page, without items.
  package var html: String { page(browser: "") }

  /// The page with its items.
  ///
  /// - Throws: `EncodingError` for an item with a number that is not finite.
  package func page() throws -> String { page(browser: try items?.section() ?? "") }

  private func page(browser: String) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>\(escape(title))</title>
    <style>\(HTMLStyle.css)\(Self.firstStyle)</style>
    </head>
    <body>
    <main\(trust.isEmpty ? "" : " class=\"compact\"")>
    <header>
    <h1>\(escape(title))</h1>
    \(summary.isEmpty ? "" : "<p class=\"lead\">\(escape(summary))</p>")
    \(trustStrip)
    \(tiles)
    </header>
    \(firstSection)
    \(parts.filter { !$0.isEmpty }.map { part($0) }.joined(separator: "\n"))
    \(browser)
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
    let lines = parts.flatMap { $0.charts.flatMap { $0.series.map(\.method) } }
    let others = Set(lines).subtracting(methods)
    return methods + others.subtracting(HTMLStyle.references.keys).sorted()
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
