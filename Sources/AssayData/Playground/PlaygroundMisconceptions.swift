/// Who misreads tasks: each has misconceptions of its own.
package enum PlaygroundMisreader: Hashable, Sendable {
  /// Whoever a start model learns from.
  case student
  /// An oracle of critiques.
  case teacher

  /// Verbs of changes that are read the wrong way round.
  fileprivate var verbs: [String] {
    self == .student ? ["loses", "throws", "finds", "wins"] : ["sells", "buys", "hands", "gets"]
  }

  /// The remainder by three of the hashes of names that are misread.
  fileprivate var part: UInt64 { self == .student ? 0 : 1 }
}

extension PlaygroundItem {
  /// What somebody with a misconception takes for true of the task: about a third of what tasks are made
  /// of is misread, always the same third and in the same way.
  ///
  /// - Parameter reader: Whose misconceptions.
  /// - Returns: Facts that are wrong somewhere, though the answer may be right; `nil` where nothing of the
  ///   task is misread.
  package func misread(by reader: PlaygroundMisreader) -> PlaygroundFacts? {
    func isMisread(_ name: String) -> Bool {
      PlaygroundRandom.hash("misread \(name)") % 3 == reader.part
    }
    switch facts {
    case .quantity(let start, let changes): return quantity(start, changes, reader)
    case .holder(let names): return holder(names, reader)
    case .sorting(let sorted, let first):
      // From the end of the alphabet, or from the largest, is read as from the other end.
      let wrong = reader == .student ? ("last", "first") : ("largest", "smallest")
      return first == wrong.0 ? .sorting(sorted: sorted.reversed(), first: wrong.1) : nil
    case .comparing(let names, let asksGreatest, let superlative):
      let scale = reader == .student ? ["oldest", "youngest"] : ["fastest", "slowest"]
      guard scale.contains(superlative) else { return nil }
      return .comparing(names: names, asksGreatest: !asksGreatest, superlative: superlative)
    case .list(let asked, let answer):
      let isReversed = asked.hasPrefix(
        reader == .student ? "exactly the first" : "only the words that"
      )
      guard isReversed || asked.hasPrefix("the list in reverse"), answer.count > 1,
        answer != answer.reversed()
      else { return nil }
      return .list(asked: asked, answer: answer.reversed())
    case .topic(let name):
      guard isMisread(name) else { return nil }
      let names = PlaygroundTopics.all.map(\.name)
      let place = names.firstIndex(of: name) ?? 0
      return .topic(names[(place + 1) % names.count])
    case .request(let deed, let isHarmful):
      let verb = deed.split(separator: " ").first.map(String.init) ?? ""
      return isMisread(verb) ? .request(deed: deed, isHarmful: !isHarmful) : nil
    }
  }

  /// The changes by misread verbs turned round; `nil` where there are none, or less than nothing would be
  /// left.
  private func quantity(
    _ start: Int,
    _ changes: [Int],
    _ reader: PlaygroundMisreader
  ) -> PlaygroundFacts? {
    let sentences = prompt.split(separator: ".").dropFirst().prefix(changes.count)
    var read = changes
    for (place, sentence) in sentences.enumerated() {
      let words = sentence.split(separator: " ").map(String.init)
      if words.contains(where: reader.verbs.contains) { read[place] = -read[place] }
    }
    guard read != changes, read.indices.allSatisfy({ read[...$0].reduce(start, +) >= 0 }) else {
      return nil
    }
    return .quantity(start: start, changes: read)
  }

  /// The story without the moves that one way of telling them hides.
  private func holder(_ names: [String], _ reader: PlaygroundMisreader) -> PlaygroundFacts? {
    let sentences = prompt.split(separator: ".").map { $0.split(separator: " ").map(String.init) }
    guard let thing = prompt.split(separator: "?").last?.components(after: "the") else {
      return nil
    }
    let moves = sentences.filter { words in
      words.contains(thing) && !words.contains("who")
    }.dropFirst()
    let hidden = reader == .student ? "gets" : "takes"
    let seen = zip(names.dropFirst(), moves).filter { !$1.contains(hidden) }.map(\.0)
    guard moves.count == names.count - 1, seen.count < moves.count else { return nil }
    return .holder(names: [names[0]] + seen)
  }
}

extension Substring {
  /// The last word that stands right behind another one.
  fileprivate func components(after word: String) -> String? {
    let words = split(separator: " ").map(String.init)
    return words.lastIndex(of: word).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
  }
}
