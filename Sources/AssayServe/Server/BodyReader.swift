import AssayBase
import HummingbirdCore
import NIOCore
import Synchronization

/// Reads bodies within bounds of time and memory, whatever clients send.
///
/// A body has its own time to come. Few that are large are read at once, others wait unread; bodies are
/// parsed one after the other; and what is kept of them until their requests end is bounded in bytes,
/// so that those that find no room wait.
final class BodyReader: Sendable {
  /// A body, and its room among those that are kept.
  struct Body: Sendable {
    let json: JSONValue
    let room: Turnstile.Pass
  }

  /// Bytes from which on a body is large.
  private static let smallBytes = 64 << 10
  /// Large bodies that are read or kept at once.
  private static let largeBodies = 4
  /// Bytes of small bodies that are kept at once.
  private static let smallRoomBytes = 64 << 20
  /// Bytes of a large body for each value that it may have: a value takes some 50 in memory.
  private static let bytesPerValue = 8

  private let maximumBytes: Int
  private let seconds: Double
  private let seats = Turnstile(capacity: largeBodies)
  private let parsing = Turnstile(capacity: 1)
  private let smallRoom = Turnstile(capacity: smallRoomBytes)
  private let largeRoom: Turnstile

  init(_ settings: ServeSettings) {
    maximumBytes = settings.maximumBodyBytes
    seconds = settings.bodySeconds
    largeRoom = Turnstile(capacity: Self.largeBodies * settings.maximumBodyBytes)
  }

  /// Reads a body.
  ///
  /// - Parameters:
  ///   - body: The body; one that is too large is read on for a while, so that the client sees the
  ///     answer.
  ///   - scope: The request, whose end ends the reading.
  ///   - onThere: Called once the body is there, before it is looked at.
  /// - Returns: The body.
  /// - Throws: `ServeError`, or what `onThere` throws.
  func read(
    _ body: RequestBody,
    _ scope: RequestScope,
    onThere: @escaping @Sendable () throws -> Void
  ) async throws -> Body {
    let clock = BodyClock(seconds: seconds)
    let reading = Task {
      let bytes = try await bytes(body, clock)
      try onThere()
      let isLarge = bytes.count > Self.smallBytes
      let room = try await (isLarge ? largeRoom : smallRoom).enter(bytes.count)
      return Body(json: try await parsed(bytes, isLarge: isLarge), room: room)
    }
    clock.onEnd { reading.cancel() }
    scope.onEnd { reading.cancel() }
    let result = await reading.result
    if clock.isOver { throw ServeError.slowBody(seconds: seconds) }
    if let reason = scope.reason { throw reason }
    return try result.get()
  }

  private func bytes(_ body: RequestBody, _ clock: BodyClock) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    var count = 0
    var seat: Turnstile.Pass?
    clock.start()
    defer { clock.stop() }
    for try await part in body {
      count += part.readableBytes
      if count <= maximumBytes { bytes += part.readableBytesView }
      if count > 4 * maximumBytes { break }
      if seat == nil, count > Self.smallBytes {
        // What waits unread is not slow.
        clock.stop()
        seat = try await seats.enter()
        clock.start()
      }
    }
    withExtendedLifetime(seat) {}
    try Task.checkCancellation()
    guard count <= maximumBytes else { throw ServeError.bodyTooLarge(maximumBytes: maximumBytes) }
    guard !bytes.isEmpty else { throw ServeError.malformedBody(reason: "it is empty") }
    return bytes
  }

  private func parsed(_ bytes: [UInt8], isLarge: Bool) async throws -> JSONValue {
    let turn = try await parsing.enter()
    defer { withExtendedLifetime(turn) {} }
    let maximum = maximumBytes / Self.bytesPerValue
    return try await withTaskExecutorPreference(WorkExecutor.shared) {
      guard !isLarge || bytes.count(where: { $0 == UInt8(ascii: ",") }) < maximum else {
        throw ServeError.malformedBody(
          reason: "it has more than \(maximum) values; send fewer at once"
        )
      }
      do throws(JSONError) {
        return try JSONValue(parsing: bytes)
      } catch {
        throw ServeError.malformedBody(reason: error.description)
      }
    }
  }
}

/// The time that a body has to come, without pauses.
private final class BodyClock: Sendable {
  private struct State {
    var timer: Countdown?
    var isOver = false
    var end: (@Sendable () -> Void)?
  }

  private let seconds: Double
  private let state = Mutex(State())

  init(seconds: Double) { self.seconds = seconds }

  /// Whether the body took too long.
  var isOver: Bool { state.withLock { $0.isOver } }

  /// Begins to count.
  func start() {
    let timer = Countdown(seconds: seconds) { [weak self] in self?.finish() }
    state.withLock { $0.timer = timer }
  }

  /// Counts no more.
  func stop() {
    state.withLock { state in
      state.timer?.cancel()
      state.timer = nil
    }
  }

  /// Sets what happens where the time is over.
  func onEnd(_ body: @escaping @Sendable () -> Void) {
    let isOver = state.withLock { state in
      state.end = body
      return state.isOver
    }
    if isOver { body() }
  }

  private func finish() {
    let end = state.withLock { state -> (@Sendable () -> Void)? in
      state.isOver = true
      return state.end
    }
    end?()
  }
}
