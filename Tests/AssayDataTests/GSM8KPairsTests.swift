import AssayData
import AssayText
import Foundation
import Testing

@Suite struct GSM8KPairsTests {
  static let body =
    #"Ann has 3+4 = <<3+4=7>>7 pears.\nShe sells them for 7*5 = $<<7*5=35>>35.\n#### 35"#

  static func trainLine(_ question: String) -> String {
    #"{"question": "\#(question)", "answer": "\#(body)"}"#
  }

  static func testLine(_ question: String, _ solutions: [(isCorrect: Bool, text: String)]) -> String
  {
    let models = zip(
      ["6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"],
      solutions
    ).map { #""\#($0)": {"is_correct": \#($1.isCorrect), "solution": "\#($1.text)"}"# }
    return #"{"question": "\#(question)", "ground_truth": "", \#(models.joined(separator: ", "))}"#
  }

  static let solved = testLine(
    "Who?",
    [
      (true, #"It is 2+2 = <<2+2=4>>4\nA: 4"#), (false, #"It is 2+3 = <<2+3=5>>5\nA: 5"#),
      (false, "It goes on and on"), (true, #"2*2 = <<2*2=4>>4 \nA: 4"#),
    ]
  )

  private func world(
    train: [String],
    test: [String],
    breaks: Int = 2,
    pairs: Int = 2
  ) throws -> GSM8KPairs {
    let folder = try TemporaryFolder()
    _ = try folder.write(train, "train.jsonl")
    _ = try folder.write(test, "example_model_solutions.jsonl")
    return try GSM8KPairs(
      folder: folder.url,
      seed: 5,
      breaksPerQuestion: breaks,
      pairsPerTestQuestion: pairs
    )
  }

  @Test("splits questions, breaks each, and keeps the corpus to training questions")
  func splits() throws {
    let questions = (0..<200).map { "Question \($0): 3 and 4 pears at 5 dollars?" }
    let world = try world(train: questions.map(Self.trainLine), test: [Self.solved])
    let held = Set(world.heldout.map(\.prompt))
    #expect((5...40).contains(world.report.heldoutQuestionCount))
    #expect(world.report.trainQuestionCount + world.report.heldoutQuestionCount == 200)
    #expect(world.train.count == 2 * world.report.trainQuestionCount)
    #expect(world.heldout.count == 2 * world.report.heldoutQuestionCount)
    #expect(world.corpus.count == world.report.trainQuestionCount)
    #expect(held.isDisjoint(with: world.train.map(\.prompt)))
    #expect(held.isDisjoint(with: world.corpus.map { [$0[0]] }))
    #expect(
      world.corpus[0][1]
        == .assistant(
          "Ann has 3+4 = 7 pears.\nShe sells them for 7*5 = $35.\nThe answer is 35."
        )
    )
    #expect(Set((world.train + world.heldout).map(\.id)).count == 400)
    #expect(world.train.allSatisfy { $0.id.hasPrefix("train-") })
  }

  @Test("leaves a test question out of the training questions, whatever its case")
  func leak() throws {
    let world = try world(
      train: [Self.trainLine("WHO ?"), Self.trainLine("Me?")],
      test: [Self.solved]
    )
    #expect(world.report.leakedQuestionCount == 1)
    #expect(world.report.trainQuestionCount + world.report.heldoutQuestionCount == 1)
  }

  @Test("pairs right with wrong model solutions, each as rarely as can be")
  func pairs() throws {
    let world = try world(train: [], test: [Self.solved])
    // Two right ones, one wrong one that comes to an answer.
    #expect(world.solutions.map(\.id) == ["solutions-0-0", "solutions-0-1"])
    #expect(
      Set(world.solutions.map(\.chosen))
        == ["It is 2+2 = 4\nThe answer is 4.", "2*2 = 4\nThe answer is 4."]
    )
    #expect(
      world.solutions.allSatisfy { $0.rejected == "It is 2+3 = 5\nThe answer is 5." }
    )
    #expect(Set(world.solutions.map(\.subset)) == ["6B", "175B-over-6B"])
    #expect(world.report.unfinishedSolutionCount == 1)
    #expect(try self.world(train: [], test: [Self.solved], pairs: 1).solutions.count == 1)
  }

  @Test(
    "names file, line and cause of a malformed row",
    arguments: [
      (#"{"question": "Q"}"#, "train.jsonl:2: the key 'answer' is missing"),
      (
        #"{"question": "Q", "answer": "It is 5."}"#,
        "train.jsonl:2: 'answer' must be a solution that ends with a line '#### <number>'"
      ),
      (
        #"{"question": "Q", "answer": "It is 5.\n#### five"}"#,
        "train.jsonl:2: 'answer' must be a solution that ends with a line '#### <number>'"
      ),
      (
        #"{"question": 5, "answer": ""}"#,
        "train.jsonl:2: 'question' must be a text, found a number"
      ),
      ("nonsense", "train.jsonl:2: not a JSON object"),
    ]
  )
  func malformed(line: String, expected: String) {
    let error = #expect(throws: DataError.self) {
      try world(train: [Self.trainLine("Me?"), line], test: [])
    }
    #expect(error.map { "\($0)".contains(expected) } == true, "\(String(describing: error))")
  }

  @Test("names what a model's solution lacks, and a missing file")
  func malformedSolutions() throws {
    let line = #"{"question": "Q", "6b_finetuning": {"is_correct": 1, "solution": ""}}"#
    let error = #expect(throws: DataError.self) { try world(train: [], test: [line]) }
    #expect(
      error.map { "\($0)" }?.contains(
        "example_model_solutions.jsonl:1: '6b_finetuning' must be an object with 'is_correct'"
      )
        == true
    )
    #expect(throws: DataError.notFound(path: "/nowhere/example_model_solutions.jsonl")) {
      try GSM8KPairs(
        folder: URL(fileURLWithPath: "/nowhere"),
        seed: 0,
        breaksPerQuestion: 1,
        pairsPerTestQuestion: 1
      )
    }
  }
}
