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
    "compares the last number whatever its spelling",
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
}
