import AssayData
import AssayText
import Foundation
import Testing

/// A row of a file of demonstrations.
private struct DemonstrationRow: Decodable {
  let role: TutorRole
  let messages: [Message]?
  let prompt: Prompt?
  let response: String?
  let critique: String?
  let leadIn: String?

  /// A text is what the user says.
  enum Prompt: Decodable {
    case text(String)
    case messages([Message])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        self = .text(text)
      } else {
        self = .messages(try container.decode([Message].self))
      }
    }
  }

  enum CodingKeys: String, CodingKey {
    case role, messages, prompt, response, critique
    case leadIn = "lead_in"
  }

  func demonstration() throws -> Demonstration {
    if let messages { return .conversation(role: role, messages) }
    let turns: [Message] =
      switch try #require(prompt) {
      case .text(let text): [.user(text)]
      case .messages(let turns): turns
      }
    return .critique(
      role: role,
      prompt: turns,
      response: try #require(response),
      critique: try #require(critique),
      leadIn: try #require(leadIn)
    )
  }

  /// The demonstrations of a file.
  static func read(_ path: String) throws -> [Demonstration] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
      try JSONDecoder().decode(Self.self, from: Data($0.utf8)).demonstration()
    }
  }
}

@Suite struct DemonstrationFilesTests {
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
    for demonstration in all { try writer.append(demonstration) }
    let read = try DemonstrationRow.read(path)
    #expect(read == all)
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
      try DemonstrationRow.read(instruct) == (0..<40).map(tutor.demonstration)
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
}
