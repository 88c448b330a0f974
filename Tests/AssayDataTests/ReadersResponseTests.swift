import AssayData
import AssayText
import Foundation
import Testing

@Suite struct ReadersResponseTests {
  private func read(
    _ lines: [String],
    policy: ReadPolicy = .strict
  ) throws -> (responses: [ResponseRecord], report: ReadReport) {
    let folder = try TemporaryFolder()
    return try ResponseReader(policy: policy).read(folder.write(lines))
  }

  @Test("reads prompts with responses, messages and rendered texts")
  func reads() throws {
    let (responses, _) = try read([
      #"{"id": "7", "prompt": "Q", "response": "A"}"#,
      #"{"id": 8, "text": "<s><|user|>Q<|eot|>"}"#,
      #"{"messages": [{"role":"user","content":"Q"},{"role":"assistant","content":"A"}]}"#,
      #"{"prompt": [{"role":"user","content":"Q"}], "#
        + #""response": [{"role":"assistant","content":"A"}]}"#,
    ])
    let answer = ResponseRecord.Content.response(prompt: [.user("Q")], response: "A")
    #expect(
      responses == [
        ResponseRecord(id: "7", content: answer),
        ResponseRecord(id: "8", content: .text("<s><|user|>Q<|eot|>")),
        ResponseRecord(id: "2", content: answer),
        ResponseRecord(id: "3", content: answer),
      ]
    )
  }

  @Test("a response that is a list may repeat the prompt, and begin before it, as a pair's may")
  func repeated() throws {
    func turn(_ role: String, _ text: String) -> String {
      #"{"role":"\#(role)","content":"\#(text)"}"#
    }
    let (user, answer) = (turn("user", "Q"), turn("assistant", "A"))
    func row(_ prompt: String, _ turns: String...) -> String {
      #"{"prompt": \#(prompt), "response": [\#(turns.joined(separator: ","))]}"#
    }
    let (responses, _) = try read([
      row(#""Q ""#, user, answer), row(#""Q""#, turn("system", "S"), user, answer),
      row(#""Q""#, turn("assistant", "B"), turn("user", "R"), answer),
    ])
    let prompts: [[Message]] = [
      [.user("Q")], [.system("S"), .user("Q")], [.user("Q"), .assistant("B"), .user("R")],
    ]
    #expect(responses.map(\.content) == prompts.map { .response(prompt: $0, response: "A") })
    // Another conversation is no response to the prompt.
    let (none, report) = try read([row(#""other""#, user, answer)], policy: .skipping)
    #expect(none.isEmpty && report.skippedCounts == [.badConversation: 1])
  }

  @Test(
    "tells what is wrong",
    arguments: [
      ("{}", ProblemKind.missingKey), (#"{"prompt": "Q"}"#, .missingKey),
      (#"{"text": 1}"#, .wrongType), (#"{"messages": "x"}"#, .wrongType),
      (#"{"text": " "}"#, .emptyResponse), (#"{"prompt": "Q", "response": ""}"#, .emptyResponse),
      (#"{"messages": [{"role":"user","content":"Q"}]}"#, .badConversation),
      (
        #"{"prompt": [{"role":"assistant","content":"Q"}], "response": "A"}"#, .badConversation
      ),
    ]
  )
  func tellsProblem(row: String, kind: ProblemKind) throws {
    let (responses, report) = try read([row], policy: .skipping)
    #expect(responses.isEmpty)
    #expect(report.skippedCounts == [kind: 1])
  }
}
