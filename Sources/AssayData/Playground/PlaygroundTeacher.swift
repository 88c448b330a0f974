import AssayText

/// How good a teacher's critiques are.
package struct TeacherStrength: Codable, Hashable, Sendable {
  /// The share of critiques with one slip in their working, carried through to the end.
  package var slips: Double
  /// The share of critiques whose conclusion is turned round.
  package var verdictNoise: Double
  /// How often a task of one of the teacher's misconceptions is misread.
  package var misconceptions: Double
  /// In how many ways critiques are worded, from 1 to 6.
  package var paraphrases: Int

  /// The most ways.
  package static let mostParaphrases = 6
  /// Never errs, always in the same words.
  package static let exact = TeacherStrength(
    slips: 0,
    verdictNoise: 0,
    misconceptions: 0,
    paraphrases: 1
  )

  /// Makes a strength.
  package init(slips: Double, verdictNoise: Double, misconceptions: Double, paraphrases: Int) {
    self.slips = slips
    self.verdictNoise = verdictNoise
    self.misconceptions = misconceptions
    self.paraphrases = paraphrases
  }

  /// Returns a strength between this one and knowing nothing.
  ///
  /// - Parameter share: 0 for this strength; 1 for a conclusion by a fair coin, behind a slip each time.
  /// - Returns: The strength.
  package func weakened(_ share: Double) -> TeacherStrength {
    var weakened = self
    weakened.slips += share * (1 - slips)
    weakened.verdictNoise += share * (0.5 - verdictNoise)
    return weakened
  }
}

/// Criticizes responses, imperfectly and in several wordings; it sees neither the label nor the other
/// response.
package struct PlaygroundTeacher: Sendable {
  private let seed: UInt64
  private let strength: TeacherStrength

  /// Makes a teacher.
  ///
  /// - Parameters:
  ///   - seed: Its errors are a function of it, the task and the response.
  ///   - strength: How good it is.
  package init(seed: UInt64, strength: TeacherStrength) {
    self.seed = seed
    self.strength = strength
  }

  /// Returns a critique of a response.
  package func critique(of item: PlaygroundItem, _ response: String) -> String {
    var random = PlaygroundRandom(
      seed: seed ^ 0x5445_4143_48 ^ PlaygroundRandom.hash("\(item.id)\n\(response)")
    )
    let (facts, isRight) = belief(item, response, &random)
    let (working, finding) = (facts.working, facts.finding(on: response) + ".")
    let (right, wrong) = ("it is right.", "it is wrong.")
    let conclusion = isRight ? right : wrong
    switch random.below(max(1, min(strength.paraphrases, TeacherStrength.mostParaphrases))) {
    case 0: return "\(working) \(finding) \(conclusion)"
    case 1: return "\(finding) \(working) \(conclusion)"
    case 2: return "\(working) \(finding) so \(conclusion)"
    case 3: return "let us see. \(working) \(finding) that is \(isRight ? "" : "not ")the answer."
    case 4: return "\(finding) \(working) the response is \(isRight ? "good" : "bad")."
    default: return "\(working) now look at it. \(finding) \(conclusion)"
    }
  }

  /// Whether a teacher concludes that a response is right.
  package func approves(_ item: PlaygroundItem, _ response: String) -> Bool {
    var random = PlaygroundRandom(
      seed: seed ^ 0x5445_4143_48 ^ PlaygroundRandom.hash("\(item.id)\n\(response)")
    )
    return belief(item, response, &random).isRight
  }

  /// How often its conclusions prefer the better response of pairs, one half where they are the same.
  package func accuracy(_ items: [PlaygroundItem]) -> Double {
    let credits = items.map { item in
      (approves(item, item.chosen) ? 0.5 : 0) + (approves(item, item.rejected) ? 0 : 0.5)
    }
    return credits.reduce(0, +) / Double(max(1, items.count))
  }

  /// What it takes for true, and what it concludes.
  private func belief(
    _ item: PlaygroundItem,
    _ response: String,
    _ random: inout PlaygroundRandom
  ) -> (facts: PlaygroundFacts, isRight: Bool) {
    let misread = item.misread(by: .teacher)
    let isMisread = random.happens(strength.misconceptions)
    let slips = random.happens(strength.slips)
    let isTurned = random.happens(strength.verdictNoise)
    let facts =
      isMisread && misread != nil
      ? misread ?? item.facts : slips ? item.facts.slipped(&random) : item.facts
    return (facts, facts.isRight(response) != isTurned)
  }
}

extension TeacherStrength {
  /// The weakening of this strength whose teacher is as good as asked for.
  ///
  /// - Parameters:
  ///   - accuracy: How often it is to prefer the better response of pairs.
  ///   - items: The pairs.
  ///   - seed: The teacher's.
  /// - Returns: This strength where it is no better.
  package func weakened(
    to accuracy: Double,
    on items: [PlaygroundItem],
    seed: UInt64
  ) -> TeacherStrength {
    func isBetter(_ share: Double) -> Bool {
      PlaygroundTeacher(seed: seed, strength: weakened(share)).accuracy(items) > accuracy
    }
    guard isBetter(0) else { return self }
    var (low, high) = (0.0, 1.0)
    for _ in 0..<12 {
      let middle = (low + high) / 2
      if isBetter(middle) { low = middle } else { high = middle }
    }
    return weakened(high)
  }
}
