import AssayBase
import AssayModel
import AssayText
import Testing

/// Masks over a real vocabulary, where `assay pull smollm2` has brought it.
@Suite(
  .enabled(
    if: PulledModel.smolLM2.isPresent,
    "SmolLM2 is not in the cache: `assay pull smollm2` brings it"
  )
)
struct GrammarVocabularyTests {
  @Test("masks are what a token by token simulation gives, for all 49152 tokens")
  func simulation() throws {
    let tokenizer = try Model.load(PulledModel.smolLM2.file).tokenizer
    let vocabulary = GrammarVocabulary(tokenizer)
    let end = try #require(tokenizer.id(of: "<|im_end|>"))
    let schema: JSONValue = [
      "type": "object",
      "properties": [
        "name": ["type": "string"], "tags": ["type": "array", "items": ["enum": ["a", "b c"]]],
      ],
      "required": ["name"],
    ]
    let cases: [(Grammar, String)] = [
      (try .regex("( ?[A-Za-z]+){1,5}[.!]"), "The answer is here"),
      (try .jsonSchema(schema), "{\"name\": \"O'Brien \\\"x\\\"\", \"tags\": [\"a\", \"b"),
      (try .jsonObject(), "{\"a\": [1.5, {\"b\": null}"), (try .verdict(), "So A [is] better: [["),
    ]
    for (grammar, text) in cases {
      let tokens = try TokenGrammar(grammar, vocabulary, ends: [end])
      var cursor = tokens.start
      for token in tokenizer.encodePlain(text) {
        let mask = cursor.mask(remaining: .max)
        // The plain way: every token on its own, from this place on.
        for candidate in 0..<Int32(vocabulary.count) where candidate != end {
          var copy = cursor
          let isAllowed = copy.take(candidate)
          guard mask.allows(candidate) != isAllowed else { continue }
          Issue.record("\(grammar.source) before \(token): \(candidate) is \(isAllowed)")
        }
        #expect(mask.allows(end) == mask.mayEnd)
        let isTaken = cursor.take(token)
        #expect(isTaken, "\(grammar.source) \(token)")
      }
    }
  }
}
