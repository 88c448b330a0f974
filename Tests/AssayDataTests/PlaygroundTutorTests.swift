import AssayData
import AssayText
import Testing

@Suite struct PlaygroundTutorTests {
  private let playground = Playground(PlaygroundConfiguration(seed: 9))
  private let prompts = RolePrompts.playground

  private func demonstrations(_ strength: TutorStrength, _ count: Int = 1500) -> [Demonstration] {
    let tutor = PlaygroundTutor(playground, strength: strength)
    return (0..<count).map(tutor.demonstration)
  }

  @Test("an exact judgement claims nothing false and prefers the right response, in both orders")
  func exactJudgements() {
    for index in 0..<400 {
      let item = playground.item(.test, index)
      for (a, b, verdict) in [
        (item.chosen, item.rejected, Verdict.a), (item.rejected, item.chosen, .b),
      ] {
        let text = item.judgement(a: a, b: b)
        let check = PlaygroundChecker.check(judgement: text, of: item, a: a, b: b)
        #expect(check.falseClaims.isEmpty, "\(item.id): \(text) \(check.falseClaims)")
        #expect(check.claims >= 4, "\(text)")
        #expect(check.conclusionIsRight == true)
        #expect(RolePrompts.verdict(in: text) == verdict)
      }
    }
  }

  @Test("a judgement of the other order is found out")
  func exchangedJudgements() {
    for index in 0..<40 {
      let item = playground.item(.test, index)
      let text = item.judgement(a: item.chosen, b: item.rejected)
      let check = PlaygroundChecker.check(
        judgement: text,
        of: item,
        a: item.rejected,
        b: item.chosen
      )
      #expect(!check.falseClaims.isEmpty, "\(text)")
      #expect(check.conclusionIsRight == false)
    }
  }

