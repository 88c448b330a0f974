import AssayText
import Foundation
import Testing

@Suite struct FinishReasonTests {
  @Test(
    "records keep its spelling, an endpoint's own word too",
    arguments: [
      (FinishReason.stop, "stop"), (.length, "length"), (.stopString, "stop_string"),
      (.contentFilter, "content_filter"), (.other("eos"), "eos"),
    ]
  )
  func spelling(reason: FinishReason, word: String) throws {
    #expect(reason.rawValue == word && FinishReason(rawValue: word) == reason)
    let json = try JSONEncoder().encode([reason])
    #expect(String(decoding: json, as: UTF8.self) == "[\"\(word)\"]")
    #expect(try JSONDecoder().decode([FinishReason].self, from: json) == [reason])
    #expect(reason.isCut == (word == "length" || word == "content_filter"))
  }
}
