import ArgumentParser
import AssayServe
import Foundation

/// Options of which models a server has.
struct ServedModelOptions: ParsableArguments {
  @Option(
    help: """
      A model folder, a run folder or a GGUF file; NAME=PATH gives it the name that clients ask for, \
      which is that of the folder otherwise. Give it again for more models on one port; requests that \
      name none are for the first.
      """
  )
  var model: [String]

  @Option(help: "The name of the first model, where --model gives none; again for other names.")
  var name: [String] = []

  func validate() throws {
    if name.contains("") { throw ValidationError("--name is empty") }
    if let twice = names.first(where: { own in names.count { $0 == own } > 1 }) {
      throw ValidationError("two models are called '\(twice)'; give --model NAME=PATH")
    }
  }

  /// The models, and what loads them.
  ///
  /// - Throws: `ModelError.notFound`, or `ValidationError` where the device cannot do it.
  func sources(
    _ inference: InferenceOptions,
    _ common: CommonOptions
  ) throws -> (first: ServeSource, others: [ServeSource]) {
    let sources = try model.indices.map { index in
      let (names, path) = names(of: index)
      return ServeSource(
        name: names[0],
        // verl asks by the path that it was given.
        aliases: names.dropFirst() + [path],
        load: try inference.loader(try ModelPath.folder(path), common)
      )
    }
    guard let first = sources.first else { throw ValidationError("--model is missing") }
    return (first, Array(sources.dropFirst()))
  }

  /// All names that clients may ask for.
  private var names: [String] { model.indices.flatMap { names(of: $0).names } }

  /// The names of a model, at least one, and its path.
  private func names(of index: Int) -> (names: [String], path: String) {
    let (own, path) = Self.parts(model[index])
    let given = (own.map { [$0] } ?? []) + (index == 0 ? name : [])
    return (given.isEmpty ? [Self.usualName(path)] : given, path)
  }

  /// The name and the path of an argument; a path that is there is no name.
  private static func parts(_ argument: String) -> (name: String?, path: String) {
    guard let mark = argument.firstIndex(of: "="), mark > argument.startIndex,
      !FileManager.default.fileExists(atPath: argument)
    else { return (nil, argument) }
    return (String(argument[..<mark]), String(argument[argument.index(after: mark)...]))
  }

  private static func usualName(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent
  }
}

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
