/// A list of words to write in a certain way.
enum ListTask {
  /// One thing to do to a list.
  private enum Change: Hashable {
    case reverse
    case only(place: Int)
    case first(count: Int)
    case beginning(letter: Character)
    case capitals
    case without(word: String)
    case longest
    case twice

    var phrase: String {
      switch self {
      case .reverse: "the list in reverse"
      case .only(let place): "only the \(ListTask.ordinals[place]) word"
      case .first(let count): "exactly the first \(ListTask.numerals[count]) words"
      case .beginning(let letter): "only the words that begin with \(letter)"
      case .capitals: "the list in capital letters"
      case .without(let word): "the list without the word \(word)"
      case .longest: "only the longest word"
      case .twice: "the first word twice"
      }
    }

    func callAsFunction(_ words: [String]) -> [String] {
      switch self {
      case .reverse: words.reversed()
      case .only(let place): [words[place]]
      case .first(let count): Array(words.prefix(count))
      case .beginning(let letter): words.filter { $0.first == letter }
      case .capitals: words.map { $0.uppercased() }
      case .without(let word): words.filter { $0 != word }
      case .longest: words.max { $0.count < $1.count }.map { [$0] } ?? []
      case .twice: Array(repeating: words[0], count: 2)
      }
    }
  }

  private static let lengths = 3...5
  private static let ordinals = ["first", "second", "third", "fourth", "fifth"]
  private static let numerals = ["zero", "one", "two", "three", "four"]

  /// Changes of which two are asked for at once out of distribution.
  private static let combined = [0, 2, 3, 5]
  /// Changes that are held out where some are.
  private static let held = [3, 6]

  static func draft(
    isOOD: Bool,
    _ content: PlaygroundContent = .all,
    _ random: inout PlaygroundRandom
  ) -> PlaygroundDraft {
    var words = random.sample(random.integer(lengths), of: PlaygroundWords.nouns)
    let kind = random.pick(
      (isOOD ? combined : Array(0..<8)).filter { place in
        switch content {
        case .all: true
        case .train, .test: !held.contains(place)
        case .unseen: held.contains(place)
        }
      }
    )
    let answer: [String]
    let wrong: [String]
    let asked: String
    if isOOD {
      let change = change(kind, &words, &random)
      let inner = change(words)
      // The second constraint: capitals, or the reverse where that changes anything.
      let reverses = change != .reverse && inner.count > 1 && random.isHeads()
      let outer = reverses ? Change.reverse : .capitals
      answer = outer(inner)
      let halves = [inner, outer(words), outer(wrongWords(change, words, &random))]
      wrong = random.pick(halves.filter { $0 != answer })
      asked = "\(change.phrase) and " + (reverses ? "in reverse" : "in capital letters")
    } else {
      let change = change(kind, &words, &random)
      answer = change(words)
      wrong = wrongWords(change, words, &random)
      asked = change.phrase
    }
    let list = words.joined(separator: ", ")
    let prompt =
      switch random.below(4) {
      case 0: "here is a list of words: \(list). please write \(asked)."
      case 1: "take this list: \(list). now write \(asked) and nothing else."
      case 2: "the list is \(list). i want you to write \(asked)."
      default: "please write \(asked). here is the list of words: \(list)."
      }
    return PlaygroundDraft(
      prompt: prompt,
      facts: .list(asked: asked, answer: answer),
      chosen: answer.joined(separator: ", "),
      rejected: wrong.joined(separator: ", ")
    )
  }

  /// A change that the words allow; they may be drawn again for it.
  private static func change(
    _ kind: Int,
    _ words: inout [String],
    _ random: inout PlaygroundRandom
  ) -> Change {
    switch kind {
    case 0: return .reverse
    case 1: return .only(place: random.below(words.count))
    case 2: return .first(count: random.integer(2...(words.count - 1)))
    case 3: return .beginning(letter: repeatLetter(&words, &random))
    case 4: return .capitals
    case 5: return .without(word: random.pick(words))
    case 6:
      while words.filter({ $0.count == words.map(\.count).max() }).count > 1 {
        words = random.sample(words.count, of: PlaygroundWords.nouns)
      }
      return .longest
    default: return .twice
    }
  }

  /// Makes some of the words, at least one and not all, begin with one letter; returns it.
  private static func repeatLetter(
    _ words: inout [String],
    _ random: inout PlaygroundRandom
  ) -> Character {
    while true {
      let letter = random.pick(words).first ?? "a"
      let same = PlaygroundWords.nouns.filter { $0.first == letter && !words.contains($0) }
      if !same.isEmpty, random.isHeads(percent: 70) {
        let places = words.indices.filter { words[$0].first != letter }
        if !places.isEmpty { words[random.pick(places)] = random.pick(same) }
      }
      if words.contains(where: { $0.first != letter }) { return letter }
      words = random.sample(words.count, of: PlaygroundWords.nouns)
    }
  }

  /// A list that breaks one constraint and looks as if it kept it.
  private static func wrongWords(
    _ change: Change,
    _ words: [String],
    _ random: inout PlaygroundRandom
  ) -> [String] {
    let right = change(words)
    var options: [[String]]
    switch change {
    case .reverse:
      var swapped = right
      let place = random.below(right.count - 1)
      swapped.swapAt(place, place + 1)
      options = [words, swapped]
    case .only, .longest:
      options = words.map { [$0] }
    case .first(let count):
      options = [Array(words.prefix(count - 1)), Array(words.prefix(count + 1))]
      options.append(Array(words.suffix(count)))
    case .beginning:
      let extra = random.pick(words.filter { !right.contains($0) })
      options = [words.filter { right.contains($0) || $0 == extra }, [extra]]
      if right.count > 1 { options.append(Array(right.dropLast())) }
    case .capitals:
      options = [
        words, words.enumerated().map { $0.offset == 0 ? $0.element.uppercased() : $0.element },
      ]
    case .without:
      options = [words] + words.map { word in words.filter { $0 != word } }
    case .twice:
      options = [[words[0]], [words[1], words[1]], [words[0], words[1]]]
      options.append(Array(repeating: words[0], count: 3))
    }
    options.removeAll { $0 == right }
    return random.pick(options)
  }
}
