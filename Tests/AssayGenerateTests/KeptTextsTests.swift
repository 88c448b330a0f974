import AssayGenerate
import AssayModel
import AssayTensor
import AssayTestSupport
import AssayText
import Foundation
import Testing

@Suite struct KeptTextsTests {
  private let file = FileManager.default.temporaryDirectory
    .appendingPathComponent("kept-\(UUID().uuidString).jsonl")

  private func port() throws -> LocalPort {
    let model = try TinyModels.make(.languageModel)
    // What a text is does not depend on those beside it.
    model.decoder.execution = Execution(isBatchInvariant: true)
    return try LocalPort(model)
  }

  private func requests(_ lengths: [Int]) -> [GenerationRequest] {
    lengths.enumerated().map { index, length in
      GenerationRequest(
        promptTokens: [1, 2, Int32(index + 3)],
        settings: SamplingSettings(temperature: 1),
        maximumTokens: length,
        seed: 5,
        wantsLogProbabilities: true,
        topLogProbabilities: 2
      )
    }
  }

  @Test(
    "texts that were finished before an interruption are not written again, and are the same",
    .kernels
  )
  func resume() async throws {
    struct Stop: Error {}
    // The first takes longest, so that others are finished before it.
    let requests = requests([30, 2, 4, 8])
    let expected = try await port().texts(requests)
    let first = try port()
    first.kept = try KeptTexts(file, context: "a model")
    var finished: [Int] = []
    await #expect(throws: Stop.self) {
      _ = try await first.texts(requests) { index, _ in
        finished.append(index)
        if finished.count == 2 { throw Stop() }
      }
    }
    #expect(finished == [1, 2])
    let second = try port()
    let kept = try KeptTexts(file, context: "a model")
    #expect(kept.count == 2)
    second.kept = kept
    var written = 0
    second.onTokens = { written += $0 }
    var told: [Int: Generation] = [:]
    let texts = try await second.texts(requests) { told[$0] = $1 }
    #expect(texts == expected && told.count == 4)
    // Those of 30 and 8 tokens.
    #expect(written == 38)
    kept.remove()
    #expect(!FileManager.default.fileExists(atPath: file.path))
  }

  @Test("another model, seed, draw, limit or grammar is another text")
  func keys() async throws {
    let request = requests([4])[0]
    let first = try port()
    first.kept = try KeptTexts(file, context: "a model")
    _ = try await first.texts([request])
    #expect(try KeptTexts(file, context: "a model").count == 1)
    var others = [request, request, request, request, request]
    others[0].seed = 6
    others[1].draw = 1
    others[2].maximumTokens = 5
    others[3].settings.temperature = 0.5
    others[4].stopStrings = ["a"]
    let second = try port()
    second.kept = try KeptTexts(file, context: "a model")
    _ = try await second.texts(others)
    #expect(try KeptTexts(file, context: "a model").count == 6)
    let third = try port()
    third.kept = try KeptTexts(file, context: "another")
    _ = try await third.texts([request])
    #expect(try KeptTexts(file, context: "another").count == 7)
    try FileManager.default.removeItem(at: file)
  }

  @Test("texts of another process are taken, and a file's go once they are in records")
  func processes() async throws {
    let requests = requests([4, 2])
    let first = try port()
    let kept = try KeptTexts(file, context: "a model")
    first.kept = kept
    let expected = try await first.texts(requests)
    // The other one writes a third text.
    let line = try Data(contentsOf: file) + Data(#"{"key": "c"#.utf8)
    let other = file.appendingPathExtension("other")
    try line.write(to: other)
    try kept.empty()
    #expect(try KeptTexts(file, context: "a model").count == 0)
    let second = try port()
    let taken = try KeptTexts(file, context: "a model", beside: [other])
    second.kept = taken
    var written = 0
    second.onTokens = { written += $0 }
    #expect(try await second.texts(requests) == expected && written == 0)
    // Its owner cuts the other one.
    #expect(try Data(contentsOf: other) == line)
    try line.dropLast(10).write(to: file)
    let resumed = try KeptTexts(file, context: "a model")
    // None of them was asked for yet.
    try resumed.empty()
    #expect(resumed.count == 2)
    #expect(try KeptTexts(file, context: "a model").count == 2)
    try FileManager.default.removeItem(at: file)
    try FileManager.default.removeItem(at: other)
  }
}
