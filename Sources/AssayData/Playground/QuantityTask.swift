/// A number of things that changes step by step.
enum QuantityTask {
  private static let values = 0...99
  private static let answers = 0...120
  private static let starts = 5...60

  static func draft(
    steps: Int,
    _ content: PlaygroundContent = .all,
    _ random: inout PlaygroundRandom
  ) -> PlaygroundDraft {
    let people = random.sample(2, of: PlaygroundWords.people)
    let thing = random.pick(PlaygroundWords.countedThings)
    let start = random.integer(starts)
    var changes: [Int] = []
    var value = start
    while changes.count < steps {
      let amount = random.isHeads(percent: 60) ? random.integer(1...9) : random.integer(1...20)
      let change = random.isHeads() ? amount : -amount
      guard values.contains(value + change) else { continue }
      changes.append(change)
      value += change
    }
    let owner = people[0]
    var sentences = [opening(owner.name, start, thing, content, &random)]
    for (index, change) in changes.enumerated() {
      let link = index > 0 && random.isHeads(percent: 40) ? "then " : ""
      sentences.append(link + move(change, of: owner, with: people[1].name, content, &random))
    }
    sentences.append(question(owner.name, thing, content, &random))
    let wrong = nearMiss(value, changes, &random)
    let wording = random.below(3)
    func response(_ number: Int) -> String {
      switch wording {
      case 0: "\(number)"
      case 1: "the answer is \(number)."
      default: "\(owner.name) has \(number) \(thing)."
      }
    }
    return PlaygroundDraft(
      prompt: sentences.joined(separator: " "),
      facts: .quantity(start: start, changes: changes),
      chosen: response(value),
      rejected: response(wrong)
    )
  }

  /// A result off by as much as one slip gives: a step dropped, a sign flipped, one, or ten.
  ///
  /// Above or below the right one by a fair coin, so that neither is more often right.
  private static func nearMiss(
    _ value: Int,
    _ changes: [Int],
    _ random: inout PlaygroundRandom
  ) -> Int {
    let amount = abs(random.pick(changes))
    let size = random.pick([amount, amount * 2, 1, 10])
    let isAbove = random.isHeads()
    let wrong = isAbove ? value + size : value - size
    return answers.contains(wrong) ? wrong : isAbove ? value - size : value + size
  }

  private static func opening(
    _ name: String,
    _ start: Int,
    _ thing: String,
    _ content: PlaygroundContent,
    _ random: inout PlaygroundRandom
  ) -> String {
    switch random.pick(content.wordings(4, held: 1)) {
    case 0: "\(name) has \(start) \(thing)."
    case 1: "\(name) starts with \(start) \(thing)."
    case 2: "at first \(name) has \(start) \(thing)."
    default: "in the morning \(name) has \(start) \(thing)."
    }
  }

  private static func move(
    _ change: Int,
    of owner: PlaygroundPerson,
    with other: String,
    _ content: PlaygroundContent,
    _ random: inout PlaygroundRandom
  ) -> String {
    let (subject, amount) = (owner.pronoun, abs(change))
    let wordings = content.wordings(6, held: 2)
    guard change > 0 else {
      return switch random.pick(wordings) {
      case 0: "\(subject) gives \(amount) to \(other)."
      case 1: "\(subject) loses \(amount)."
      case 2: "\(subject) sells \(amount)."
      case 3: "\(subject) throws \(amount) away."
      case 4: "\(other) takes \(amount) from \(owner.objectPronoun)."
      default: "\(subject) hands \(amount) to \(other)."
      }
    }
    return switch random.pick(wordings) {
    case 0: "\(subject) buys \(amount) more."
    case 1: "\(subject) finds \(amount) more."
    case 2: "\(subject) gets \(amount) from \(other)."
    case 3: "\(other) gives \(owner.objectPronoun) \(amount)."
    case 4: "\(subject) takes \(amount) from \(other)."
    default: "\(subject) wins \(amount) more."
    }
  }

  private static func question(
    _ name: String,
    _ thing: String,
    _ content: PlaygroundContent,
    _ random: inout PlaygroundRandom
  ) -> String {
    switch random.pick(content.wordings(3, held: 1)) {
    case 0: "how many \(thing) does \(name) have now?"
    case 1: "how many \(thing) does \(name) have in the end?"
    default: "tell me how many \(thing) \(name) has now."
    }
  }
}
