import AssayText
import Foundation
import Testing

@Suite struct GrammarVerdictTests {
  private let pieces = [
    "[[", "]]", "[[A", "A]]", "[A", "[[A]]", "[[C]]", "A]", " verdict", "<think>", "</think>", "[",
    "\n",
    "BA", "[[B]]", "AB",
  ]

  @Test("no text of random tokens is without a verdict, and none goes on behind it")
  func alwaysHasVerdict() throws {
    let grammar = try TokenGrammar.ofPieces(.verdict(), pieces)
    let tokenizer = PieceTokenizer(pieces)
    var verdicts: Set<Verdict> = []
    for seed in UInt64(0)..<400 {
      let most = 12 + Int(seed % 60)
      let (tokens, isWhole) = grammar.randomTokens(most: most, seed: seed)
      #expect(isWhole)
      let text = tokenizer.decode(tokens, skipSpecialTokens: true)
      let verdict = RolePrompts.verdict(in: text)
      #expect(verdict != nil, "\(text.debugDescription)")
      if let verdict { verdicts.insert(verdict) }
      let marks = Verdict.allCases.map(\.mark) + ["[[C]]"]
      let behind = text.components(separatedBy: "</think>").last ?? text
      let count = marks.map { behind.components(separatedBy: $0).count - 1 }.reduce(0, +)
      #expect(count == 1, "\(text.debugDescription)")
      #expect(text.hasSuffix("]]"))
    }
    #expect(verdicts.count == 2)
  }

  @Test("the letter is a token of its own, which the mask tells")
  func decides() throws {
    let grammar = try TokenGrammar.ofPieces(.verdict(), pieces)
    let tokenizer = PieceTokenizer(pieces)
    #expect(grammar.letters.map(\.text) == ["A", "B"])
    #expect(grammar.letters.map(\.tokens) == [[0x41], [0x42]])
    var cursor = grammar.start
    func take(_ text: String) {
      for byte in text.utf8 {
        let before = cursor.mask(remaining: .max)
        let isTaken = cursor.take(Int32(byte))
        #expect(isTaken && !before.decides)
      }
    }
    take("x [[")
    let mask = cursor.mask(remaining: .max)
    #expect(mask.decides && mask.allows(0x41) && mask.allows(0x42) && !mask.mayEnd)
    // A text such as [[1, 2]] may stand among the reasons, but no letter with its brackets.
    #expect(mask.allows(0x31) && mask.allows(0x43))
    for merged in ["A]]"] {
      let id = try #require(tokenizer.pieces.firstIndex(of: Array(merged.utf8)))
      #expect(!mask.allows(Int32(id)), "\(merged)")
    }
    let takesLetter = cursor.take(0x41)
    let behind = cursor.mask(remaining: .max)
    #expect(takesLetter && !behind.decides)
    let takesEnd = cursor.take(Int32(tokenizer.pieces.firstIndex(of: Array("]]".utf8)) ?? 0))
    #expect(takesEnd)
    let end = cursor.mask(remaining: .max)
    #expect(end.isComplete && end.mayEnd && end.allows(tokenizer.end))
  }

  @Test("reasons come first, and thoughts are none")
  func reasonsFirst() throws {
    let grammar = try TokenGrammar.ofPieces(.verdict())
    for text in [
      "a[[A]]", " \n x[[B]]", "<t<x>[[A]]".replacing("<t", with: "<x"), "[x] and [[y]] [[A]]",
      "<think>[[A]]</think>[[B]]", "\n<think>a</think>b[[B]]",
      "[[[A]]".replacing("[[[", with: "[ [["),
    ] {
      // Letters are tokens of their own, and every byte is.
      #expect(grammar.accepts(text), "\(text)")
    }
    for text in [
      "[[A]]", " [[A]]", "a", "a[[C]]", "a[[A]] ", "a[[A]][[B]]", "<think>a[[A]]", "", "a[[a]]",
    ] {
      #expect(!grammar.accepts(text), "\(text)")
    }
  }
}
