// Verdicts in plain words: sentences that say which response is better and nothing else.

import Foundation

extension VerdictMark {
  /// A sentence that has letters, and where it begins.
  private struct Sentence {
    let start: Int
    let text: String

    /// Whether it is a letter alone, as an entry of a list may be.
    var bare: Verdict? {
      Verdict(rawValue: text.filter(\.isLetter).uppercased())
    }

    /// Whether it speaks of a tie.
    var saysTie: Bool {
      text.split { !$0.isLetter }.contains { ["tie", "tied", "draw"].contains($0.lowercased()) }
    }

    /// What it says, where that is all it says, or stands behind a label.
    var reading: VerdictReading? {
      // A heading announces what follows.
      guard text.last(where: { !"*_`".contains($0) && !$0.isWhitespace }) != ":" else { return nil }
      return VerdictReading(text) ?? labelled(by: VerdictReading.announcing)
    }

    /// What stands behind "Verdict:" or "The better one is", up to reasons.
    func labelled(by labels: Set<String>) -> VerdictReading? {
      for separator in [":", "=", " is ", " goes to "] {
        guard let place = text.range(of: separator) else { continue }
        let head = text[..<place.lowerBound].split { !$0.isLetter }.map { $0.lowercased() }
        guard head.contains(where: labels.contains),
          head.allSatisfy(VerdictReading.announcing.contains)
        else { continue }
        let tail = text[place.upperBound...]
        if let reading = VerdictReading(String(tail)) ?? Self.beforeReasons(tail) { return reading }
      }
      return nil
    }

    private static func beforeReasons(_ tail: Substring) -> VerdictReading? {
      for boundary in [" because", " since", " as ", " (", " -", " \u{2014}", ","] {
        guard let place = tail.range(of: boundary) else { continue }
        if let reading = VerdictReading(String(tail[..<place.lowerBound])) { return reading }
      }
      return nil
    }
  }

  /// Words that label a verdict wherever they stand; "answer" may label what the question asks for.
  private static let labels: Set<String> = [
    "verdict", "winner", "decision", "choice", "preference", "judgement", "judgment", "better",
    "best", "final", "preferred",
  ]

  /// The verdict that sentences state.
  static func sentence(_ text: VerdictText) -> VerdictMark? {
    let sentences = sentences(text)
    guard let last = sentences.last, let first = sentences.first else { return nil }
    // Letters on lines of their own may be a list, of which none is the verdict.
    let isList = sentences.contains { $0.bare.map { $0 != last.bare && last.bare != nil } ?? false }
    if !isList, let reading = last.reading { return mark(text, last, reading) }
    for sentence in sentences.reversed() {
      if let reading = sentence.labelled(by: labels) { return mark(text, sentence, reading) }
      if sentence.saysTie { return nil }
    }
    return isList ? nil : first.reading.map { mark(text, first, $0) }
  }

  private static func mark(
    _ text: VerdictText,
    _ sentence: Sentence,
    _ reading: VerdictReading
  ) -> VerdictMark {
    VerdictMark(start: text.place(sentence.start), verdict: reading.verdict)
  }

  private static func sentences(_ text: VerdictText) -> [Sentence] {
    var sentences: [Sentence] = []
    var start = 0
    func close(at end: Int) {
      let sentence = Sentence(start: start, text: text.string(start..<end))
      if sentence.text.contains(where: \.isLetter) { sentences.append(sentence) }
      start = end
    }
    let characters = text.characters
    for (index, character) in characters.enumerated() {
      let isEnd =
        ".!?;".contains(character)
        && (index + 1 == characters.count
          || !characters[index + 1].isLetter
            && !characters[index + 1].isNumber)
      if isEnd || character.isNewline { close(at: index + 1) }
    }
    close(at: characters.count)
    return sentences
  }
}
