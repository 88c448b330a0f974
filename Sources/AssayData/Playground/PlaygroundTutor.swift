import AssayText

/// What is demonstrated to a start model.
package enum TutorRole: String, Codable, Hashable, Sendable, CaseIterable {
  /// Answers a prompt, the answer alone.
  case answer
  /// Criticizes a response and states a score.
  case critic
  /// Compares two responses and gives a verdict.
  case judge
  /// Names the better of two responses.
  case letter
  /// Explains why one of two responses is better.
  case rationale
  /// Rates a critique.
  case rating
  /// Merges critiques.
  case merging
  /// Revises a response.
  case revision

  /// How often it is demonstrated, in percent.
  var percent: Int {
    switch self {
    case .critic, .judge: 25
    case .answer: 15
    case .rationale, .rating: 10
    case .letter, .merging, .revision: 5
    }
  }
}

/// A conversation whose end is to be learnt.
package enum Demonstration: Hashable, Sendable {
  /// The assistant's last turn is learnt.
  case conversation(role: TutorRole, [Message])
  /// The critique of a response, in a turn that a lead-in opens, is learnt.
  case critique(
    role: TutorRole,
    prompt: [Message],
    response: String,
    critique: String,
    leadIn: String
  )

  /// What is demonstrated.
  package var role: TutorRole {
    switch self {
    case .conversation(let role, _), .critique(let role, _, _, _, _): role
    }
  }
}

/// How good the demonstrations are, and with them the model that learns from them.
package struct TutorStrength: Codable, Hashable, Sendable {
  /// The most steps that a demonstrated task has.
  package var steps: Int
  /// The share of demonstrations with one slip, carried through to the end.
  package var slips: Double
  /// The share of demonstrations whose conclusion is turned round.
  package var verdictNoise: Double
  /// How often a task of a misconception is misread, always in the same way: votes cannot mend that.
  package var misconceptions: Double

  /// Makes a strength.
  ///
  /// - Precondition: At least one step, and shares from 0 to 1.
  package init(
    steps: Int = 2,
    slips: Double = 0.1,
    verdictNoise: Double = 0.05,
    misconceptions: Double = 0
  ) {
    precondition(steps > 0, "\(steps) steps")
    precondition(
      [slips, verdictNoise, misconceptions].allSatisfy { (0...1).contains($0) },
      "no shares"
    )
    self.steps = steps
    self.slips = slips
    self.verdictNoise = verdictNoise
    self.misconceptions = misconceptions
  }
}

