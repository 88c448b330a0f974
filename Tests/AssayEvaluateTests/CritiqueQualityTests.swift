import AssayBase
import AssayEvaluate
import Foundation
import Testing

@Suite struct ArithmeticClaimTests {
  @Test(
    "equations are found and calculated again",
    arguments: [
      ("start with 24. 24 + 2 = 26. 26 + 8 = 35.", ["24 + 2 = 26": true, "26 + 8 = 35": false]),
      ("So 3 \u{00d7} 4 = 2 * 6 = 12 apples", ["3 * 4 = 2 * 6": true, "2 * 6 = 12": true]),
      (
        "- 10 / 4 = 2.5, and $1,200 - $200 = $1,000",
        ["10 / 4 = 2.5": true, "1,200 - 200 = 1,000": true]
      ),
      (
        "(2 x 3 = 7) but 1 / 3 = 0.33 and 2 / 3 = 0.66",
        ["2 * 3 = 7": false, "1 / 3 = 0.33": true, "2 / 3 = 0.66": false]
      ),
      // Rounding to whole numbers is an error; letters and mixed numbers say nothing.
      ("7 / 2 = 4", ["7 / 2 = 4": false]), ("2x + 3 = 7 and x = 5 and 3 + 1/2 = 3 1/2", [:]),
      ("25 / 100 = 25%", ["25 / 100 = 25%": true]), ("the answer = 5; a == b", [:]),
    ]
  )
  func claims(text: String, expected: [String: Bool]) {
    let claims = ArithmeticClaim.all(in: text)
    #expect(Dictionary(claims.map { ($0.text, $0.isRight) }) { $1 } == expected)
  }
}

@Suite struct SentenceTests {
  @Test("sentences end at points before white space and at line ends, not inside numbers")
  func ranges() {
    let text = " It has 3.5 left. Is it?\n\n- no\nend "
    let found = Sentences.ranges(of: text).map { String(text[$0]) }
    #expect(found == ["It has 3.5 left.", "Is it?", "- no", "end"])
    #expect(Sentences.ranges(of: " \n").isEmpty)
  }
}

@Suite struct CritiqueQualityTests {
  private let folder = TestFolder()

  /// A benchmark of pairs with prompts of their own.
  private func benchmark(_ count: Int) throws -> any Benchmark {
    let rows = (0..<count).map {
      #"{"id": "i\#($0)", "prompt": "q\#($0)", "chosen": "good", "rejected": "bad"}"#
    }
    return try BenchmarkCatalogue.load("pairs", path: try folder.file(rows.joined(separator: "\n")))
  }

  private func record(_ index: Int, _ chosen: Double, _ texts: [String]) -> BenchmarkRecord {
    BenchmarkRecord(
      id: "i\(index)",
      content: .scores(BenchmarkScores(chosen: [chosen], rejected: [0])),
      texts: texts.enumerated().map { RecordedText(place: $0, text: $1, score: 0) }
    )
  }

