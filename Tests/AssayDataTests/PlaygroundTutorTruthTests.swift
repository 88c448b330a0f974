import AssayData
import AssayText
import Testing

/// What the tutor demonstrates, against what is true of the tasks.
@Suite struct PlaygroundTutorTruthTests {
  private let playground = Playground(PlaygroundConfiguration(seed: 9))
  private let prompts = RolePrompts.playground

  private struct Checked {
    var role: TutorRole
    var kind: PlaygroundKind
    var text: String
    var check: CritiqueCheck
    /// Whether a judge is shown the right response first, `nil` for critics.
    var isRightFirst: Bool?
  }

  /// The critiques and judgements among demonstrations, checked.
  private func checked(_ strength: TutorStrength, _ count: Int) throws -> [Checked] {
    let tutor = PlaygroundTutor(playground, strength: strength)
    return try (0..<count).compactMap { index in
      let item = tutor.item(index)
      let demonstration = tutor.demonstration(index)
      let (text, check, isRightFirst): (String, CritiqueCheck, Bool?)
      switch demonstration {
      case .critique(_, let prompt, let response, let critique, _):
        #expect(prompt == [.user(item.prompt)])
        #expect([item.chosen, item.rejected].contains(response))
        text = try #require(prompts.scoredCritique(in: critique)).critique
        check = PlaygroundChecker.check(critique: text, of: item, response: response)
        // What states a score reads as what does not.
        #expect(PlaygroundChecker.check(critique: critique, of: item, response: response) == check)
        isRightFirst = nil
      case .conversation(let role, let turns):
        guard [.judge, .rationale].contains(role) else { return nil }
        text = try #require(turns.last).content
        let asked = try #require(turns.first).content
        let isFirst = asked.contains("answer A : \(item.chosen) answer B : \(item.rejected)")
        let isSecond = asked.contains("answer A : \(item.rejected) answer B : \(item.chosen)")
        #expect(isFirst != isSecond, "\(asked)")
        let (a, b) = isFirst ? (item.chosen, item.rejected) : (item.rejected, item.chosen)
        check = PlaygroundChecker.check(judgement: text, of: item, a: a, b: b)
        isRightFirst = isFirst
      }
      return Checked(
        role: demonstration.role,
        kind: item.kind,
        text: text,
        check: check,
        isRightFirst: isRightFirst
      )
    }
  }

  private func share(_ rows: [Checked], where isMet: (Checked) -> Bool) -> Double {
    Double(rows.count(where: isMet)) / Double(max(1, rows.count))
  }

  @Test("a tutor without slips demonstrates nothing false")
  func exact() throws {
    let rows = try checked(TutorStrength(steps: 3, slips: 0, verdictNoise: 0), 2500)
    #expect(rows.count > 1200)
    for row in rows { #expect(row.check.isTrue, "\(row.text) \(row.check)") }
    #expect(Set(rows.map(\.kind)) == Set(PlaygroundKind.allCases))
  }

  @Test("every slip is a false claim")
  func slips() throws {
    let rows = try checked(TutorStrength(steps: 4, slips: 1, verdictNoise: 0), 2500)
    for row in rows {
      #expect(!row.check.falseClaims.isEmpty, "\(row.kind): \(row.text)")
    }
    #expect(Set(rows.map(\.kind)) == Set(PlaygroundKind.allCases))
  }

  @Test("a slip never takes the working below zero")
  func negatives() {
    let strength = TutorStrength(steps: 6, slips: 1, verdictNoise: 0)
    let tutor = PlaygroundTutor(playground, strength: strength)
    for index in 0..<20_000 {
      guard case .conversation(.judge, let turns) = tutor.demonstration(index) else { continue }
      let text = turns.last?.content ?? ""
      #expect(!text.contains("= -"), "\(text)")
    }
  }

  @Test("as many slips and turned conclusions are demonstrated as asked for")
  func shares() throws {
    let slipped = try checked(TutorStrength(slips: 0.3, verdictNoise: 0), 4000)
    #expect(abs(share(slipped) { !$0.check.falseClaims.isEmpty } - 0.3) < 0.04)
    let noisy = try checked(TutorStrength(slips: 0, verdictNoise: 0.2), 4000)
    #expect(noisy.allSatisfy { $0.check.falseClaims.isEmpty })
    for role in [TutorRole.critic, .judge] {
      let rows = noisy.filter { $0.role == role }
      #expect(abs(share(rows) { $0.check.conclusionIsRight == false } - 0.2) < 0.05, "\(role)")
    }
  }

  @Test("the right response is shown first as often as second, and no letter is preferred")
  func order() throws {
    let rows = try checked(TutorStrength(), 4000).filter { $0.role == .judge }
    #expect(rows.count > 800)
    #expect(abs(share(rows) { $0.isRightFirst == true } - 0.5) < 0.05)
    #expect(abs(share(rows) { $0.check.conclusion == true } - 0.5) < 0.05)
  }

  @Test("a rating is high for true critiques, low for wrong conclusions, between them otherwise")
  func ratings() throws {
    let tutor = PlaygroundTutor(playground, strength: TutorStrength(slips: 0))
    var kinds: Set<Int> = []
    for index in 0..<3000 {
      guard case .conversation(.rating, let turns) = tutor.demonstration(index) else { continue }
      let item = tutor.item(index)
      #expect(turns.count == 4)
      let asked = turns[2].content
      let opening = prompts.rating.components(around: "{critique}")
      let critique = String(asked.dropFirst(opening.0.count).dropLast(opening.1.count))
      let check = PlaygroundChecker.check(
        critique: critique,
        of: item,
        response: turns[1].content
      )
      let rating = try #require(RolePrompts.rating(in: turns[3].content))
      let expected =
        check.isTrue ? 8...10 : check.conclusionIsRight == false ? 1...3 : 4...5
      #expect(expected.contains(rating), "\(rating): \(critique)")
      kinds.insert(expected.lowerBound)
    }
    #expect(kinds == [1, 4, 8])
  }

  @Test("a merged critique is exact, and one of the merged ones is")
  func merging() throws {
    let tutor = PlaygroundTutor(playground, strength: TutorStrength(slips: 0, verdictNoise: 0))
    var count = 0
    for index in 0..<2000 {
      guard case .conversation(.merging, let turns) = tutor.demonstration(index) else { continue }
      let exact = tutor.item(index).critique(of: turns[1].content)
      #expect(turns.last?.content == exact)
      #expect(turns[2].content.contains(exact))
      count += 1
    }
    #expect(count > 60)
  }

  @Test("an answer and a revision are right where nothing slips")
  func answers() {
    let tutor = PlaygroundTutor(playground, strength: TutorStrength(slips: 0))
    var guided = 0
    var roles: [TutorRole: Int] = [:]
    for index in 0..<2000 {
      guard case .conversation(let role, let turns) = tutor.demonstration(index),
        [.answer, .revision].contains(role)
      else { continue }
      roles[role, default: 0] += 1
      #expect(turns.last?.content == tutor.item(index).chosen)
      if role == .revision, turns[2].content != prompts.revision {
        guided += 1
        #expect(turns[2].content.contains(tutor.item(index).critique(of: turns[1].content)))
      }
    }
    #expect(roles[.answer] ?? 0 > 200)
    let share = Double(guided) / Double(roles[.revision] ?? 1)
    #expect(abs(share - 0.5) < 0.2)
  }
}

extension String {
  /// The text before a place of a template and behind it.
  fileprivate func components(around place: String) -> (String, String) {
    guard let range = ranges(of: place).first else { return (self, "") }
    return (String(self[..<range.lowerBound]), String(self[range.upperBound...]))
  }
}
