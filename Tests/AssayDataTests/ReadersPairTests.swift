import AssayData
import AssayText
import Foundation
import Testing

@Suite struct ReadersPairTests {
  /// Name, row, prompt, chosen, rejected.
  static let shapes: [(String, String, [Message], String, String)] = [
    (
      "texts without a prompt",
      #"{"chosen": "The sky is blue.", "rejected": "The sky is green."}"#,
      [], "The sky is blue.", "The sky is green."
    ),
    (
      "texts with a prompt",
      #"{"prompt": "The sky is", "chosen": " blue.", "rejected": " green."}"#,
      [.user("The sky is")], " blue.", " green."
    ),
    (
      "messages without a prompt",
      """
      {"chosen": [{"role":"user","content":"Q"},{"role":"assistant","content":"A"}],
       "rejected": [{"role":"user","content":"Q"},{"role":"assistant","content":"B"}]}
      """,
      [.user("Q")], "A", "B"
    ),
    (
      "messages with a prompt",
      """
      {"prompt": [{"role":"system","content":"S"},{"role":"user","content":"Q"}],
       "chosen": [{"role":"assistant","content":"A"}],
       "rejected": [{"role":"assistant","content":"B"}]}
      """,
      [.system("S"), .user("Q")], "A", "B"
    ),
    (
      "messages that repeat a text prompt, as UltraFeedback binarized has them",
      """
      {"prompt": "Q",
       "chosen": [{"role":"user","content":"Q"},{"role":"assistant","content":"A"}],
       "rejected": [{"role":"user","content":"Q"},{"role":"assistant","content":"B"}]}
      """,
      [.user("Q")], "A", "B"
    ),
    (
      "a list of text parts as content",
      """
      {"prompt": [{"role":"user","content":[{"type":"text","text":"Q"},{"type":"text","text":"R"}]}],
       "chosen": "A", "rejected": "B"}
      """,
      [.user("QR")], "A", "B"
    ),
    (
      "a name beside a role",
      """
      {"prompt": [{"role":"user","name":"Anna","content":"Q"}, {"role":"user","name":null,"content":"R"}],
       "chosen": "A", "rejected": "B"}
      """,
      [Message(role: "user", content: "Q", name: "Anna"), .user("R")], "A", "B"
    ),
    (
      "hh-rlhf texts",
      #"{"chosen": "\n\nHuman: Q1\n\nAssistant: A1\n\nHuman: Q2\nmore\n\nAssistant: yes \n", "#
        + #""rejected": "\n\nHuman: Q1\n\nAssistant: A1\n\nHuman: Q2\nmore\n\nAssistant: no"}"#,
      [.user("Q1"), .assistant("A1"), .user("Q2\nmore")], "yes", "no"
    ),
    (
      "an hh-rlhf prompt that opens the answer",
      #"{"prompt": "\n\nHuman: Q\n\nAssistant:", "chosen": " A", "rejected": " B"}"#,
      [.user("Q")], " A", " B"
    ),
    ("an empty prompt", #"{"prompt": "", "chosen": "A", "rejected": "B"}"#, [], "A", "B"),
  ]

  @Test("reads each shape", arguments: shapes)
  func readsShape(
    name: String,
    row: String,
    prompt: [Message],
    chosen: String,
    rejected: String
  ) throws {
    let line = row.replacingOccurrences(of: "\n ", with: " ")
    let (pairs, report) = try readPairs([line])
    #expect(pairs == [PreferencePair(id: "0", prompt: prompt, chosen: chosen, rejected: rejected)])
    #expect(report.rowCount == 1)
    #expect(report.keptCount == 1)
    #expect(report.skippedCount == 0)
  }

  @Test("reads every optional key, and ignores others")
  func readsOptionalKeys() throws {
    let (pairs, _) = try readPairs([
      #"{"id": 7, "chosen": "a", "rejected": "b", "subset": "S", "margin": 1.5, "#
        + #""probability": 0.9, "chosen_critique": "good", "rejected_critique": "bad", "x": [1]}"#,
      "",
      #"{"pair_id": "p", "chosen": "a", "rejected": "b", "chosen_feedback": ["good"], "#
        + #""rejected_feedback": "bad", "margin": null}"#,
      "  \r",
      #"{"chosen": "a", "rejected": "b"}"#,
    ])
    try #require(pairs.count == 3)
    #expect(
      pairs[0]
        == PreferencePair(
          id: "7",
          prompt: [],
          chosen: "a",
          rejected: "b",
          subset: "S",
          chosenCritique: "good",
          rejectedCritique: "bad",
          margin: 1.5,
          probability: 0.9
        )
    )
    #expect(pairs[1].id == "p")
    #expect(pairs[1].chosenCritique == "good")
    #expect(pairs[1].rejectedCritique == "bad")
    #expect(pairs[1].margin == nil)
    // The third row, counted from 0; blank lines are no rows.
    #expect(pairs[2].id == "2")
  }

