import AssayGenerate
import AssayTestSupport
import AssayText
import Foundation
import Synchronization
import Testing

@Suite struct RemoteFailureTests {
  /// A server that gives one reply after another, the last one again and again.
  private func scripted(_ replies: [ChatServer.Reply]) throws -> ChatServer {
    try ChatServer { received, respond in respond(replies[min(received.number, replies.count - 1)])
    }
  }

  @Test("waits as a rate limit asks, in seconds or until a date, and asks again")
  func rateLimit() async throws {
    let server = try scripted([
      .answer(status: 429, body: "slow down", headers: ["Retry-After": "7"]),
      .answer(status: 429, body: "", headers: ["Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"]),
      .completion("ok"),
    ])
    let waits = Waits()
    let (text, spend) = try await withEndpoint(server, settings: quickSettings(waits)) {
      (try await $0.complete(questions("q"))[0].text, $0.spend)
    }
    #expect(text == "ok")
    // The date is long past.
    #expect(waits.all == [7, 0])
    #expect(spend.requests == 1 && spend.retries == 2)
  }

  @Test("gives up where a rate limit asks for longer than it may")
  func longRateLimit() async throws {
    let server = try scripted([
      .answer(status: 429, body: "quota", headers: ["Retry-After": "9000"])
    ])
    let (error, text) = await failure {
      _ = try await withEndpoint(server) { try await $0.complete(questions("q")) }
    }
    guard case .unavailable? = error else {
      Issue.record("\(text)")
      return
    }
    #expect(text.contains("9000") && text.contains("quota") && server.received.count == 1)
  }

  @Test("backs off twice as long each time where the server fails, up to a limit")
  func backoff() async throws {
    let server = try scripted([.answer(status: 500, body: "broken")])
    let waits = Waits()
    var settings = quickSettings(waits)
    settings.retries = 5
    settings.longestBackoffSeconds = 6
    let (error, text) = await failure { [settings] in
      _ = try await withEndpoint(server, settings: settings) {
        try await $0.complete(questions("q"))
      }
    }
    // 1, 2, 4, and then 6 at most; jitter is at its most.
    #expect(waits.all == [1, 2, 4, 6, 6])
    guard case .unavailable(_, 6, _)? = error else {
      Issue.record("\(text)")
      return
    }
    #expect(text.contains(server.base) && text.contains("status 500: broken"))
    settings.jitter = { 0 }
    let halves = Waits()
    settings.pause = { halves.add($0) }
    _ = await failure { [settings] in
      _ = try await withEndpoint(server, settings: settings) {
        try await $0.complete(questions("q"))
      }
    }
    #expect(halves.all == [0.5, 1, 2, 3, 3])
  }

  @Test(
    "goes on after an answer that fails once",
    arguments: [
      ChatServer.Reply.answer(status: 500, body: ""), .answer(status: 503, body: "loading"),
      .cut(body: "{\"choi"), .answer(body: "<html>"), .answer(body: "{\"error\": {}}"),
    ]
  )
  func recovery(first: ChatServer.Reply) async throws {
    let server = try scripted([first, .completion("ok")])
    let (text, spend) = try await withEndpoint(server) {
      (try await $0.complete(questions("q"))[0].text, $0.spend)
    }
    #expect(text == "ok")
    #expect(spend.requests == 1 && spend.retries == 1 && server.received.count == 2)
  }

  @Test("says so where nothing but a part of an answer comes")
  func cut() async throws {
    let server = try scripted([.cut(body: "{\"choices\": [")])
    let (error, text) = await failure {
      _ = try await withEndpoint(server) { try await $0.complete(questions("q")) }
    }
    guard case .unavailable(_, 3, _)? = error else {
      Issue.record("\(text)")
      return
    }
    #expect(text.contains(server.base))
  }

  @Test("refuses garbage, and shows its start")
  func garbage() async throws {
    let server = try scripted([
      .answer(body: "<html>\n  \(String(repeating: "a", count: 500)) end")
    ])
    let (error, text) = await failure {
      _ = try await withEndpoint(server) { try await $0.complete(questions("q")) }
    }
    guard case .garbage(server.base, 200, let excerpt)? = error else {
      Issue.record("\(text)")
      return
    }
    #expect(excerpt.hasPrefix("<html> aaa") && excerpt.count <= 203 && !excerpt.contains("end"))
  }