  @Test("roles are demonstrated as often as they should be, the same in every run")
  func shares() {
    let all = demonstrations(TutorStrength(), 4000)
    let counts = Dictionary(grouping: all, by: \.role).mapValues { Double($0.count) / 40 }
    for (role, percent) in [
      (TutorRole.answer, 15.0), (.critic, 25), (.judge, 25), (.letter, 5), (.rationale, 10),
      (.rating, 10), (.merging, 5), (.revision, 5),
    ] { #expect(abs((counts[role] ?? 0) - percent) < 3, "\(role): \(counts[role] ?? 0)") }
    #expect(Array(all.prefix(50)) == demonstrations(TutorStrength(), 50))
  }

  /// Turns of the user's prompt in a demonstration.
  private func prompt(_ demonstration: Demonstration) -> String? {
    switch demonstration {
    case .critique(_, let prompt, _, _, _): prompt.first?.content
    case .conversation(.answer, let turns), .conversation(.rating, let turns),
      .conversation(.merging, let turns), .conversation(.revision, let turns):
      turns.first?.content
    case .conversation: nil
    }
  }

  @Test("no demonstrated prompt is trained or tested on")
  func splits() {
    let splits: [PlaygroundSplit] = [.train, .test, .ood]
    let held = Set(splits.flatMap { split in (0..<2000).map { playground.item(split, $0).prompt } })
    let shown = demonstrations(TutorStrength()).compactMap(prompt)
    #expect(shown.count > 800)
    #expect(shown.allSatisfy { !held.contains($0) })
  }

  /// Critiques with their stated scores taken off, and whether the tutor calls the response right.
  private func critiques(_ strength: TutorStrength) -> [(text: String, score: Int)] {
    demonstrations(strength).compactMap { demonstration in
      guard case .critique(_, _, _, let critique, let leadIn) = demonstration else { return nil }
      #expect(leadIn == prompts.scoredCritiqueLeadIn)
      return prompts.scoredCritique(in: critique).map { ($0.critique, $0.score) }
    }
  }

  @Test("a stated score agrees with the conclusion")
  func scores() {
    let all = critiques(TutorStrength(steps: 3, slips: 0.3, verdictNoise: 0.2))
    #expect(all.count > 300)
    for (text, score) in all {
      #expect(text.hasSuffix("it is right.") == (score >= 6), "\(text) \(score)")
    }
  }

  @Test("steps are few, and slips as many as asked for", arguments: [0.0, 0.4])
  func slips(share: Double) {
    let strength = TutorStrength(steps: 2, slips: share, verdictNoise: 0)
    var (wrong, count) = (0, 0)
    for demonstration in demonstrations(strength, 3000) {
      guard case .conversation(.judge, let turns) = demonstration,
        let text = turns.last?.content
      else { continue }
      #expect(text.count { $0 == "=" } <= 2, "\(text)")
      count += 1
      let saysBoth = ["it is right", "it is wrong"].allSatisfy(text.contains)
      // Without slips exactly one response is right and the other wrong.
      if share == 0 { #expect(saysBoth, "\(text)") }
      if !saysBoth { wrong += 1 }
    }
    #expect(count > 600)
    // Slips of numbers rarely hit the wrong response: most leave none right.
    if share > 0 { #expect(Double(wrong) / Double(count) > share / 3) }
  }

  @Test("a rationale gives the verdict that was told")
  func rationales() {
    var count = 0
    for demonstration in demonstrations(TutorStrength(steps: 2, slips: 0.5, verdictNoise: 0.5)) {
      guard case .conversation(.rationale, let turns) = demonstration, turns.count == 2 else {
        continue
      }
      let told: Verdict = turns[0].content.contains(" A is better. why ?") ? .a : .b
      #expect(RolePrompts.verdict(in: turns[1].content) == told)
      count += 1
    }
    #expect(count > 100)
  }

  @Test("ratings are numbers from 1 to 10, high and low")
  func ratings() {
    let ratings = demonstrations(TutorStrength(slips: 0)).compactMap { demonstration -> Int? in
      guard case .conversation(.rating, let turns) = demonstration else { return nil }
      return RolePrompts.rating(in: turns.last?.content ?? "")
    }
    #expect(ratings.count > 100)
    #expect(ratings.contains { $0 >= 8 } && ratings.contains { $0 <= 3 })
  }

  @Test("validation items are training's kind, and none of training's prompts")
  func validation() {
    let items = playground.validation(count: 60, behind: 200)
    let trained = Set((0..<200).map { playground.item(.train, $0).prompt })
    #expect(items.count == 60)
    #expect(items.allSatisfy { !trained.contains($0.prompt) && $0.id.hasPrefix("train-") })
    for item in items { #expect(playground.item(id: item.id) == item) }
  }
}

@Suite struct PairTutorTests {
  @Test("pairs with an oracle's critiques demonstrate every role")
  func roles() {
    let playground = Playground(PlaygroundConfiguration(seed: 3))
    let pairs = (0..<20).map { playground.item(.train, $0).pair }
    let tutor = PairTutor(pairs, prompts: .playground, seed: 1)
    let all = (0..<600).map(tutor.demonstration)
    #expect(Set(all.map(\.role)) == Set(TutorRole.allCases))
    #expect(all.prefix(20).elementsEqual((0..<20).map(tutor.demonstration)))
    for case .conversation(.judge, let turns) in all {
      #expect(RolePrompts.verdict(in: turns.last?.content ?? "") != nil)
    }
  }
}

@Suite struct RolePromptsTests {
  @Test("what a user writes is never taken for a place of the template")
  func places() {
    let turns = RolePrompts.playground.judge(
      prompt: [.user("{a} {b}")],
      a: "{b}",
      b: "{prompt}",
      task: .chain
    )
    #expect(
      turns == [.user("question : {a} {b} answer A : {b} answer B : {prompt} which is better ?")]
    )
  }

  @Test("longer conversations are shown with their speakers")
  func conversations() {
    let turns = RolePrompts.playground.judge(
      prompt: [.user("hi"), .assistant("yes?"), .user("go")],
      a: "1",
      b: "2",
      task: .token
    )
    #expect(turns[0].content.contains("question : user: hi\nassistant: yes?\nuser: go answer A"))
  }

  @Test("ratings are whole numbers from 1 to 10")
  func ratings() {
    #expect(RolePrompts.rating(in: " 7\n") == 7)
    #expect(RolePrompts.rating(in: "10/10.") == 10)
    for text in ["", "0", "11", "seven", "7 of 10", "7.5"] {
      #expect(RolePrompts.rating(in: text) == nil, "\(text)")
    }
  }

  @Test("RLHFlow's pair model is asked in its own words")
  func pairPreference() {
    let asked = RolePrompts.pairPreference.judge(
      prompt: [.user("Q?")],
      a: "x",
      b: "y",
      task: .token
    )
    let words = "[CONTEXT] \n\n<turn> user\n Q?\n [RESPONSE A] x [RESPONSE B] y \n"
    #expect(asked == [.user(words)])
  }

  @Test("all sets of wording have every place that is filled")
  func wording() {
    for prompts in RolePrompts.known {
      for place in ["{prompt}", "{a}", "{b}"] { #expect(prompts.comparison.contains(place)) }
      #expect(prompts.rationaleQuestion.contains("{verdict}"))
      #expect(prompts.rating.contains("{critique}"))
      #expect(prompts.merging.contains("{critiques}"))
      #expect(prompts.guidedRevision.contains("{critique}"))
      #expect(RolePrompts.named(prompts.name) == prompts)
    }
  }
}

@Suite struct DecidedPairTests {
  private func pair(_ probability: Double?) -> PreferencePair {
    PreferencePair(
      id: "1",
      prompt: [.user("?")],
      chosen: "a",
      rejected: "b",
      chosenCritique: "of a",
      rejectedCritique: "of b",
      margin: 2,
      probability: probability
    )
  }

  @Test("the likelier response is the chosen one, and a tie is none")
  func decided() {
    #expect(pair(nil).decided == pair(nil))
    #expect(pair(0.8).decided == pair(0.8))
    #expect(pair(0.5).decided == nil)
    let exchanged = pair(0.25).decided
    #expect(exchanged?.chosen == "b" && exchanged?.rejected == "a")
    #expect(exchanged?.chosenCritique == "of b" && exchanged?.rejectedCritique == "of a")
    #expect(exchanged?.probability == 0.75 && exchanged?.margin == -2)
  }
}
