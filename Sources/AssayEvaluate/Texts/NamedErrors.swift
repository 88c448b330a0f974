// Whether a critique names the error that people marked.
import Foundation

/// Compares what a text says is wrong with what is marked.
package enum NamedErrors {
  /// A text, and the reason that is marked.
  package struct Reason: Sendable {
    /// What the model wrote.
    package let text: String
    /// What people say is wrong.
    package let reason: String
    /// The prompt: its words tell one item from another, and count for nothing.
    package let prompt: String
    /// The prompt's number.
    package let cluster: Int

    /// Makes one.
    package init(text: String, reason: String, prompt: String, cluster: Int) {
      (self.text, self.reason) = (text, reason)
      (self.prompt, self.cluster) = (prompt, cluster)
    }
  }

  private static let ordinals = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
  ]
  private static let places: Set<String> = ["step", "line", "sentence", "paragraph"]
  private static let faults: Set<String> = [
    "wrong", "incorrect", "incorrectly", "error", "errors", "mistake", "mistakes", "mistakenly",
    "false", "wrongly", "flaw", "flawed", "instead", "should", "invalid", "miscalculated",
    "misread", "forgot", "however", "not", "inaccurate",
  ]

  /// The step that a text calls wrong, from 0; `nil` where none stands out.
  ///
  /// Asked are the sentences that speak of a fault, or all where none does: the first that has "step 3" or
  /// "third line" names it; else the step that shares most with them, each word and number counting
  /// `log(steps / steps with it)`.
  ///
  /// - Parameters:
  ///   - text: A critique.
  ///   - steps: The response's steps.
  /// - Returns: The step.
  package static func step(in text: String, of steps: [String]) -> Int? {
    let sentences = Sentences.ranges(of: text).map { tokens(text[$0]) }
    let faulty = sentences.filter { !faults.isDisjoint(with: $0) }
    let asked = faulty.isEmpty ? sentences : faulty
    if let number = asked.lazy.compactMap(number).first {
      return steps.indices.contains(number) ? number : nil
    }
    let said = Set(asked.joined())
    let words = steps.map { Set(tokens($0)) }
    var uses: [String: Int] = [:]
    for own in words { for word in own { uses[word, default: 0] += 1 } }
    let shared = words.map { own in
      own.intersection(said).sorted().reduce(0) {
        $0 + log(Double(steps.count) / Double(uses[$1] ?? 1))
      }
    }
    guard let most = shared.max(), most > 0, shared.count(where: { $0 == most }) == 1 else {
      return nil
    }
    return shared.firstIndex(of: most)
  }

  /// The place that words name, from 0: "step 3", "line #3", "3rd sentence", "third step".
  private static func number(_ words: [String]) -> Int? {
    for (index, word) in words.enumerated() where places.contains(word) {
      if index + 1 < words.count, let number = Int(words[index + 1]), number > 0 {
        return number - 1
      }
      guard index > 0 else { continue }
      if let number = ordinals.firstIndex(of: words[index - 1]) { return number }
      let digits = words[index - 1].prefix(while: \.isNumber)
      if digits.count < words[index - 1].count, let number = Int(digits), number > 0 {
        return number - 1
      }
    }
    return nil
  }

  /// Words and numbers, the numbers as they are.
  private static func tokens(_ text: some StringProtocol) -> [String] {
    text.lowercased().split { !$0.isLetter && !$0.isNumber && $0 != "." }
      .map { $0.trimmingCharacters(in: ["."]) }.filter { !$0.isEmpty }
  }

  /// How often a text is nearer to its own reason than to another item's: the share of up to 50 others,
  /// equal ones counting a half.
  ///
  /// Nearness is the cosine of words that stand neither in the prompt nor among those without content,
  /// each counting `log(reasons / reasons with it)`, cut to its first five letters.
  ///
  /// - Parameter reasons: Texts with the reasons that are marked.
  /// - Returns: A share for each, with its prompt's number; none for fewer than two.
  static func nearness(_ reasons: [Reason]) -> Counted {
    guard reasons.count > 1 else { return [] }
    let marked = reasons.map { stems($0.reason) }
    var uses: [String: Int] = [:]
    for own in marked { for word in own { uses[word, default: 0] += 1 } }
    let weights = uses.mapValues { log(Double(reasons.count) / Double($0)) }
    func norm(_ words: Set<String>) -> Double {
      words.sorted().reduce(0) { $0 + (weights[$1] ?? 0) * (weights[$1] ?? 0) }.squareRoot()
    }
    return reasons.indices.map { index in
      let prompt = stems(reasons[index].prompt)
      let said = stems(reasons[index].text).subtracting(prompt)
      func near(_ other: Int) -> Double {
        let words = marked[other].subtracting(prompt)
        let shared = norm(words.intersection(said))
        return shared == 0 ? 0 : shared * shared / norm(words)
      }
      let own = near(index)
      let others = min(50, reasons.count - 1)
      // Spread evenly over all others, the same ones each time.
      let credits = (1...others).map { number in
        let other = (index + number * (reasons.count - 1) / others) % reasons.count
        let distance = own - near(other)
        return distance > 0 ? 1 : distance == 0 ? 0.5 : 0.0
      }
      return (credits.reduce(0, +) / Double(others), reasons[index].cluster)
    }
  }

  private static func stems(_ text: String) -> Set<String> {
    Set(
      TextWords.words(text).filter { $0 != "#" && !TextWords.common.contains($0) }
        .map { String($0.prefix(5)) }
    )
  }
}
