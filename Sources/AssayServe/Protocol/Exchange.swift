import AssayBase
import AssayText
import HTTPTypes
import HummingbirdCore
import NIOCore

/// One request on its way through an endpoint.
struct Exchange: Sendable {
  /// The endpoint's way to the model.
  let port: QueuedPort
  /// How the server is set up.
  let settings: ServeSettings
  /// The path, for messages.
  let path: String
  /// The request's number, for ids.
  let number: Int
  /// Seconds since 1970, for `created`.
  let created: Int
  /// The body; `null` where the method has none.
  let body: JSONValue

  /// The model.
  var model: ServedModel { port.model }

  /// The id of an answer.
  func id(_ prefix: String) -> String { "\(prefix)-\(created)-\(number)" }
}

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

  /// A JSON document.
  static func json(_ value: JSONValue, status: Int = 200) -> Reply {
    json(text: value.compact, status: status)
  }

  /// A JSON document that is text already.
  static func json(text: String, status: Int = 200) -> Reply {
    Reply(content: .text(text + "\n", type: "application/json"), status: status)
  }

  /// The reply with a header.
  func with(_ name: String, _ value: String) -> Reply {
    guard let name = HTTPField.Name(name) else { return self }
    var reply = self
    reply.headers.append((name, value))
    return reply
  }
}
