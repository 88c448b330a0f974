import AssayReward

/// How a server listens, what it refuses, and what a request has that does not say otherwise.
package struct ServeSettings: Sendable {
  /// The name that the model has for clients.
  package var modelName: String
  /// The address to listen at; the default is this machine alone.
  package var host = "127.0.0.1"
  /// The port; 0 takes a free one.
  package var port = 8000
  /// The key that requests must carry; `nil` asks for none.
  package var key: ServerKey?
  /// Whether a server without a key may listen beyond this machine.
  package var allowsAnyone = false
  /// Requests that may be unfinished at once, running ones included; more are refused.
  ///
  /// Trainers send a whole step's samples at once, and some end where one is refused; a request that
  /// waits costs little.
  package var maximumRequests = 8192
  /// Bytes of a request's body.
  package var maximumBodyBytes = 16 << 20
  /// Seconds from a request's head to the end of its answer.
  package var timeoutSeconds = 600.0
  /// Seconds that running requests have when the server is told to stop.
  package var graceSeconds = 30.0
  /// How critiques are written for scores.
  package var critiques = CritiqueSettings()
  /// The temperature of all texts where the operator gave one; else each use has its own.
  package var temperature: Float?
  /// The share of probability to draw from where the operator gave one; else each use has its own.
  package var topP: Float?

  /// Makes settings of defaults.
  ///
  /// - Parameter modelName: The name that the model has for clients.
  package init(modelName: String) { self.modelName = modelName }

  /// How critiques are written for a request that does not say.
  var critiqueDefaults: CritiqueSettings {
    var settings = critiques
    settings.temperature =
      temperature ?? CritiqueSettings.usualTemperature(samples: settings.samples)
    settings.topP = topP ?? settings.topP
    return settings
  }

  /// Whether only programs on this machine reach the server.
  var isLoopback: Bool {
    let isNumeric = host.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2e }
    return host == "localhost" || host == "::1" || isNumeric && host.hasPrefix("127.")
  }

  /// Checks that the server is not open to strangers by accident.
  ///
  /// - Throws: `ServeError.openHost`.
  package func validate() throws(ServeError) {
    guard isLoopback || key != nil || allowsAnyone else { throw .openHost(host: host) }
  }
}
