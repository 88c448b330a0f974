// Tables for documents and for spreadsheets.

extension TextTable {
  /// The table in Markdown, with bars and line breaks in cells out of the way.
  package var markdown: String {
    func line(_ cells: [String]) -> String {
      let own = titles.indices.map { column in
        let cell = column < cells.count ? cells[column] : ""
        return cell.replacing("|", with: "\\|").replacing("\n", with: " ")
      }
      return "| \(own.joined(separator: " | ")) |\n"
    }
    let rule = alignments.map { $0 == .left ? "---" : "---:" }
    return line(titles) + line(rule) + rows.map(line).joined()
  }

  /// The table as comma-separated values.
  ///
  /// Source: RFC 4180.
  package var csv: String {
    func cell(_ text: String) -> String {
      text.contains { ",\"\n\r".contains($0) || $0 == "\r\n" }
        ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
    }
    return ([titles] + rows).map { $0.map(cell).joined(separator: ",") + "\r\n" }.joined()
  }
}
