import HTTPTypes

/// The endpoints by path and method.
struct Routes: Sendable {
  private let endpoints: [Endpoint]

  init(_ endpoints: [Endpoint]) { self.endpoints = endpoints }

  /// A path without the slash at its end.
  static func path(_ path: String) -> String {
    path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  /// Finds what is done at a path; what is got may be asked for by its head alone, and what is posted
  /// may be put.
  ///
  /// - Throws: `ServeError.noEndpoint` or `wrongMethod`.
  func endpoint(_ path: String, _ method: HTTPRequest.Method) throws(ServeError) -> Endpoint {
    let there = try all(at: path)
    let wanted: HTTPRequest.Method =
      switch method {
      case .head: .get
      case .put: .post
      default: method
      }
    guard let endpoint = there.first(where: { $0.method == wanted }) else {
      throw .wrongMethod(path: path, method: method.rawValue, allowed: Self.methods(of: there))
    }
    return endpoint
  }

  /// The methods that a path takes.
  ///
  /// - Throws: `ServeError.noEndpoint`.
  func methods(_ path: String) throws(ServeError) -> [String] {
    Self.methods(of: try all(at: path))
  }

  private static func methods(of endpoints: [Endpoint]) -> [String] {
    endpoints.flatMap { $0.method == .get ? ["GET", "HEAD"] : [$0.method.rawValue] }
  }

  private func all(at path: String) throws(ServeError) -> [Endpoint] {
    let there = endpoints.filter { $0.takes(path) }
    guard !there.isEmpty else {
      let known = endpoints.flatMap { endpoint in
        endpoint.paths.map { "\(endpoint.method.rawValue) \($0)" }
      }
      throw .noEndpoint(path: path, known: known)
    }
    return there
  }
}
