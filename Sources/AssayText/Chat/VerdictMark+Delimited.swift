// Verdicts in marks that judges were trained to write elsewhere.

extension VerdictMark {
  /// Boxes, tags and fields that name a letter, in their order.
  static func delimited(_ text: VerdictText) -> [VerdictMark] {
    (boxes(text) + tags(text) + fields(text)).sorted { $0.start < $1.start }
  }

  /// `\boxed{A}`, `\boxed{\text{Answer A}}`.
  private static func boxes(_ text: VerdictText) -> [VerdictMark] {
    text.starts(of: "boxed{").compactMap { start in
      var depth = 1
      let open = start + "boxed{".count
      let close = text.characters[open...].prefix(2 * longest).firstIndex { character in
        depth += character == "{" ? 1 : character == "}" ? -1 : 0
        return depth == 0
      }
      guard let close else { return nil }
      let isCommand = start > 0 && text.characters[start - 1] == "\\"
      return VerdictMark(
        text,
        at: isCommand ? start - 1 : start,
        content: plain(text.string(open..<close))
      )
    }
  }

  /// A text without LaTeX's commands.
  private static func plain(_ text: String) -> String {
    let parts = text.split(separator: "\\", omittingEmptySubsequences: false)
    return parts.prefix(1).joined() + parts.dropFirst().map { $0.drop(while: \.isLetter) }.joined()
  }

  /// `<answer>A</answer>`, the end of which may be missing.
  private static func tags(_ text: VerdictText) -> [VerdictMark] {
    text.starts(of: "<").compactMap { start in
      let name = text.characters[(start + 1)...].prefix(longest).prefix { $0.isLetter || $0 == "_" }
      guard name.endIndex < text.characters.count, text.characters[name.endIndex] == ">",
        isLabel(String(name))
      else { return nil }
      let content = text.characters[(name.endIndex + 1)...].prefix { $0 != "<" }
      return VerdictMark(text, at: start, content: String(content))
    }
  }

  /// `"verdict": "A"` of a JSON object.
  private static func fields(_ text: VerdictText) -> [VerdictMark] {
    let characters = text.characters
    return text.starts(of: ":").compactMap { colon in
      guard let close = characters[..<colon].lastIndex(where: { !$0.isWhitespace }),
        characters[close] == "\"" || characters[close] == "'",
        let open = characters[..<close].suffix(longest).lastIndex(of: characters[close]),
        isLabel(text.string((open + 1)..<close)),
        let value = characters[colon...].dropFirst().firstIndex(where: { !$0.isWhitespace })
      else { return nil }
      let isQuoted = characters[value] == "\"" || characters[value] == "'"
      let content =
        isQuoted
        ? characters[(value + 1)...].prefix { $0 != characters[value] }
        : characters[value...].prefix { !",}\n".contains($0) }
      return VerdictMark(text, at: open, content: String(content))
    }
  }

  /// Whether a tag or a key names a verdict.
  private static func isLabel(_ text: String) -> Bool {
    let words = text.lowercased().split { !$0.isLetter }.map(String.init)
    return words.contains(where: labels.contains)
      && words.allSatisfy { Verdict(rawValue: $0.uppercased()) == nil }
  }

  private static let labels: Set<String> = [
    "verdict", "winner", "answer", "choice", "decision", "preference", "preferred", "judgement",
    "judgment", "better", "best", "selection", "selected", "conclusion", "chosen", "result", "pick",
  ]
}
