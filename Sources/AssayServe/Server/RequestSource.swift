import HTTPTypes

/// Where a request comes from: web pages ask only where they may.
struct RequestSource: Sendable {
  private let settings: ServeSettings
  private let authority: String
  private let origin: String?

  init(_ head: HTTPRequest, _ settings: ServeSettings) {
    self.settings = settings
    authority = head.authority ?? ""
    origin = head.headerFields[.origin]
  }

  /// Checks that the request may be served.
  ///
  /// A page in a browser on this machine reaches a server without a key, by its address or by a name
  /// that is made to mean it. So such a server answers to this machine's names only, and no server to
  /// pages of origins that it was not told.
  ///
  /// - Throws: `ServeError.foreignHost` or `foreignOrigin`.
  func check() throws(ServeError) {
    let host = Self.name(authority)
    if settings.key == nil, settings.isLoopback, !host.isEmpty {
      guard ServeSettings.isLoopback(host) || host == settings.host else {
        throw .foreignHost(host: host)
      }
    }
    guard let origin, !isAllowed, !isOwn(origin) else { return }
    throw .foreignOrigin(origin: origin)
  }

  /// What lets a page's script read the answer; nothing where no page asks that may.
  func headers(asked: HTTPFields) -> HTTPFields {
    guard let origin, isAllowed else { return [:] }
    var headers: HTTPFields = [
      .accessControlAllowOrigin: settings.allowedOrigins.contains("*") ? "*" : origin,
      .vary: "Origin", .accessControlExposeHeaders: Reply.transformHeader,
    ]
    if asked[.accessControlRequestMethod] != nil {
      headers[.accessControlAllowMethods] = "GET, HEAD, POST, PUT"
      headers[.accessControlAllowHeaders] =
        asked[.accessControlRequestHeaders] ?? "Authorization, Content-Type"
      headers[.accessControlMaxAge] = "600"
    }
    return headers
  }

  private var isAllowed: Bool {
    guard let origin else { return false }
    return settings.allowedOrigins.contains { $0 == "*" || $0 == origin }
  }

  private func isOwn(_ origin: String) -> Bool {
    origin == "http://\(authority)" || origin == "https://\(authority)"
  }

  /// A host's name without its port.
  private static func name(_ authority: String) -> String {
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
      return String(authority[authority.index(after: authority.startIndex)..<end])
    }
    let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
    return parts.count == 2 ? String(parts[0]) : authority
  }
}
