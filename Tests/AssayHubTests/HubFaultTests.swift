import AssayBase
import AssayHub
import AssayTestSupport
import Foundation
import Testing

@Suite struct HubFaultTests {
  private let files = ["config.json": "{}", "model.safetensors": large]
  private let cache = TestCache()

  private func error(_ change: (inout HubServer.Faults) -> Void, token: String? = nil) async throws
    -> HubError?
  {
    var faults = HubServer.Faults()
    change(&faults)
    let server = try HubServer(files, faults: faults)
    return await hubError { _ = try await cache.pull(server, token: token) }
  }

  private func expectNothing(sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(!cache.paths.contains { $0.contains("refs") }, sourceLocation: sourceLocation)
    #expect(
      !cache.paths.contains { $0.hasSuffix(Digest.hex(large)) },
      sourceLocation: sourceLocation
    )
  }

  @Test("keeps nothing of another hash")
  func wrongHash() async throws {
    let wrong = String(repeating: "ab", count: 32)
    let error = try await error { $0.hash = wrong }
    guard case .damaged(_, let path, wrong, let actual) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(path == "config.json")
    #expect(actual == Digest.hex("{}"))
    #expect(cache.paths.isEmpty)
  }

  @Test(
    "takes no file whose name leads out of its folder",
    arguments: [
      "../config.json", "/etc/passwd", "a/../../b", "a//b", "./a", "a\\..\\b", "a\nb", "",
      "..", "a/.",
    ]
  )
  func pathTricks(_ path: String) async throws {
    let error = try await error {
      $0.description = .answer(body: HubServer.description(["model.safetensors", path]))
    }
    guard case .unsafePath(_, path) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(cache.paths.isEmpty)
  }

  @Test(
    "believes no commit or hash that is none",
    arguments: [
      ("..", nil), ("main", nil), (nil, "../../../evil"), (nil, ""), (nil, "abc"),
    ] as [(String?, String?)]
  )
  func names(_ commit: String?, _ hash: String?) async throws {
    let error = try await error {
      if let commit {
        $0.description = .answer(
          body: HubServer.description(["model.safetensors"], commit: commit)
        )
      }
      $0.hash = hash
    }
    guard case .garbage = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(cache.paths.isEmpty)
  }

  @Test("says what is gated, private or not there")
  func refusals() async throws {
    func reply(_ status: Int, _ code: String) -> ChatServer.Reply {
      .answer(status: status, body: "", headers: ["X-Error-Code": code])
    }
    let gated = try await error({ $0.description = reply(403, "GatedRepo") }, token: "t")
    #expect(gated?.description.contains("terms must be accepted") == true)
    let locked = try await error { $0.description = reply(401, "") }
    #expect(locked?.description.contains("set HF_TOKEN") == true)
    for (status, code) in [(401, "RepoNotFound"), (404, "RevisionNotFound")] {
      let missing = try await error { $0.description = reply(status, code) }
      #expect(missing?.description.contains("no such repository or revision") == true)
    }
    expectNothing()
  }

  @Test("gives up a hub that does not answer, or answers what no hub does")
  func answers() async throws {
    let down = try await error { $0.description = .answer(status: 503, body: "") }
    guard case .unavailable(_, 5, "status 503") = down else {
      Issue.record("\(String(describing: down))")
      return
    }
    for body in ["", "<html>", "[]", #"{"sha": 1}"#] {
      guard case .garbage = try await error({ $0.description = .answer(body: body) }) else {
        Issue.record("took \(body)")
        return
      }
    }
    let loop = try await error {
      $0.description = .answer(
        status: 302,
        body: "",
        headers: ["Location": "/api/models/org/name/revision/main"]
      )
    }
    #expect(loop?.description.contains("redirects without end") == true)
    expectNothing()
  }

  @Test("a download that always breaks ends, and one that sends too much")
  func sizes() async throws {
    let broken = try await error {
      $0.storage = Array(repeating: .cut(body: "", missing: 500), count: 9)
    }
    guard case .unavailable(_, 5, _) = broken else {
      Issue.record("\(String(describing: broken))")
      return
    }
    let long = try await error {
      $0.storage = [.answer(body: large + "more")]
    }
    #expect(long?.description.contains("more comes than its 500 bytes") == true)
    expectNothing()
  }

  @Test("says at once that a disk has no room")
  func noRoom() async throws {
    let error = try await error { $0.size = 1 << 43 }
    #expect(error?.description.contains("are to be fetched") == true)
    #expect(cache.paths.isEmpty)
  }

  @Test("takes no address or token that is none, and shows no token")
  func settings() throws {
    for endpoint in ["ftp://host", "nonsense", "https://user@host"] {
      #expect(throws: HubError.address(endpoint)) {
        try HubSettings(environment: ["HF_ENDPOINT": endpoint])
      }
    }
    #expect(throws: HubError.malformedToken) {
      try HubSettings(environment: ["HF_TOKEN": "a\nb", "HF_HOME": cache.url.path])
    }
    let settings = try HubSettings(environment: ["HF_TOKEN": "hf_secret"])
    #expect(!"\(settings)".contains("hf_secret"))
  }
}
