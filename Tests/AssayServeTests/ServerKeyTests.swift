import AssayServe
import Testing

@Suite struct ServerKeyTests {
  @Test("only the key itself opens, behind the word Bearer")
  func allows() throws {
    let key = try #require(try ServerKey(" sesame \n"))
    #expect(key.allows(authorization: "Bearer sesame"))
    #expect(key.allows(authorization: "bearer sesame"))
    for wrong in [nil, "", "sesame", "Bearer", "Bearer ", "Bearer sesam", "Basic sesame"] {
      #expect(!key.allows(authorization: wrong))
    }
    #expect(!"\(key)".contains("sesame"))
  }

  @Test("an empty key is none, and one that no header carries is refused")
  func malformed() throws {
    #expect(try ServerKey("  ") == nil)
    #expect(try ServerKey(nil) == nil)
    #expect(throws: ServeError.malformedKey) { try ServerKey("two words") }
  }
}