  @Test(
    "does not repeat what is refused for good",
    arguments: [(400, true), (422, true), (404, false), (403, false), (307, false)]
  )
  func refusals(status: Int, isRequestAtFault: Bool) async throws {
    let server = try scripted([
      .answer(status: status, body: "no", headers: ["Location": "/v2/chat/completions"])
    ])
    let (error, text) = await failure {
      _ = try await withEndpoint(server) { try await $0.complete(questions("q")) }
    }
    guard case .refused(_, status, "no", isRequestAtFault)? = error else {
      Issue.record("\(text)")
      return
    }
    #expect(server.received.count == 1)
  }

  /// A server that takes one name of the most tokens, and refuses the other as OpenAI does.
  private func server(taking name: String) throws -> ChatServer {
    try ChatServer { received, respond in
      guard received.member(name) == nil else { return respond(.completion("ok")) }
      respond(
        .answer(
          status: 400,
          body: #"{"error": {"message": "Unsupported parameter: 'max_tokens' is not supported "#
            + #"with this model. Use 'max_completion_tokens' instead.", "param": "max_tokens"}}"#
        )
      )
    }
  }

  @Test("asks with the other name of the most tokens where a server wants it, and remembers it")
  func otherLimit() async throws {
    let server = try server(taking: "max_completion_tokens")
    let waits = Waits()
    var settings = quickSettings(waits)
    settings.concurrency = 1
    settings.retries = 0
    let (texts, spend) = try await withEndpoint(server, settings: settings) {
      (try await $0.complete(questions("a", "b")).map(\.text), $0.spend)
    }
    #expect(texts == ["ok", "ok"])
    // Three requests: only the first one is refused, and nothing waits.
    #expect(
      server.received.map { $0.member("max_tokens") } == ["512", nil, nil]
        && server.received.map { $0.member("max_completion_tokens") } == [nil, "512", "512"]
    )
    #expect(spend.requests == 2 && spend.retries == 1 && waits.all.isEmpty)
  }

  @Test("asks with the other name once, and not where the refusal does not want it")
  func stillRefused() async throws {
    // It wants a name that nobody sends.
    let server = try server(taking: "tokens")
    let (error, text) = await failure {
      _ = try await withEndpoint(server) { try await $0.complete(questions("q")) }
    }
    guard case .refused(_, 400, _, true)? = error else {
      Issue.record("\(text)")
      return
    }
    #expect(server.received.count == 2)
  }

  @Test("ends requests that get no answer, or only its start", arguments: [true, false])
  func timeout(isSilent: Bool) async throws {
    let server = try ChatServer { _, respond in
      if !isSilent { respond(.stall(body: "{")) }
    }
    var settings = quickSettings()
    settings.timeoutSeconds = 0.2
    settings.retries = 1
    let (error, text) = await failure { [settings] in
      _ = try await withEndpoint(server, settings: settings) {
        try await $0.complete(questions("q"))
      }
    }
    guard case .unavailable(_, 2, _)? = error else {
      Issue.record("\(text)")
      return
    }
    #expect(text.contains("none within 0.2 s"))
  }

  @Test("gives up early where nothing ever answered")
  func nobody() async throws {
    // A port of old that nobody listens at, and that no server is given.
    let base = "http://127.0.0.1:1/v1"
    let waits = Waits()
    let (error, text) = await failure {
      _ = try await withEndpoint(base, settings: quickSettings(waits)) {
        try await $0.complete(questions("q"))
      }
    }
    guard case .unavailable(base, 3, _)? = error else {
      Issue.record("\(text)")
      return
    }
    #expect(waits.all.count == 2)
  }

  @Test("stops at once where the work is interrupted, though no answer comes")
  func interruption() async throws {
    struct Stop: Error {}
    let server = try ChatServer { _, _ in }
    var settings = quickSettings()
    settings.checkpoint = { if !server.received.isEmpty { throw Stop() } }
    let (_, text) = await failure { [settings] in
      _ = try await withEndpoint(server, settings: settings) {
        try await $0.complete(questions("q"))
      }
    }
    #expect(text == "Stop()")
  }
}
