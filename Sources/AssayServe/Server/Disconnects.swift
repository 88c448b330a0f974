import NIOCore
import Synchronization

/// Finds the request that a closed connection belonged to.
final class Disconnects: Sendable {
  private let scopes = Mutex<[ObjectIdentifier: RequestScope]>([:])

  /// Begins a request of a connection.
  func begin(_ scope: RequestScope, on channel: any Channel) {
    scopes.withLock { $0[ObjectIdentifier(channel)] = scope }
  }

  /// Forgets the request of a connection: its answer is sent.
  func end(on channel: any Channel) {
    _ = scopes.withLock { $0.removeValue(forKey: ObjectIdentifier(channel)) }
  }

  /// Ends the request of a connection, if there is one.
  func connectionEnded(_ channel: any Channel) {
    let scope = scopes.withLock { $0[ObjectIdentifier(channel)] }
    scope?.end(.disconnected)
  }

  /// Ends all requests.
  func endAll(_ reason: ServeError) {
    let all = scopes.withLock { Array($0.values) }
    for scope in all { scope.end(reason) }
  }
}

/// Notices that a client closed its side, also while its request is being served.
///
/// A client that only closes its sending side is taken to be gone as well: over TCP both look alike.
final class DisconnectHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = NIOAny

  private let disconnects: Disconnects

  init(_ disconnects: Disconnects) { self.disconnects = disconnects }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .some(.inputClosed) = event as? ChannelEvent {
      disconnects.connectionEnded(context.channel)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    disconnects.connectionEnded(context.channel)
    context.fireChannelInactive()
  }
}
