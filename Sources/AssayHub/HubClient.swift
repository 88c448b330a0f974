// Requests to a hub: what is in a repository, what a file is, and its bytes from some place on.
//
// The token goes to the hub's own scheme, host and port and nowhere else: large files are redirected
// to other hosts, whose addresses are signed.
//
// Source: `hf_api.py` and `file_download.py` of huggingface_hub (addresses and headers).

import AssayBase
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// A client of one hub; `close()` ends it.
final class HubClient: Sendable {
  /// What the hub says of a file.
  struct FileFacts: Sendable, Equatable {
    /// Its SHA-256, or the SHA-1 of the git object that holds it.
    let hash: String
    /// Its size in bytes, where the hub says it.
    let size: Int?
  }

  let settings: HubSettings
  private let client: HTTPClient

  /// Redirects that are followed one behind the other.
  private static let mostRedirects = 5
  /// Files of a repository; with the most bytes of one, their sum stays a number.
  private static let mostFiles = 100_000
  /// As many files a description may have been cut to.
  ///
  /// Source: `VERY_LARGE_REPO_THRESHOLD` of huggingface_hub 0.36, `_snapshot_download.py`.
  private static let describedFiles = 50_000
  private static let mostBytes = 1 << 44
  /// Bytes of an answer that is no file.
  private static let longestAnswer = 64 << 20

  init(_ settings: HubSettings) {
    self.settings = settings
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow,
      timeout: .init(
        connect: .seconds(10),
        read: .milliseconds(Int64(settings.silentSeconds * 1000))
      )
    )
    configuration.connectionPool.retryConnectionEstablishment = false
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  /// Ends all connections.
  func close() async throws { try await client.shutdown() }

  /// A failure after which the request may be sent again.
  struct Failure: Error {
    let reason: String
    var afterSeconds: Double?
  }

  // MARK: Requests

  /// The commit of a revision and the names of its files.
  ///
  /// - Throws: `HubError`.
  nonisolated(nonsending) func description(of name: HubName) async throws -> (
    commit: String, paths: [String]
  ) {
    let url = settings.url(name, isAPI: true, ["revision", name.revision])
    let body = try await retrying { [self] in
      let response = try await send(url, name, what: "repository or revision")
      return try await self.body(response)
    }
    guard let answer = try? JSONValue(parsing: body), let commit = answer["sha"]?.string,
      let files = answer["siblings"]?.array, HubCache.isCommit(commit)
    else { throw HubError.garbage(url: url, reason: "it does not describe a repository") }
    let paths = files.compactMap { $0["rfilename"]?.string }
    guard paths.count == files.count else {
      throw HubError.garbage(url: url, reason: "it lists a file without a name")
    }
    guard paths.count < Self.describedFiles else {
      return (commit, try await tree(of: name, commit: commit))
    }
    return (commit, paths)
  }

  /// The names of all files of a commit, page by page.
  ///
  /// - Throws: `HubError`.
  private nonisolated(nonsending) func tree(of name: HubName, commit: String) async throws
    -> [String]
  {
    var paths: [String] = []
    var next: String? = settings.url(name, isAPI: true, ["tree", commit]) + "?recursive=true"
    while let page = next {
      let (headers, body) = try await retrying { [self] in
        let response = try await send(page, name, what: "revision")
        return (response.headers, try await self.body(response))
      }
      guard let rows = (try? JSONValue(parsing: body))?.array, !rows.isEmpty else {
        throw garbage(page, "it lists no files")
      }
      for row in rows where row["type"]?.string == "file" {
        guard let path = row["path"]?.string, paths.count < Self.mostFiles else {
          throw garbage(page, "it lists a file without a name, or more than \(Self.mostFiles)")
        }
        paths.append(path)
      }
      next = try HubHeaders.nextPage(headers).map { place in
        guard let base = URL(string: page), let url = URL(string: place, relativeTo: base),
          HubOrigin(url) == settings.origin, url.absoluteString != page
        else { throw garbage(page, "its next page is at no address of the hub") }
        return url.absoluteString
      }
    }
    return paths
  }

