import AssayBase
import AssayData
import AssayText
import Foundation
import Testing

@Suite struct ReadersWriterTests {
  static let pairs = [
    PreferencePair(id: "a", prompt: [], chosen: "x", rejected: "y"),
    PreferencePair(id: "b", prompt: [.user("Q\n\"\u{1F600}\"\u{1}")], chosen: "x", rejected: " y"),
    PreferencePair(
      id: "c",
      prompt: [.system("S"), .user("Q")],
      chosen: "x",
      rejected: "y",
      subset: "s",
      chosenCritique: "good",
      rejectedCritique: "",
      margin: -0.1,
      probability: 1e-7
    ),
    // Texts that would be read as turns, were they written plainly.
    PreferencePair(
      id: "d",
      prompt: [.user("\n\nHuman: Q")],
      chosen: "\n\nHuman: x",
      rejected: "y"
    ),
    PreferencePair(id: "e", prompt: [], chosen: "\n\nHuman: x", rejected: "y"),
  ]

  @Test("pairs read back equal")
  func pairsRoundTrip() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("out.jsonl")
    let writer = try RecordWriter(path: path)
    for pair in Self.pairs { try writer.append(pair) }
    #expect(try PairReader().read(path).pairs == Self.pairs)
  }

  @Test("responses read back equal")
  func responsesRoundTrip() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("out.jsonl")
    let responses = [
      ResponseRecord(id: "a", content: .text("<s>x")),
      ResponseRecord(id: "b", content: .response(prompt: [.user("Q")], response: "A")),
      ResponseRecord(id: "c", content: .response(prompt: [], response: "\n\nHuman: A")),
      ResponseRecord(id: "d", content: .response(prompt: [.user("\n\nHuman: A")], response: "x")),
    ]
    let writer = try RecordWriter(path: path)
    for response in responses { try writer.append(response) }
    #expect(try ResponseReader().read(path).responses == responses)
  }

  @Test("resuming after every possible cut keeps the whole records and continues")
  func resumesAfterCut() throws {
    let folder = try TemporaryFolder()
    let lines = (0..<3).map { #"{"id":\#($0)}"# + "\n" }
    let bytes = Array(lines.joined().utf8)
    for count in 0...bytes.count {
      let path = try folder.write(bytes[..<count])
      let (writer, records, removed) = try RecordWriter.resume(path)
      // Each line is 9 bytes; a record is whole at its eighth, before the line end.
      #expect(records.compactMap { $0["id"]?.int } == Array(0..<(count + 1) / 9))
      #expect(removed == ((count + 1) % 9 == 0 ? 0 : count % 9))
      try writer.append(["id": 99])
      let again = try RecordWriter.resume(path)
      #expect(again.records.compactMap { $0["id"]?.int } == Array(0..<(count + 1) / 9) + [99])
      #expect(again.removedBytes == 0)
    }
  }

  @Test("a malformed line before the last is no cut, and is refused")
  func refusesMalformedMiddle() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("{\"id\":0}\n{\"id\"\n{\"id\":2}\n".utf8)
    let error = #expect(throws: DataError.self) { try RecordWriter.resume(path) }
    guard case .refused(let problem) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(problem.line == 2)
  }

  @Test("resuming makes a file that is not there, and says where none can be made")
  func resumesFresh() throws {
    let folder = try TemporaryFolder()
    let (writer, records, _) = try RecordWriter.resume(folder.path("new.jsonl"))
    #expect(records.isEmpty)
    try writer.append(encoding: ["b": 1, "a": 2])
    let text = try String(contentsOfFile: folder.path("new.jsonl"), encoding: .utf8)
    #expect(text == "{\"a\":2,\"b\":1}\n")
    #expect(throws: DataError.self) { try RecordWriter(path: "/nonexistent/out.jsonl") }
  }

  @Test("many tasks write whole lines")
  func writesConcurrently() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path("out.jsonl")
    let writer = try RecordWriter(path: path)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<8 {
        group.addTask {
          for index in 0..<100 { try writer.append(["id": .number("\(task * 100 + index)")]) }
        }
      }
      try await group.waitForAll()
    }
    let ids = try RecordWriter.resume(path).records.compactMap { $0["id"]?.int }
    #expect(ids.sorted() == Array(0..<800))
  }
}
