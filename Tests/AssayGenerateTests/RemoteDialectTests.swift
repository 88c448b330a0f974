import AssayBase
import AssayGenerate
import AssayTestSupport
import AssayText
import Foundation
import Testing

/// Endpoints that are nearly OpenAI's.
@Suite struct RemoteDialectTests {
  private func scripted(_ replies: [ChatServer.Reply]) throws -> ChatServer {
    try ChatServer { received, respond in respond(replies[min(received.number, replies.count - 1)])
    }
  }

  // All name Sat, 28 Nov 2026 11:30:03 GMT, three seconds behind the clock.
  @Test(
    "reads dates of all three forms",
    arguments: [
      "Sat, 28 Nov 2026 11:30:03 GMT", "Saturday, 28-Nov-26 11:30:03 GMT",
      "Sat Nov 28 11:30:03 2026", " Sat, 28 Nov 2026 11:30:03 GMT ",
    ]
  )
  func dates(_ text: String) {
    #expect(RetryAfter.seconds(text, now: Date(timeIntervalSince1970: 1_795_865_400)) == 3)
  }

  @Test("reads seconds, days of one digit and years of two, and nothing else")
  func otherDates() {
    let now = Date(timeIntervalSince1970: 784_111_770)  // Sun, 06 Nov 1994 08:49:30 GMT
    #expect(RetryAfter.seconds("Sun Nov  6 08:49:37 1994", now: now) == 7)
    #expect(RetryAfter.seconds("Sunday, 06-Nov-94 08:49:37 GMT", now: now) == 7)
    // 1945 is 51 years behind 1996 and 2045 49 ahead; 2046 is 50 ahead of it, 2047 more.
    let later = Date(timeIntervalSince1970: 820_454_400)  // 1 Jan 1996
    #expect((RetryAfter.seconds("Wednesday, 01-Jan-46 00:00:00 GMT", now: later) ?? 0) > 1e9)
    #expect(RetryAfter.seconds("Wednesday, 01-Jan-47 00:00:00 GMT", now: later) == 0)
    #expect(RetryAfter.seconds("1.5") == 1.5 && RetryAfter.seconds("-3") == 0)
    for text in [
      "soon", "", "nan", "Sat, 28 Nov", "Sat, 28 Nov 2026 25:00:00 GMT",
      "Sat, 28 Foo 2026 11:30:03 GMT", "Sat, 32 Nov 2026 11:30:03 GMT",
    ] { #expect(RetryAfter.seconds(text, now: now) == nil, "\(text)") }
  }

  @Test(
    "an error within an answer of status 200 is asked again, and never kept as an answer",
    arguments: [
      #"{"choices":[{"index":0,"error":{"code":502,"message":"upstream"},"finish_reason":"error","message":{"role":"assistant","content":""}}]}"#,
      #"{"choices":[{"index":0,"finish_reason":"error","message":{"role":"assistant","content":"[[A]] becau"}}]}"#,
      #"{"choices":[{"index":0,"finish_reason":"abort","message":{"content":"x"}}]}"#,
      #"{"error":{"message":"rate limited","code":"rate_limit_exceeded"},"choices":[{"finish_reason":"stop","message":{"content":"x"}}]}"#,
      #"{"error":"overloaded"}"#, #"{"error":{"code":503,"message":"loading"}}"#,
    ]
  )
  func errorsInside(body: String) async throws {
    let bad = ChatServer.Reply.answer(body: body)
    // More often than an address that answers garbage is asked again.
    let server = try scripted([bad, bad, bad, bad, .completion("ok")])
    let scratch = ScratchFile()
    let (text, spend) = try await withEndpoint(server, records: try RequestRecords(scratch.path)) {
      (try await $0.complete(questions("q"))[0].text, $0.spend)
    }
    #expect(text == "ok" && spend.requests == 1 && spend.retries == 4)
    #expect(scratch.text.split(separator: "\n").count == 1)
  }

  @Test("an error within an answer that is the request's fault is not asked again")
  func refusalInside() async throws {
    let server = try scripted([
      .answer(body: #"{"error":{"code":400,"message":"bad model"},"choices":[]}"#)
    ])
    let (error, text) = await failure {
      _ = try await withEndpoint(server) { try await $0.complete(questions("q")) }
    }
    guard case .refused(_, 400, _, true)? = error else {
      Issue.record("\(text)")
      return
    }
    #expect(server.received.count == 1)
  }

  @Test(
    "content in parts is what its texts say; thoughts are none of it",
    arguments: [
      (
        #"[{"type":"thinking","thinking":[{"type":"text","text":"x"}]},{"type":"text","text":"ok [[A]]"}]"#,
        "ok [[A]]"
      ), (#"[{"type":"text","text":"a "},{"type":"output_text","text":"b"}]"#, "a b"),
      (#"[{"type":"reasoning","text":"hm"},"b"]"#, "b"),
      (#"[{"type":"refusal","refusal":"no"}]"#, "no"), ("[]", ""), (#""x""#, "x"), ("null", ""),
      (#"[{"type":"text","text":{"value":"a","annotations":[]}}]"#, "a"),
      (#"{"type":"text","text":"a"}"#, "a"), (#"{"type":"thinking","thinking":"hm"}"#, ""),
    ]
  )
  func parts(content: String, text: String) throws {
    let body = #"{"choices":[{"message":{"content":\#(content)},"finish_reason":"stop"}]}"#
    #expect(ChatCompletion(body: Array(body.utf8))?.text == text)
  }

  @Test("a refusal to answer is the answer, and what is neither text nor parts is none")
  func silence() {
    func text(_ message: String) -> String? {
      let body = #"{"choices":[{"message":\#(message),"finish_reason":"stop"}]}"#
      return ChatCompletion(body: Array(body.utf8))?.text
    }
    #expect(text(#"{"content":null,"refusal":"I cannot."}"#) == "I cannot.")
    #expect(text(#"{"content":7}"#) == nil && text(#"{"content":{}}"#) == nil)
    #expect(text(#"{"content":[{"type":"text","text":7}]}"#) == nil)
    #expect(text("null") == "" && text("7") == nil)
  }

  @Test(
    "an answer that a filter of contents keeps back is one without text, and ends nothing",
    arguments: [
      #"{"error":{"code":"content_filter","message":"The response was filtered","status":400}}"#,
      #"{"error":{"code":"x","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
      #"{"error":{"type":"data_inspection_failed","message":"Input data may be bad"}}"#,
      #"{"code":"content_policy_violation"}"#,
    ]
  )
  func filtered(body: String) async throws {
    let server = try scripted([.answer(status: 400, body: body), .completion("ok")])
    var settings = quickSettings()
    settings.concurrency = 1
    let answers = try await withEndpoint(server, settings: settings) {
      try await $0.complete(questions("a", "b"))
    }
    #expect(answers.map(\.text) == ["", "ok"])
    #expect(answers[0].finishReason.rawValue == "content_filter" && server.received.count == 2)
  }

  @Test(
    "where temperatures are refused, it asks without, and says how often",
    arguments: [
      #"{"error":{"message":"'temperature' does not support 0 with this model. Only the default (1) value is supported."}}"#,
      #"{"detail":[{"type":"extra_forbidden","loc":["body","temperature"],"msg":"Extra inputs"}]}"#,
    ]
  )
  func temperature(refusal: String) async throws {
    let server = try ChatServer { received, respond in
      let isRefused = received.member("temperature") != nil || received.member("top_p") != nil
      respond(isRefused ? .answer(status: 400, body: refusal) : .completion("ok"))
    }
    var request = questions("a")[0]
    request.settings.topP = 0.5
    let spend = try await withEndpoint(server) { [request] in
      _ = try await $0.complete([request])
      return $0.spend
    }
    #expect(spend.untempered == 1 && spend.text.contains("without a temperature"))
  }

  @Test("a temperature that is only too high is refused, and 'max_tokens' gets its other name")
  func values() async throws {
    let high = try scripted([
      .answer(status: 400, body: #"{"message":"temperature must be between 0 and 1"}"#)
    ])
    let (error, text) = await failure {
      _ = try await withEndpoint(high) { try await $0.complete(questions("q")) }
    }
    #expect(error != nil && high.received.count == 1, "\(text)")
    let other = try scripted([
      .answer(
        status: 422,
        body: #"{"detail":[{"type":"extra_forbidden","loc":["body","max_tokens"]}]}"#
      ),
      .completion("ok"),
    ])
    _ = try await withEndpoint(other) { try await $0.complete(questions("q")) }
    #expect(other.received.map { $0.member("max_completion_tokens") != nil } == [false, true])
  }

  @Test("where seeds are refused, it asks without, remembers, and counts what cannot be repeated")
  func seeds() async throws {
    let server = try ChatServer { received, respond in
      guard received.member("seed") != nil else { return respond(.completion("ok")) }
      respond(
        .answer(
          status: 422,
          body:
            #"{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"Extra inputs"}]}"#
        )
      )
    }
    var settings = quickSettings()
    settings.concurrency = 1
    settings.retries = 0
    let (texts, spend) = try await withEndpoint(server, settings: settings) {
      (try await $0.complete(questions("a", "b")).map(\.text), $0.spend)
    }
    #expect(texts == ["ok", "ok"])
    #expect(server.received.map { $0.member("seed") != nil } == [true, false, false])
    #expect(spend.unseeded == 2 && spend.text.contains("without a seed"))
  }

  @Test(
    "where the system's turn is refused, what it says opens the user's",
    arguments: [
      "System role not supported", "Developer instruction is not enabled for models/gemma-3-27b-it",
      "Conversation roles must alternate user/assistant/user/assistant/...",
      "messages.0.role: Input should be 'user' or 'assistant'",
    ]
  )
  func system(refusal: String) async throws {
    let server = try ChatServer { received, respond in
      guard received.member("messages")?.contains(#""system""#) == true else {
        return respond(.completion("ok"))
      }
      respond(.answer(status: 400, body: #"{"message":"\#(refusal)"}"#))
    }
    let request = ChatRequest(messages: [.system("Be fair."), .user("u")])
    _ = try await withEndpoint(server) { try await $0.complete([request]) }
    #expect(
      server.received.last?.member("messages")
        == #"[{"role":"user","content":"Be fair.\n\nu"}]"#
    )
    #expect([Message.system("s")].withoutSystemTurn == [.user("s")])
    #expect([Message.user("s")].withoutSystemTurn == [.user("s")])
  }

  @Test("a refusal of everything is told after each thing was left out once")
  func allRefused() async throws {
    let server = try scripted([
      .answer(
        status: 400,
        body: "max_completion_tokens, seed, temperature and system are not supported"
      )
    ])
    let request = ChatRequest(messages: [.system("s"), .user("u")])
    let (error, text) = await failure {
      _ = try await withEndpoint(server) { try await $0.complete([request]) }
    }
    guard case .refused(_, 400, _, true)? = error else {
      Issue.record("\(text)")
      return
    }
    #expect(server.received.count == 5)
  }
}
