import AssayData
import Foundation
import Testing

@Suite struct GoldReaderTests {
  private func read(_ lines: String...) throws -> GoldReader.Gold {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("assay-gold-\(UUID().uuidString).jsonl")
    defer { try? FileManager.default.removeItem(at: url) }
    try (lines.joined(separator: "\n") + "\n").write(to: url, atomically: true, encoding: .utf8)
    return try GoldReader().read(url.path)
  }

  @Test("pairs come with their votes, exchanged with a label that prefers rejected")
  func votes() throws {
    let gold = try read(
      #"{"prompt": "q", "chosen": "a", "rejected": "b", "votes": [1, 0, 0.5, null]}"#,
      #"{"prompt": "q", "chosen": "a", "rejected": "b", "votes": [1, 0], "probability": 0.2}"#,
      #"{"prompt": "q", "chosen": "a", "rejected": "b"}"#
    )
    #expect(gold.items.map(\.votes) == [[1, 0, 0.5, nil], [0, 1], []])
    #expect(gold.items.map(\.pair.chosen) == ["a", "b", "a"])
  }

  @Test("labelled responses are paired within their prompt")
  func labels() throws {
    let gold = try read(
      #"{"id": "1", "prompt": "q", "response": "good", "label": 1}"#,
      #"{"id": "2", "prompt": "q", "response": "bad", "label": false}"#,
      #"{"id": "3", "prompt": "q", "response": "worse", "label": 0}"#,
      #"{"id": "4", "prompt": "other", "response": "fine", "label": true}"#
    )
    #expect(gold.items.map(\.pair.id) == ["1 over 2"] && gold.unpaired == 2)
    #expect(gold.items.first?.pair.rejected == "bad")
    #expect(throws: DataError.self) {
      try read(#"{"prompt": "q", "response": "good", "label": 1}"#)
    }
  }

  @Test(
    "malformed labels are refused by name",
    arguments: [
      (#""chosen": "a", "rejected": "b", "votes": 3"#, "'votes' must be a list of one vote"),
      (#""chosen": "a", "rejected": "b", "votes": [2]"#, "'votes' has 2, expected 1 for chosen"),
      (#""chosen": "a", "rejected": "b", "probability": 0.5"#, "a tie does not tell"),
      (#""response": "a", "label": "yes""#, "'label' must be true, false, 1 or 0"),
      (#""response": "a", "label": 0.5"#, "'label' must be true, false, 1 or 0"),
    ]
  )
  func malformed(_ row: String, _ reason: String) throws {
    let error = #expect(throws: DataError.self) { try read(#"{"prompt": "q", "# + row + "}") }
    #expect("\(try #require(error))".contains(reason), "\(String(describing: error))")
  }
}
