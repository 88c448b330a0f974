import AssayText

/// Exercises in reading two texts against each other: of the corpus only.
///
/// Whoever checks an answer must be able to repeat a text word for word and to tell whether two
/// texts are the same. The exercises teach that of numbers, names and lists; they hold no task of
/// the four sections and no critique. Half of them ask for the verdict alone, which is then most
/// of what there is to learn.
enum PlaygroundPractice {
  /// An exercise and its worked solution.
  ///
  /// - Parameters:
  ///   - seed: The Playground's seed.
  ///   - index: The exercise's place among all, from 0.
  /// - Returns: The user's turn and the assistant's.
  static func conversation(seed: UInt64, index: Int) -> [Message] {
    var random = PlaygroundRandom(
      seed: seed ^ 0x5052_4143_5449_4345,
      split: .corpus,
      index: index
    )
    let (first, second) = texts(&random)
    let isSame = first == second
    let start = random.pick(["the answer is", "so it is", "that is"])
    let who = random.pick(["the note", "the paper", "the page", "it"] + PlaygroundWords.names)
    let texts = "\(start) \(first). \(who) says \(second)."
    let verdict = isSame ? "it is right." : "it is wrong."
    return random.isHeads()
      ? [.user("\(texts) is it right?"), .assistant(verdict)]
      : [.user("\(texts) say it again. is it right?"), .assistant("\(texts) \(verdict)")]
  }

  /// Two texts, the same or nearly so with equal probability.
  private static func texts(_ random: inout PlaygroundRandom) -> (String, String) {
    let isSame = random.isHeads()
    if random.isHeads() {
      let number = random.integer(0...110)
      guard !isSame else { return ("\(number)", "\(number)") }
      let slip = random.isHeads() ? [1, 10][random.below(2)] : random.integer(1...20)
      let other = random.isHeads() && number >= slip ? number - slip : number + slip
      return ("\(number)", "\(other)")
    }
    let list = list(&random)
    let other = isSame ? list : altered(list, &random)
    return (list.joined(separator: ", "), other.joined(separator: ", "))
  }

  private static func list(_ random: inout PlaygroundRandom) -> [String] {
    let count = random.integer(1...6)
    switch random.below(4) {
    case 0: return random.sample(count, of: PlaygroundWords.names)
    case 1: return random.sample(count, of: Array(1...99)).map(String.init)
    case 2: return random.sample(count, of: PlaygroundWords.nouns).map { $0.uppercased() }
    default: return random.sample(count, of: PlaygroundWords.nouns)
    }
  }

  /// The list with two neighbours exchanged, an element replaced, or the last one missing.
  private static func altered(_ list: [String], _ random: inout PlaygroundRandom) -> [String] {
    var result = list
    switch list.count > 1 ? random.below(3) : 0 {
    case 1:
      let place = random.below(list.count - 1)
      result.swapAt(place, place + 1)
    case 2: result.removeLast()
    default:
      var other = list[0]
      while list.contains(other) { other = self.list(&random)[0] }
      result[random.below(list.count)] = other
    }
    return result
  }
}
