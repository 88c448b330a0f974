import AssayBase
import HTTPTypes

/// What the server does at a path.
struct Endpoint: Sendable {
  let method: HTTPRequest.Method
  /// The path that metrics and messages name, and others that do the same; one that ends with a slash
  /// stands for all below it, but for the root.
  let paths: [String]
  /// One line that says what it does.
  let summary: String
  /// The members of a body that matter most, and what they are.
  var members: KeyValuePairs<String, String> = [:]
  /// Whether it answers without a key, and while the server stops.
  var isOpen = false
  /// Whether clients send a name of their own for the model.
  var takesAnyName = false
  /// The work.
  let handle: @Sendable (Exchange) async throws -> Reply

  /// Whether it does something at a path.
  func takes(_ path: String) -> Bool {
    paths.contains { $0 == path || Self.isOpenEnded($0) && path.hasPrefix($0) }
  }

  /// Whether a path stands for all below it.
  static func isOpenEnded(_ path: String) -> Bool { path.count > 1 && path.hasSuffix("/") }

  static func post(
    _ paths: String...,
    summary: String,
    members: KeyValuePairs<String, String>,
    takesAnyName: Bool = false,
    handle: @escaping @Sendable (Exchange) async throws -> Reply
  ) -> Endpoint {
    Endpoint(
      method: .post,
      paths: paths,
      summary: summary,
      members: members,
      takesAnyName: takesAnyName,
      handle: handle
    )
  }

  static func get(
    _ paths: String...,
    summary: String,
    isOpen: Bool = false,
    handle: @escaping @Sendable (Exchange) async throws -> Reply
  ) -> Endpoint {
    Endpoint(method: .get, paths: paths, summary: summary, isOpen: isOpen, handle: handle)
  }
}
