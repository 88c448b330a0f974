import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOPosix

/// A socket that is listened at, with TLS or without.
struct Listener: Sendable {
  /// Serves until it is shut down or the task is cancelled.
  let run: @Sendable () async throws -> Void
  /// Takes no connections any more, and waits for those that there are.
  let shutDown: @Sendable () async throws -> Void

  /// Connections that wait for the system to hand them over.
  private static let backlog = 4096

  /// Makes a listener.
  ///
  /// - Parameters:
  ///   - channel: What becomes of connections.
  ///   - settings: Where to listen.
  ///   - connections: Connections that may be open at once; more wait in the system's queue.
  ///   - onReady: Called with the port once it listens.
  /// - Throws: `ServeError.certificate`.
  init(
    _ channel: HTTP1Channel,
    _ settings: ServeSettings,
    connections: Int,
    onReady: @escaping @Sendable (Int?) -> Void
  ) throws(ServeError) {
    guard let certificate = settings.certificate else {
      self.init(plain: channel, settings, connections, onReady)
      return
    }
    do {
      let chain = try NIOSSLCertificate.fromPEMFile(certificate.chainFile)
      let key = try NIOSSLPrivateKey(file: certificate.keyFile, format: .pem)
      let configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: chain.map { .certificate($0) },
        privateKey: .privateKey(key)
      )
      self.init(
        plain: try TLSChannel(channel, tlsConfiguration: configuration),
        settings,
        connections,
        onReady
      )
    } catch {
      throw .certificate(
        files: "\(certificate.chainFile) and \(certificate.keyFile)",
        reason: "\(error)"
      )
    }
  }

  private init(
    plain channel: some ServerChildChannel,
    _ settings: ServeSettings,
    _ connections: Int,
    _ onReady: @escaping @Sendable (Int?) -> Void
  ) {
    var logger = Logger(label: "assay.serve")
    logger.logLevel = .critical
    let server = Server(
      childChannelSetup: channel,
      configuration: ServerConfiguration(
        address: .hostname(settings.host, port: settings.port),
        backlog: Self.backlog,
        availableConnectionsDelegate: MaximumAvailableConnections(connections)
      ),
      onServerRunning: { onReady($0.localAddress?.port) },
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
      logger: logger
    )
    run = { try await server.run() }
    shutDown = { try await server.shutdownGracefully() }
  }
}
