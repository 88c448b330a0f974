import AssayBase
import AssayData
import AssayText
import Foundation
import Testing

/// Rows and files as people have them: a part that would be lost is refused, an odd coat is read.
@Suite struct ReadersFaultTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private static let pair = #"{"prompt": "p", "chosen": "a", "rejected": "b"}"#

  @Test(
    "a part of the row that would be dropped is refused, and named",
    arguments: [
      (#"{"question": "2 + 3?", "chosen": "5.", "rejected": "6."}"#, "'question'"),
      (#"{"instruction": "Add.", "chosen": "5.", "rejected": "6."}"#, "'instruction'"),
      (#"{"system": "Be brief.", "prompt": "q", "chosen": "5.", "rejected": "6."}"#, "'system'"),
      (#"{"prompt": "q", "tools": [{}], "chosen": "5.", "rejected": "6."}"#, "'tools'"),
      (#"{"prompt": "q", "history": [["a", "b"]], "chosen": "5.", "rejected": "6."}"#, "'history'"),
      (#"{"Prompt": "q", "chosen": "5.", "rejected": "6."}"#, "'Prompt'"),
      (#"{"Question": "q", "chosen": "5.", "rejected": "6."}"#, "'Question'"),
      (
        #"{"prompt": "q", "chosen": [{"role": "assistant", "content": "5.", "reasoning_content": "so"}], "#
          + #""rejected": "6."}"#,
        "'reasoning_content'"
      ),
      (#"{"prompt": "q", "images": ["x.png"], "chosen": "5.", "rejected": "6."}"#, "'images'"),
      (
        #"{"prompt": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "Let me see.", "#
          + #""tool_calls": [{"id": "c"}]}, {"role": "tool", "content": "5"}], "chosen": "5.", "rejected": "6."}"#,
        "'tool_calls'"
      ),
    ]
  )
  func dropped(_ row: String, _ name: String) throws {
    let error = #expect(throws: DataError.self) { try readPairs([row]) }
    #expect(error?.description.contains("data.jsonl:1: ") == true)
    #expect(error?.description.contains(name) == true, "\(String(describing: error))")
  }

  @Test(
    "a part that holds nothing, or is read elsewhere, is no part",
    arguments: [
      #"{"prompt": "q", "system": "", "tools": [], "images": null, "chosen": "a", "rejected": "b"}"#,
      #"{"prompt": "q", "question": "q", "chosen": "a", "rejected": "b"}"#,
      #"{"system": "S", "prompt": [{"role": "system", "content": "S"}, {"role": "user", "content": "q"}], "#
        + #""chosen": "a", "rejected": "b"}"#,
      #"{"instruction": "q", "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "#
        + #""content": "a"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "#
        + #""content": "b"}]}"#,
      #"{"prompt": [{"role": "user", "content": "q", "tool_calls": []}], "chosen": "a", "rejected": "b"}"#,
      #"{"prompt": [{"role": "assistant", "content": "a", "reasoning_content": "so"}, {"role": "user", "#
        + #""content": "q"}], "chosen": "a", "rejected": "b"}"#,
    ]
  )
  func kept(_ row: String) throws {
    let pair = try #require(try readPairs([row]).pairs.first)
    #expect(pair.prompt.last == .user("q") && pair.chosen == "a" && pair.rejected == "b")
  }

  @Test(
    "lists with a conversation of their own keep it, and spaces around turns make no difference"
  )
  func ownConversation() throws {
    func row(_ prompt: String, _ before: String) -> String {
      let lists = ["A", "B"].map { #"[\#(before){"role": "assistant", "content": "\#($0)"}]"# }
      return #"{"prompt": "\#(prompt)", "chosen": \#(lists[0]), "rejected": \#(lists[1])}"#
    }
    let user = #"{"role": "user", "content": "Q"},"#
    let system = #"{"role": "system", "content": "S"},"#
    let (pairs, _) = try readPairs([
      row("Q", system + user), row(#"Q\n"#, user), row("Q", user), row("Q", ""),
    ])
    #expect(
      pairs.map(\.prompt) == [
        [.system("S"), .user("Q")], [.user("Q")], [.user("Q")], [.user("Q")],
      ]
    )
    #expect(pairs.allSatisfy { $0.chosen == "A" && $0.rejected == "B" })
    // Conversations that differ before their last turn are no pair.
    let mixed =
      #"{"prompt": "Q", "chosen": [\#(system)\#(user){"role": "assistant", "content": "A"}], "#
      + #""rejected": [\#(user){"role": "assistant", "content": "B"}]}"#
    #expect(throws: DataError.self) { try readPairs([mixed]) }
  }

  @Test("turns spelt in one text are read without the line breaks before the first")
  func humanTurns() throws {
    let (pairs, _) = try readPairs([
      #"{"chosen": "Human: hi\n\nAssistant: yes", "rejected": "Human: hi\n\nAssistant: no"}"#,
      #"{"prompt": "Human: hi\n\nAssistant:", "chosen": "yes", "rejected": "no"}"#,
      #"{"prompt": "Human: a word", "chosen": "yes", "rejected": "no"}"#,
      #"{"chosen": "User: hi\n\nAssistant: yes", "rejected": "User: hi\n\nAssistant: no"}"#,
      #"{"prompt": "\n\nUser: a\n\nAssistant: b\n\nUser: hi", "chosen": "yes", "rejected": "no"}"#,
    ])
    #expect(
      pairs.map(\.prompt) == [
        [.user("hi")], [.user("hi")], [.user("Human: a word")], [.user("hi")],
        [.user("a"), .assistant("b"), .user("hi")],
      ]
    )
    #expect(pairs.allSatisfy { $0.chosen == "yes" && $0.rejected == "no" })
  }

  @Test("a developer's turn is the system's")
  func developer() throws {
    let (pairs, _) = try readPairs([
      #"{"prompt": [{"role": "developer", "content": "S"}, {"role": "user", "content": "Q"}], "#
        + #""chosen": "a", "rejected": "b"}"#
    ])
    #expect(pairs.first?.prompt == [.system("S"), .user("Q")])
  }

  @Test(
    "text of two bytes a character is told by its mark",
    arguments: [[0xFF, 0xFE], [0xFE, 0xFF]]
  )
  func wideText(_ mark: [UInt8]) throws {
    let path = try folder.write(mark + [0x7B, 0, 0x7D, 0], "wide.jsonl")
    let error = #expect(throws: DataError.self) { try PairReader().read(path) }
    #expect(error?.description.contains("the file is UTF-16, expected JSON Lines") == true)
  }

  @Test("NaN and infinities in columns that nobody uses are read")
  func notNumbers() throws {
    let (pairs, _) = try readPairs([
      #"{"prompt": "p", "chosen": "a", "rejected": "b", "score": NaN, "x": [Infinity, -Infinity, 1]}"#
    ])
    #expect(pairs.count == 1)
    for word in ["nan", "NaN1", "-NaN", "Inf", "+Infinity"] {
      #expect(throws: DataError.self) {
        try readPairs([#"{"prompt": "p", "chosen": "a", "rejected": "b", "score": \#(word)}"#])
      }
    }
  }

  @Test("a list in a .jsonl file and lines in a .json file are read alike")
  func otherNames() throws {
    let list = try folder.write("[\n \(Self.pair),\n \(Self.pair)]\n".utf8, "l.jsonl")
    #expect(try PairReader().read(list).pairs.count == 2)
    let lines = try folder.write("\(Self.pair)\n\(Self.pair)\n".utf8, "l.json")
    #expect(try PairReader().read(lines).pairs.count == 2)
    let one = try folder.write(
      "{\"prompt\": \"p\",\n\"chosen\": \"a\",\n\"rejected\": \"b\"}".utf8,
      "o.json"
    )
    #expect(try PairReader().read(one).pairs.count == 1)
    let broken = try folder.write("[\(Self.pair)\n\(Self.pair)".utf8, "b.jsonl")
    let error = #expect(throws: DataError.self) { try PairReader().read(broken) }
    #expect(error?.description.hasPrefix("\(broken): expected JSON Lines or one JSON list") == true)
  }

  @Test("a file's own names of keys, and a key that it was said to have and has not")
  func columns() throws {
    let path = try folder.write([
      #"{"question": "q", "better": "a", "worse": "b", "prompt": "another", "margin": 2}"#,
      #"{"question": "r", "better": "a", "prompt": "another"}"#,
    ])
    let names = ["prompt": "question", "chosen": "better", "rejected": "worse"]
    let (pairs, report) = try PairReader(policy: .skipping, columns: names).read(path)
    #expect(pairs.count == 1 && report.skippedCounts == [.missingKey: 1])
    #expect(pairs[0].prompt == [.user("q")] && pairs[0].margin == 2)
    #expect(pairs[0].chosen == "a" && pairs[0].rejected == "b")
    let detail = "the column 'worse', which is to be the 'rejected', is missing"
    #expect(report.examples.map(\.detail) == [detail])
  }

  @Test(
    "other formats are named",
    arguments: [
      ("ARROW1", "Arrow"), ("BZh9", "bzip2"), ("PK\u{3}\u{4}", "zip"),
    ]
  )
  func otherFormats(_ start: String, _ name: String) throws {
    let path = try folder.write(start.utf8 + [0, 1, 2, 10, 3])
    let error = #expect(throws: DataError.self) { try PairReader(policy: .skipping).read(path) }
    #expect(error?.description.contains(name) == true, "\(String(describing: error))")
    #expect(error?.description.contains("convert it") == true)
  }

  @Test("prompts come as texts, messages, questions or rendered texts")
  func prompts() throws {
    let path = try folder.write([
      #"{"id": 7, "prompt": "Q"}"#, #"{"messages": [{"role": "user", "content": "Q"}]}"#,
      #"{"question": "Q", "answer": "A"}"#, #"{"prompt": [{"role": "user", "content": "Q"}]}"#,
    ])
    let (prompts, _) = try PromptReader(.conversations).read(path)
    #expect(prompts.map(\.id) == ["7", "1", "2", "3"])
    #expect(prompts.allSatisfy { $0.messages == [.user("Q")] })
    #expect(prompts[2].answer == "A")
    let text = try folder.write([#"{"text": "<s>x"}"#])
    #expect(try PromptReader(.conversationsOrTexts).read(text).prompts[0].content == .text("<s>x"))
    #expect(throws: DataError.self) { try PromptReader(.conversations).read(text) }
  }

  @Test(
    "prompts that cannot be answered are refused",
    arguments: [
      #"{"prompt": ""}"#, #"{"prompt": []}"#, #"{"prompt": 3}"#, #"{}"#, #"[]"#,
      #"{"prompt": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}"#,
      #"{"prompt": "Q", "id": []}"#, #"{"prompt": "Q", "responses": "x"}"#,
    ]
  )
  func badPrompts(_ row: String) throws {
    let path = try folder.write([#"{"prompt": "first"}"#, row])
    #expect(throws: DataError.self) { try PromptReader(.conversations).read(path) }
    let (prompts, report) = try PromptReader(.conversations, policy: .skipping).read(path)
    #expect(prompts.count == 1 && report.skippedCount == 1)
  }

  @Test("candidates need as many responses in each row")
  func candidates() throws {
    let rows = [
      #"{"prompt": "Q", "responses": ["a", "b"], "right": [true, false]}"#,
      #"{"prompt": "Q", "responses": ["a"]}"#, #"{"prompt": "Q"}"#,
      #"{"prompt": "Q", "responses": ["a", "b"], "right": [true]}"#,
      #"{"prompt": "Q", "responses": ["c", "d"]}"#,
    ]
    let (prompts, report) = try PromptReader(.candidates, policy: .skipping).read(
      folder.write(rows)
    )
    #expect(prompts.map(\.responses) == [["a", "b"], ["c", "d"]])
    #expect(report.examples.map(\.line) == [2, 3, 4])
  }

  @Test("the first row tells responses from pairs, on any path")
  func judged() throws {
    let pairs = try folder.write([Self.pair, Self.pair])
    #expect(try JudgedReader(.asFirstRow).read(pairs).records.count == 2)
    let mixed = try folder.write([#"{"prompt": "p", "response": "r"}"#, Self.pair], "m.jsonl")
    #expect(throws: DataError.self) { try JudgedReader(.asFirstRow).read(mixed) }
    guard
      case .response(let first)? = try JudgedReader(.asFirstRow, policy: .skipping)
        .read(mixed).records.first
    else {
      Issue.record("the first row is a response")
      return
    }
    #expect(first.content == .response(prompt: [.user("p")], response: "r"))
  }
}
