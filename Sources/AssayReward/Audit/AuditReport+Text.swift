import AssayBase

extension AuditReport {
  /// The report for people: what is so of every row, the rows, and what is wrong.
  package var lines: [String] {
    let problems = problems.map { "  \($0.problem.rawValue): \($0.rows) of \(rows.count) rows" }
    return model.lines + rows.flatMap(\.lines)
      + (problems.isEmpty ? ["no problems in \(rows.count) rows"] : ["problems"] + problems)
  }

  /// A text in quotes, on one line.
  fileprivate static func quoted(_ text: String) -> String { JSONValue.string(text).compact }
}

extension AuditedModel {
  fileprivate var lines: [String] {
    func names(_ tokens: [ScoredTokenName?]) -> String {
      let texts = tokens.compactMap { $0 }.map { "\(AuditReport.quoted($0.text)) (\($0.id))" }
      return texts.isEmpty ? "none" : texts.joined(separator: ", ")
    }
    return [
      "model, \(kind)",
      "  template   \(template), system turn of its own "
        + (defaultSystem.map(AuditReport.quoted) ?? "none"),
      "  ends       \(names(ends))",
      "  padding    of config.json \(names([configuredPadding])), of the tokenizer "
        + "\(names([tokenizerPadding]))"
        + (isPaddingAnEnd ? "; it is also an end" : ""),
      "  added      in front by other tools \(names(addedInFront)), behind \(names(addedBehind))",
      "  context    \(contextTokens) tokens",
    ]
  }
}

extension AuditedRow {
  fileprivate var lines: [String] {
    var lines = ["row \(id)", "  text       \(AuditReport.quoted(text))"]
    let spelt = tokens.map { AuditReport.quoted($0.text) }.joined(separator: " ")
    lines.append("  tokens     \(tokens.count): \(spelt)")
    if removedTokens > 0 { lines.append("  cut        \(removedTokens) tokens from the front") }
    if beginnings > 1 { lines.append("  beginnings \(beginnings)") }
    for item in contentTokens {
      lines.append(
        "  spelt      message \(item.message) (\(item.role)) spells "
          + "\(AuditReport.quoted(item.token.text)), which other tools read as a token"
      )
    }
    if let scored {
      lines.append("  scored     \(scored.described)")
      let ways: [(String, Double?)] = [
        ("alone", scores.alone), ("in a batch", scores.batch),
        ("padded behind", scores.paddedRight), ("padded before", scores.paddedLeft),
      ]
      let numbers = ways.compactMap { name, score in score.map { "\($0) \(name)" } }
      lines.append("  score      \(numbers.joined(separator: ", "))")
    }
    for reading in readings {
      let score = reading.score.map { "\($0)" } ?? "too long"
      lines.append(
        "  elsewhere  \(reading.tool): \(score), \(reading.scored.described), "
          + "\(reading.tokenCount) tokens"
      )
    }
    for problem in problems { lines.append("  problem    \(problem.rawValue): \(problem.text)") }
    return lines
  }
}

extension ScoredTokenRecord {
  fileprivate var described: String { "index \(index), token \(id) \(AuditReport.quoted(text))" }
}
