import AssayData
import Foundation
import Testing

@Suite struct ReadersUnlabelledTests {
  private func read(_ text: String) throws -> (pairs: [PreferencePair], isLabelled: Bool) {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("unlabelled-\(UUID().uuidString).jsonl")
    defer { try? FileManager.default.removeItem(at: url) }
    try Data(text.utf8).write(to: url)
    let (pairs, isLabelled, _) = try PairReader().readUnlabelled(url.path)
    return (pairs, isLabelled)
  }

  @Test("reads two responses in either shape, the first as chosen")
  func shapes() throws {
    let (pairs, isLabelled) = try read(
      """
      {"id": "l", "prompt": "q", "responses": ["a", "b"]}
      {"id": "n", "prompt": "q", "response_a": "a", "response_b": "b"}
      {"id": "c", "prompt": "q", "chosen": "a", "rejected": "b"}
      """
    )
    #expect(!isLabelled && pairs.map(\.id) == ["l", "n", "c"])
    #expect(pairs.allSatisfy { $0.chosen == "a" && $0.rejected == "b" })
    #expect(try read(#"{"prompt": "q", "chosen": "a", "rejected": "b"}"#).isLabelled)
  }

  @Test(
    "refuses what is no pair",
    arguments: [
      #"{"prompt": "q", "responses": ["a"]}"#, #"{"prompt": "q", "responses": ["a", "b", "c"]}"#,
      #"{"prompt": "q", "responses": "a"}"#, #"{"prompt": "q", "response_a": "a"}"#,
      #"{"prompt": "q", "responses": ["a", "a"]}"#, #"{"prompt": "q", "responses": ["a", 1]}"#,
      #"{"prompt": "q"}"#,
    ]
  )
  func refused(_ line: String) {
    #expect(throws: DataError.self) { try read(line) }
  }
}