  // Texts tell the label in all items; scores are wrong in every fourth: 60 of 80 right, and where they
  // contradict the texts, always wrong.
  @Test(
    "texts that tell the label are seen, with the sentence that does, and what contradicts them"
  )
  func leak() throws {
    let benchmark = try benchmark(80)
    let fillers = ["it reads the list", "the numbers are there", "we look at it"]
    let records = (0..<80).map { index in
      let filler = fillers[index % 3]
      return record(
        index,
        index.isMultiple(of: 4) ? -1 : 1,
        ["It holds up. \(filler).", "That fails here. \(filler)."]
      )
    }
    let quality = try #require(try CritiqueQuality(benchmark.items, records))
    #expect(quality.figures.textAlone?.share == 1 && quality.figures.scoreBeside?.share == 0.75)
    #expect(
      quality.figures.contradictions?.share == 0.25 && quality.figures.scoreRightThere?.share == 0
    )
    #expect(quality.contradicts.indices.filter { quality.contradicts[$0] }.count == 20)
    let decided = quality.deciding[1].enumerated().map { place, range in
      range.map { String(records[1].texts[place].text[$0]) }
    }
    #expect(decided == ["It holds up.", "That fails here."])
  }

  @Test("texts that tell nothing are not told from chance")
  func nothing() throws {
    let benchmark = try benchmark(400)
    var random = SeededRandom(3)
    let words = ["one", "two", "three", "four", "five", "six", "seven"]
    let records = (0..<400).map { index in
      record(
        index,
        1,
        (0..<2).map { _ in
          (0..<6).map { _ in words[random.below(words.count)] }.joined(separator: " ")
        }
      )
    }
    let alone = try #require(try CritiqueQuality(benchmark.items, records)?.figures.textAlone)
    #expect(alone.ci95[0] < 0.5 && alone.ci95[1] > 0.5)
    // Of few prompts nothing is learnt, and the last sentence decides.
    let few = try #require(
      try CritiqueQuality(Array(benchmark.items.prefix(5)), Array(records.prefix(5)))
    )
    #expect(few.figures.textAlone == nil && few.figures.texts == 10)
    #expect(few.deciding[0][0] != nil)
  }

  @Test("judgements that end with a mark tell the letter, whichever response is called A")
  func judgements() throws {
    let benchmark = try benchmark(40)
    let records = (0..<40).map { index in
      BenchmarkRecord(
        id: "i\(index)",
        content: .verdicts([.chosen, .rejected]),
        texts: [
          RecordedText(place: 0, order: 0, text: "Both are fine. So [[A]]", verdict: .chosen),
          RecordedText(place: 0, order: 1, text: "Both are fine. So [[A]]", verdict: .rejected),
        ]
      )
    }
    let figures = try #require(try CritiqueQuality(benchmark.items, records)?.figures)
    // The same letter in both orders is right once in two.
    #expect(figures.scoreBeside?.share == 0.5 && figures.texts == 80)
  }

  @Test(
    "the marked step is named by its place, or by what it shares with the sentence of the fault"
  )
  func steps() {
    let steps = ["He has 12 pears.", "He buys 5, so 18.", "He eats 3, so 15."]
    #expect(NamedErrors.step(in: "Step 2 is wrong.", of: steps) == 1)
    #expect(NamedErrors.step(in: "There is an error in the third line.", of: steps) == 2)
    #expect(NamedErrors.step(in: "The 1st sentence is incorrect.", of: steps) == 0)
    #expect(
      NamedErrors.step(in: "He has 12 pears, right. Buys 5 gives 17, not 18.", of: steps) == 1
    )
    #expect(NamedErrors.step(in: "Step 9 is wrong.", of: steps) == nil)
    #expect(NamedErrors.step(in: "All is well.", of: steps) == nil)
  }

  // Two items with a step of three marked: one critique names it, one another: 1 of 2, by chance 1/3.
  // Reasons: each text repeats its own item's reason, so that all are nearer to it.
  @Test("rows with marked errors say how often critiques name step and reason")
  func marked() throws {
    let reasons = [
      "subtracts where it should multiply", "forgot the discount", "took miles for hours",
    ]
    let rows = reasons.enumerated().map { index, reason in
      let step = index < 2 ? #", "error_step": 1"# : ""
      return #"{"id": "i\#(index)", "prompt": "q\#(index)", "chosen": "yes", "#
        + #""rejected": "one 1\nmany 2\nmuch 3", "error": "\#(reason)"\#(step)}"#
    }
    let benchmark = try BenchmarkCatalogue.load(
      "errors",
      path: try folder.file(rows.joined(separator: "\n"))
    )
    #expect(benchmark.items[0].error?.steps == ["one 1", "many 2", "much 3"])
    let records = reasons.enumerated().map { index, reason in
      record(index, 1, ["fine", "Step \(index + 2) is wrong: \(reason)"])
    }
    let figures = try #require(try CritiqueQuality(benchmark.items, records)?.figures)
    #expect(figures.namesStep?.share == 0.5 && figures.namesStep?.n == 2)
    #expect(isClose(figures.namesStepByChance, 1.0 / 3))
    #expect(figures.namesReason?.share == 1 && figures.namesReason?.n == 3)
    let said = sentence {
      _ = try BenchmarkCatalogue.load(
        "errors",
        path: try folder.file(#"{"prompt": "q", "chosen": "a", "rejected": "b", "error_step": 3}"#)
      )
    }
    #expect(said.contains("'error_step' must be one of the 1 steps, from 0, found 3"))
  }

  @Test("published files with marked errors are read as they are")
  func published() throws {
    let dial =
      #"{"qid": 1, "question": "q", "ground_truth": "5", "student_incorrect_solution": "4", "#
      + #""teacher_described_confusion": "adds too little"}"#
    let shepherd =
      #"{"id": 0, "dataset": "GSM8K", "latestLabel": {"jsonResponse": {"CLASSIFICATION_JOB_0": "#
      + #"{"categories": [{"name": "X", "children": {"J": {"text": "off by one"}}}]}}}, "#
      + #""metadata": {"context": "c", "output_correct": "r", "output_candidate": "w"}}"#
    let items = try [dial, shepherd].map {
      try BenchmarkCatalogue.load("errors", path: try folder.file($0)).items[0]
    }
    #expect(items.map { $0.error?.reason } == ["adds too little", "off by one"])
    #expect(items.map(\.chosen) == [["5"], ["r"]] && items.map(\.rejected) == [["4"], ["w"]])
    #expect(items[1].subset == "GSM8K")
  }
}