  /// What a file of a commit is.
  ///
  /// - Throws: `HubError`.
  nonisolated(nonsending) func facts(of path: String, _ name: HubName, commit: String) async throws
    -> FileFacts
  {
    let url = fileURL(path, name, commit)
    let head = try await retrying { [self] in
      try await send(url, name, what: "file", method: .HEAD).headers
    }
    if let told = head.first(name: "X-Repo-Commit"), told != commit {
      throw HubError.garbage(
        url: url,
        reason: "it answers with the file of commit '\(told.prefix(80))'"
      )
    }
    let linked = head.first(name: "X-Linked-Etag")
    var hash = (linked ?? head.first(name: "ETag") ?? "")[...]
    if hash.hasPrefix("W/") { hash = hash.dropFirst(2) }
    hash = hash.drop { $0 == "\"" }
    while hash.last == "\"" { hash.removeLast() }
    let text = String(hash)
    guard [40, 64].contains(where: { HubCache.isHexadecimal(text, count: $0) }) else {
      throw HubError.garbage(
        url: url,
        reason: text.isEmpty
          ? "it gives no hash (ETag) of the file" : "its ETag '\(text.prefix(80))' is no hash"
      )
    }
    let size = head.first(name: linked == nil ? "Content-Length" : "X-Linked-Size")
    let bytes = size.flatMap { Int($0) }.flatMap { 0...Self.mostBytes ~= $0 ? $0 : nil }
    return FileFacts(hash: text, size: bytes)
  }

  /// Reads a file from a place on.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - name: Its repository.
  ///   - commit: Its commit.
  ///   - start: Bytes that are there already.
  ///   - receive: Called with where the bytes begin, which is 0 where the server starts anew, and with
  ///     each stretch of them.
  /// - Throws: `Failure` where the connection broke, `HubError`, or what `receive` throws.
  nonisolated(nonsending) func read(
    _ path: String,
    _ name: HubName,
    commit: String,
    from start: Int,
    _ receive: (Int?, ByteBuffer) throws -> Void
  ) async throws {
    let url = fileURL(path, name, commit)
    let response = try await send(
      url,
      name,
      what: "file",
      range: start > 0 ? "bytes=\(start)-" : nil
    )
    var begins: Int?
    if response.status.code == 206 {
      let range = response.headers.first(name: "Content-Range") ?? ""
      let first = range.wholeMatch(of: /bytes ([0-9]+)-[0-9]+\/.*/).flatMap { Int($0.1) }
      guard first == start else {
        throw HubError.garbage(
          url: url,
          reason: "it was asked for bytes from \(start), gives '\(range)'"
        )
      }
    } else {
      begins = 0
    }
    try receive(begins, ByteBuffer())
    var stretches = response.body.makeAsyncIterator()
    while true {
      let buffer: ByteBuffer?
      do { buffer = try await stretches.next() } catch {
        try Task.checkCancellation()
        throw Failure(reason: reason(error))
      }
      guard let buffer else { break }
      try receive(nil, buffer)
    }
    // A body that is cancelled ends early and without an error.
    try Task.checkCancellation()
  }

  private func fileURL(_ path: String, _ name: HubName, _ commit: String) -> String {
    let parts = path.split(separator: "/").map(String.init)
    return settings.url(name, isAPI: false, ["resolve", commit] + parts)
  }

  // MARK: One exchange

  /// Calls `body` again where it fails and may succeed later.
  nonisolated(nonsending) func retrying<Result>(
    _ body: nonisolated(nonsending) () async throws -> Result
  ) async throws -> Result {
    var attempt = 1
    while true {
      do { return try await body() } catch let failure as Failure {
        try await wait(attempt, failure)
        attempt += 1
      }
    }
  }

  /// Waits before a further attempt.
  ///
  /// - Throws: `HubError.unavailable` where there were enough.
  nonisolated(nonsending) func wait(_ attempt: Int, _ failure: Failure) async throws {
    let seconds = failure.afterSeconds ?? Double(1 << min(attempt - 1, 5))
    guard attempt <= settings.retries, seconds <= 120 else {
      throw HubError.unavailable(
        endpoint: settings.endpoint,
        attempts: attempt,
        reason: failure.reason
      )
    }
    try await settings.pause(seconds)
    try Task.checkCancellation()
  }

