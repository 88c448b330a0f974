import AssayBase
import AssayGenerate
import AssayModel
import AssayServe
import AssayTensor
import AssayTestSupport
import AssayText
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Testing

// The long texts here would take far longer than the whole suite: whatever is answered meanwhile was
// answered before their end.
@Suite(.timeLimit(.minutes(1))) struct ServeLimitTests {
  private static let context = 60_000

  /// A text that comes to its most tokens.
  private func long(stream: Bool = true) -> String {
    #"{"messages": [{"role": "user", "content": "How many?"}], "temperature": 0, "#
      + #""repetition_penalty": 1, "max_tokens": 59000, "stream": \#(stream)}"#
  }

  private let short: JSONValue = [
    "messages": [["role": "user", "content": "Anna has 3 apples."]], "max_tokens": 3,
    "temperature": 0,
  ]

  /// Begins a long stream and waits for its first text.
  private func begin(_ client: TestClient) async throws -> HTTPClientResponse {
    let response = try await client.request(.POST, "/v1/chat/completions", long())
    #expect(response.status == .ok)
    try await client.wait(for: "running_sequences", 1)
    return response
  }

  private func withLongServer(
    options: GenerationEngine.Options = .init(cacheBytes: 16 << 20),
    settings: (inout ServeSettings) -> Void = { _ in },
    _ body: (TestClient, ModelServer) async throws -> Void
  ) async throws {
    try await withServer(
      .languageModel,
      contextTokens: Self.context,
      options: options,
      isEndless: true,
      settings: settings,
      body
    )
  }

  @Test("a short request that arrives during a long one is answered first")
  func continuousBatching() async throws {
    try await withLongServer { client, _ in
      let alone = try await client.post("/v1/chat/completions", short).json?["choices"]
      let stream = try await begin(client)
      for _ in 0..<3 {
        let answer = try await client.post("/v1/chat/completions", short)
        #expect(answer.status == 200)
        #expect(answer.json?["choices"] == alone)
      }
      // Another number would stay: the long text runs still.
      try await client.wait(for: "running_sequences", 1)
      withExtendedLifetime(stream) {}
    }
  }

  @Test("a client that goes away takes its texts with it", arguments: [true, false])
  func disconnect(stream: Bool) async throws {
    try await withLongServer { client, _ in
      let other = HTTPClient(eventLoopGroupProvider: .singleton)
      let body = long(stream: stream)
      let task = Task {
        _ = try await TestClient(url: client.url, http: other)
          .send(.POST, "/v1/chat/completions", body)
      }
      try await client.wait(for: "running_sequences", 1)
      task.cancel()
      _ = await task.result
      try await other.shutdown()
      try await client.wait(for: "running_sequences", 0)
      try await client.wait(for: "requests_in_progress", 0)
      #expect(try await client.metric("cache_pages_used") == 0)
      #expect(try await client.post("/v1/chat/completions", short).status == 200)
      let metrics = try await client.get("/metrics").text
      #expect(metrics.contains("endpoint=\"/v1/chat/completions\",status=\"499\"} 1"))
    }
  }

  @Test("more requests than the queue holds are refused, and told when to come back")
  func queueFull() async throws {
    try await withLongServer {
      $0.maximumRequests = 1
    } _: { client, _ in
      let stream = try await begin(client)
      let answer = try await client.post("/v1/chat/completions", short)
      #expect(answer.status == 429 && answer.code == "queue_full")
      #expect(answer.headers["retry-after"] == "1")
      #expect(try await client.get("/health").status == 200)
      withExtendedLifetime(stream) {}
    }
  }

  @Test("a text that finds no room in the cache waits, one that never fits is refused alone")
  func cacheFull() async throws {
    let model = try TinyModels.make(.languageModel)
    let pages = DecoderCache.pageBytes(model.decoder)
    // Room for the long text and no other.
    let options = GenerationEngine.Options(cacheBytes: (59_040 / 16 + 1) * pages)
    try await withLongServer(options: options) { client, _ in
      let other = HTTPClient(eventLoopGroupProvider: .singleton)
      let body = long()
      let task = Task {
        _ = try await TestClient(url: client.url, http: other)
          .send(.POST, "/v1/chat/completions", body)
      }
      try await client.wait(for: "running_sequences", 1)
      var large = short.members ?? []
      large.removeAll { $0.key == "max_tokens" }
      large.append(JSONMember("max_tokens", 59_900))
      let refused = try await client.post("/v1/chat/completions", .object(large))
      #expect(refused.status == 400)
      #expect(refused.text.contains("keys and values need"))
      async let waiting = client.send(
        .POST,
        "/v1/chat/completions",
        #"{"messages": [{"role": "user", "content": "a"}], "temperature": 0, "max_tokens": 9000}"#
      )
      try await client.wait(for: "queue_length", 1)
      task.cancel()
      _ = await task.result
      try await other.shutdown()
      #expect(try await waiting.status == 200)
    }
  }

  /// A model that gives no numbers behind a text with the letter z.
  private static let damaged = ServeSource(name: "tiny") {
    let model = try TinyModels.make(.languageModel, contextTokens: 8000)
    let token = Int(model.tokenizer.encode("z")[0])
    let embedding = try #require(model.decoder.parameters.first { $0.name == "embed_tokens" })
    embedding.value.narrowed(axis: 0, start: token, count: 1).fillInPlace(.nan)
    return model
  }

  @Test("a connection whose stream ended with an error serves the next request")
  func connectionAfterError() async throws {
    try await withServer(Self.damaged) { client, _ in
      try await RawConnection.open(client.url) { connection in
        let body = #"{"prompt": "z", "stream": true}"#
        try await connection.write(
          "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        #expect(try await connection.head().hasPrefix("HTTP/1.1 200"))
        // An empty line ends the stream as well.
        #expect(try await connection.head().contains("no numbers"))
        // More than a client has to take its error.
        try await Task.sleep(for: .seconds(2.5))
        try await connection.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try await connection.answer().status == 200)
      }
    }
  }

  @Test("a text that the model gives no numbers for fails its own request only")
  func notFinite() async throws {
    try await withServer(Self.damaged) { client, _ in
      let body =
        #"{"prompt": "a", "max_tokens": 6000, "guided_regex": "[ab]{3000}", "stream": true}"#
      let stream = try await client.request(.POST, "/v1/completions", body)
      try await client.wait(for: "running_sequences", 1)
      let answer = try await client.post(
        "/v1/completions",
        ["prompt": ["a", "z"], "max_tokens": 4]
      )
      #expect(answer.status == 500 && answer.text.contains("no numbers"), "\(answer.text)")
      let text = String(buffer: try await stream.body.collect(upTo: 1 << 26))
      #expect(text.hasSuffix("data: [DONE]\n\n") && !text.contains("\"error\""))
      try await client.wait(for: "running_sequences", 0)
      #expect(try await client.metric("cache_pages_used") == 0)
    }
  }

  @Test("a request that takes too long ends with 504, and its texts with it")
  func timeOut() async throws {
    try await withLongServer {
      $0.timeoutSeconds = 0.1
    } _: { client, _ in
      let answer = try await client.send(.POST, "/v1/chat/completions", long(stream: false))
      #expect(answer.status == 504 && answer.code == "timed_out")
      let stream = try await client.send(.POST, "/v1/chat/completions", long())
      // Behind the head, or in its place where a busy machine has not sent it by then.
      #expect([200, 504].contains(stream.status) && stream.text.contains("timed_out"))
      #expect(!stream.text.contains("[DONE]"))
      try await client.wait(for: "running_sequences", 0)
    }
  }

  @Test("a server that stops finishes what runs, and cuts it where the grace is over")
  func stop() async throws {
    try await withLongServer {
      $0.graceSeconds = 0
    } _: { client, server in
      let stream = try await begin(client)
      async let cut = server.stop()
      let text = String(buffer: try await stream.body.collect(upTo: 1 << 28))
      #expect(text.contains("\"stopping\""))
      #expect(await cut == 1)
    }
    try await withServer(.languageModel, contextTokens: 2_000) { client, server in
      let body = #"{"messages": [{"role": "user", "content": "How many?"}], "stream": true}"#
      let stream = try await client.request(.POST, "/v1/chat/completions", body)
      async let cut = server.stop()
      let text = String(buffer: try await stream.body.collect(upTo: 1 << 28))
      #expect(text.hasSuffix("data: [DONE]\n\n"))
      #expect(await cut == 0)
      await #expect(throws: (any Error).self) { try await client.get("/health") }
    }
  }
}
