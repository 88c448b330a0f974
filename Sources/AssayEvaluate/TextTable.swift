// Tables for the terminal.

/// A table of text with aligned columns.
package struct TextTable: Equatable, Sendable {
  /// Where the text of a column stands.
  package enum Alignment: Equatable, Sendable {
    /// For words.
    case left
    /// For numbers.
    case right
  }

  /// The titles of the columns.
  package let titles: [String]
  /// Where the text of each column stands.
  package let alignments: [Alignment]
  /// The cells, a list for each row; missing ones are empty, those beyond the titles are not shown.
  package var rows: [[String]]

  /// Makes a table without rows.
  ///
  /// - Parameter columns: Title and alignment of each column.
  package init(_ columns: [(title: String, alignment: Alignment)]) {
    titles = columns.map(\.title)
    alignments = columns.map(\.alignment)
    rows = []
  }

  /// The table with a rule below the titles and two spaces between columns.
  ///
  /// Line breaks and control characters in cells become spaces, so that no cell breaks the table.
  package var text: String {
    let lines = ([titles] + rows).map { row in
      titles.indices.map { $0 < row.count ? Self.clean(row[$0]) : "" }
    }
    let widths = titles.indices.map { column in
      lines.map { Self.width($0[column]) }.max() ?? 0
    }
    var text = ""
    for (index, cells) in lines.enumerated() {
      let padded = titles.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - Self.width(cells[column]))
        return alignments[column] == .left ? cells[column] + padding : padding + cells[column]
      }
      text += Self.trimmed(padded.joined(separator: "  ")) + "\n"
      if index == 0 {
        text += widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ") + "\n"
      }
    }
    return text
  }

  private static func clean(_ cell: String) -> String {
    String(
      String.UnicodeScalarView(
        cell.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }
      )
    )
  }

  private static func trimmed(_ line: String) -> String {
    String(line.reversed().drop { $0 == " " }.reversed())
  }

  /// Terminal columns: two for the wide characters of East Asian scripts and for emoji.
  private static func width(_ text: String) -> Int {
    text.reduce(0) { sum, character in
      let isWide = character.unicodeScalars.contains { scalar in
        switch scalar.value {
        case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
          0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd:
          true
        default: false
        }
      }
      return sum + (isWide ? 2 : 1)
    }
  }
}
