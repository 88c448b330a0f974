import AssayBase
import AssayText
import Testing

@Suite struct SplitExpressionTests {
  private static let mixed = "ab\u{B2} x\u{BD}! $c"
  private static let joined = "a\u{200D}b c\u{301} d\u{B2}"

  /// Expressions, texts, and what is left where the matches are removed.
  static let recorded: [(String, String, [String])] = [
    (#"\w+"#, mixed, [" ", "! $"]),
    (#"[\w]+"#, mixed, ["\u{B2} ", "\u{BD}! $"]),
    (#"[^\w]+"#, mixed, ["ab", "x", "c"]),
    (#"[^\W]+"#, mixed, ["\u{B2} ", "\u{BD}! $"]),
    (#"\p{Word}+"#, mixed, [" ", "! $"]),
    (#"[\p{Word}]+"#, mixed, ["\u{B2} ", "\u{BD}! $"]),
    (#"\P{Word}+"#, mixed, ["ab\u{B2}", "x\u{BD}", "c"]),
    (#"\p{^word}+"#, mixed, ["ab\u{B2}", "x\u{BD}", "c"]),
    (#"[[:word:]]+"#, mixed, ["\u{B2} ", "\u{BD}! $"]),
    (#"[[:^word:]]+"#, mixed, ["ab", "x", "c"]),
    (#"[[:punct:]]+"#, mixed, ["ab\u{B2} x\u{BD}", " ", "c"]),
    (#"[[:^punct:]]+"#, mixed, ["!", "$"]),
    (#"[:punct:]+"#, "xyz!:upabc", ["xyz!", "ab"]),
    (#"\b."#, joined, ["\u{301}", "\u{B2}"]),
    (#"\B."#, joined, ["a\u{200D}b c", " d"]),
    (#"[\b]+"#, "a\u{8}b", ["a", "b"]),
  ]

  @Test("cuts words and punctuation where `tokenizers` 0.23.3 does", arguments: recorded)
  func cuts(expression: String, text: String, pieces: [String]) throws {
    let spellings = ["<unk>"] + Set(pieces).sorted()
    let vocabulary = spellings.enumerated().map { JSONMember($1, .number("\($0)")) }
    let document: JSONValue = [
      "pre_tokenizer": [
        "type": "Split", "pattern": ["Regex": .string(expression)], "behavior": "Removed",
        "invert": false,
      ],
      "model": ["type": "WordLevel", "vocab": .object(vocabulary), "unk_token": "<unk>"],
    ]
    let tokenizer = try TokenizerFile.read(document)
    #expect(tokenizer.encode(text).compactMap { tokenizer.spelling(of: $0) } == pieces)
  }
}