  private nonisolated(nonsending) func body(_ response: HTTPClientResponse) async throws -> [UInt8]
  {
    do {
      let bytes = try await response.body.collect(upTo: Self.longestAnswer)
      try Task.checkCancellation()
      return Array(bytes.readableBytesView)
    } catch {
      try Task.checkCancellation()
      throw Failure(reason: reason(error))
    }
  }

  /// Sends a request, and again to where it is redirected.
  ///
  /// - Throws: `Failure` or `HubError`.
  private nonisolated(nonsending) func send(
    _ address: String,
    _ name: HubName,
    what: String,
    method: HTTPMethod = .GET,
    range: String? = nil
  ) async throws -> HTTPClientResponse {
    var address = address
    for _ in 0...Self.mostRedirects {
      guard let url = URL(string: address), let origin = HubOrigin(url) else {
        throw garbage(address, "it is no address")
      }
      var request = HTTPClientRequest(url: address)
      request.method = method
      request.headers.add(name: "User-Agent", value: "assay")
      request.headers.add(name: "Accept-Encoding", value: "identity")
      if let range { request.headers.add(name: "Range", value: range) }
      if let token = settings.token, origin == settings.origin {
        request.headers.add(name: "Authorization", value: "Bearer \(token.secret)")
      }
      let response: HTTPClientResponse
      do { response = try await client.execute(request, deadline: .distantFuture) } catch {
        try Task.checkCancellation()
        throw Failure(reason: reason(error))
      }
      guard [301, 302, 303, 307, 308].contains(response.status.code) else {
        // A signed address is good for some time; the hub gives another.
        if origin != settings.origin, [400, 401, 403, 410].contains(response.status.code) {
          throw Failure(reason: "\(origin.host) refuses it with status \(response.status.code)")
        }
        try check(response, name, what)
        return response
      }
      let place = response.headers.first(name: "Location").flatMap {
        URL(string: $0, relativeTo: url)?.absoluteURL
      }
      guard let place, let next = HubOrigin(place),
        origin.scheme == "http" || next.scheme == "https"
      else { throw garbage(address, "it redirects to no address to follow") }
      // What a file is, the hub says itself, before it sends the reader elsewhere.
      let isTold = response.headers.contains(name: "X-Linked-Etag") || next != settings.origin
      if method == .HEAD, isTold { return response }
      address = place.absoluteString
    }
    throw garbage(address, "it redirects without end")
  }

  /// An answer that no hub gives; what addresses are signed with is not shown.
  private func garbage(_ address: String, _ reason: String) -> HubError {
    .garbage(url: String(address.prefix { $0 != "?" }), reason: reason)
  }

  /// Throws what an answer's status says.
  private func check(_ response: HTTPClientResponse, _ name: HubName, _ what: String) throws {
    let status = Int(response.status.code)
    guard !(200...299).contains(status) else { return }
    let code = response.headers.first(name: "X-Error-Code") ?? ""
    let missing = HubError.missing(name: name, endpoint: settings.endpoint, what: what)
    switch status {
    // The hub says so of what is private or not there, as it does not tell which.
    case 401 where code == "RepoNotFound", 404, 410: throw missing
    case 401, 403:
      throw HubError.forbidden(
        name: name,
        endpoint: settings.endpoint,
        status: status,
        hasToken: settings.token != nil,
        isGated: code == "GatedRepo",
        message: HubHeaders.message(response.headers)
      )
    case 408, 416, 425, 429, 500...599:
      throw Failure(
        reason: "status \(status)",
        afterSeconds: HubHeaders.pause(response.headers)
      )
    default:
      throw HubError.garbage(url: settings.endpoint, reason: "it answers with status \(status)")
    }
  }

  private func reason(_ error: any Error) -> String {
    if error as? HTTPClientError == .remoteConnectionClosed {
      return "the connection was closed before the end of the answer"
    }
    if error as? HTTPClientError == .readTimeout {
      return "nothing came for \(Int(settings.silentSeconds)) s"
    }
    let text = String(describing: error).split(whereSeparator: \.isWhitespace)
      .joined(separator: " ")
    return text.contains("Connection refused") ? "connection refused" : String(text.prefix(200))
  }
}
