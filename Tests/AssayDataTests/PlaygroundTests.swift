import AssayData
import AssayText
import Foundation
import Testing

@Suite struct PlaygroundTests {
  static let playground = Playground()

  static func items(_ split: PlaygroundSplit, _ count: Int) -> [PlaygroundItem] {
    (0..<count).map { playground.item(split, $0) }
  }

  @Test("an item depends on the seed, the split and the index alone")
  func deterministic() {
    let again = Playground(PlaygroundConfiguration(seed: 0))
    let other = Playground(PlaygroundConfiguration(seed: 1))
    for split in PlaygroundSplit.allCases {
      let items = Self.items(split, 200)
      #expect((0..<200).reversed().map { again.item(split, $0) } == items.reversed())
      #expect((0..<200).map { other.item(split, $0) }.map(\.prompt) != items.map(\.prompt))
    }
    #expect(again.item(id: "test-7") == again.item(.test, 7))
    for id in ["test-07", "test--1", "exam-7", "test", ""] { #expect(again.item(id: id) == nil) }
  }

  @Test("an item of a fixed seed stays the same from version to version")
  func pinned() {
    #expect(
      Self.playground.item(.train, 0).prompt == """
        at first gina has 24 shells. she wins 2 more. then bob gives her 8. \
        then she sells 3. she wins 5 more. bob takes 3 from her. how many \
        shells does gina have in the end?
        """
    )
  }

  @Test("the sections take turns, and every kind occurs")
  func sections() {
    let items = Self.items(.train, 400)
    #expect(
      items.prefix(5).map(\.section.rawValue)
        == ["Reasoning", "Chat Hard", "Chat", "Safety", "Reasoning"]
    )
    #expect(Set(items.map(\.kind)) == Set(PlaygroundKind.allCases))
  }

  @Test("no prompt is in two splits")
  func disjoint() {
    var owner: [String: PlaygroundSplit] = [:]
    for split in PlaygroundSplit.allCases {
      for item in Self.items(split, 3000) {
        #expect(owner[item.prompt, default: split] == split, "\(item.prompt)")
        owner[item.prompt] = split
      }
    }
  }

  @Test(
    "the chosen response is right and the rejected one wrong",
    arguments: PlaygroundSplit.allCases
  )
  func labels(split: PlaygroundSplit) {
    for item in Self.items(split, 4000) {
      #expect(item.isRight(item.chosen), "\(item)")
      #expect(!item.isRight(item.rejected), "\(item)")
    }
  }

  @Test("quantities in test have one to six steps, out of distribution seven or eight")
  func steps() {
    // One equation a step.
    func counts(_ split: PlaygroundSplit) -> Set<Int> {
      let items = Self.items(split, 2000).filter { $0.kind == .quantity }
      return Set(items.map { $0.solution.split(separator: "=").count - 1 })
    }
    #expect(counts(.test) == [1, 2, 3, 4, 5, 6])
    #expect(counts(.ood) == [7, 8])
  }

  @Test("near misses are above and below the right answer equally often")
  func direction() {
    let items = Self.items(.train, 8000).filter { $0.kind == .quantity }
    func number(_ text: String) -> Int { Int(text.filter(\.isNumber)) ?? 0 }
    let share =
      Double(items.count { number($0.rejected) > number($0.chosen) }) / Double(items.count)
    // About 1200 items: four standard errors are 0.058.
    #expect(abs(share - 0.5) < 0.058)
  }

  @Test("prompts, responses and critiques keep to their lengths")
  func lengths() {
    func count(_ text: String) -> Int { text.split(separator: " ").count }
    for split in PlaygroundSplit.allCases {
      for item in Self.items(split, 4000) {
        #expect((9...90).contains(count(item.prompt)), "\(item.prompt)")
        for response in [item.chosen, item.rejected] {
          #expect((1...18).contains(count(response)), "\(response)")
        }
        for critique in [item.chosenCritique, item.rejectedCritique] {
          #expect((8...70).contains(count(critique)), "\(critique)")
        }
      }
    }
  }

  @Test("the surface of reasoning responses does not give the label away")
  func surface() {
    func pairs(_ split: PlaygroundSplit, _ count: Int) -> [PreferencePair] {
      (0..<count).map { Self.playground.item(split, $0 * 4).pair }
    }
    let report = SurfaceBaselines.measure(training: pairs(.train, 3000), test: pairs(.test, 1000))
    #expect(report.length < 0.58)
    #expect(report.bagOfWords < 0.58)
  }

  @Test("the surface baselines find a label that the surface gives away")
  func surfaceFound() {
    let pairs = (0..<200).map { index in
      PreferencePair(
        id: "\(index)",
        prompt: [],
        chosen: "good \(index)",
        rejected: "a bad \(index)"
      )
    }
    let report = SurfaceBaselines.measure(training: pairs, test: pairs)
    #expect(report.length == 1)
    #expect(report.bagOfWords == 1)
  }
}

@Suite struct PlaygroundWriterTests {
  @Test("the files read back as the items, in their order")
  func readsBack() throws {
    let folder = try TemporaryFolder()
    let target = folder.url.appendingPathComponent("made")
    let counts = PlaygroundCounts(train: 40, test: 12, ood: 8, corpus: 16)
    try PlaygroundWriter.write(PlaygroundConfiguration(), counts, to: target)
    for (split, count) in [(PlaygroundSplit.train, 40), (.test, 12), (.ood, 8)] {
      let path = target.appendingPathComponent("\(split.rawValue).jsonl").path
      let pairs = try PairReader().read(path).pairs
      #expect(pairs == PlaygroundTests.items(split, count).map(\.pair))
    }
    let corpus = target.appendingPathComponent("corpus.jsonl")
    let lines = try String(contentsOf: corpus, encoding: .utf8).split(separator: "\n")
    #expect(lines.count == 16)
    let item = PlaygroundTests.playground.item(.corpus, 0)
    #expect(
      lines[0] == """
        {"messages":[{"role":"user","content":"\(item.prompt)"},\
        {"role":"assistant","content":"\(item.solution)"}]}
        """
    )
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: target.path).sorted()
        == ["corpus.jsonl", "ood.jsonl", "test.jsonl", "train.jsonl"]
    )
  }

  @Test("a folder that cannot be made is an error that names it")
  func unwritable() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(["x"])
    let target = URL(fileURLWithPath: file).appendingPathComponent("sub")
    let counts = PlaygroundCounts(train: 1, test: 1, ood: 1, corpus: 1)
    let error = #expect(throws: DataError.self) {
      try PlaygroundWriter.write(PlaygroundConfiguration(), counts, to: target)
    }
    #expect(error?.description.hasPrefix("\(target.path): cannot be written") == true)
  }
}
