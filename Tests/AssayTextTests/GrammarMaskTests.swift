import AssayBase
import AssayText
import Foundation
import Testing

@Suite struct GrammarMaskTests {
  private static let pieces = [
    "ab", "abc", "ca", "\"", "{\"", "\":", "\": ", "true", "tr", "[[", "]]", "[[A", "A]]", "B]",
    " the",
    "é", "\u{1F600}", "1", "12", "123", "\\u", "\",", "}}", "\n  ", "<think>", "</think>", "ing",
  ]

  private static let grammars: [String] = [
    "(ab|c)*a?", "[^\\n]{0,5}", "\\{\"(ab|abc)\": (true|[0-9]{1,4})\\}", "(.|\\n)*x",
  ]

  @Test("a mask allows a token exactly where its bytes are allowed one by one", arguments: grammars)
  func masksFollowBytes(pattern: String) throws {
    try compare(try .regex(pattern), seeds: 0..<20)
  }

  @Test("masks of JSON objects and verdicts follow their bytes, too")
  func masksOfStacks() throws {
    try compare(try .jsonObject(), seeds: 0..<40)
    let recursive: JSONValue = [
      "$defs": ["tree": ["type": "array", "items": ["$ref": "#/$defs/tree"]]],
      "$ref": "#/$defs/tree",
    ]
    try compare(try .jsonSchema(recursive), seeds: 0..<20)
  }

  /// Compares masks with the same grammar read byte by byte, along random texts.
  private func compare(_ grammar: Grammar, seeds: Range<UInt64>) throws {
    let whole = try TokenGrammar.ofPieces(grammar, Self.pieces)
    let tokenizer = PieceTokenizer(Self.pieces)
    for seed in seeds {
      let (tokens, _) = whole.randomTokens(most: 30, seed: seed, endsEarly: false)
      var cursor = whole.start
      for token in tokens {
        let mask = cursor.mask(remaining: .max)
        for candidate in 0..<tokenizer.end {
          var bytes = cursor
          let isAllowed = tokenizer.pieces[Int(candidate)].allSatisfy { bytes.take(Int32($0)) }
          #expect(mask.allows(candidate) == isAllowed, "\(seed) \(candidate)")
        }
        #expect(mask.allows(tokenizer.end) == mask.mayEnd)
        let isTaken = cursor.take(token)
        #expect(isTaken)
      }
    }
  }

  @Test("texts end within their tokens, by the shortest way where few are left")
  func endsInTime() throws {
    let schema: JSONValue = [
      "type": "object",
      "properties": ["name": ["type": "string"], "list": ["type": "array"]],
      "required": ["name", "list"],
    ]
    for grammar in [try Grammar.jsonSchema(schema), try .verdict(), try .regex("(a|b)*ccc")] {
      let tokens = try TokenGrammar.ofPieces(grammar, Self.pieces)
      for seed in UInt64(0)..<60 {
        for most in [tokens.shortest, tokens.shortest + 1, 40, 100] {
          let (written, isWhole) = tokens.randomTokens(most: most, seed: seed, endsEarly: false)
          #expect(isWhole && written.count <= most, "\(grammar.source) \(most) \(seed)")
        }
      }
    }
  }

  @Test("what is kept can be dropped while a text is written")
  func survivesDropping() throws {
    // Every nesting is a set of its own: more than are kept.
    let grammar = try TokenGrammar.ofPieces(.regex("[ab]{1,9000}(xy)+"))
    var cursor = grammar.start
    for index in 0..<9000 {
      let isTaken = cursor.take(index % 3 == 0 ? 0x61 : 0x62)
      #expect(isTaken)
      let mask = cursor.mask(remaining: .max)
      if index % 100 == 0 { #expect(mask.allows(0x78)) }
    }
    let full = cursor.mask(remaining: .max)
    #expect(!full.allows(0x61))
    let isTaken = cursor.take(0x78) && cursor.take(0x79)
    let end = cursor.mask(remaining: .max)
    #expect(isTaken && end.mayEnd)
  }

  @Test(
    "what is written with a real tokenizer decodes to a text of the grammar",
    arguments: [
      "gpt2", "llama3", "qwen2", "llama2", "gemma", "mistral", "unigram-bytes", "xlm-r", "t5",
      "own-assay",
    ]
  )
  func decodes(name: String) throws {
    let tokenizer =
      name.hasPrefix("own-")
      ? try TokenizerFile.read(try Fixture.folder(name).appendingPathComponent("tokenizer.json"))
      : try Fixture.tokenizer(name)
    let vocabulary = GrammarVocabulary(tokenizer)
    let ends: Set<Int32> = [Int32(tokenizer.vocabularySize - 1)]
    let pattern = "( ?[a-z]{1,5}){1,4} ?[a-z\\u00e9]"
    for grammar in [try Grammar.choice(["the", " a", "one", "eon"]), try .regex(pattern)] {
      let tokens = try TokenGrammar(grammar, vocabulary, ends: ends)
      let reference = try TokenGrammar.ofPieces(grammar)
      var starts: Set<Bool> = []
      for seed in UInt64(0)..<60 {
        let (ids, isWhole) = tokens.randomTokens(most: 40, seed: seed)
        #expect(isWhole)
        let text = tokenizer.decode(ids, skipSpecialTokens: true)
        starts.insert(text.hasPrefix(" "))
        #expect(reference.accepts(text), "\(text.debugDescription) of \(ids)")
      }
      #expect(starts.contains(false))
    }
  }

  @Test("a vocabulary that cannot spell a grammar is told")
  func unspellable() throws {
    let tokenizer = try Fixture.tokenizer("xlm-r")
    let vocabulary = GrammarVocabulary(tokenizer)
    let grammar = try Grammar.choice(["\u{1F600}\u{1F601}"])
    #expect(throws: GrammarError.unspellable(grammar: "choice")) {
      try TokenGrammar(grammar, vocabulary, ends: [0])
    }
  }
}
