import AssayData
import AssayGenerate
import AssayTestSupport
import AssayText
import Foundation
import Testing

@Suite struct RemoteRecordsTests {
  private func echo() throws -> ChatServer {
    try ChatServer { received, respond in
      respond(.completion("to \(received.question)", alternatives: [("A", -0.5), ("B", -2)]))
    }
  }

  @Test("asks only what is missing when it runs again, and equal requests once")
  func rerun() async throws {
    let server = try echo()
    let scratch = ScratchFile()
    let first = try await withEndpoint(server, records: try RequestRecords(scratch.path)) {
      try await $0.complete(questions("a", "b", "a"))
    }
    #expect(first.map(\.text) == ["to a", "to b", "to a"])
    #expect(server.received.map(\.question).sorted() == ["a", "b"])
    let (again, spend) = try await withEndpoint(
      server,
      records: try RequestRecords(scratch.path)
    ) { (try await $0.complete(questions("b", "c", "a")), $0.spend) }
    #expect(again.map(\.text) == ["to b", "to c", "to a"])
    #expect(server.received.map(\.question).sorted() == ["a", "b", "c"])
    #expect(spend.requests == 1 && spend.recorded == 2 && spend.promptTokens == 10)
    // What was recorded is all that was answered.
    #expect(again[0] == first[1] && again[0].firstAlternatives == ["A": -0.5, "B": -2])
  }

  @Test("a request with other settings, model, seed or draw is another one")
  func keys() {
    let request = ChatRequest(messages: [.user("q")])
    var others = [request, request, request]
    others[0].settings.temperature = 1
    others[1].seed = 1
    others[2].draw = 1
    var keys = Set((others + [request]).map { $0.key(model: "m") })
    keys.insert(request.key(model: "n"))
    #expect(keys.count == 5)
    #expect(request.key(model: "m") == ChatRequest(messages: [.user("q")]).key(model: "m"))
  }

  @Test("keeps what was answered before another request failed")
  func partialFailure() async throws {
    let server = try ChatServer { received, respond in
      respond(received.question == "bad" ? .answer(status: 400, body: "no") : .completion("ok"))
    }
    let scratch = ScratchFile()
    var settings = quickSettings()
    settings.concurrency = 1
    let (error, _) = await failure { [settings] in
      _ = try await withEndpoint(
        server,
        settings: settings,
        records: try RequestRecords(scratch.path)
      ) { try await $0.complete(questions("a", "bad", "c")) }
    }
    guard case .refused(_, 400, _, true)? = error else {
      Issue.record("expected a refusal")
      return
    }
    #expect(try RequestRecords(scratch.path).count == 1)
  }

  @Test("forgets a last line that was cut, and asks for it again")
  func tornLine() async throws {
    let server = try echo()
    let scratch = ScratchFile()
    _ = try await withEndpoint(server, records: try RequestRecords(scratch.path)) {
      try await $0.complete(questions("a", "b"))
    }
    let whole = scratch.text
    try scratch.write(String(whole.dropLast(20)))
    let texts = try await withEndpoint(server, records: try RequestRecords(scratch.path)) {
      try await $0.complete(questions("a", "b")).map(\.text)
    }
    #expect(texts == ["to a", "to b"])
    #expect(server.received.count == 3)
    #expect(scratch.text == whole)
  }

  @Test("refuses a file that is none of records")
  func foreignFile() throws {
    let scratch = ScratchFile()
    try scratch.write("{\"prompt\": \"p\"}\n")
    #expect(throws: EndpointError.malformedRecord(path: scratch.path, line: 1)) {
      try RequestRecords(scratch.path)
    }
    #expect(scratch.text == "{\"prompt\": \"p\"}\n")
    try scratch.write("{\"key\": 1\n{}\n")
    #expect(throws: DataError.self) { try RequestRecords(scratch.path) }
    #expect(throws: DataError.self) { try RequestRecords("/no/such/folder/file") }
  }

  @Test("has a file to itself")
  func lock() throws {
    let scratch = ScratchFile()
    let first = try RequestRecords(scratch.path)
    #expect(throws: EndpointError.recordsInUse(path: scratch.path)) {
      try RequestRecords(scratch.path)
    }
    #expect(first.count == 0)
  }
}
