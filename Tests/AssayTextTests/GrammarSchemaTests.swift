import AssayBase
import AssayText
import Foundation
import Testing

@Suite struct GrammarSchemaTests {
  private func schema(_ text: String) throws -> Grammar {
    try .jsonSchema(JSONValue(parsing: Array(text.utf8)))
  }

  @Test(
    "admits what a schema admits, and refuses the rest",
    arguments: [
      (
        ##"{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},"required":["b"]}"##,
        [##"{"b":"x"}"##, ##"{"a": 1, "b": ""}"##, "{\n  \"a\": -20,\n  \"b\": \"é\\n\"\n}"],
        [
          ##"{"a":1}"##, "{}", ##"{"b":"x","a":1}"##, ##"{"b":1}"##, ##"{"b":"x"} "##,
          ##"{"b":"x",}"##,
        ]
      ),
      (
        ##"{"properties":{"a":{},"b":{},"c":{}},"additionalProperties":{"type":"null"}}"##,
        [
          "{}", ##"{"a":1}"##, ##"{"c":[]}"##, ##"{"b":"x","c":{}}"##, ##"{"x":null}"##,
          ##"{"a":1,"ab":null}"##,
        ],
        [##"{"x":1}"##, ##"{"a":1,"a":2}"##, ##"{"b":1,"b":null}"##, ##"{"c":1,"a":1}"##]
      ),
      (
        ##"{"type":"array","items":{"type":"boolean"},"minItems":1,"maxItems":3}"##,
        ["[true]", "[ false, true ]", "[true,true,false]"],
        ["[]", "[true,true,true,true]", "[1]", "[true,]"]
      ),
      (
        ##"{"type":"array","prefixItems":[{"const":"x"},{"type":"null"}],"items":{"type":"integer"}}"##,
        [##"["x",null]"##, ##"["x",null,1,2]"##], [##"["x"]"##, ##"["x",null,"y"]"##]
      ),
      (
        ##"{"enum":["a\"b",1,null,{"k":[true]}]}"##,
        [##""a\"b""##, "1", "null", ##"{"k":[true]}"##],
        [##""a""##, "2", "true"]
      ),
      (
        ##"{"type":["string","null"],"maxLength":2}"##, ["null", ##""""##, ##""é\n""##],
        [##""abc""##, "1"]
      ),
      (
        ##"{"type":"string","pattern":"^[\"a]{2}$"}"##, [##""aa""##, ##""a\"""##],
        [##""a"""##, ##""a""##]
      ),
      (
        ##"{"type":"string","minLength":3}"##, [##""abc""##, ##""日本\u00e9""##],
        [##""ab""##, ##""ab\ud800""##]
      ),
      (
        ##"{"anyOf":[{"type":"integer","minimum":10,"maximum":12},{"const":"no"}]}"##,
        ["10", "11", "12", ##""no""##], ["9", "13", "1", "011", ##""n""##]
      ),
      (
        ##"{"$defs":{"n":{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}},"required":["v","next"],"additionalProperties":false}},"$ref":"#/$defs/n"}"##,
        [##"{"v":1,"next":null}"##, ##"{"v":1,"next":{"v":2,"next":{"v":3,"next":null}}}"##],
        [##"{"v":1}"##, ##"{"v":1,"next":{"v":2}}"##, ##"{"v":1,"next":null,"x":1}"##]
      ),
      (
        ##"{"type":"object","additionalProperties":{"type":"integer"},"maxProperties":2}"##,
        ["{}", ##"{"a":1}"##, ##"{"a":1,"\u0041":2}"##],
        [##"{"a":1,"b":2,"c":3}"##, ##"{"a":"x"}"##]
      ),
      (
        ##"{"type":"string","format":"date"}"##, [##""2026-11-28""##, ##""2024-02-28""##],
        [##""2026-13-01""##, ##""2026-02-30""##]
      ),
      (
        ##"{"type":"object"}"##, ["{}", ##"{"a":{"b":[1.5e3,"x",{}]}}"##],
        ["[]", ##"{"a":01}"##, ##"{"a":.5}"##]
      ),
      (##"{}"##, ["1", "[]", ##""x""##, "null", "-0.5"], ["", "x", "1.", "--1"]),
      (
        ##"{"oneOf":[{"type":"object","properties":{"k":{"const":"a"}},"required":["k"]},{"type":"object","properties":{"k":{"const":"b"},"n":{"type":"integer"}},"required":["k","n"]}]}"##,
        [##"{"k":"a"}"##, ##"{"k":"b","n":1}"##], [##"{"k":"b"}"##, ##"{"k":"a","n":1}"##]
      ),
    ]
  )
  func admits(text: String, right: [String], wrong: [String]) throws {
    let grammar = try TokenGrammar.ofPieces(schema(text))
    for document in right { #expect(grammar.accepts(document), "\(document) of \(text)") }
    for document in wrong { #expect(!grammar.accepts(document), "\(document) of \(text)") }
  }

  @Test("whole numbers within limits are exactly those between them")
  func integers() throws {
    for (low, high) in [
      (0, 0), (0, 9), (-3, 5), (7, 123), (-120, -15), (99, 101), (1, 250), (-9, 100),
    ] {
      let grammar = try TokenGrammar.ofPieces(
        schema(##"{"type":"integer","minimum":\##(low),"maximum":\##(high)}"##)
      )
      for value in -300...300 {
        #expect(grammar.accepts("\(value)") == (low...high).contains(value), "\(value)")
      }
    }
    let above = try TokenGrammar.ofPieces(schema(##"{"type":"integer","exclusiveMinimum":17}"##))
    for value in [17, 16, 0, -20] { #expect(!above.accepts("\(value)")) }
    for value in [18, 20, 99, 100, 12345] { #expect(above.accepts("\(value)")) }
  }

  @Test("limits of 32 bits hold, and those of 64 bits lie beyond every number that is spelt")
  func machineIntegers() throws {
    let short = try TokenGrammar.ofPieces(
      schema(##"{"type":"integer","minimum":-2147483648,"maximum":2147483647}"##)
    )
    for value in [Int(Int32.min), -1_000_000_000, -1, 0, 7, 2_099_999_999, Int(Int32.max)] {
      #expect(short.accepts("\(value)"), "\(value)")
    }
    for value in [Int(Int32.min) - 1, Int(Int32.max) + 1, 3_000_000_000, 12_345_678_901] {
      #expect(!short.accepts("\(value)"), "\(value)")
    }
    for limits in [
      ##""minimum":-9223372036854775808,"maximum":9223372036854775807"##,
      ##""exclusiveMinimum":-9.3e18,"exclusiveMaximum":18446744073709551615"##,
    ] {
      let long = try TokenGrammar.ofPieces(schema(##"{"type":"integer",\##(limits)}"##))
      for value in [-999_999_999_999_999, -20, 0, 5, 999_999_999_999_999] {
        #expect(long.accepts("\(value)"), "\(value)")
      }
      for text in ["1.5", "-", "99999999999999999999"] { #expect(!long.accepts(text), "\(text)") }
    }
  }

  @Test("numbers within limits lie between them, and all of two decimals are there")
  func numbers() throws {
    let limits: [(String, Double, Double, Bool)] = [
      (##""minimum":0,"maximum":1"##, 0, 1, false),
      (##""minimum":-0.5,"maximum":2.25"##, -0.5, 2.25, false),
      (##""exclusiveMinimum":0,"exclusiveMaximum":1"##, 0, 1, true),
      (##""minimum":9.75,"maximum":10.5"##, 9.75, 10.5, false),
      (##""minimum":1e1,"maximum":11"##, 10, 11, false),
      (##""exclusiveMinimum":-2,"exclusiveMaximum":-1.5"##, -2, -1.5, true),
    ]
    for (text, low, high, isStrict) in limits {
      let grammar = try TokenGrammar.ofPieces(schema(##"{"type":"number",\##(text)}"##))
      for hundredths in -300...1200 {
        let value = Double(hundredths) / 100
        let isIn = isStrict ? value > low && value < high : value >= low && value <= high
        let sign = hundredths < 0 ? "-" : ""
        let (whole, rest) = abs(hundredths).quotientAndRemainder(dividingBy: 100)
        let spelt = "\(sign)\(whole).\(rest < 10 ? "0" : "")\(rest)"
        #expect(grammar.accepts(spelt) == isIn, "\(spelt) of \(text)")
        if rest == 0, hundredths != 0 {
          #expect(grammar.accepts("\(sign)\(whole)") == isIn, "\(whole) of \(text)")
        }
      }
      for seed in UInt64(0)..<50 {
        let (tokens, isWhole) = grammar.randomTokens(most: 30, seed: seed)
        let written = PieceTokenizer().decode(tokens, skipSpecialTokens: true)
        let value = try #require(Double(written))
        #expect(isWhole && (isStrict ? value > low && value < high : value >= low && value <= high))
      }
    }
  }

  @Test("random documents are JSON, and have what is required")
  func documents() throws {
    let text = ##"""
      {"type":"object","properties":{"name":{"type":"string","maxLength":8},"tags":{"type":"array",
      "items":{"enum":["x","y"]},"maxItems":3},"more":{"type":"object"},"score":{"type":"number","minimum":0,"maximum":10}},
      "required":["name","score"],"additionalProperties":false}
      """##
    let pieces = [
      "\"name", "\": ", "{\"", "\", \"", "\"}", "[\"x\"", "\\\"", "é", "00", "null", "},",
    ]
    let grammar = try TokenGrammar.ofPieces(schema(text), pieces)
    for seed in UInt64(0)..<200 {
      let (tokens, isWhole) = grammar.randomTokens(most: 120, seed: seed)
      let bytes = PieceTokenizer(pieces).bytes(of: tokens, skipSpecialTokens: true)
      let document = try JSONValue(parsing: bytes)
      let keys = (document.members ?? []).map(\.key)
      #expect(isWhole && keys.contains("name") && keys.contains("score"))
      #expect(
        Set(keys).count == keys.count && Set(keys).isSubset(of: ["name", "tags", "more", "score"])
      )
      #expect(document["name"]?.string?.unicodeScalars.count ?? 9 <= 8)
      #expect((0...10).contains(document["score"]?.double ?? -1))
      #expect((document["tags"]?.array ?? []).allSatisfy { ["x", "y"].contains($0.string) })
    }
  }

  @Test(
    "refuses what it does not support with its place",
    arguments: [
      (##"{"not":{}}"##, "#/not"), (##"{"properties":{"a":{"if":{}}}}"##, "#/properties/a/if"),
      (##"{"type":"array","uniqueItems":true}"##, "#/uniqueItems"),
      (##"{"$ref":"http://x"}"##, "#/$ref"),
      (##"{"$ref":"#/$defs/x"}"##, "#/$ref"), (##"{"$ref":"#"}"##, "#"),
      (##"{"type":"text"}"##, "#/type"),
      (##"{"anyOf":[{"$ref":"#"},{"type":"null"}]}"##, "#"), (##"{"enum":[]}"##, "#/enum"),
      (##"{"oneOf":[{"type":"integer"},{"type":"number"}]}"##, "#/oneOf/1"), ("false", "#"),
      ("3", "#"),
      (##"{"allOf":[{},{}]}"##, "#/allOf"), (##"{"type":"string","format":"phone"}"##, "#/format"),
      (##"{"type":"string","pattern":"(?=a)"}"##, "#/pattern"),
      (##"{"type":"integer","multipleOf":3}"##, "#/multipleOf"),
      (##"{"type":"string","maxLength":100000}"##, "#/maxLength"),
      (##"{"type":"integer","minimum":5,"maximum":4}"##, "#"),
      (##"{"type":"integer","minimum":9223372036854775807}"##, "#"),
      (##"{"type":"integer","minimum":1e-9223372036854775808}"##, "#/minimum"),
      (##"{"type":"number","minimum":-9223372036854775808}"##, "#/minimum"),
      (##"{"type":"number","maximum":1e-9223372036854775808}"##, "#/maximum"),
      (##"{"type":"object","patternProperties":{}}"##, "#/patternProperties"),
      (##"{"required":["a"],"additionalProperties":false}"##, "#/required"),
      (##"{"items":{"contains":{}}}"##, "#/items/contains"),
      (##"{"const":1,"minimum":2}"##, "#/minimum"),
    ]
  )
  func refuses(text: String, place: String) throws {
    let error = #expect(throws: GrammarError.self) { try schema(text) }
    guard case .schema(let found, _) = error else {
      Issue.record("\(text): \(error?.description ?? "nothing")")
      return
    }
    #expect(found == place, "\(error?.description ?? "")")
  }

  @Test("huge and endless schemas are refused in bounded time")
  func hostile() throws {
    var deep: JSONValue = [:]
    for _ in 0..<400 { deep = ["type": "array", "items": deep] }
    #expect(throws: GrammarError.self) { try Grammar.jsonSchema(deep) }
    // Each level doubles what is below it.
    var wide: JSONValue = ["type": "string"]
    for _ in 0..<40 { wide = ["anyOf": [["$ref": "#/x"], wide]] }
    #expect(throws: GrammarError.self) { try Grammar.jsonSchema(wide) }
    let many = (0..<30_000).map { JSONMember("property number \($0)", ["type": "string"]) }
    #expect(throws: GrammarError.self) {
      try Grammar.jsonSchema(["type": "object", "properties": .object(many)])
    }
    #expect(throws: GrammarError.self) {
      try Grammar.jsonSchema([
        "type": "array", "items": ["type": "array", "minItems": 9999, "maxItems": 100_000],
      ])
    }
    // Deep documents end where the stack does.
    let nested = try TokenGrammar.ofPieces(.jsonObject())
    let open = String(repeating: "{\"a\":", count: 3000)
    #expect(!nested.accepts(open + "1" + String(repeating: "}", count: 3000)))
    let some = String(repeating: "{\"a\":", count: 30) + "1" + String(repeating: "}", count: 30)
    #expect(nested.accepts(some))
  }
}
