import AssayData
import Testing

@Suite struct GSM8KArithmeticTests {
  @Test(
    "evaluates expressions exactly",
    arguments: [
      ("48/2", "24"), ("2+3*4", "14"), ("(2+3)*4", "20"), ("10-4-3", "3"), ("24/4/3", "2"),
      ("0.1+0.2", "0.3"), ("(-17)+43", "26"), ("20%*50", "10"), (".5*8", "4"), ("1/3*6", "2"),
      ("2--3", "5"),
    ]
  )
  func evaluates(text: String, expected: String) throws {
    let expression = try #require(GSM8KExpression(text))
    #expect(expression.value?.text() == expected)
  }

  @Test(
    "refuses what is no expression",
    arguments: [
      "", "x+1", "1/0", "(1+2", "1+", "1..2", "3 = 3", "99999999999999999999",
      "999999999999999*999999999999999*9", String(repeating: "(", count: 10_000),
    ]
  )
  func refuses(text: String) {
    #expect(GSM8KExpression(text) == nil)
  }

  @Test(
    "writes decimals as long as they must be, or padded",
    arguments: [
      ("1250.5", 0, false, "1250.5"), ("1250.5", 2, true, "1,250.50"), ("0.05", 0, false, "0.05"),
      ("1000000", 0, true, "1,000,000"), ("999", 0, true, "999"), ("-3.10", 0, false, "-3.1"),
    ]
  )
  func writes(text: String, decimals: Int, separators: Bool, expected: String) {
    #expect(ExactNumber(text)?.text(decimals: decimals, separators: separators) == expected)
  }

  @Test("has no decimals for a third")
  func third() {
    #expect(ExactNumber(1, over: 3)?.text() == nil)
    #expect(ExactNumber(1, over: 3)?.decimalCount == nil)
  }

  @Test(
    "spells another value in the manner of the first, or not at all",
    arguments: [
      ("1,800", "2100", "2,100"), ("1,800", "900", "900"), ("18.50", "7.5", "7.50"),
      ("18.50", "20", "20.00"), ("0.2", "0.25", "0.25"), ("24", "2.5", nil), ("24", "-3", nil),
      ("0.5", "0.125", nil),
    ] as [(String, String, String?)]
  )
  func spells(old: String, value: String, expected: String?) throws {
    let spelling = try #require(GSM8KNumberSpelling(old))
    let value = try #require(ExactNumber(value))
    #expect(spelling.spelling(value, separators: false) == expected)
  }

  @Test("reads numbers in digits and words, and neither times, ordinals nor names")
  func values() {
    let text = "At 4:30 the 2nd of three boys, B12, ate half of $1,250.50 and 2x5 or .5, twelve."
    #expect(
      GSM8KNumberSpelling.values(in: text).map { $0.text() }
        == ["3", "2", "1250.5", "2", "5", "0.5", "12"]
    )
  }
}
