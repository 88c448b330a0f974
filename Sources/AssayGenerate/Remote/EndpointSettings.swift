import Foundation

/// Where an OpenAI-compatible endpoint is.
package struct EndpointAddress: Sendable, Equatable, CustomStringConvertible {
  /// The URL before `/chat/completions`, as it was given, without a slash at its end.
  package let base: String

  /// The URL before `/chat/completions`.
  package var description: String { base }

  /// Where requests are posted.
  var requestURL: String { base + "/chat/completions" }

  /// Reads an address.
  ///
  /// Nothing is added but `/chat/completions`: most servers want a URL that ends in `/v1`.
  ///
  /// - Parameter text: An `http` or `https` URL, with or without `/chat/completions`.
  /// - Throws: `EndpointError.address`.
  package init(_ text: String) throws(EndpointError) {
    func failure(_ reason: String) -> EndpointError { .address(text: text, reason: reason) }
    guard let parts = URLComponents(string: text), let scheme = parts.scheme else {
      throw failure("it is no URL")
    }
    guard ["http", "https"].contains(scheme.lowercased()) else {
      throw failure("the URL starts with http:// or https://")
    }
    guard parts.host?.isEmpty == false else { throw failure("the URL has no host") }
    guard parts.user == nil, parts.password == nil else {
      // The text holds a secret, so it is not repeated.
      throw .address(text: "\(scheme)://...@...", reason: "keys belong in OPENAI_API_KEY")
    }
    guard parts.query == nil, parts.fragment == nil else {
      throw failure("the URL has a query or a fragment")
    }
    var base = text[...]
    while base.last == "/" { base.removeLast() }
    if base.hasSuffix("/chat/completions") { base.removeLast("/chat/completions".count) }
    while base.last == "/" { base.removeLast() }
    self.base = String(base)
  }

  /// Reads an address as options and recipes spell it, `openai:URL`.
  ///
  /// - Parameter text: `openai:` and an address.
  /// - Throws: `EndpointError.address`.
  package init(generator text: String) throws(EndpointError) {
    let scheme = "openai:"
    guard text.hasPrefix(scheme) else {
      throw .address(text: text, reason: "it does not start with openai:")
    }
    try self.init(String(text.dropFirst(scheme.count)))
  }
}

/// A key of an endpoint, which is sent and never shown.
package struct EndpointKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  let secret: String

  /// Takes a key, without white space around it; `nil` for an empty one.
  ///
  /// - Parameter text: The key.
  /// - Throws: `EndpointError.malformedKey`.
  package init?(_ text: String?) throws(EndpointError) {
    let secret = text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
    guard !secret.isEmpty else { return nil }
    guard secret.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw EndpointError.malformedKey
    }
    self.secret = secret
  }

  /// A place holder.
  package var description: String { "[key]" }
  /// A place holder.
  package var debugDescription: String { description }
  /// A mirror without children.
  package var customMirror: Mirror { Mirror(self, children: [:]) }

  /// A text in which the key does not stand.
  func hidden(in text: String) -> String {
    text.replacingOccurrences(of: secret, with: description)
  }
}

/// How an endpoint is asked.
package struct EndpointSettings: Sendable {
  /// Requests under way at once.
  ///
  /// Default: 8.
  package var concurrency = 8
  /// Times that a request is sent again.
  ///
  /// Default: 8, over about three minutes. An endpoint that never answered is given up after 2.
  package var retries = 8
  /// Seconds from sending a request to the end of its answer.
  ///
  /// Default: 600.
  package var timeoutSeconds = 600.0
  /// Seconds before the first retry; they double with every further one.
  ///
  /// Default: 1.
  package var backoffSeconds = 1.0
  /// Most seconds before a retry, where the endpoint does not ask for more.
  ///
  /// Default: 60.
  package var longestBackoffSeconds = 60.0
  /// Most seconds that an endpoint can ask for (`Retry-After`) before it is given up.
  ///
  /// Default: 600.
  package var longestWaitSeconds = 600.0
  /// The field in which the endpoint takes a grammar; `nil` where it has none.
  package var structuredOutput: StructuredOutput?
  /// Waits for seconds.
  package var pause: @Sendable (Double) async throws -> Void = {
    try await Task.sleep(for: .seconds($0))
  }
  /// A number from 0 to 1 that spreads retries.
  ///
  /// It only moves waiting times, so it need not be repeatable; clients that start together must not
  /// come back together.
  package var jitter: @Sendable () -> Double = { Double.random(in: 0..<1) }
  /// Throws where the work is to stop; called ten times a second.
  package var checkpoint: @Sendable () throws -> Void = {}

  /// Makes settings of defaults.
  package init() {}

  /// Seconds before a retry: half of the doubled back-off, and a random part of the other half.
  ///
  /// - Parameter retry: Which retry it is, from 0.
  /// - Returns: Seconds.
  func backoff(_ retry: Int) -> Double {
    let whole = min(longestBackoffSeconds, backoffSeconds * pow(2, Double(retry)))
    return whole * (0.5 + 0.5 * jitter())
  }
}
