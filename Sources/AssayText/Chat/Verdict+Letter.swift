/// What a mark, a line or a sentence says of two responses.
enum VerdictReading: Equatable {
  /// One is better.
  case letter(Verdict)
  /// None is.
  case tie

  /// The better one; `nil` for a tie.
  var verdict: Verdict? {
    if case .letter(let verdict) = self { return verdict }
    return nil
  }

  /// Reads a text that says which response is better and nothing else; `nil` for any other.
  init?(_ text: String) {
    guard !text.contains(where: \.isNumber) else { return nil }
    let spelt = text.uppercased().filter { $0.isLetter || "<>=".contains($0) }
    if ["C", "A=B", "B=A"].contains(spelt) {
      self = .tie
      return
    }
    if let better = Self.compared(spelt) {
      self = .letter(better)
      return
    }
    let words = text.split { !$0.isLetter }.map { String($0) }
    let letters = words.indices.filter { Self.letter(words, $0) != nil }
    let others = words.indices.filter { !letters.contains($0) }.map { words[$0].lowercased() }
    if letters.isEmpty {
      guard !Self.ties.isDisjoint(with: others),
        others.allSatisfy({ Self.announcing.union(Self.ties).contains($0) || $0 == "a" })
      else { return nil }
      self = .tie
    } else if letters.count == 1, others.allSatisfy(Self.announcing.contains),
      let letter = Self.letter(words, letters[0])
    {
      self = .letter(letter)
    } else if letters.count == 2, others.allSatisfy(Self.announcing.union(Self.comparing).contains),
      let better = Self.better(words, letters[0], letters[1])
    {
      self = .letter(better)
    } else {
      return nil
    }
  }

  /// The letter that a word is; `nil` of other words, and of an article.
  private static func letter(_ words: [String], _ index: Int) -> Verdict? {
    guard let verdict = Verdict(rawValue: words[index].uppercased()) else { return nil }
    guard verdict == .a, index + 1 < words.count else { return verdict }
    let next = words[index + 1].lowercased()
    return behindLetters.contains(next) || Verdict(rawValue: next.uppercased()) != nil
      ? verdict : nil
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

  /// The first of two letters, where the words between them say that it is better.
  private static func better(_ words: [String], _ first: Int, _ second: Int) -> Verdict? {
    let between = words[(first + 1)..<second].map { $0.lowercased() }
    guard let better = letter(words, first), better != letter(words, second),
      between.contains(where: deciding.contains),
      between.allSatisfy({ comparing.contains($0) || nouns.contains($0) })
    else { return nil }
    return better
  }

  /// What responses are called.
  private static let nouns: Set<String> = [
    "the", "answer", "response", "option", "assistant", "model", "output", "candidate", "chatbot",
    "ai", "solution", "reply",
  ]
  /// Words between two letters that say that the first is better.
  private static let deciding: Set<String> = [
    "better", "preferred", "superior", "wins", "beats", "over", "outperforms", "preferable",
  ]
  /// Other words that may stand between them.
  private static let comparing: Set<String> = deciding.union([
    "is", "much", "slightly", "clearly", "significantly", "far", "than", "to", "against",
  ])
  /// Words that tell a letter from the article.
  private static let behindLetters: Set<String> = [
    "is", "wins", "beats", "outperforms", "over", "because",
  ]
  /// Words that say that none is better.
  private static let ties: Set<String> = [
    "tie", "tied", "draw", "equal", "equally", "both", "neither",
  ]
  /// Words that may stand beside a letter that is the whole answer.
  static let announcing: Set<String> = nouns.union([
    "my", "final", "verdict", "choice", "is", "better", "best", "i", "choose", "pick",
    "prefer", "winner", "wins", "preferred", "superior", "preference", "decision", "judgement",
    "judgment", "conclusion", "in", "so", "therefore", "thus", "hence", "overall", "would", "will",
    "go", "with", "select", "selected", "vote", "for", "one", "it", "that", "this", "must", "be",
    "assessment", "evaluation", "result", "rating", "goes", "to", "say", "and", "clearly",
    "slightly",
    "much", "letter", "preferable", "of", "two", "am", "choosing", "going",
  ])
}
