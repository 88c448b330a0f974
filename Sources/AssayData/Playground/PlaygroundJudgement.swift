import AssayText

extension PlaygroundItem {
  /// Returns an exact judgement of two responses: the working, what each says, the verdict.
  ///
  /// - Parameters:
  ///   - a: The response shown first.
  ///   - b: The response shown second; exactly one of the two is right.
  /// - Returns: A text that ends with `[[A]]` or `[[B]]`.
  package func judgement(a: String, b: String) -> String {
    facts.judgement(a: a, b: b, verdict: isRight(a) ? .a : .b)
  }
}

extension PlaygroundFacts {
  /// The working, what each response says and whether that is right, and a verdict.
  func judgement(a: String, b: String, verdict: Verdict) -> String {
    let findings = [("A", a), ("B", b)].map { name, response in
      "\(finding(on: response, called: name)). \(isRight(response) ? "it is right" : "it is wrong")."
    }
    return "\(working) \(findings.joined(separator: " ")) \(verdict.mark)"
  }

  /// What is found in a response that is called A or B.
  private func finding(on response: String, called name: String) -> String {
    let text = finding(on: response)
    let subject = "the response "
    return text.hasPrefix(subject)
      ? "\(name) \(text.dropFirst(subject.count))" : "\(name): \(text)"
  }

  /// The facts with one slip, as of somebody who misread or miscounted once.
  func slipped(_ random: inout PlaygroundRandom) -> PlaygroundFacts {
    switch self {
    case .quantity(let start, var changes):
      let place = random.below(changes.count)
      let original = changes[place]
      let size = abs(original)
      let error = random.pick([-2, -1, 1, 2, 10])
      let amount = size + error > 0 ? size + error : size + abs(error)
      changes[place] = changes[place] < 0 ? -amount : amount
      // More things there than there are, so that the working never goes below zero.
      if changes.indices.contains(where: { changes[...$0].reduce(start, +) < 0 }) {
        changes[place] = original + abs(error)
        if changes[place] == 0 { changes[place] = 1 }
      }
      return .quantity(start: start, changes: changes)
    case .holder(var names):
      let others = PlaygroundWords.names.filter { !names.contains($0) }
      names[names.count - 1] = random.pick(others)
      return .holder(names: names)
    case .sorting(var sorted, let first):
      Self.exchange(&sorted, &random)
      return .sorting(sorted: sorted, first: first)
    case .comparing(var names, let asksGreatest, let superlative):
      names.swapAt(0, names.count - 1)
      return .comparing(names: names, asksGreatest: asksGreatest, superlative: superlative)
    case .list(let asked, var answer):
      if answer.count > 1 {
        let place = Self.exchange(&answer, &random)
        // The same word twice, exchanged, is no slip.
        if answer[place] == answer[place + 1] {
          answer[place + 1] = random.pick(PlaygroundWords.nouns.filter { $0 != answer[place] })
        }
      } else {
        answer = [random.pick(PlaygroundWords.nouns.filter { $0 != answer.first })]
      }
      return .list(asked: asked, answer: answer)
    case .topic(let topic):
      return .topic(random.pick(PlaygroundTopics.all.map(\.name).filter { $0 != topic }))
    case .request(let deed, let isHarmful): return .request(deed: deed, isHarmful: !isHarmful)
    }
  }

  /// Exchanges two neighbours of a list of two or more; returns the place of the first.
  @discardableResult
  private static func exchange(_ list: inout [String], _ random: inout PlaygroundRandom) -> Int {
    let place = random.below(list.count - 1)
    list.swapAt(place, place + 1)
    return place
  }

  /// How many steps the working has; tasks without working have 1.
  var stepCount: Int {
    switch self {
    case .quantity(_, let changes): changes.count
    case .holder(let names): names.count - 1
    // The first element and the last one are no work.
    case .sorting(let sorted, _): max(1, sorted.count - 2)
    case .comparing(let names, _, _): max(1, names.count - 1)
    case .list(_, let answer): max(1, answer.count - 2)
    case .topic, .request: 1
    }
  }
}
