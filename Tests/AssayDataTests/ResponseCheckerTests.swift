import AssayData
import Testing

@Suite struct ResponseCheckerTests {
  @Test("checks a response by the Playground's item of its id")
  func playground() {
    let world = Playground(PlaygroundConfiguration(seed: 3))
    let checker = ResponseChecker.playground(world)
    for index in 0..<8 {
      let item = world.item(.test, index)
      #expect(checker.isRight(item.chosen, id: item.id) == true)
      #expect(checker.isRight(item.rejected, id: item.id) == false)
    }
    #expect(checker.isRight("12", id: "nowhere-1") == nil)
  }

  @Test(
    "compares the final number whatever its spelling",
    arguments: [
      ("3 + 4 = 7. The answer is 1,250.50.", true), ("#### 1250.5", true), ("1250", false),
      ("no number", false), ("1250.5 or 3", false),
    ]
  )
  func numbers(response: String, isRight: Bool) {
    let checker = ResponseChecker.finalNumber(answers: ["q": "So $1,250.50\n#### 1250.5", "r": "?"])
    #expect(checker.isRight(response, id: "q") == isRight)
    #expect(checker.isRight(response, id: "r") == nil)
    #expect(checker.isRight(response, id: "s") == nil)
  }

  @Test(
    "the final number is marked, boxed, or the last one in digits, with its sign",
    arguments: [
      ("She makes 18 dollars every day.", true), ("18 dollars a day", true),
      ("The result is 18 for one week", true), ("It is -18.", false), ("It is \u{2212}18.", false),
      ("-$18", false), ("$-18", false), ("20-2 is 18", true), ("- 18 apples", true),
      ("It is $18.00.", true), ("#### 18", true), ("#### 18\nIn 3 steps.", true),
      ("#### $18 in 2 days", true), ("18\n#### 17", false), ("#### Step 2: sum\nIt is 18.", true),
      ("#### 2. Sum\n3 + 15 = 18", true), (#"So \boxed{18}, not 17."#, true),
      (#"\boxed{17} or rather \boxed{\$18\text{ dollars}}"#, true), (#"18 \boxed{x}"#, false),
      ("eighteen", false), ("18 of 20", false), ("at 10:18", false),
    ]
  )
  func final(response: String, isRight: Bool) {
    let checker = ResponseChecker.finalNumber(answers: ["q": "3 + 15 = 18\n#### 18"])
    #expect(checker.isRight(response, id: "q") == isRight, "\(response)")
  }

  @Test(
    "answers are read as responses are",
    arguments: [
      ("#### -18", "it falls by -18", true), ("#### -18", "it falls by 18", false),
      ("It costs $1,800.00 a week.", "1800", true), ("18 a day", "24", false),
    ]
  )
  func gold(answer: String, response: String, isRight: Bool) {
    let checker = ResponseChecker.finalNumber(answers: ["q": answer])
    #expect(checker.isRight(response, id: "q") == isRight)
  }
}
