/// A failure of a remote endpoint, or of what is said about one.
package enum EndpointError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A text names no endpoint.
  case address(text: String, reason: String)
  /// The key has characters that no header carries.
  case malformedKey
  /// Nothing answers, or only that it cannot now.
  case unavailable(endpoint: String, attempts: Int, reason: String)
  /// The endpoint refuses a request; `isRequestAtFault` where another request may be served.
  case refused(endpoint: String, status: Int, excerpt: String, isRequestAtFault: Bool)
  /// The endpoint answers what is no chat completion.
  case garbage(endpoint: String, status: Int, excerpt: String)
  /// An endpoint is asked for a grammar that it is not known to take.
  case structure(field: String, reason: String)
  /// Another process writes the file of records.
  case recordsInUse(path: String)
  /// A line of the file of records is none.
  case malformedRecord(path: String, line: Int)

  /// One sentence: what happened, where, what was expected, what to do.
  package var description: String {
    switch self {
    case .address(let text, let reason):
      "'\(text)' is no endpoint: \(reason); give the URL before /chat/completions, such as "
        + "http://localhost:8000/v1."
    case .malformedKey:
      "The key in OPENAI_API_KEY has spaces or characters that are not printable ASCII: set it again."
    case .unavailable(let endpoint, let attempts, let reason):
      "\(endpoint): no answer after \(attempts) attempt\(attempts == 1 ? "" : "s") (\(reason)); "
        + "check the URL and the server, and run the same command again to continue."
    case .refused(let endpoint, let status, let excerpt, let isRequestAtFault):
      isRequestAtFault
        ? "\(endpoint) refuses a request with status \(status): \(excerpt)"
        : "\(endpoint) answers with status \(status) (\(Self.hint(status))): \(excerpt)"
    case .garbage(let endpoint, let status, let excerpt):
      "\(endpoint) answers with status \(status) and no chat completion: \(excerpt)"
    case .structure(let field, let reason): "The endpoint's field '\(field)': \(reason)."
    case .recordsInUse(let path):
      "\(path) is in use by another process: wait for it to end, or give another --generator-cache."
    case .malformedRecord(let path, let line):
      "\(path):\(line): this is not a record of a request; give the file that --generator-cache "
        + "wrote, or a new one."
    }
  }

  private static func hint(_ status: Int) -> String {
    switch status {
    case 300..<400: "it is elsewhere: give the URL that it redirects to"
    case 401, 403: "is OPENAI_API_KEY right?"
    case 404, 405: "is the model's name right, and does the URL end as the server wants, as in /v1?"
    default: "see what it says"
    }
  }
}
