import AssayData
import AssayText
import Foundation
import Testing

@Suite struct LengthCutTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// Reads rows of which a prompt with a response may have 10 characters.
  private func read(
    _ rows: [String],
    _ action: OverLong?
  ) throws -> (pairs: [PreferencePair], report: ReadReport) {
    let cut = LengthCut(maximumTokens: 10, action: action) { prompt, response, critique in
      prompt.map(\.content.count).reduce(0, +) + response.count + (critique ?? "").count
    }
    let policy = ReadPolicy(.skip, except: action?.action.map { [.tooLong: $0] } ?? [:])
    return try PairReader(policy: policy, limit: cut.ofPairs).read(try folder.write(rows))
  }

  private static let short = #"{"id": "s", "prompt": "1234", "chosen": "abc", "rejected": "x"}"#
  private static let long =
    #"{"id": "l", "prompt": "12345678", "chosen": "abcd", "rejected": "xy"}"#

  @Test("the front of a prompt goes until both responses fit, and is counted")
  func prompt() throws {
    let (pairs, report) = try read([Self.short, Self.long], .cutPrompt)
    // 10 - 4 of the longer response leave 6 of the prompt's 8 characters.
    #expect(pairs.map(\.prompt) == [[.user("1234")], [.user("345678")]])
    #expect(pairs[1].chosen == "abcd" && pairs[1].rejected == "xy")
    #expect(report.cutCount == 1 && report.skippedCount == 0 && report.isWorthTelling)
    #expect(report.description == "2 of 2 rows read; 1 cut to fit")
  }

  @Test("the end of each response that is too long goes")
  func response() throws {
    let (pairs, report) = try read([Self.long], .cutResponse)
    #expect(pairs.map { [$0.chosen, $0.rejected] } == [["ab", "xy"]])
    #expect(pairs[0].prompt == [.user("12345678")] && report.cutCount == 1)
  }

  @Test("earlier turns go first; what the system says stays, and the user begins what is left")
  func turns() throws {
    let row =
      #"{"prompt": [{"role": "system", "content": "S"}, {"role": "user", "content": "aaaa"}, "#
      + #"{"role": "assistant", "content": "bbbb"}, {"role": "user", "content": "cccc"}], "#
      + #""chosen": "1", "rejected": "2"}"#
    // 9 characters beside a response: with the assistant's turn there would be room for it, but it begins
    // no conversation.
    let (pairs, _) = try read([row], .cutPrompt)
    #expect(
      pairs.map(\.prompt) == [[Message(role: "system", content: "S"), .user("cccc")]]
    )
  }

  @Test("what cannot be cut is left out by its name")
  func hopeless() throws {
    let response = #"{"prompt": "1", "chosen": "abcdefghijk", "rejected": "x"}"#
    #expect(try read([response], .cutPrompt).report.skippedCounts == [.tooLong: 1])
    let prompt = #"{"prompt": "12345678901", "chosen": "a", "rejected": "x"}"#
    #expect(try read([prompt], .cutResponse).report.skippedCounts == [.tooLong: 1])
    let same = #"{"prompt": "12345678", "chosen": "abc", "rejected": "abd"}"#
    #expect(try read([same], .cutResponse).report.skippedCounts == [.identicalAnswers: 1])
  }

  @Test("rows that are too long have a rule of their own beside that of other problems")
  func rule() throws {
    let broken = #"{"prompt": "1", "chosen": "a"}"#
    #expect(throws: DataError.self) { try read([broken, Self.long], .refuse) }
    #expect(try read([broken, Self.long, Self.short], .skip).pairs.map(\.id) == ["s"])
  }

  @Test("a rated response is cut as a response of a pair is")
  func rating() throws {
    let cut = LengthCut(maximumTokens: 6, action: .cutResponse) { prompt, response, _ in
      prompt.map(\.content.count).reduce(0, +) + response.count
    }
    let path = try folder.write([#"{"prompt": "12", "response": "abcdefg", "rating": 3}"#])
    let (responses, report) = try RatingReader(limit: cut.ofRatings).read(path)
    #expect(responses.map(\.response) == ["abcd"] && report.cutCount == 1)
  }
}
