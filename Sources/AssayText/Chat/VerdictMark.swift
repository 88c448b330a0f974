import Foundation

/// A mark of a verdict in a judgement: what stands in two brackets and names a letter.
///
/// Judges spell it in many ways that mean one thing: `[[A]]`, `[[ a ]]`, `[[**A**]]`, `[[Assistant A]]`,
/// `[[A>B]]`. What names no letter and no tie, as a footnote, is no mark.
///
/// Source: `[[A]]` and `[[C]]` of lm-sys/FastChat, llm_judge; `[[A>B]]`, `[[A>>B]]` and `[[A=B]]` of
/// lmarena/arena-hard-auto.
package struct VerdictMark: Equatable {
  /// Where it begins.
  package let start: String.Index
  /// What it says; `nil` for a tie.
  package let verdict: Verdict?

  /// Characters of the longest mark: words that announce a letter, and its ornaments.
  private static let longest = 48

  /// The marks of a text, in their order.
  package static func all(in text: String) -> [VerdictMark] {
    text.ranges(of: "]]").compactMap { close in
      let before = text[..<close.lowerBound].suffix(longest)
      guard let open = before.range(of: "[[", options: .backwards) else { return nil }
      return VerdictMark(start: open.lowerBound, content: before[open.upperBound...])
    }
  }

  private init?(start: String.Index, content: Substring) {
    self.start = start
    let spelt = content.uppercased().filter { $0.isLetter || "<>=".contains($0) }
    if ["C", "TIE", "A=B", "B=A"].contains(spelt) {
      verdict = nil
    } else if let compared = Self.compared(spelt) ?? Verdict.letter(in: content) {
      verdict = compared
    } else {
      return nil
    }
  }

  /// What a comparison says, as `A>B` or `A<<B`.
  private static func compared(_ spelt: String) -> Verdict? {
    for (better, other) in [(Verdict.a, Verdict.b), (.b, .a)] {
      let (first, last) = (better.rawValue, other.rawValue)
      if ["\(first)>\(last)", "\(first)>>\(last)", "\(last)<\(first)", "\(last)<<\(first)"]
        .contains(spelt)
      {
        return better
      }
    }
    return nil
  }
}
