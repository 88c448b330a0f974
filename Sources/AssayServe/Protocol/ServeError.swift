/// Why a server does not start, or does not serve a request.
package enum ServeError: Error, Equatable, Sendable {
  /// The address cannot be listened at.
  case cannotListen(host: String, port: Int, reason: String)
  /// Strangers could use the server.
  case openHost(host: String)
  /// The key has characters that no header carries.
  case malformedKey
  /// The key is missing or wrong.
  case unauthorized
  /// There is no such path.
  case noEndpoint(path: String, known: [String])
  /// The path has other methods.
  case wrongMethod(path: String, method: String, allowed: [String])
  /// The body is no JSON object or list.
  case malformedBody(reason: String)
  /// The body has more bytes than the server takes.
  case bodyTooLarge(maximumBytes: Int)
  /// The body did not come in time.
  case slowBody(seconds: Double)
  /// A value of the body is not what is expected.
  case parameter(name: String, actual: String, expected: String)
  /// A member of the body would change the result, and the server does not do what it asks.
  case unsupported(name: String, advice: String)
  /// Another model is asked for.
  case otherModel(actual: String, served: [String])
  /// The certificate or its key cannot be used.
  case certificate(files: String, reason: String)
  /// A web page asks that is not known.
  case foreignOrigin(origin: String)
  /// The server is asked under a name that is not this machine's.
  case foreignHost(host: String)
  /// The model is not of a kind that the endpoint needs.
  case wrongKind(endpoint: String, kind: String, needed: String)
  /// A text is longer than the model reads.
  case tooLong(item: String, tokens: Int, maximum: Int)
  /// A text cannot be served for a reason that other layers know.
  case refused(reason: String)
  /// Too many requests are unfinished.
  case queueFull(limit: Int)
  /// The server is about to stop.
  case stopping
  /// The answer took too long.
  case timedOut(seconds: Double)
  /// The client went away.
  case disconnected
  /// Memory ran out.
  case outOfMemory(reason: String)
  /// A bug of ours.
  case failed(reason: String)
}

extension ServeError: CustomStringConvertible {
  /// One sentence: what happened, where, what was expected, what to do.
  package var description: String {
    switch self {
    case .cannotListen(let host, let port, let reason):
      "cannot listen at \(host):\(port) (\(reason)); choose another --host or --port"
    case .openHost(let host):
      "--host \(host) lets other machines use the model without a key; set "
        + "\(ServerKey.environmentVariable), or give --allow-anyone"
    case .malformedKey:
      "\(ServerKey.environmentVariable) has characters that no header carries; use printable ASCII "
        + "without spaces"
    case .unauthorized:
      "the key is missing or wrong; send the header Authorization: Bearer KEY"
    case .noEndpoint(let path, let known):
      "there is no \(path); there are \(known.joined(separator: ", "))"
    case .wrongMethod(let path, let method, let allowed):
      "\(path) does not take \(method); use \(allowed.joined(separator: " or "))"
    case .malformedBody(let reason): "the body is not the JSON that is expected: \(reason)"
    case .bodyTooLarge(let maximum):
      "the body has more than \(maximum) bytes; send less at once, or start the server with a "
        + "larger --max-body-mib"
    case .slowBody(let seconds): "the body was not there within \(seconds) s; send it faster"
    case .parameter(let name, let actual, let expected):
      "'\(name)' is \(actual), expected \(expected)"
    case .unsupported(let name, let advice): "'\(name)' is not supported; \(advice)"
    case .otherModel(let actual, let served):
      "there is no model '\(actual)' here; ask for "
        + "\(served.map { "'\($0)'" }.joined(separator: " or ")), or leave 'model' out"
    case .certificate(let files, let reason):
      "\(files) cannot serve TLS (\(reason)); give PEM files by --tls-certificate and --tls-key"
    case .foreignOrigin(let origin):
      "web pages of \(origin) may not use this server; start it with --allow-origin \(origin)"
    case .foreignHost(let host):
      "a server without a key answers to names of this machine, such as localhost, and not to "
        + "'\(host)'; set \(ServerKey.environmentVariable)"
    case .wrongKind(let endpoint, let kind, let needed):
      "\(endpoint) is not for a \(kind) model; serve \(needed)"
    case .tooLong(let item, let tokens, let maximum):
      "\(item) has \(tokens) tokens, more than the \(maximum) that there is room for; shorten it"
    case .refused(let reason): reason
    case .queueFull(let limit):
      "\(limit) requests are unfinished, the most that the server takes; try again later"
    case .stopping: "the server is stopping; ask another one"
    case .timedOut(let seconds):
      "the answer was not there within \(seconds) s; ask for less, or start the server with a larger "
        + "--timeout"
    case .disconnected: "the client went away"
    case .outOfMemory(let reason): reason
    case .failed(let reason): "internal error, please report it: \(reason)"
    }
  }
}
