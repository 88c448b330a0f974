// What hubs do beyond answering: other addresses, signed ones that expire, long lists, headers of their own.

import AssayBase
import AssayHub
import AssayTestSupport
import AssayText
import Foundation
import Synchronization
import Testing

/// A hub that answers as huggingface.co does: small files by way of a cache of its own, large ones at a
/// signed address of another host.
private final class SignedHub: Sendable {
  let hub: ChatServer
  let storage: ChatServer
  private static let files = ["config.json": "{}", "model.safetensors": large]

  /// Starts both.
  ///
  /// - Parameters:
  ///   - expired: How many signed addresses are refused, and how.
  ///   - change: Makes another answer of the hub's usual one.
  /// - Throws: Where no port is free.
  init(
    expired: (count: Int, status: Int) = (0, 403),
    _ change: @escaping @Sendable (_ path: String, ChatServer.Reply) -> ChatServer.Reply = { $1 }
  ) throws {
    let signatures = Mutex(0)
    storage = try ChatServer { received, respond in
      let number = received.path.split(separator: "=").last.flatMap { Int($0) } ?? 0
      guard number > expired.count else {
        return respond(.answer(status: expired.status, body: "<Error>AccessDenied</Error>"))
      }
      respond(.answer(body: large))
    }
    let other = storage.origin
    hub = try ChatServer { received, respond in
      let path = received.path
      let usual: ChatServer.Reply
      if path == "/api/models/org/name/revision/main" {
        // The repository has another name now.
        usual = .answer(
          status: 307,
          body: "",
          headers: ["Location": "/api/models/new/name/revision/main"]
        )
      } else if path == "/api/models/new/name/revision/main" {
        usual = .answer(body: HubServer.description(Self.files.keys.sorted()))
      } else if path.hasSuffix("config.json"), path.hasPrefix("/org/name/resolve/") {
        usual = .answer(
          status: 307,
          body: "",
          headers: ["Location": "/api/resolve-cache/config.json?%2Forg=1", "X-Repo-Commit": commit]
        )
      } else if path.hasPrefix("/api/resolve-cache/") {
        let headers = ["ETag": "W/\"\(Digest.hex("{}"))\"", "X-Repo-Commit": commit]
        usual = .answer(body: "{}", headers: headers.merging(["Content-Length": "2"]) { $1 })
      } else {
        let number = signatures.withLock { count in
          if received.method == "GET" { count += 1 }
          return count
        }
        usual = .answer(
          status: 302,
          body: "",
          headers: [
            "Location": "\(other)/repos/ab/cd?X-Amz-Signature=\(number)", "X-Repo-Commit": commit,
            "X-Linked-Etag": "\"\(Digest.hex(large))\"", "X-Linked-Size": "\(large.utf8.count)",
            "ETag": "\"of the redirect\"", "X-Xet-Hash": Digest.hex("other"),
            "Link":
              "<\(other)/xet>; rel=\"xet-auth\", <\(other)/cas>; rel=\"xet-reconstruction-info\"",
          ]
        )
      }
      respond(change(path, usual))
    }
  }
}

private let commit = HubServer.commit

@Suite struct HubBehaviourTests {
  private let cache = TestCache()

  private func pull(
    _ hub: ChatServer,
    token: String? = nil,
    pause: @escaping @Sendable (Double) -> Void = { _ in }
  ) async throws -> HubPull.Snapshot {
    var environment = [
      "HF_ENDPOINT": hub.origin, "HF_HUB_CACHE": cache.url.path, "HF_HOME": cache.url.path,
    ]
    environment["HF_TOKEN"] = token
    var settings = try HubSettings(environment: environment)
    settings.pause = { pause($0) }
    let name = try #require(HubName("org/name"))
    return try await HubPull(name, settings: settings).run()
  }

  @Test("follows other names and signed addresses, and tells the token to the hub alone")
  func addresses() async throws {
    let server = try SignedHub()
    let snapshot = try await pull(server.hub, token: "hf_secret")
    #expect(snapshot.files == ["config.json", "model.safetensors"] && snapshot.commit == commit)
    #expect(snapshot.bytes == 2 + large.utf8.count)
    #expect(server.hub.received.count == 8)  // two each: description, facts and bytes of the small
    #expect(server.hub.received.allSatisfy { $0.authorization == "Bearer hf_secret" })
    #expect(server.storage.received.map(\.authorization) == [nil])
    #expect(server.storage.received.first?.path == "/repos/ab/cd?X-Amz-Signature=1")
    // Large files by the hash of the linked file, whatever other hashes are told.
    let file = snapshot.folder.appendingPathComponent("model.safetensors")
    #expect(file.resolvingSymlinksInPath().lastPathComponent == Digest.hex(large))
  }

