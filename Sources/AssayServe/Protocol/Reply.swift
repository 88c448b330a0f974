import AssayBase
import HTTPTypes

/// What an endpoint answers.
struct Reply: Sendable {
  /// What is sent.
  enum Content: Sendable {
    case text(String, type: String)
    /// Server-sent events, as they come.
    case events(AsyncThrowingStream<String, any Error>)
  }

  var content: Content
  var status = 200
  var headers: [(name: HTTPField.Name, value: String)] = []

  /// Names what numbers went through, where a protocol's body leaves no room for it.
  static let transformHeader = "Assay-Transform"

  /// An answer without a body.
  static let nothing = Reply(content: .text("", type: "text/plain"), status: 204)

  /// A JSON document.
  static func json(_ value: JSONValue, status: Int = 200) -> Reply {
    json(text: value.compact, status: status)
  }

  /// A JSON document that is text already.
  static func json(text: String, status: Int = 200) -> Reply {
    Reply(content: .text(text + "\n", type: "application/json"), status: status)
  }

  /// The answer to a request that failed.
  static func failure(_ error: ServeError) -> Reply {
    let reply = Reply.json(error.body, status: error.status)
    switch error {
    case .queueFull: return reply.with("Retry-After", "1")
    case .unauthorized: return reply.with("WWW-Authenticate", "Bearer")
    case .wrongMethod(_, _, let allowed):
      return reply.with("Allow", allowed.joined(separator: ", "))
    case .bodyTooLarge, .stopping, .slowBody, .timedOut: return reply.with("Connection", "close")
    default: return reply
    }
  }

  /// The reply with a header.
  func with(_ name: String, _ value: String) -> Reply {
    guard let name = HTTPField.Name(name) else { return self }
    var reply = self
    reply.headers.append((name, value))
    return reply
  }
}
