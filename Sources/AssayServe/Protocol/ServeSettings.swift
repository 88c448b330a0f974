import AssayReward

/// How a server listens, what it refuses, and what a request has that does not say otherwise.
package struct ServeSettings: Sendable {
  /// Where a server finds what it proves itself with.
  package struct Certificate: Sendable, Equatable {
    /// The file of the certificate and those that vouch for it, PEM.
    package var chainFile: String
    /// The file of its private key, PEM.
    package var keyFile: String

    /// Makes one of two files, which may be one.
    package init(chainFile: String, keyFile: String) {
      (self.chainFile, self.keyFile) = (chainFile, keyFile)
    }
  }

  /// The address to listen at; the default is this machine alone.
  package var host = "127.0.0.1"
  /// The port; 0 takes a free one.
  package var port = 8000
  /// What the server proves itself with; `nil` speaks without TLS.
  package var certificate: Certificate?
  /// The key that requests must carry; `nil` asks for none.
  package var key: ServerKey?
  /// Whether a server without a key may listen beyond this machine.
  package var allowsAnyone = false
  /// Origins of web pages that may ask, such as `https://example.org`; `*` is all.
  package var allowedOrigins: [String] = []
  /// Requests that may be unfinished at once, running ones included; more are refused.
  ///
  /// Trainers send a whole step's samples at once, and some end where one is refused; a request that
  /// waits costs little. A request counts from when its body is there.
  package var maximumRequests = 8192
  /// Bytes of a request's body.
  package var maximumBodyBytes = 16 << 20
  /// Seconds from a request's head to the end of its answer.
  package var timeoutSeconds = 600.0
  /// Seconds that a body may take to come.
  package var bodySeconds = 30.0
  /// Seconds that running requests have when the server is told to stop.
  package var graceSeconds = 30.0
  /// How critiques are written for scores.
  package var critiques = CritiqueSettings()
  /// The temperature of all texts where the operator gave one; else each use has its own.
  package var temperature: Float?
  /// The share of probability to draw from where the operator gave one; else each use has its own.
  package var topP: Float?

  /// The version that the server tells.
  package var version = ""

  /// Makes settings of defaults.
  package init() {}

  /// How critiques are written for a request that does not say.
  var critiqueDefaults: CritiqueSettings {
    var settings = critiques
    settings.temperature =
      temperature ?? CritiqueSettings.usualTemperature(samples: settings.samples)
    settings.topP = topP ?? settings.topP
    return settings
  }

  /// Whether only programs on this machine reach the server.
  var isLoopback: Bool { Self.isLoopback(host) }

  /// Whether a host's name is one of this machine's for itself.
  static func isLoopback(_ host: String) -> Bool {
    let isNumeric = host.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2e }
    return host.lowercased() == "localhost" || host == "::1"
      || isNumeric && host.hasPrefix("127.")
  }

  /// Checks that the server is not open to strangers by accident.
  ///
  /// - Throws: `ServeError.openHost`.
  package func validate() throws(ServeError) {
    guard isLoopback || key != nil || allowsAnyone else { throw .openHost(host: host) }
  }
}
