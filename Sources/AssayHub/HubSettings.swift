import AssayBase
import Foundation

/// A user's token, which is sent to the hub alone and never shown.
package struct HubToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  let secret: String

  /// Takes a token, without white space around it; `nil` for an empty one.
  ///
  /// - Throws: `HubError.malformedToken`.
  init?(_ text: String?) throws(HubError) {
    let secret = text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
    guard !secret.isEmpty else { return nil }
    guard secret.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .malformedToken }
    self.secret = secret
  }

  /// A place holder.
  package var description: String { "[token]" }
  /// A place holder.
  package var debugDescription: String { description }
  /// A mirror without children.
  package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Scheme, host and port of a URL: what may be told the token.
struct HubOrigin: Hashable {
  let scheme: String
  let host: String
  let port: Int

  init?(_ url: URL) {
    guard let scheme = url.scheme?.lowercased(), let host = url.host?.lowercased(), !host.isEmpty,
      ["http", "https"].contains(scheme)
    else { return nil }
    self.scheme = scheme
    self.host = host
    port = url.port ?? (scheme == "https" ? 443 : 80)
  }
}

/// Where a hub is and how it is asked.
package struct HubSettings: Sendable {
  /// The hub's address, without a slash at its end.
  package let endpoint: String
  /// The cache that it fills.
  package let cache: HubCache
  /// What is sent as bearer token; `nil` sends none.
  package let token: HubToken?
  /// Whether nothing is asked: what is in the cache must do.
  package let isOffline: Bool
  /// Times that a request is sent again before it is given up.
  ///
  /// Default: 4, over 15 seconds; a download that gets on starts counting anew.
  package var retries = 4
  /// Seconds that a connection may be silent.
  ///
  /// Default: 60.
  package var silentSeconds = 60.0
  /// Waits for seconds.
  package var pause: @Sendable (Double) async throws -> Void = {
    try await Task.sleep(for: .seconds($0))
  }

  let origin: HubOrigin

  /// Reads what the hub's own tools read: `HF_ENDPOINT`, `HF_TOKEN` (else the file that they keep it
  /// in), `HF_HUB_OFFLINE`, and the cache's variables.
  ///
  /// - Parameter environment: The environment's variables.
  /// - Throws: `HubError.address` and `malformedToken`.
  package init(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(HubError) {
    func variable(_ name: String) -> String? {
      environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
    var endpoint = variable("HF_ENDPOINT") ?? "https://huggingface.co"
    while endpoint.last == "/" { endpoint.removeLast() }
    guard let url = URL(string: endpoint), let origin = HubOrigin(url), url.user == nil,
      url.query == nil, url.fragment == nil
    else { throw .address(endpoint) }
    self.endpoint = endpoint
    self.origin = origin
    cache = HubCache(environment: environment)
    let isOn = ["1", "on", "yes", "true"]
    isOffline = isOn.contains((variable("HF_HUB_OFFLINE") ?? "").lowercased())
    let file =
      variable("HF_TOKEN_PATH").map { URL(fileURLWithPath: ($0 as NSString).expandingTildeInPath) }
      ?? cache.home.appendingPathComponent("token")
    let given = variable("HF_TOKEN") ?? variable("HUGGING_FACE_HUB_TOKEN")
    token = try HubToken(given ?? (try? String(contentsOf: file, encoding: .utf8)))
  }

  /// The address of what a repository's URL leads to.
  ///
  /// - Parameters:
  ///   - name: The repository.
  ///   - isAPI: Whether its description is asked for, else its files.
  ///   - parts: Path components, which are escaped.
  /// - Returns: The address.
  func url(_ name: HubName, isAPI: Bool, _ parts: [String]) -> String {
    let kind = isAPI || name.kind == .dataset ? ["/" + name.kind.plural] : []
    let path = parts.map { "/" + Self.escaped($0) }.joined()
    return endpoint + (isAPI ? "/api" : "") + kind.joined() + "/" + name.path + path
  }

  private static let unreserved = CharacterSet(
    charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
  )

  private static func escaped(_ part: String) -> String {
    part.addingPercentEncoding(withAllowedCharacters: unreserved) ?? part
  }
}
