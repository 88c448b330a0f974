import AssayText

/// Exercises in reading two texts against each other and in remembering one: of the corpus only.
///
/// Whoever checks an answer must be able to repeat a text word for word, also behind long work of
/// their own, and to tell whether two texts are the same. The exercises teach that of numbers, names
/// and lists; they hold no task of the four sections and no critique. Of those that compare, half
/// ask for the verdict alone, which is then most of what there is to learn.
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
    if random.isHeads(percent: 25) { return recall(&random) }
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

  /// A text said, something else recited, and the text said again.
  ///
  /// How much lies between is as likely little as it is more than any task works out.
  private static func recall(_ random: inout PlaygroundRandom) -> [Message] {
    let text = texts(&random).0
    let (task, recitation): (String, String)
    if random.isHeads() {
      let start = random.integer(0...60)
      let numbers = (start...start + random.integer(0...40)).map(String.init)
      task = "count from \(numbers[0]) to \(numbers[numbers.count - 1])"
      recitation = numbers.joined(separator: ". ")
    } else {
      let words = (0..<random.integer(1...30)).map { _ in random.pick(PlaygroundWords.nouns) }
      task = "repeat \(words.joined(separator: " "))"
      recitation = words.joined(separator: " ")
    }
    return [
      .user("say \(text)"), .assistant(text),
      .user("\(task), and then say what you said before."),
      .assistant("\(recitation). before, i said \(text)."),
    ]
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
