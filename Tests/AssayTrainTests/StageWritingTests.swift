import AssayEvaluate
import AssayGenerate
import AssayRun
import AssayText
import AssayTrain
import Foundation
import Synchronization
import Testing

@Suite struct StageWritingTests {
  private struct Stop: Error {}

  /// Repeats what it is asked, and fails at a text.
  private final class Echo: ChatGenerator {
    private let log = Mutex<[String]>([])
    private let failing: String?
    var asked: [String] { log.withLock { $0 } }

    init(failing: String? = nil) { self.failing = failing }

    nonisolated(nonsending) func complete(
      _ requests: [ChatRequest],
      onCompletion: (Int, ChatCompletion) throws -> Void
    ) async throws -> [ChatCompletion] {
      try requests.enumerated().map { index, request in
        let text = request.messages[0].content
        if text == failing { throw Stop() }
        log.withLock { $0.append(text) }
        let completion = ChatCompletion(
          text: text,
          usage: .init(prompt: 1, completion: 2)
        )
        try onCompletion(index, completion)
        return completion
      }
    }
  }

  private struct Row: Codable, Equatable {
    let item: Int
    let texts: [String]
  }

  /// Items ask for 0, 2, 1, 0, 2, 1, 0 texts.
  private static let counts = [0, 2, 1, 0, 2, 1, 0]

  private func rows(_ folder: URL, _ echo: Echo, stretch: Int) async throws -> [Row] {
    let stage = try RunFolder(folder).stage("texts", fingerprint: .init(recipe: "a: 1\n"))
    return try await stage.write(
      Array(Self.counts.enumerated()),
      by: RemoteWriter(echo),
      stretch: stretch,
      events: { _ in }
    ) { item, count in
      (0..<count).map { WritingRequest(.conversation([.user("\(item).\($0)")])) }
    } record: { item, written in
      Row(item: item, texts: written.joined().map(\.text))
    }
  }

  @Test("every item has its own answers, those too that ask for none", arguments: [1, 2, 3, 100])
  func items(stretch: Int) async throws {
    let folder = try TemporaryFolder()
    let expected = Self.counts.enumerated().map { item, count in
      Row(item: item, texts: (0..<count).map { "\(item).\($0)" })
    }
    let echo = Echo()
    #expect(try await rows(folder.url, echo, stretch: stretch) == expected)
    #expect(echo.asked == expected.flatMap(\.texts))
    // All is recorded: nothing is asked again.
    let again = Echo()
    #expect(try await rows(folder.url, again, stretch: stretch) == expected)
    #expect(again.asked.isEmpty)
  }

  @Test("what was recorded before a failure stays, and the rest is asked for behind it")
  func resume() async throws {
    let folder = try TemporaryFolder()
    await #expect(throws: Stop.self) {
      try await rows(folder.url, Echo(failing: "4.1"), stretch: 100)
    }
    let path = folder.url.appendingPathComponent("01-texts/records.jsonl")
    let lines = try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
    // Items 0 to 3; the fourth has one of its two answers.
    #expect(lines.count == 4)
    let echo = Echo()
    let all = try await rows(folder.url, echo, stretch: 100)
    #expect(echo.asked == ["4.0", "4.1", "5.0"])
    #expect(all.map(\.item) == Array(0..<7))
  }

  @Test("an opening that cannot be continued names its item")
  func errors() async throws {
    let folder = try TemporaryFolder()
    let stage = try RunFolder(folder.url).stage("texts", fingerprint: .init(recipe: "a: 1\n"))
    await #expect(throws: WritingError.rendered(request: 2)) {
      let _: [Row] = try await stage.write([0, 2, 1], by: RemoteWriter(Echo()), events: { _ in }) {
        count in
        (0..<count).map { _ in
          WritingRequest(count == 1 ? .rendered("") : .conversation([.user("a")]))
        }
      } record: { item, written in
        Row(item: item, texts: written.joined().map(\.text))
      }
    }
  }
}