/// Demonstrates every role of a reward model on short tasks, with mistakes.
///
/// A model that learns from it can criticize, judge and revise, imperfectly: it has seen few steps
/// only, and some slips. Prompts are those of the corpus split, so none is in a test. Every
/// demonstration is a pure function of the Playground's seed and the index.
package struct PlaygroundTutor: Sendable {
  private let playground: Playground
  private let prompts: RolePrompts
  private let strength: TutorStrength

  // Indices of items that no corpus reaches.
  private static let firstItem = 1 << 32
  private static let itemCount = 1 << 30

  /// Makes a tutor.
  ///
  /// - Parameters:
  ///   - playground: Where tasks come from.
  ///   - prompts: How the roles are asked.
  ///   - strength: How good the demonstrations are.
  package init(
    _ playground: Playground,
    prompts: RolePrompts = .playground,
    strength: TutorStrength = TutorStrength()
  ) {
    self.playground = playground
    self.prompts = prompts
    self.strength = strength
  }

  /// Makes a demonstration.
  ///
  /// - Parameter index: Its place, from 0.
  /// - Returns: The demonstration, the same in every process.
  package func demonstration(_ index: Int) -> Demonstration {
    var random = random(index)
    let item = item(&random)
    switch role(&random) {
    case .answer: return answer(item, &random)
    case .critic: return critic(item, &random)
    case .judge: return judge(item, &random)
    case .letter: return letter(item, &random)
    case .rationale: return rationale(item, &random)
    case .rating: return rating(item, &random)
    case .merging: return merging(item, &random)
    case .revision: return revision(item, &random)
    }
  }

  /// The task that a demonstration is about.
  package func item(_ index: Int) -> PlaygroundItem {
    var random = random(index)
    return item(&random)
  }

  private func random(_ index: Int) -> PlaygroundRandom {
    PlaygroundRandom(
      seed: playground.configuration.seed ^ 0x5455_544F_52,
      split: .corpus,
      index: index
    )
  }

  private func role(_ random: inout PlaygroundRandom) -> TutorRole {
    var draw = random.below(TutorRole.allCases.map(\.percent).reduce(0, +))
    for role in TutorRole.allCases {
      draw -= role.percent
      if draw < 0 { return role }
    }
    return .answer
  }

  /// A task that is short enough; tasks without steps always are, so the search ends.
  private func item(_ random: inout PlaygroundRandom) -> PlaygroundItem {
    while true {
      let item = playground.item(.corpus, Self.firstItem + random.below(Self.itemCount))
      if item.facts.stepCount <= strength.steps { return item }
    }
  }

  private func happens(_ share: Double, _ random: inout PlaygroundRandom) -> Bool {
    random.happens(share)
  }

  /// What the tutor takes for true: the facts, misread where it has a misconception, and now and then
  /// with a slip.
  private func facts(_ item: PlaygroundItem, _ random: inout PlaygroundRandom) -> PlaygroundFacts {
    if strength.misconceptions > 0, let misread = item.misread(by: .student),
      happens(strength.misconceptions, &random)
    {
      return misread
    }
    return happens(strength.slips, &random) ? item.facts.slipped(&random) : item.facts
  }

  private func response(_ item: PlaygroundItem, _ random: inout PlaygroundRandom) -> String {
    random.isHeads() ? item.chosen : item.rejected
  }

  private func critique(_ facts: PlaygroundFacts, _ response: String, isRight: Bool) -> String {
    "\(facts.working(on: response)) \(isRight ? "it is right." : "it is wrong.")"
  }

  // MARK: Roles

  private func answer(
    _ item: PlaygroundItem,
    _ random: inout PlaygroundRandom
  ) -> Demonstration {
    let text = happens(strength.slips, &random) ? item.rejected : item.chosen
    return .conversation(role: .answer, [.user(item.prompt), .assistant(text)])
  }

  private func critic(
    _ item: PlaygroundItem,
    _ random: inout PlaygroundRandom
  ) -> Demonstration {
    let response = response(item, &random)
    let believed = facts(item, &random)
    let isRight = believed.isRight(response) != happens(strength.verdictNoise, &random)
    let score = random.pick(isRight ? [6, 7, 8, 8, 9, 9, 10] : [1, 1, 2, 2, 3, 3, 4, 5])
    let text = critique(believed, response, isRight: isRight)
    return .critique(
      role: .critic,
      prompt: [.user(item.prompt)],
      response: response,
      critique: prompts.stating(.init(critique: text, score: score)),
      leadIn: prompts.scoredCritiqueLeadIn
    )
  }

  /// Both responses in a random order, and the verdict that the believed facts give.
  private func shown(
    _ item: PlaygroundItem,
    _ facts: PlaygroundFacts,
    _ random: inout PlaygroundRandom
  ) -> (a: String, b: String, right: Verdict, believed: Verdict) {
    let isFirst = random.isHeads()
    let (a, b) = isFirst ? (item.chosen, item.rejected) : (item.rejected, item.chosen)
    let right: Verdict = isFirst ? .a : .b
    var believed = right
    switch (facts.isRight(a), facts.isRight(b)) {
    case (true, false): believed = .a
    case (false, true): believed = .b
    // Neither fits what is believed: the tutor guesses.
    default: believed = random.isHeads() ? .a : .b
    }
    if happens(strength.verdictNoise, &random) { believed = believed.exchanged }
    return (a, b, right, believed)
  }

  private func judge(
    _ item: PlaygroundItem,
    _ random: inout PlaygroundRandom
  ) -> Demonstration {
    let facts = facts(item, &random)
    let shown = shown(item, facts, &random)
    let text = facts.judgement(a: shown.a, b: shown.b, verdict: shown.believed)
    let asked = prompts.judge(
      prompt: [.user(item.prompt)],
      a: shown.a,
      b: shown.b,
      task: .chain
    )
    return .conversation(role: .judge, asked + [.assistant(text)])
  }

  private func letter(
    _ item: PlaygroundItem,
    _ random: inout PlaygroundRandom
  ) -> Demonstration {
    let shown = shown(item, facts(item, &random), &random)
    let asked = prompts.judge(
      prompt: [.user(item.prompt)],
      a: shown.a,
      b: shown.b,
      task: .token
    )
    return .conversation(role: .letter, asked + [.assistant(shown.believed.rawValue)])
  }

  private func rationale(
    _ item: PlaygroundItem,
    _ random: inout PlaygroundRandom
  ) -> Demonstration {
    let facts = facts(item, &random)
    let shown = shown(item, facts, &random)
    let asked = prompts.rationale(
      prompt: [.user(item.prompt)],
      a: shown.a,
      b: shown.b,
      better: shown.right
    )
    let text = facts.judgement(a: shown.a, b: shown.b, verdict: shown.right)
    return .conversation(role: .rationale, asked + [.assistant(text)])
  }

  private func rating(
    _ item: PlaygroundItem,
    _ random: inout PlaygroundRandom
  ) -> Demonstration {
    let response = response(item, &random)
    let isRight = item.isRight(response)
    let (text, ratings): (String, ClosedRange<Int>)
    switch random.below(4) {
    case 0:
      let slip = item.facts.slipped(&random)
      text = critique(slip, response, isRight: slip.isRight(response))
      let check = PlaygroundChecker.check(critique: text, of: item, response: response)
      // Few false claims and the right conclusion are not so bad.
      ratings = check.isTrue ? 8...10 : check.conclusionIsRight == true ? 4...5 : 1...3
    case 1: (text, ratings) = (critique(item.facts, response, isRight: !isRight), 1...3)
    default: (text, ratings) = (critique(item.facts, response, isRight: isRight), 8...10)
    }
    let isCareless = happens(strength.slips, &random)
    let rating = random.integer(isCareless ? 1...10 : ratings)
    let asked = prompts.rating(prompt: [.user(item.prompt)], response: response, critique: text)
    return .conversation(role: .rating, asked + [.assistant("\(rating)")])
  }

  private func merging(
    _ item: PlaygroundItem,
    _ random: inout PlaygroundRandom
  ) -> Demonstration {
    let response = response(item, &random)
    let count = random.integer(2...4)
    let exact = random.below(count)
    let critiques = (0..<count).map { place in
      let isSlip = place != exact && random.isHeads(percent: 35)
      let facts = isSlip ? item.facts.slipped(&random) : item.facts
      return critique(facts, response, isRight: facts.isRight(response))
    }
    let believed = facts(item, &random)
    let text = critique(believed, response, isRight: believed.isRight(response))
    let asked = prompts.merging(
      prompt: [.user(item.prompt)],
      response: response,
      critiques: critiques
    )
    return .conversation(role: .merging, asked + [.assistant(text)])
  }

  private func revision(
    _ item: PlaygroundItem,
    _ random: inout PlaygroundRandom
  ) -> Demonstration {
    let response = response(item, &random)
    let text = happens(strength.slips, &random) ? response : item.chosen
    let asked = prompts.revision(
      prompt: [.user(item.prompt)],
      response: response,
      critique: random.isHeads() ? item.critique(of: response) : nil
    )
    return .conversation(role: .revision, asked + [.assistant(text)])
  }
}

extension Playground {
  /// Pairs to choose settings by: drawn like training's, and none of them trained on.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - trainCount: How many training pairs there are; validation follows behind them.
  /// - Returns: Items of the training split whose prompts are not among the first `trainCount`.
  /// - Precondition: Neither count is negative.
  package func validation(count: Int, behind trainCount: Int) -> [PlaygroundItem] {
    precondition(min(count, trainCount) >= 0, "counts below 0")
    let trained = Set((0..<trainCount).map { item(.train, $0).prompt })
    var result: [PlaygroundItem] = []
    var index = trainCount
    while result.count < count {
      let item = item(.train, index)
      if !trained.contains(item.prompt) { result.append(item) }
      index += 1
    }
    return result
  }
}
