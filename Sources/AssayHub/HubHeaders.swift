import NIOHTTP1

/// What a hub says in the headers of its answers.
enum HubHeaders {
  /// Where a list goes on (`Link: <address>; rel="next"`, RFC 8288); `nil` at its end.
  static func nextPage(_ headers: HTTPHeaders) -> String? {
    for link in headers["Link"] {
      for match in link.matches(of: /<([^<>]*)>((?:\s*;\s*\w+="[^"]*"|\s*;\s*\w+=[^\s,;"]+)*)/)
      where match.2.contains(/;\s*rel="?next"?(?:\s|;|$)/) {
        return String(match.1)
      }
    }
    return nil
  }

  /// Seconds after which a request may be sent again: `Retry-After`, or when the window of `RateLimit`
  /// ends; `nil` where neither is said.
  ///
  /// Source: `parse_ratelimit_headers` of huggingface_hub.
  static func pause(_ headers: HTTPHeaders) -> Double? {
    if let seconds = headers.first(name: "Retry-After").flatMap({ Double($0) }) {
      return max(0, seconds)
    }
    let limit = headers.first(name: "RateLimit") ?? ""
    return limit.firstMatch(of: /;\s*t\s*=\s*([0-9]{1,9})/).flatMap { Double($0.1) }
  }

  /// What the hub says of a refusal, in printable characters; `nil` where it says nothing.
  static func message(_ headers: HTTPHeaders) -> String? {
    let text = headers.first(name: "X-Error-Message") ?? ""
    let printable = String(text.unicodeScalars.filter { (0x20...0x7E).contains($0.value) })
    return printable.isEmpty ? nil : String(printable.prefix(200))
  }
}