  @Test("asks the hub anew where a signed address is refused", arguments: [400, 401, 403, 410])
  func expired(status: Int) async throws {
    let server = try SignedHub(expired: (2, status))
    _ = try await pull(server.hub)
    #expect(server.storage.received.count == 3)
    #expect(server.storage.received.last?.path.hasSuffix("=3") == true)
  }

  @Test("names the host that refuses every signed address, without what it is signed with")
  func refusedStorage() async throws {
    let server = try SignedHub(expired: (99, 403))
    let error = await hubError { _ = try await pull(server.hub) }
    #expect(error?.description.contains("127.0.0.1 refuses it with status 403") == true)
    #expect(error?.description.contains("Signature") == false)
  }

  @Test("takes no file of another commit than was asked for")
  func otherCommit() async throws {
    let server = try SignedHub { path, usual in
      guard path.hasPrefix("/api/resolve-cache/") else { return usual }
      let headers = ["ETag": "\"\(Digest.hex("{}"))\"", "X-Repo-Commit": "ffff"]
      return .answer(body: "{}", headers: headers)
    }
    let error = await hubError { _ = try await pull(server.hub) }
    #expect(error?.description.contains("the file of commit 'ffff'") == true)
  }

  @Test("waits as long as the hub's limit says")
  func limits() async throws {
    let asked = Mutex(0)
    let server = try SignedHub { path, usual in
      guard path.hasPrefix("/api/models/new") else { return usual }
      let number = asked.withLock { count in
        defer { count += 1 }
        return count
      }
      return number > 1
        ? usual
        : .answer(
          status: 429,
          body: "",
          headers: number == 0
            ? [
              "RateLimit": #""api";r=0;t=55"#,
              "RateLimit-Policy": #""fixed window";"api";q=500;w=300"#,
            ]
            : ["Retry-After": "7", "RateLimit": #""api";r=0;t=55"#]
        )
    }
    let pauses = Mutex<[Double]>([])
    _ = try await pull(server.hub) { seconds in pauses.withLock { $0.append(seconds) } }
    #expect(pauses.withLock { $0 } == [55, 7])
  }

  @Test("says what the hub says of a refusal")
  func messages() async throws {
    let server = try SignedHub { path, usual in
      guard path.hasPrefix("/api/models/new") else { return usual }
      return .answer(
        status: 403,
        body: "",
        headers: [
          "X-Error-Code": "GatedRepo",
          "X-Error-Message": "Access to model org/name is restricted.",
        ]
      )
    }
    let error = await hubError { _ = try await pull(server.hub, token: "hf_secret") }
    let text = try #require(error?.description)
    #expect(text.contains("status 403 ('Access to model org/name is restricted.'), as its terms"))
    #expect(!text.contains("hf_secret"))
  }

  /// A hub whose description is as long as one that may have been cut, and lists pages.
  private func listing(
    _ pages: @escaping @Sendable (_ path: String, _ origin: String) -> ChatServer.Reply?
  ) throws -> SignedHub {
    let origin = Mutex("")
    let server = try SignedHub { path, usual in
      if path.hasPrefix("/api/models/new") {
        return .answer(body: HubServer.description((0..<50_000).map { "\($0).txt" }))
      }
      return pages(path, origin.withLock { $0 }) ?? usual
    }
    origin.withLock { $0 = server.hub.origin }
    return server
  }

  @Test("reads a long list page by page")
  func pages() async throws {
    let server = try listing { path, origin in
      let tree = "/api/models/org/name/tree/\(commit)?recursive=true"
      switch path {
      case tree:
        return .answer(
          body: #"[{"type": "directory", "path": "a"}, {"type": "file", "path": "config.json"}]"#,
          headers: ["Link": "<\(origin)\(tree)&cursor=x%3D>; rel=\"next\""]
        )
      case tree + "&cursor=x%3D":
        return .answer(body: #"[{"type": "file", "path": "model.safetensors"}]"#)
      default: return nil
      }
    }
    let snapshot = try await pull(server.hub)
    #expect(snapshot.files == ["config.json", "model.safetensors"])
  }

  @Test(
    "follows no list to another host, or without end",
    arguments: [
      ("https://example.com/api", "its next page"), ("?recursive=true", "its next page"),
      ("::", "its next page"),
    ]
  )
  func pageTricks(next: String, words: String) async throws {
    let server = try listing { path, _ in
      guard path.contains("/tree/") else { return nil }
      return .answer(
        body: #"[{"type": "file", "path": "config.json"}]"#,
        headers: ["Link": "<\(next)>; rel=\"next\""]
      )
    }
    let error = await hubError { _ = try await pull(server.hub) }
    #expect(error?.description.contains(words) == true)
    #expect(cache.paths.isEmpty)
  }

  @Test("takes no page that is no list", arguments: ["[]", "{}", "", #"[{"type": "file"}]"#])
  func brokenPages(body: String) async throws {
    let server = try listing { path, _ in path.contains("/tree/") ? .answer(body: body) : nil }
    let error = await hubError { _ = try await pull(server.hub) }
    guard case .garbage = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
