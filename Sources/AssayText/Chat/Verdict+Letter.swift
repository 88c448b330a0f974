extension Verdict {
  /// The letter that a text gives and nothing else; `nil` where it gives none, or says more.
  static func letter(in text: Substring) -> Verdict? {
    let words = text.split { !$0.isLetter }.map(String.init)
    // As a word among others, a small one may be an article.
    if words.count == 1 { return Verdict(rawValue: words[0].uppercased()) }
    let letters = words.compactMap { Verdict(rawValue: $0) }
    let isAnnounced = words.allSatisfy { word in
      Verdict(rawValue: word) != nil || announcing.contains(word.lowercased())
    }
    return letters.count == 1 && isAnnounced ? letters[0] : nil
  }

  /// Words that may stand beside a letter that is the whole answer.
  private static let announcing: Set<String> = [
    "the", "my", "final", "answer", "verdict", "choice", "response", "option", "assistant", "is",
    "better", "best", "boxed", "i", "choose", "pick", "prefer", "model", "output", "winner",
  ]
}
