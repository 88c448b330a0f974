/// A thing that moves between people, in half of the items beside another one that moves too.
enum HolderTask {
  private static let peopleCount = 5

  static func draft(steps: Int, _ random: inout PlaygroundRandom) -> PlaygroundDraft {
    let people = random.sample(peopleCount, of: PlaygroundWords.names)
    let things = random.sample(2, of: PlaygroundWords.movedThings)
    let names = chain(steps, people, &random)
    var sentences = moves(things[0], names, &random)
    if random.isHeads() {
      let others = moves(things[1], chain(random.integer(1...3), people, &random), &random)
      sentences = merged(sentences, others, &random)
    }
    sentences.append(
      random.isHeads() ? "who has the \(things[0]) now?" : "who has the \(things[0])?"
    )
    let right = names[names.count - 1]
    let wrong = random.pick(names.filter { $0 != right })
    let wording = random.below(3)
    func response(_ name: String) -> String {
      switch wording {
      case 0: name
      case 1: "it is \(name)."
      default: "\(name) has the \(things[0])."
      }
    }
    return PlaygroundDraft(
      prompt: "here is a short story. " + sentences.joined(separator: " "),
      facts: .holder(names: names),
      chosen: response(right),
      rejected: response(wrong)
    )
  }

  /// Who has a thing, one after another, nobody twice in a row.
  private static func chain(
    _ steps: Int,
    _ people: [String],
    _ random: inout PlaygroundRandom
  ) -> [String] {
    var names = [random.pick(people)]
    for _ in 0..<steps {
      let current = names[names.count - 1]
      names.append(random.pick(people.filter { $0 != current }))
    }
    return names
  }

  private static func moves(
    _ thing: String,
    _ names: [String],
    _ random: inout PlaygroundRandom
  ) -> [String] {
    let first =
      random.isHeads() ? "the \(thing) starts with \(names[0])." : "\(names[0]) has the \(thing)."
    return [first]
      + zip(names, names.dropFirst()).map { from, to in
        switch random.below(4) {
        case 0: "\(from) gives the \(thing) to \(to)."
        case 1: "\(from) hands the \(thing) to \(to)."
        case 2: "\(to) takes the \(thing) from \(from)."
        default: "\(to) gets the \(thing) from \(from)."
        }
      }
  }

  /// Both stories, each in its own order.
  private static func merged(
    _ first: [String],
    _ second: [String],
    _ random: inout PlaygroundRandom
  ) -> [String] {
    var (first, second) = (first[...], second[...])
    var result: [String] = []
    while !first.isEmpty || !second.isEmpty {
      let takesFirst = random.below(first.count + second.count) < first.count
      result.append(takesFirst ? first.removeFirst() : second.removeFirst())
    }
    return result
  }
}
