import AssayGenerate
import AssayModel
import Foundation
import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOHTTPTypes
import Synchronization

/// Serves models over HTTP.
package final class ModelServer: Sendable {
  /// Where a server listens and what it serves.
  package struct Address: Sendable {
    /// The host.
    package let host: String
    /// The port, also where a free one was taken.
    package let port: Int
    /// Whether it speaks TLS.
    package let isSecure: Bool
    /// What each model is called, and what it is for.
    package let models: [(name: String, kind: ModelKind)]

    /// The URL that paths follow.
    package var url: String {
      let name = host.contains(":") ? "[\(host)]" : host
      return "\(isSecure ? "https" : "http")://\(name):\(port)"
    }
  }

  /// Files that the process has open beside connections.
  private static let otherFiles = 64
  /// Connections without an unfinished request that there is room for.
  private static let idleConnections = 256
  /// Seconds after which a silent connection without a request, or in the middle of one, is closed.
  private static let idleSeconds: Int64 = 120
  /// Seconds that requests which are cut have for their error to be sent.
  private static let farewellSeconds = 2.0

  private let application: ServeApplication
  private let disconnects = Disconnects()
  private let models: ServedModels
  private let owners: [ModelOwner]
  private let listener = Mutex<Listener?>(nil)

  /// Loads models.
  ///
  /// - Parameters:
  ///   - first: The model of requests that name none.
  ///   - others: More models.
  ///   - settings: How to listen, and what to refuse.
  /// - Throws: What loading throws; `TextError` where a template does not fit; `ServeError` where
  ///   strangers could use the server.
  package init(
    _ first: ServeSource,
    _ others: [ServeSource] = [],
    settings: ServeSettings
  ) async throws {
    try settings.validate()
    let metrics = ServeMetrics()
    let thread = ModelThread()
    func owner(_ source: ServeSource) -> ModelOwner {
      ModelOwner(source, on: thread, sharesThread: !others.isEmpty, metrics: metrics)
    }
    let firstOwner = owner(first)
    let otherOwners = others.map(owner)
    let firstModel = try await firstOwner.load()
    var otherModels: [ServedModel] = []
    for owner in otherOwners { otherModels.append(try await owner.load()) }
    owners = [firstOwner] + otherOwners
    models = ServedModels(first: firstModel, others: otherModels)
    let gate = RequestGate(limit: settings.maximumRequests)
    application = ServeApplication(
      models,
      settings: settings,
      gate: gate,
      metrics: metrics,
      endpoints: Endpoints.all(models, gate, metrics)
    )
  }

  /// Serves until `stop` is called or the task is cancelled.
  ///
  /// - Parameter onReady: Called once the server listens.
  /// - Throws: `ServeError.cannotListen` or `certificate`.
  package func run(onReady: @escaping @Sendable (Address) -> Void) async throws {
    let settings = application.settings
    let listener = try makeListener(onReady)
    self.listener.withLock { $0 = listener }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for owner in owners { group.addTask { await owner.run() } }
      defer { closeQueues() }
      do {
        try await listener.run()
      } catch is CancellationError {
      } catch {
        let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) }
        throw ServeError.cannotListen(
          host: settings.host,
          port: settings.port,
          reason: reason ?? "\(error)"
        )
      }
    }
  }

  private func closeQueues() {
    for model in models.all { model.queue.close() }
  }

  /// Stops: nothing new is served, and what runs is finished within the settings' grace.
  ///
  /// - Returns: How many requests were cut.
  @discardableResult
  package func stop() async -> Int {
    application.gate.stop()
    let listener = listener.withLock { $0 }
    let (closed, continuation) = AsyncStream<Never>.makeStream()
    Task {
      try? await listener?.shutDown()
      continuation.finish()
    }
    let cut = Atomic(0)
    let seconds = application.settings.graceSeconds
    let timer = Task { [application, disconnects] in
      try await Task.sleep(for: .seconds(seconds))
      cut.store(application.gate.count, ordering: .relaxed)
      disconnects.endAll(.stopping)
      // What does not even take its error is left to the end of the process.
      try await Task.sleep(for: .seconds(2 * Self.farewellSeconds))
      application.gate.giveUp()
    }
    await application.gate.waitUntilEmpty()
    timer.cancel()
    closeQueues()
    // The last answers are on their way; connections close behind them.
    let limit = Task {
      try await Task.sleep(for: .seconds(Self.farewellSeconds))
      continuation.finish()
    }
    for await _ in closed {}
    limit.cancel()
    return cut.load(ordering: .relaxed)
  }

  private func makeListener(
    _ onReady: @escaping @Sendable (Address) -> Void
  ) throws(ServeError) -> Listener {
    let (application, disconnects) = (application, disconnects)
    let settings = application.settings
    let names = models.all.map { ($0.name, $0.kind) }
    let channel = HTTP1Channel(
      responder: { request, writer, channel in
        let scope = RequestScope()
        disconnects.begin(scope, on: channel)
        defer { disconnects.end(on: channel) }
        // A client that does not take its error must not keep its place; one that has taken it may go on.
        let farewell = Mutex<Countdown?>(nil)
        defer { farewell.withLock { $0 = nil } }
        scope.onEnd {
          let countdown = Countdown(seconds: Self.farewellSeconds) { channel.close(promise: nil) }
          farewell.withLock { $0 = countdown }
        }
        let response = await application.respond(to: request, scope: scope) {
          channel.writeAndFlush(
            HTTPResponsePart.head(HTTPResponse(status: .continue)),
            promise: nil
          )
        }
        let isLast = response.headers[.connection] == "close"
        try await writer.write(response: response.head, body: response.body)
        // What is left of a body is not waited for.
        if isLast { throw ServeError.disconnected }
      },
      configuration: .init(
        additionalChannelHandlers: [DisconnectHandler(disconnects)],
        idleTimeout: .seconds(Self.idleSeconds)
      )
    )
    return try Listener(
      channel,
      settings,
      connections: Self.connections(settings.maximumRequests)
    ) { port in
      onReady(
        Address(
          host: settings.host,
          port: port ?? settings.port,
          isSecure: settings.certificate != nil,
          models: names
        )
      )
    }
  }

  /// How many connections may be open at once.
  ///
  /// Some clients use one for each request. The process may open as many files as the system lets it.
  private static func connections(_ requests: Int) -> Int {
    #if canImport(Darwin)
    let openFiles = RLIMIT_NOFILE
    #else
    let openFiles = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #endif
    var limit = rlimit()
    guard getrlimit(openFiles, &limit) == 0 else { return idleConnections }
    limit.rlim_cur = limit.rlim_max
    if setrlimit(openFiles, &limit) != 0 { _ = getrlimit(openFiles, &limit) }
    let files = Int(clamping: limit.rlim_cur)
    return min(requests + idleConnections, max(idleConnections, files - otherFiles))
  }
}
