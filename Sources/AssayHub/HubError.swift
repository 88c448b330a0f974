import AssayBase

/// Why nothing, or not all, was fetched from a hub.
package enum HubError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A text that names no repository.
  case name(String)
  /// `HF_ENDPOINT` is no address.
  case address(String)
  /// The token has characters that no header carries.
  case malformedToken
  /// The hub has no such repository, revision or file.
  case missing(name: HubName, endpoint: String, what: String)
  /// The hub does not give it to this user; what it says of that, if anything.
  case forbidden(
    name: HubName,
    endpoint: String,
    status: Int,
    hasToken: Bool,
    isGated: Bool,
    message: String?
  )
  /// Nothing answers, or only that it cannot now.
  case unavailable(endpoint: String, attempts: Int, reason: String)
  /// An answer that no hub gives.
  case garbage(url: String, reason: String)
  /// A file's name leads out of its folder.
  case unsafePath(name: HubName, path: String)
  /// What came is not what the hub says it is.
  case damaged(name: HubName, path: String, expected: String, actual: String)
  /// Nothing may be asked, and the cache lacks it.
  case offline(name: HubName, cache: String)
  /// The disk has not enough room.
  case noRoom(folder: String, neededBytes: Int, freeBytes: Int)
  /// None of the repository's files is wanted, or one of several must be named.
  case choice(name: HubName, reason: String)

  /// One sentence: what happened, where, and what to do.
  package var description: String {
    switch self {
    case .name(let text):
      "'\(text)' is no repository of a hub: give owner/name or owner/name@revision."
    case .address(let text):
      "HF_ENDPOINT is '\(text)', which is no address: give one such as https://huggingface.co."
    case .malformedToken:
      "The hub's token (HF_TOKEN, or the file of the hub's tools) has spaces or characters that are "
        + "not printable ASCII: set it again."
    case .missing(let name, let endpoint, let what):
      "\(name): \(endpoint) has no such \(what): check its spelling"
        + (what == "file" ? "." : ", whether it is a data set (--dataset), and private (HF_TOKEN).")
    case .forbidden(let name, let endpoint, let status, let hasToken, let isGated, let message):
      "\(name): \(endpoint) refuses it with status \(status)"
        + (message.map { " ('\($0)')" } ?? "")
        + (isGated
          ? ", as its terms must be accepted first: do so at \(endpoint)/\(name.path), and "
          : ": ")
        + (hasToken ? "check that HF_TOKEN is the token of a user who may." : "set HF_TOKEN.")
    case .unavailable(let endpoint, let attempts, let reason):
      "\(endpoint): no answer after \(attempts) attempt\(attempts == 1 ? "" : "s") (\(reason)); "
        + "check the network and HF_ENDPOINT, and run the same command again to continue."
    case .garbage(let url, let reason):
      "\(url): \(reason); is HF_ENDPOINT the address of a hub?"
    case .unsafePath(let name, let path):
      "\(name): the file name '\(path.prefix(200))' leads out of its folder; nothing was fetched."
    case .damaged(let name, let path, let expected, let actual):
      "\(name): \(path) has the hash \(actual) where the hub says \(expected); what came was removed, "
        + "so run the same command again."
    case .offline(let name, let cache):
      "\(name): not in \(cache), and HF_HUB_OFFLINE forbids to fetch it: unset it."
    case .noRoom(let folder, let needed, let free):
      "\(folder): \(Self.size(needed)) are to be fetched and \(Self.size(free)) are free: make room, "
        + "or set HF_HUB_CACHE to another disk."
    case .choice(let name, let reason): "\(name): \(reason)."
    }
  }

  private static func size(_ bytes: Int) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"]
    var (value, unit) = (Double(bytes), 0)
    while value >= 1000, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    let tenths = Int((value * 10).rounded())
    return (unit == 0 ? "\(bytes)" : "\(tenths / 10).\(tenths % 10)") + " " + units[unit]
  }
}
