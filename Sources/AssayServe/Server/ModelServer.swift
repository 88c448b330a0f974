import AssayGenerate
import AssayModel
import Foundation
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// Serves one model over HTTP.
package final class ModelServer: Sendable {
  /// Where a server listens and what it serves.
  package struct Address: Sendable, Equatable {
    /// The host.
    package let host: String
    /// The port, also where a free one was taken.
    package let port: Int
    /// What the model is for.
    package let kind: ModelKind

    /// The URL that paths follow.
    package var url: String {
      host.contains(":") ? "http://[\(host)]:\(port)" : "http://\(host):\(port)"
    }
  }

  /// Connections that may be open at once; more wait in the system's queue.
  private static let maximumConnections = 1024
  /// Seconds after which a silent connection without a request, or in the middle of one, is closed.
  private static let idleSeconds: Int64 = 120
  /// Seconds that requests which are cut have for their error to be sent.
  private static let farewellSeconds: Int64 = 2

  private let application: ServeApplication
  private let disconnects = Disconnects()
  private let queue: ModelQueue
  private let owner: ModelOwner
  private let kind: ModelKind
  private let listener = Mutex<Server<HTTP1Channel>?>(nil)

  /// Loads a model.
  ///
  /// - Parameters:
  ///   - settings: How to listen, and what to refuse.
  ///   - options: How much is computed and kept at once; `nil` is the model's.
  ///   - load: Loads the model, on the thread that will own it.
  /// - Throws: What `load` throws; `TextError` where the template does not fit; `ServeError` where
  ///   strangers could use the server.
  package init(
    settings: ServeSettings,
    options: GenerationEngine.Options? = nil,
    load: @escaping @Sendable () throws -> Model
  ) async throws {
    try settings.validate()
    let (queue, metrics) = (ModelQueue(), ServeMetrics())
    owner = ModelOwner(queue: queue, metrics: metrics, options: options)
    let model = try await owner.load(load)
    self.queue = queue
    kind = model.kind
    application = ServeApplication(model, settings: settings, queue: queue, metrics: metrics)
  }

  /// Serves until `stop` is called or the task is cancelled.
  ///
  /// - Parameter onReady: Called once the server listens.
  /// - Throws: `ServeError.cannotListen`.
  package func run(onReady: @escaping @Sendable (Address) -> Void) async throws {
    let server = makeServer(onReady)
    listener.withLock { $0 = server }
    let settings = application.settings
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await self.owner.run() }
      defer { queue.close() }
      do {
        try await server.run()
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

  /// Stops: nothing new is served, and what runs is finished within the settings' grace.
  ///
  /// - Returns: How many requests were cut.
  @discardableResult
  package func stop() async -> Int {
    application.gate.stop()
    let server = listener.withLock { $0 }
    let (closed, continuation) = AsyncStream<Never>.makeStream()
    Task {
      try? await server?.shutdownGracefully()
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
    queue.close()
    // The last answers are on their way; connections close behind them.
    let limit = Task {
      try await Task.sleep(for: .seconds(Self.farewellSeconds))
      continuation.finish()
    }
    for await _ in closed {}
    limit.cancel()
    return cut.load(ordering: .relaxed)
  }

  private func makeServer(
    _ onReady: @escaping @Sendable (Address) -> Void
  ) -> Server<HTTP1Channel> {
    let (host, port) = (application.settings.host, application.settings.port)
    var logger = Logger(label: "assay.serve")
    logger.logLevel = .critical
    let (application, disconnects, kind) = (application, disconnects, kind)
    return Server(
      childChannelSetup: HTTP1Channel(
        responder: { request, writer, channel in
          let scope = application.makeScope()
          disconnects.begin(scope, on: channel)
          defer { disconnects.end(on: channel) }
          scope.onEnd {
            // A client that does not take its error must not keep its place.
            _ = channel.eventLoop.scheduleTask(in: .seconds(Self.farewellSeconds)) {
              channel.close(promise: nil)
            }
          }
          let response = await application.respond(to: request, scope: scope)
          let isLast = response.headers[.connection] == "close"
          try await writer.write(response: response.head, body: response.body)
          // What is left of a body is not waited for.
          if isLast { throw ServeError.disconnected }
        },
        configuration: .init(
          additionalChannelHandlers: [DisconnectHandler(disconnects)],
          idleTimeout: .seconds(Self.idleSeconds)
        )
      ),
      configuration: ServerConfiguration(
        address: .hostname(host, port: port),
        availableConnectionsDelegate: MaximumAvailableConnections(Self.maximumConnections)
      ),
      onServerRunning: { channel in
        onReady(Address(host: host, port: channel.localAddress?.port ?? port, kind: kind))
      },
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
      logger: logger
    )
  }
}
