// Results for documents and for spreadsheets.

extension ResultsFile {
  /// A row for each figure, with its numbers as they are.
  package var rows: TextTable {
    var table = TextTable([
      ("method", .left), ("split", .left), ("section", .left), ("accuracy", .right),
      ("lower", .right), ("upper", .right), ("n", .right), ("both_right", .right),
      ("flip_rate", .right), ("unparseable_rate", .right),
    ])
    for method in methods.keys.sorted() {
      for split in splits {
        for section in sections(of: split) {
          guard let figure = methods[method]?[split]?[section] else { continue }
          let judged = [figure.strict, figure.flipRate, figure.unparseableRate]
          let numbers = [figure.accuracy, figure.ci95[0], figure.ci95[1]].map { "\($0)" }
          table.rows.append(
            [method, split, section] + numbers + ["\(figure.n)"]
              + judged.map { $0.map { "\($0)" } ?? "" }
          )
        }
      }
    }
    return table
  }

  /// The table, and what is said beside it, in Markdown.
  ///
  /// - Parameter remarks: A line each.
  /// - Returns: A table and a list.
  package func markdown(_ remarks: [String]) -> String {
    let list = remarks.map { "- \($0)\n" }.joined()
    return table().markdown + (list.isEmpty ? "" : "\n" + list)
  }
}