  /// Row, kind, a part of the message.
  static let problems: [(String, ProblemKind, String)] = [
    ("{", .malformedJSON, "not a JSON object"),
    ("[1]", .malformedJSON, "found a list"),
    ("7", .malformedJSON, "found a number"),
    (#"{"chosen": "a", "rejected": "b"} x"#, .malformedJSON, "behind the end"),
    (#"{"chosen": "a", "rejected": NaN}"#, .wrongType, "'rejected'"),
    (#"{"chosen": "a", "rejected": "b", "margin": NaN}"#, .outOfRange, "found NaN"),
    (#"{"chosen": "\ud800", "rejected": "b"}"#, .malformedJSON, "surrogate"),
    (#"{"rejected": "b"}"#, .missingKey, "'chosen'"),
    (#"{"chosen": "a"}"#, .missingKey, "'rejected'"),
    (#"{"chosen": "a", "rejected": null}"#, .missingKey, "'rejected'"),
    (#"{"chosen": 1, "rejected": "b"}"#, .wrongType, "'chosen'"),
    (#"{"chosen": ["a"], "rejected": ["b"]}"#, .wrongType, "'chosen'"),
    (#"{"prompt": 5, "chosen": "a", "rejected": "b"}"#, .wrongType, "'prompt'"),
    (#"{"chosen": "a", "rejected": "b", "margin": "1"}"#, .wrongType, "'margin'"),
    (#"{"chosen": "a", "rejected": "b", "subset": 1}"#, .wrongType, "'subset'"),
    (#"{"chosen": "a", "rejected": "b", "id": []}"#, .wrongType, "'id'"),
    (#"{"chosen": "a", "rejected": "b", "chosen_critique": ["x", "y"]}"#, .wrongType, "critique"),
    (#"{"chosen": "a", "rejected": "b", "chosen_feedback": []}"#, .wrongType, "chosen_feedback"),
    (
      #"{"chosen": [{"role": "assistant", "content": null}], "rejected": "b"}"#, .wrongType,
      "content"
    ),
    (
      #"{"chosen": [{"role": "assistant", "content": "a"}], "rejected": "b"}"#, .wrongType, "both"
    ),
    (#"{"chosen": [], "rejected": []}"#, .badConversation, "no messages"),
    (
      #"{"chosen": [{"role": "user", "content": "a"}], "rejected": "#
        + #"[{"role": "user", "content": "b"}]}"#,
      .badConversation, "assistant's turn"
    ),
    (
      #"{"prompt": "q", "chosen": [{"role": "user", "content": "x"}, "#
        + #"{"role": "assistant", "content": "a"}], "rejected": "b"}"#,
      .badConversation, "user, assistant"
    ),
    (
      #"{"chosen": "\n\nHuman: p\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: b"}"#,
      .badConversation, "differ before"
    ),
    (
      #"{"prompt": [{"role": "assistant", "content": "x"}], "chosen": "a", "rejected": "b"}"#,
      .badConversation, "ends with"
    ),
    (#"{"chosen": "a", "rejected": "a"}"#, .identicalAnswers, "same text"),
    (#"{"chosen": " \n", "rejected": "a"}"#, .emptyResponse, "'chosen'"),
    (#"{"chosen": "a", "rejected": ""}"#, .emptyResponse, "'rejected'"),
    (#"{"chosen": "a", "rejected": "b", "id": "used"}"#, .duplicateID, "'used'"),
    (#"{"chosen": "a", "rejected": "b", "probability": 0}"#, .outOfRange, "'probability'"),
    (#"{"chosen": "a", "rejected": "b", "probability": 1.0}"#, .outOfRange, "'probability'"),
    (#"{"chosen": "a", "rejected": "b", "probability": -0.5}"#, .outOfRange, "'probability'"),
    (#"{"chosen": "a", "rejected": "b", "margin": 1e999}"#, .outOfRange, "'margin'"),
    (#"{"chosen": "longer than ten", "rejected": "b"}"#, .tooLong, "limit of 10"),
  ]

  @Test("tells each problem with file and line, refused or counted", arguments: problems)
  func tellsProblem(row: String, kind: ProblemKind, part: String) throws {
    let good = #"{"id": "used", "chosen": "a", "rejected": "b"}"#
    let last = #"{"id": "last", "chosen": "a", "rejected": "b"}"#
    let limit = TokenLimit<PreferencePair>(maximumTokens: 10) {
      max($0.chosen.count, $0.rejected.count)
    }
    let error = #expect(throws: DataError.self) {
      try readPairs([good, "", row, last], limit: limit)
    }
    guard case .refused(let problem) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(problem.kind == kind)
    #expect(problem.line == 3)
    #expect(problem.file.hasSuffix("data.jsonl"))
    #expect(problem.detail.contains(part), "\(problem.detail)")
    #expect(error?.description.contains("data.jsonl:3: ") == true)

    let (pairs, report) = try readPairs([good, "", row, last], policy: .skipping, limit: limit)
    #expect(pairs.map(\.id) == ["used", "last"])
    #expect(report.rowCount == 3)
    #expect(report.keptCount == 2)
    #expect(report.skippedCounts == [kind: 1])
    #expect(report.examples.map(\.line) == [3])
    #expect(report.description.contains("1 \(kind.rawValue)"))
  }

  @Test("a policy refuses some kinds and skips others")
  func mixesPolicy() throws {
    let policy = ReadPolicy(.refuse, except: [.identicalAnswers: .skip])
    let same = #"{"chosen": "a", "rejected": "a"}"#
    let (_, report) = try readPairs([same, same, same, same, same], policy: policy)
    #expect(report.skippedCounts == [.identicalAnswers: 5])
    // The first three of a kind.
    #expect(report.examples.map(\.line) == [1, 2, 3])
    #expect(throws: DataError.self) { try readPairs([same, "{"], policy: policy) }
    var sum = report
    sum.add(report)
    #expect(sum.skippedCounts == [.identicalAnswers: 10])
    #expect(sum.rowCount == 10)
    #expect(sum.examples.count == 3)
  }

  @Test("invalid UTF-8 is a problem of its line alone")
  func invalidUTF8() throws {
    let folder = try TemporaryFolder()
    let good = Array("{\"chosen\": \"a\", \"rejected\": \"b\"}\n".utf8)
    var bad = good
    bad[12] = 0xFF
    let path = try folder.write(good + bad + good)
    let (pairs, report) = try PairReader(policy: .skipping).read(path)
    #expect(pairs.count == 2)
    #expect(report.skippedCounts == [.invalidUTF8: 1])
    #expect(report.examples.first?.line == 2)
  }

  @Test("reads a list in a .json file, and a byte-order mark")
  func readsList() throws {
    let folder = try TemporaryFolder()
    let row = #"{"chosen": "a", "rejected": "b"}"#
    let path = try folder.write("[\(row),\n{}, \(row)]".utf8, "data.json")
    let (pairs, report) = try PairReader(policy: .skipping).read(path)
    #expect(pairs.count == 2)
    #expect(report.examples.first?.line == 2)
    let marked = try folder.write([0xEF, 0xBB, 0xBF] + Array(row.utf8), "marked.jsonl")
    #expect(try PairReader().read(marked).pairs.count == 1)
    for text in ["{}", "", "["] {
      let bad = try folder.write(text.utf8, "bad.json")
      #expect(throws: DataError.self) { try PairReader().read(bad) }
    }
  }

  @Test("a missing file and a folder are told from bad data")
  func missingFile() throws {
    #expect(throws: DataError.notFound(path: "/nonexistent.jsonl")) {
      try PairReader().read("/nonexistent.jsonl")
    }
    let folder = try TemporaryFolder()
    #expect(
      throws: DataError.unreadable(
        path: folder.url.path,
        reason: "it is a folder; name a file in it"
      )
    ) {
      try PairReader().read(folder.url.path)
    }
    let empty = try folder.write("".utf8)
    #expect(try PairReader().read(empty).report.rowCount == 0)
  }

  @Test("lines longer than a chunk and a file of many lines come whole")
  func readsLongLines() throws {
    let long = String(repeating: "x\u{E9}", count: 100_000)
    let rows = (0..<3000).map { #"{"id": \#($0), "chosen": "c\#($0)", "rejected": "b"}"# }
    let lines = rows + [#"{"chosen": "\#(long)", "rejected": "b"}"#] + ["{}"]
    let (pairs, report) = try readPairs(lines, policy: .skipping)
    #expect(pairs.count == 3001)
    #expect(pairs[2999].chosen == "c2999")
    #expect(pairs[3000].chosen == long)
    #expect(report.examples.first?.line == 3002)
  }
}
