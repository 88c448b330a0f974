/// A verdict that a judgement states, and where.
///
/// What was asked for is a mark: two brackets that name a letter. Judges spell it in many ways that mean
/// one thing: `[[A]]`, `[[ a ]]`, `[[**A**]]`, `[[Assistant A]]`, `[[A>B]]`. What names no letter and no
/// tie, as a footnote, is no mark. Judges that were trained otherwise end with `\boxed{A}`,
/// `<answer>A</answer>`, `{"verdict": "A"}`, or a sentence that says nothing else.
///
/// Source: `[[A]]` and `[[C]]` of lm-sys/FastChat, llm_judge; `[[A>B]]`, `[[A>>B]]` and `[[A=B]]` of
/// lmarena/arena-hard-auto.
package struct VerdictMark: Equatable {
  /// Where it begins.
  package let start: String.Index
  /// What it says; `nil` for a tie.
  package let verdict: Verdict?

  /// Characters of the longest mark: words that announce a letter, and its ornaments.
  static let longest = 48

  /// The marks in two brackets of a text, in their order.
  package static func all(in text: String) -> [VerdictMark] { brackets(VerdictText(text)) }

  /// The verdict that a text states in the end.
  ///
  /// The last mark in two brackets counts, where there is one; else the last of the other marks; else the
  /// last sentence, or the last that is labelled as a verdict, or the first sentence.
  ///
  /// - Returns: `nil` where there is none.
  package static func stated(in text: String) -> VerdictMark? {
    let text = VerdictText(text)
    return brackets(text).last ?? delimited(text).last ?? sentence(text)
  }

  private static func brackets(_ text: VerdictText) -> [VerdictMark] {
    let opens = text.starts(of: "[[")
    return text.starts(of: "]]").compactMap { close in
      guard let open = opens.last(where: { $0 + 2 <= close }) else { return nil }
      return VerdictMark(text, at: open, content: text.string((open + 2)..<close))
    }
  }
}

extension VerdictMark {
  /// Reads the content of a mark; `nil` where it names no letter and no tie.
  init?(_ text: VerdictText, at start: Int, content: String) {
    guard content.count <= Self.longest, let reading = VerdictReading(content) else { return nil }
    self.start = text.place(start)
    verdict = reading.verdict
  }
}
