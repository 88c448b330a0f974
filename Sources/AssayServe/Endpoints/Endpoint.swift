import HTTPTypes

/// What the server does at a path.
struct Endpoint: Sendable {
  let method: HTTPRequest.Method
  /// The path that metrics and messages name, and others that do the same; one that ends with a slash
  /// stands for all below it.
  let paths: [String]
  /// Whether it answers without a key, and while the server stops.
  var isOpen = false
  /// The work.
  let handle: @Sendable (Exchange) async throws -> Reply

  /// Whether it does something at a path.
  func takes(_ path: String) -> Bool {
    paths.contains { $0 == path || $0.hasSuffix("/") && path.hasPrefix($0) && path != $0 }
  }

  static func post(
    _ paths: String...,
    handle: @escaping @Sendable (Exchange) async throws -> Reply
  ) -> Endpoint {
    Endpoint(method: .post, paths: paths, handle: handle)
  }

  static func get(
    _ path: String,
    isOpen: Bool = false,
    handle: @escaping @Sendable (Exchange) async throws -> Reply
  ) -> Endpoint {
    Endpoint(method: .get, paths: [path], isOpen: isOpen, handle: handle)
  }
}
