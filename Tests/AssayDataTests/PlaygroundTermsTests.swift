import AssayData
import Testing

/// Worlds in which the papers' reasons can occur: held-out kinds, taste, misconceptions, teachers.
@Suite struct PlaygroundTermsTests {
  private let fair: Playground = {
    var configuration = PlaygroundConfiguration(seed: 3)
    configuration.holdsOut = true
    configuration.taste = 0.25
    return Playground(configuration)
  }()

  private func items(_ split: PlaygroundSplit, _ count: Int = 400) -> [PlaygroundItem] {
    (0..<count).map { fair.item(split, $0) }
  }

  /// What a request asks for, or what a question is about.
  private func contents(_ items: [PlaygroundItem]) -> Set<String> {
    Set(
      items.compactMap { item in
        switch item.facts {
        case .topic(let name): name
        case .request(let deed, _): deed
        default: nil
        }
      }
    )
  }

  @Test("kinds and contents of the unseen split are in no other, and as long as training's")
  func heldOut() {
    let (train, test, unseen) = (items(.train), items(.test), items(.unseen))
    let reasoning = Set(unseen.filter { $0.section == .reasoning }.map(\.kind))
    #expect(reasoning == [.holder, .comparing, .quantity])
    for known in [train, test, items(.ood)] {
      #expect(Set(known.map(\.kind)).isDisjoint(with: [.holder, .comparing]))
      #expect(contents(known).isDisjoint(with: contents(unseen)))
      #expect(Set(known.map(\.prompt)).isDisjoint(with: unseen.map(\.prompt)))
    }
    // Some contents are the test's alone.
    #expect(!contents(test).subtracting(contents(items(.train, 4000))).isEmpty)
    func steps(_ items: [PlaygroundItem]) -> Set<Int> {
      Set(
        items.compactMap { item in
          if case .quantity(_, let changes) = item.facts { changes.count } else { nil }
        }
      )
    }
    #expect(steps(train) == Set(1...6) && steps(unseen).isSubset(of: 1...6))
    #expect(steps(items(.ood)) == [7, 8])
    // The language model has read everything.
    let corpus = Set(items(.corpus).map(\.kind))
    #expect(corpus == Set(PlaygroundKind.allCases))
    #expect(fair.item(id: "unseen-7") == unseen[7])
  }

  @Test("a quarter of training and test pairs is labelled by taste: both responses are right")
  func taste() {
    for split in [PlaygroundSplit.train, .test] {
      let items = items(split, 800)
      let tasted = items.filter(\.isTaste)
      #expect((0.2...0.3).contains(Double(tasted.count) / 800))
      #expect(Set(tasted.map(\.section)) == Set(PlaygroundSection.allCases))
      for item in items {
        #expect(item.isRight(item.chosen) && item.isRight(item.rejected) == item.isTaste)
        #expect(item.chosen != item.rejected)
      }
    }
    #expect(!items(.unseen).contains(where: \.isTaste) && !items(.ood).contains(where: \.isTaste))
  }

