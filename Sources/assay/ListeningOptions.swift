import ArgumentParser
import AssayServe
import Foundation

/// Options of how a server listens, and what it refuses.
struct ListeningOptions: ParsableArguments {
  @Option(help: "The address to listen at.")
  var host = "127.0.0.1"

  @Option(help: "The port; 0 takes a free one, which the ready line names.")
  var port = 8000

  @Option(help: "The server's certificate and those that vouch for it, PEM. Default: no TLS.")
  var tlsCertificate: String?

  @Option(help: "The certificate's private key, PEM. Default: that in --tls-certificate.")
  var tlsKey: String?

  @Flag(help: "Lets other machines in without a key, where --host does.")
  var allowAnyone = false

  @Option(
    help: """
      An origin whose web pages may ask, such as https://example.org; * is all, and several are given \
      one by one. Default: none.
      """
  )
  var allowOrigin: [String] = []

  @Option(help: "Requests that may be unfinished at once; more are refused with status 429.")
  var maxQueue = 8192

  @Option(help: "Most of a request's body, in MiB; more is refused with status 413.")
  var maxBodyMib = 16

  @Option(help: "Seconds that a request may take, its answer included; else it ends with 504.")
  var timeout = 600.0

  @Option(help: "Seconds that running requests have when the server is told to stop.")
  var grace = 30.0

  func validate() throws {
    guard (0...65535).contains(port) else { throw ValidationError("--port is 0 to 65535") }
    try Limit.check("--max-queue", maxQueue, in: 1...1_000_000)
    guard (1...4096).contains(maxBodyMib) else {
      throw ValidationError("--max-body-mib is 1 to 4096")
    }
    guard timeout > 0, timeout <= 86400 else {
      throw ValidationError("--timeout is above 0 and at most 86400")
    }
    guard (0...86400).contains(grace) else { throw ValidationError("--grace is 0 to 86400") }
    guard tlsKey == nil || tlsCertificate != nil else {
      throw ValidationError("--tls-key belongs to --tls-certificate")
    }
  }

  /// The settings.
  ///
  /// - Throws: `ServeError` where the key of the environment cannot be one.
  func settings() throws -> ServeSettings {
    var settings = ServeSettings()
    (settings.host, settings.port) = (host, port)
    settings.certificate = tlsCertificate.map { .init(chainFile: $0, keyFile: tlsKey ?? $0) }
    settings.key = try ServerKey(
      ProcessInfo.processInfo.environment[ServerKey.environmentVariable]
    )
    settings.allowsAnyone = allowAnyone
    settings.allowedOrigins = allowOrigin
    settings.maximumRequests = maxQueue
    settings.maximumBodyBytes = maxBodyMib << 20
    // The limit's worth at one MiB a second, where that is longer.
    settings.bodySeconds = max(settings.bodySeconds, Double(maxBodyMib))
    (settings.timeoutSeconds, settings.graceSeconds) = (timeout, grace)
    return settings
  }
}
