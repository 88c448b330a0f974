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