  @Test("without these settings items are as they were")
  func plain() {
    var configuration = PlaygroundConfiguration(seed: 3)
    configuration.taste = 0.25
    let (tasteful, plain) = (
      Playground(configuration), Playground(PlaygroundConfiguration(seed: 3))
    )
    for index in 0..<200 {
      let (one, other) = (tasteful.item(.train, index), plain.item(.train, index))
      #expect(one.prompt == other.prompt && one.facts == other.facts)
      if !one.isTaste { #expect(one == other) }
    }
  }

  @Test("a misconception misreads a fixed part of tasks, always in the same way")
  func misconceptions() {
    let items = items(.train, 800) + items(.unseen, 800)
    for reader in [PlaygroundMisreader.student, .teacher] {
      let misread = items.filter { $0.misread(by: reader) != nil }
      let share = Double(misread.count) / Double(items.count)
      #expect((0.15...0.6).contains(share), "\(share)")
      #expect(Set(misread.map(\.kind)) == Set(PlaygroundKind.allCases))
      for item in misread {
        #expect(item.misread(by: reader) != item.facts)
        #expect(item.misread(by: reader) == item.misread(by: reader))
      }
    }
    // Their misconceptions are not the same.
    #expect(
      items.contains { $0.misread(by: .student) != nil && $0.misread(by: .teacher) == nil }
    )
    // Changes by some verbs are read the wrong way round, others are not.
    var turned = 0
    for item in items {
      guard case .quantity(let start, let changes) = item.facts,
        case .quantity(start, let read)? = item.misread(by: .student)
      else { continue }
      let moves = item.prompt.split(separator: ".").dropFirst().prefix(changes.count)
      for (place, move) in moves.enumerated() {
        let isMisread = [" loses ", " throws ", " finds ", " wins "].contains { move.contains($0) }
        #expect(read[place] == (isMisread ? -changes[place] : changes[place]), "\(move)")
        turned += isMisread ? 1 : 0
      }
    }
    #expect(turned > 20)
  }

  @Test("the tutor misreads as often as asked for, and its judgements follow from it")
  func tutor() {
    let strength = TutorStrength(steps: 6, slips: 0, verdictNoise: 0, misconceptions: 1)
    let (wrong, right) = (
      PlaygroundTutor(fair, strength: strength),
      PlaygroundTutor(fair, strength: TutorStrength(steps: 6, slips: 0, verdictNoise: 0))
    )
    var (same, different) = (0, 0)
    for index in 0..<400 where wrong.demonstration(index).role == .critic {
      let isMisread = wrong.item(index).misread(by: .student) != nil
      if case .critique(_, _, _, let text, _) = wrong.demonstration(index),
        case .critique(_, _, _, let exact, _) = right.demonstration(index), !isMisread
      {
        same += text == exact ? 1 : 0
      } else {
        different += 1
      }
    }
    #expect(same > 20 && different > 20)
  }

  @Test("a teacher's conclusions are as good as its strength says, and it words them in many ways")
  func teachers() throws {
    let items = (0..<600).map { Playground(PlaygroundConfiguration(seed: 3)).item(.train, $0) }
    func accuracy(_ strength: TeacherStrength) -> Double {
      PlaygroundTeacher(seed: 1, strength: strength).accuracy(items)
    }
    #expect(accuracy(.exact) == 1)
    let noisy = TeacherStrength(slips: 0, verdictNoise: 0.2, misconceptions: 0, paraphrases: 6)
    // Right with 0.8 of each response: 0.8 as the mean of both.
    #expect(abs(accuracy(noisy) - 0.8) < 0.03)
    let stronger = TeacherStrength(
      slips: 0.1,
      verdictNoise: 0.05,
      misconceptions: 0.1,
      paraphrases: 6
    )
    #expect((0.84...0.93).contains(accuracy(stronger)))
    let equal = stronger.weakened(to: 0.67, on: items, seed: 1)
    #expect(abs(accuracy(equal) - 0.67) < 0.02)
    // Somebody worse is not made better.
    #expect(noisy.weakened(to: 0.9, on: items, seed: 1) == noisy)

    let exact = PlaygroundTeacher(seed: 1, strength: .exact)
    #expect(items.allSatisfy { exact.critique(of: $0, $0.chosen) == $0.chosenCritique })
    let wordy = PlaygroundTeacher(
      seed: 1,
      strength: TeacherStrength(slips: 0, verdictNoise: 0, misconceptions: 0, paraphrases: 6)
    )
    let endings = Set(
      items.map { wordy.critique(of: $0, $0.chosen).split(separator: " ").suffix(2).joined() }
    )
    #expect(endings.isSuperset(of: ["isright.", "theanswer.", "isgood."]), "\(endings)")
    // The same critique each time, and another one for another teacher.
    #expect(wordy.critique(of: items[0], "x") == wordy.critique(of: items[0], "x"))
  }
}
