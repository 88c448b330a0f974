import AssayBase
import AssayModel
import AssayReward
import AssayServe
import AssayTestSupport
import AssayText
import Foundation
import NIOHTTP1
import Testing

/// Who may ask, by which methods and names.
@Suite(.timeLimit(.minutes(1))) struct ServeSourceTests {
  private let row: JSONValue = ["prompt": "a", "response": "b"]

  @Test("what can be got can be asked for by its head, and what is posted be put")
  func methods() async throws {
    try await withServer(.classic) { client, _ in
      for path in ["/health", "/ping", "/v1/models", "/version", "/openapi.json", "/"] {
        let whole = try await client.get(path)
        let head = try await client.send(.HEAD, path)
        #expect(whole.status == 200 && head.status == 200, "\(path)")
        #expect(head.text.isEmpty)
        #expect(head.headers["content-length"] == "\(whole.text.utf8.count)")
      }
      #expect(try await client.send(.HEAD, "/v1/rewards").status == 405)
      #expect(try await client.send(.PUT, "/v1/rewards", row.compact).status == 200)
      #expect(try await client.send(.POST, "/v1/rewards/", row.compact).status == 200)
      let options = try await client.send(.OPTIONS, "/health")
      #expect(options.status == 204 && options.headers["allow"] == "GET, HEAD")
    }
  }

  @Test("web pages may ask where the server was told so, and nowhere else")
  func origins() async throws {
    let page = ["Origin": "https://example.org"]
    try await withServer(.classic) { client, _ in
      let answer = try await client.post("/v1/rewards", row, headers: page)
      #expect(answer.status == 403 && answer.code == "foreign_origin")
      #expect(answer.text.contains("--allow-origin https://example.org"))
      let own = ["Origin": client.url]
      #expect(try await client.post("/v1/rewards", row, headers: own).status == 200)
    }
    try await withServer(.classic) {
      $0.allowedOrigins = ["https://example.org"]
    } _: { client, _ in
      let answer = try await client.post("/v1/rewards", row, headers: page)
      #expect(answer.status == 200)
      #expect(answer.headers["access-control-allow-origin"] == "https://example.org")
      let asked = [
        "Origin": "https://example.org", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, x-other",
      ]
      let first = try await client.send(.OPTIONS, "/v1/rewards", headers: asked)
      #expect(first.status == 204)
      #expect(first.headers["access-control-allow-headers"] == "content-type, x-other")
      let other = ["Origin": "https://example.com"]
      #expect(try await client.post("/v1/rewards", row, headers: other).status == 403)
    }
  }

  @Test("without a key a server answers to this machine's names only")
  func hosts() async throws {
    func status(_ host: String, _ client: TestClient) async throws -> Int {
      try await RawConnection.open(client.url) { connection in
        try await connection.write("GET /v1/models HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        return try await connection.answer().status
      }
    }
    try await withServer(.classic) { client, _ in
      for host in ["localhost", "localhost:8000", "127.0.0.1:80", "[::1]:8000", "LOCALHOST"] {
        let status = try await status(host, client)
        #expect(status == 200, "\(host)")
      }
      for host in ["evil.example", "evil.example:8000", "127.0.0.1.evil.example"] {
        let status = try await status(host, client)
        #expect(status == 403, "\(host)")
      }
    }
    let key = try ServerKey("k")
    try await withServer(.classic) {
      $0.key = key
    } _: { client, _ in
      let status = try await status("evil.example", client)
      #expect(status == 401)
    }
  }

  @Test("several models share a port, each by its names, the first where none is given")
  func models() async throws {
    let judge = ServeSource(name: "judge", aliases: ["j"]) {
      try TinyModels.make(.judge, contextTokens: 256)
    }
    try await withServer(.classic, aliases: ["a/b"], others: [judge]) { client, _ in
      func post(_ path: String, _ name: String?, _ members: JSONValue) async throws -> Answer {
        let model = name.map { [JSONMember("model", .string($0))] } ?? []
        return try await client.post(path, .object((members.members ?? []) + model))
      }
      let pair: JSONValue = ["prompt": "a", "responses": ["b", "c"]]
      for name in [nil, "tiny", "a/b"] {
        #expect(try await post("/v1/rewards", name, row).status == 200)
        #expect(try await post("/v1/judgements", name, pair).code == "wrong_model_kind")
      }
      for name in ["judge", "j"] {
        #expect(try await post("/v1/judgements", name, pair).status == 200)
        #expect(try await post("/v1/rewards", name, row).code == "wrong_model_kind")
      }
      let other = try await post("/v1/rewards", "other", row)
      #expect(other.status == 404 && other.text.contains("'tiny' or 'judge'"))
      let list = try await client.get("/v1/models").json?["data"]?.array
      #expect(list?.map { $0["id"]?.string } == ["tiny", "judge"])
      #expect(try await client.get("/v1/models/a/b").json?["id"] == "tiny")
      // Both work at once.
      try await withThrowingTaskGroup(of: Int.self) { group in
        for index in 0..<16 {
          group.addTask {
            index % 2 == 0
              ? try await post("/v1/rewards", "tiny", row).status
              : try await post("/v1/judgements", "judge", pair).status
          }
        }
        for try await status in group { #expect(status == 200) }
      }
      let metrics = try await client.get("/metrics").text
      #expect(metrics.contains("assay_model_info{model=\"judge\",kind=\"judge\"} 1"))
    }
  }

  @Test("a model's own page has the card that is kept beside it")
  func card() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("assay-card-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(KeptCard(of: folder) == nil)
    let file = folder.appendingPathComponent(KeptCard.fileName)
    // A file of that name that is something else is no card.
    try Data(#"{"format": "other"}"#.utf8).write(to: file)
    #expect(KeptCard(of: folder) == nil)
    let sentences = #""sentences": [{"tone": "good", "text": "fine"}]"#
    let text = #"{"format": "\#(KeptCard.format)", "# + sentences + "}"
    try Data(text.utf8).write(to: file)
    let card = try #require(KeptCard(of: folder))
    #expect(card.sentences == ["fine"])
    let source = ServeSource(name: "tiny", card: card) { try TinyModels.make(.classic) }
    try await withServer(source) { client, _ in
      let own = try await client.get("/v1/models/tiny").json
      #expect(own?["id"] == "tiny" && own?["card"] == card.json)
      let list = try await client.get("/v1/models").json?["data"]?.array
      #expect(list?.count == 1 && list?.first?["card"] == nil)
    }
  }

  @Test("with a certificate the server speaks TLS")
  func tls() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("assay-tls-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("server.pem").path
    try TestCertificate.pem.write(toFile: file, atomically: true, encoding: .utf8)
    try await withServer(.classic) {
      $0.certificate = .init(chainFile: file, keyFile: file)
    } _: { client, _ in
      #expect(client.url.hasPrefix("https://"))
      let answer = try await client.post("/v1/rewards", row)
      #expect(answer.status == 200)
    }
    var settings = ServeSettings()
    settings.port = 0
    settings.certificate = .init(chainFile: "/nowhere.pem", keyFile: "/nowhere.pem")
    let source = ServeSource(name: "tiny") { try TinyModels.make(.classic) }
    let server = try await ModelServer(source, settings: settings)
    let error = await #expect(throws: ServeError.self) { try await server.run { _ in } }
    #expect(error?.description.contains("/nowhere.pem") == true)
  }
}
