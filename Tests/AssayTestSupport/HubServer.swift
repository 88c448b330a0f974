// A hub of the tests' own: files of one repository, the large ones at another host, with faults.

import AssayBase
import AssayText
import Foundation
import Synchronization

/// A hub on 127.0.0.1 with one repository, `org/name`, and a second server that large files lie at.
package final class HubServer: Sendable {
  /// The commit of the repository's only revision, `main`.
  package static let commit = String(repeating: "0123456789", count: 4)

  /// What is different from a hub that works.
  package struct Faults: Sendable {
    /// What the repository's description is answered with in place of it.
    package var description: ChatServer.Reply?
    /// What a `HEAD` of a file is answered with in place of its facts.
    package var head: ChatServer.Reply?
    /// What the storage answers to its requests, from the first on; then as it should.
    package var storage: [ChatServer.Reply] = []
    /// The hash of every file, in place of the right one.
    package var hash: String?
    /// The size of every file, in place of the right one.
    package var size: Int?
    /// Whether ranges are not understood.
    package var ignoresRanges = false

    /// None.
    package init() {}
  }

  /// The hub.
  package let hub: ChatServer
  /// Where large files lie: another origin, as its port differs.
  package let storage: ChatServer

  /// Starts both servers.
  ///
  /// - Parameters:
  ///   - files: Contents by names; those above 16 bytes lie at the storage.
  ///   - isDataset: Whether the repository is a data set.
  ///   - faults: What is different.
  /// - Throws: Where no port is free.
  package init(
    _ files: [String: String],
    isDataset: Bool = false,
    faults: Faults = Faults()
  ) throws {
    let asked = Mutex(0)
    storage = try ChatServer { received, respond in
      let number = asked.withLock { count in
        defer { count += 1 }
        return count
      }
      guard number >= faults.storage.count else { return respond(faults.storage[number]) }
      let text = files[Self.name(received.path)] ?? ""
      guard let range = received.range, !faults.ignoresRanges else {
        return respond(.answer(body: text))
      }
      let start = Int(range.dropFirst("bytes=".count).dropLast()) ?? 0
      let headers = ["Content-Range": "bytes \(start)-\(text.count - 1)/\(text.count)"]
      respond(.answer(status: 206, body: String(text.dropFirst(start)), headers: headers))
    }
    let other = storage.origin
    hub = try ChatServer { received, respond in
      let kind = isDataset ? "datasets" : "models"
      if received.path == "/api/\(kind)/org/name/revision/main" {
        if let reply = faults.description { return respond(reply) }
        return respond(.answer(body: Self.description(files.keys.sorted())))
      }
      let name = Self.name(received.path)
      guard
        received.path.hasPrefix(
          (isDataset ? "/datasets" : "") + "/org/name/resolve/" + Self.commit
        ),
        let text = files[name]
      else {
        return respond(
          .answer(status: 401, body: "", headers: ["X-Error-Code": "RepoNotFound"])
        )
      }
      if received.method == "HEAD", let reply = faults.head { return respond(reply) }
      let hash = faults.hash ?? Digest.hex(text)
      let size = "\(faults.size ?? text.utf8.count)"
      guard text.count > 16 else {
        let length = received.method == "HEAD" ? ["Content-Length": size] : [:]
        return respond(.answer(body: text, headers: ["ETag": "\"\(hash)\""].merging(length) { $1 }))
      }
      let place = other + received.path
      respond(
        .answer(
          status: 302,
          body: "",
          headers: ["Location": place, "X-Linked-Etag": "\"\(hash)\"", "X-Linked-Size": size]
        )
      )
    }
  }

  /// The description of a repository with such files.
  package static func description(_ paths: [String], commit: String = commit) -> String {
    let files = paths.map { path -> JSONValue in ["rfilename": .string(path)] }
    let body: JSONValue = ["sha": .string(commit), "siblings": .array(files)]
    return body.compact
  }

  /// Settings of the environment for a client of this hub.
  package func environment(cache: URL, token: String? = nil) -> [String: String] {
    let own = [
      "HF_ENDPOINT": hub.origin, "HF_HUB_CACHE": cache.path, "HF_HOME": cache.path,
      "HF_TOKEN": token ?? "",
    ]
    return own.filter { !$0.value.isEmpty }
  }

  private static func name(_ path: String) -> String {
    let parts = path.components(separatedBy: "/\(commit)/")
    return parts.last?.removingPercentEncoding ?? ""
  }
}
