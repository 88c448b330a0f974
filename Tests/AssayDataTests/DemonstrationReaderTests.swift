import AssayData
import AssayText
import Foundation
import Testing

@Suite struct DemonstrationReaderTests {
  private let playground = Playground(PlaygroundConfiguration(seed: 4))

  @Test("every demonstration that is written reads back equal")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let tutor = PlaygroundTutor(playground)
    let strange = [
      Demonstration.conversation(
        role: .judge,
        [.system("be fair"), .user("a\n\"b\""), .assistant("so [[B]]")]
      ),
      .critique(
        role: .critic,
        prompt: [.user("\n\nHuman: hi"), .assistant("yes"), .user("why?")],
        response: "",
        critique: " good",
        leadIn: ""
      ),
      .critique(
        role: .critic,
        prompt: [.user("\n\nHuman: hi")],
        response: "r",
        critique: "c",
        leadIn: "l"
      ),
    ]
    let all = strange + (0..<300).map(tutor.demonstration)
    let path = folder.path("all.jsonl")
    let writer = try RecordWriter(path: path)
    // Repeated demonstrations are no duplicates.
    for demonstration in all + strange { try writer.append(demonstration) }
    let (read, report) = try DemonstrationReader().read(path)
    #expect(read == all + strange)
    #expect(report.keptCount == all.count + strange.count)
    #expect(Set(read.map(\.role)) == Set(TutorRole.allCases))
  }

  @Test("the Playground's files of demonstrations and of validation read back")
  func files() throws {
    let folder = try TemporaryFolder()
    let target = folder.url.appendingPathComponent("new/place")
    let tutor = PlaygroundTutor(playground)
    try PlaygroundWriter.writeDemonstrations(tutor, count: 40, to: target)
    try PlaygroundWriter.writeValidation(
      playground.configuration,
      count: 12,
      behind: 30,
      to: target
    )
    let names = try FileManager.default.contentsOfDirectory(atPath: target.path).sorted()
    #expect(names == ["instruct.jsonl", "validation.jsonl"])
    let instruct = target.appendingPathComponent("instruct.jsonl").path
    #expect(
      try DemonstrationReader().read(instruct).demonstrations == (0..<40).map(tutor.demonstration)
    )
    let validation = target.appendingPathComponent("validation.jsonl").path
    let expected = playground.validation(count: 12, behind: 30).map(\.pair)
    #expect(try PairReader().read(validation).pairs == expected)
  }

  @Test("a folder that cannot be made is an error")
  func unwritable() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(["x"], "file")
    #expect(throws: DataError.self) {
      let inside = URL(fileURLWithPath: file).appendingPathComponent("inside")
      try PlaygroundWriter.writeDemonstrations(
        PlaygroundTutor(playground),
        count: 1,
        to: inside
      )
    }
  }

  @Test(
    "a row that demonstrates nothing is an error with its place",
    arguments: [
      ("{", ProblemKind.malformedJSON), ("[]", .malformedJSON), ("{}", .missingKey),
      (#"{"role": "judge"}"#, .missingKey), (#"{"role": 3, "messages": []}"#, .wrongType),
      (#"{"role": "poet", "messages": []}"#, .wrongType),
      (#"{"role": "judge", "messages": "hi"}"#, .wrongType),
      (#"{"role": "judge", "messages": []}"#, .badConversation),
      (#"{"role": "judge", "messages": [{"role":"user","content":"Q"}]}"#, .badConversation),
      (#"{"role": "judge", "messages": [{"role":"assistant","content":"A"}]}"#, .badConversation),
      (
        #"{"role": "judge", "messages": [{"role":"user","content":"Q"}, "#
          + #"{"role":"assistant","content":" "}]}"#, .emptyResponse
      ), (#"{"role": "critic", "prompt": "Q", "response": "A", "critique": "C"}"#, .missingKey),
      (#"{"role": "critic", "prompt": "Q", "critique": "C", "lead_in": ""}"#, .missingKey),
      (#"{"role": "critic", "prompt": "Q", "response": "A", "lead_in": ""}"#, .missingKey),
      (
        #"{"role": "critic", "prompt": "Q", "response": "A", "critique": "", "lead_in": ""}"#,
        .emptyResponse
      ),
      (
        #"{"role": "critic", "prompt": "", "response": "A", "critique": "C", "lead_in": ""}"#,
        .badConversation
      ),
      (
        #"{"role": "critic", "prompt": [{"role":"assistant","content":"Q"}], "response": "A", "#
          + #""critique": "C", "lead_in": ""}"#, .badConversation
      ),
    ]
  )
  func malformed(row: String, kind: ProblemKind) throws {
    let good =
      #"{"role": "answer", "messages": [{"role":"user","content":"Q"}, "#
      + #"{"role":"assistant","content":"A"}]}"#
    let folder = try TemporaryFolder()
    let path = try folder.write([good, row])
    let error = #expect(throws: DataError.self) { try DemonstrationReader().read(path) }
    #expect("\(try #require(error))".hasPrefix("\(path):2: "))
    let (kept, report) = try DemonstrationReader(policy: .skipping).read(path)
    #expect(kept.count == 1)
    #expect(report.skippedCounts == [kind: 1])
  }
}
