import AssayData
import Foundation
import Testing

@Suite struct PlaygroundCheckerTests {
  private static func first(_ kind: PlaygroundKind) throws -> PlaygroundItem {
    try #require(PlaygroundTests.items(.train, 400).first { $0.kind == kind })
  }

  @Test("all claims of oracle critiques are true", arguments: PlaygroundSplit.allCases)
  func oracle(split: PlaygroundSplit) {
    for item in PlaygroundTests.items(split, 4000) {
      for (response, isRight) in [(item.chosen, true), (item.rejected, false)] {
        let critique = item.critique(of: response)
        let check = PlaygroundChecker.check(critique: critique, of: item, response: response)
        // Every sentence but the conclusion claims something.
        let sentences = critique.split(separator: ".").count
        #expect(check.claims >= sentences - 1, "\(critique)")
        #expect(check.falseClaims == [], "\(critique)")
        #expect(check.trueClaims == check.claims)
        #expect(check.conclusion == isRight)
        #expect(check.isTrue)
      }
    }
  }

  @Test("each altered number of a quantity's critique is a false claim")
  func alteredNumbers() throws {
    for item in PlaygroundTests.items(.train, 800) where item.kind == .quantity {
      let words = item.chosenCritique.split(separator: " ").map(String.init)
      for (index, word) in words.enumerated() where word.first?.isNumber == true {
        var altered = words
        let number = try #require(Int(word.filter(\.isNumber)))
        altered[index] = "\(number + 1)" + (word.last == "." ? "." : "")
        let critique = altered.joined(separator: " ")
        let check = PlaygroundChecker.check(critique: critique, of: item, response: item.chosen)
        #expect(check.falseClaims.count == 1, "\(critique)")
        #expect(!check.isTrue)
      }
    }
  }

  @Test("a true equation about another step is a false claim")
  func otherEquation() throws {
    let item = try Self.first(.quantity)
    let check = PlaygroundChecker.check(
      critique: "1 + 1 = 2. it is right.",
      of: item,
      response: item.chosen
    )
    #expect(check.claims == 1)
    #expect(check.falseClaims == ["1 + 1 = 2"])
    #expect(check.conclusionIsRight == true)
    #expect(!check.isTrue)
  }

  @Test("a critique of the other response is false", arguments: PlaygroundKind.allCases)
  func swapped(kind: PlaygroundKind) throws {
    let item = try Self.first(kind)
    let check = PlaygroundChecker.check(
      critique: item.chosenCritique,
      of: item,
      response: item.rejected
    )
    #expect(check.conclusionIsRight == false)
    #expect(check.falseClaims.count == 1)
  }

  @Test("the critique of another task's item has false claims", arguments: PlaygroundKind.allCases)
  func otherItem(kind: PlaygroundKind) throws {
    let items = PlaygroundTests.items(.train, 800).filter { $0.kind == kind }
    let item = items[0]
    let other = try #require(
      items.first { $0.solution != item.solution && $0.prompt != item.prompt }
    )
    let check = PlaygroundChecker.check(
      critique: other.chosenCritique,
      of: item,
      response: item.chosen
    )
    #expect(!check.falseClaims.isEmpty)
  }

  @Test("the last conclusion counts, and no conclusion is none")
  func conclusions() throws {
    let item = try Self.first(.sorting)
    func check(_ text: String) -> CritiqueCheck {
      PlaygroundChecker.check(critique: text, of: item, response: item.chosen)
    }
    #expect(check("it is wrong. it is right.").conclusionIsRight == true)
    #expect(check("it is wrong").conclusionIsRight == false)
    #expect(check("").conclusion == nil)
    #expect(check("").conclusionIsRight == nil)
    #expect(!check("").isTrue)
  }

  @Test("any text can be checked", arguments: PlaygroundKind.allCases)
  func anyText(kind: PlaygroundKind) throws {
    let item = try Self.first(kind)
    let pieces = [
      "start with ", "99999999999999999999", " = ", "-", ".", "then ", " has it", "first ", "so ",
      "smallest is ", "a > b", ",", " is the ", "asked: ", "that is ", "\u{1F600}", "\n", "\0", "4",
    ]
    var random = PlaygroundRandom(seed: 1)
    for _ in 0..<2000 {
      let text = (0..<(random.next() % 12)).map { _ in pieces[Int(random.next() % 19)] }.joined()
      let check = PlaygroundChecker.check(critique: text, of: item, response: text)
      #expect(check.trueClaims + check.falseClaims.count == check.claims)
      #expect(
        PlaygroundChecker.check(critique: item.critique(of: text), of: item, response: text)
          .conclusionIsRight != false
      )
    }
  }
}
