import AssayText
import Testing

@Suite struct GrammarRegexTests {
  /// All texts of some letters up to a length.
  private static func texts(of letters: [String], upTo length: Int) -> [String] {
    var all = [""]
    var last = [""]
    for _ in 0..<length {
      last = last.flatMap { text in letters.map { text + $0 } }
      all += last
    }
    return all
  }

  @Test(
    "admits the texts that Swift's own expressions match as a whole, of all short ones",
    arguments: [
      "", "a", "ab", "a|b", "a|bc|", "a*", "a+b?", "(ab)*c", "(a|b)*abb", "a{2}", "a{2,}b",
      "a{1,3}b{0,2}", "(?:ab|a)(?:bc|c)?", "[ab]c", "[^ab]+", "[a-c]*b", ".{2}", "a.c|b", "(a*)*b",
      "(a+)+", "((a|b)?c){2,3}", "(?:a|b|ab){3}", "^ab$", "^a|b$", "a*?b+?", "(a|)(b|)c",
      "[a-b&&]?c", "((a{1,2}){1,2}){1,2}", "(a?){3}a{3}", "\\w{2}", "[^\\W]b", "a\\.c", "[.]a|b",
      "\\x61b", "\\u0062?c",
    ]
  )
  func followsReference(pattern: String) throws {
    let reference = try Regex(pattern.replacing("&&", with: "&"))
    let grammar = try TokenGrammar.ofPieces(.regex(pattern.replacing("&&", with: "&")))
    var matches = 0
    for text in Self.texts(of: ["a", "b", "c", "."], upTo: 6) {
      let expected = text.wholeMatch(of: reference) != nil
      if expected { matches += 1 }
      #expect(grammar.accepts(text) == expected, "\(pattern) of \(text)")
    }
    #expect(matches > 0)
  }

  @Test(
    "takes characters of every width as one",
    arguments: [
      ".", "[^a]", "[ß-é]", "\\W", "[\\u{1F600}-\\u{1F64F}]", "[一-龥]", "[^\\u0000-\\uFFFF]",
      "[\\x00-\\u{10FFFF}]", "[߿-ࠀ]", "[￿-\u{10001}]", "\\S", "[^\\n]",
    ]
  )
  func characters(pattern: String) throws {
    let reference = try Regex(
      pattern.replacing("\\W", with: "[^A-Za-z0-9_]")
        .replacing("\\S", with: "[^ \\t\\n\\x0B\\f\\r]")
    ).matchingSemantics(.unicodeScalar)
    let grammar = try TokenGrammar.ofPieces(.regex(pattern))
    let values: [UInt32] = [
      0, 9, 10, 32, 0x41, 0x61, 0x7F, 0x80, 0xDF, 0xE9, 0x7FF, 0x800, 0xFFF, 0x1000, 0x4E00, 0x9FA5,
      0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x10000, 0x10001, 0x1F600, 0x1F64F, 0x1F650, 0x3FFFF, 0x40000,
      0x10FFFF,
    ]
    for value in values {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let text = String(Character(scalar))
      let expected = text.wholeMatch(of: reference) != nil
      #expect(grammar.accepts(text) == expected, "\(pattern) of \(value)")
    }
    // Half of a character is no text.
    var cursor = grammar.start
    let isTaken = cursor.take(0xC3)
    let half = cursor.mask(remaining: .max)
    #expect(!isTaken || !half.mayEnd)
    #expect(!half.allows(0x41))
  }

  @Test(
    "refuses what it does not support with the place",
    arguments: [
      ("a(?=b)", 2), ("(?<=a)b", 1), ("(?i)a", 1), ("(a)\\1", 4), ("a\\b", 2), ("\\p{L}", 1),
      ("a++", 3), ("a**", 3), ("(a", 1), ("a)", 2), ("[a", 1), ("[]", 2), ("[b-a]", 3), ("a{2", 4),
      ("a{3,2}", 2), ("a{x}", 3), ("*a", 1), ("a|*", 3), ("a^b", 2), ("a$b", 2), ("[[:alpha:]]", 2),
      ("\\u00g0", 1), ("\\xZZ", 1), ("\\", 2), ("(?P=name)", 1), ("a{100000}", 2),
      ("b(a{1,100000}){1,100000}", 4), ("{2}", 1),
    ]
  )
  func refuses(pattern: String, character: Int) {
    let error = #expect(throws: GrammarError.self) { try Grammar.regex(pattern) }
    guard case .regex(_, let place, _) = error else {
      Issue.record("\(pattern): \(error?.description ?? "nothing")")
      return
    }
    #expect(place == character, "\(error?.description ?? "")")
  }

  @Test(
    "refuses what needs an endless automaton in bounded time",
    arguments: [
      "(((a{1,100}){1,100}){1,100}){1,100}", "(a|b)*a(a|b){1000}", "(.*)x.{3000}",
      "(a{0,5000}){0,5000}", "((a?){100}){100}", "(x+x+)+{1,9999}|(.{1,9999}){1,9999}",
      "((((.{0,9}){0,9}){0,9}){0,9}){0,9}[^x]{9999}", "[^a]{1,9999}b[^c]{1,9999}(.{1,9999}d){9}",
    ]
  )
  func refusesLarge(pattern: String) {
    #expect(throws: GrammarError.self) { try Grammar.regex(pattern) }
  }

  @Test("nested quantifiers that mean little are no trouble")
  func nested() throws {
    for pattern in ["((((a*)*)*)*)*", "(a+)+$", "(a|a)*", "(a|aa)+", "((a?)*)*", "(.*)*(.*)*x"] {
      _ = try Grammar.regex(pattern)
    }
    let deep = String(repeating: "(", count: 150) + "a" + String(repeating: ")", count: 150)
    #expect(try TokenGrammar.ofPieces(.regex(deep)).accepts("a"))
    let deeper = String(repeating: "(", count: 100_000)
    #expect(throws: GrammarError.self) { try Grammar.regex(deeper) }
  }

  @Test("a choice admits its texts and nothing else")
  func choice() throws {
    let texts = ["yes", "no", "not sure", "n", "né", "日本"]
    let grammar = try TokenGrammar.ofPieces(.choice(texts))
    for text in texts { #expect(grammar.accepts(text)) }
    for text in ["", "ye", "yess", "not", "ne", "日"] { #expect(!grammar.accepts(text)) }
    #expect(throws: GrammarError.choice(reason: "has no texts")) { try Grammar.choice([]) }
    #expect(throws: GrammarError.choice(reason: "has an empty text")) {
      try Grammar.choice(["a", ""])
    }
  }
}
