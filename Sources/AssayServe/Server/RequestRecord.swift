import Synchronization

/// What is kept of a request until its answer is sent: its place, its room, its deadline, its time.
final class RequestRecord: Sendable {
  private struct State {
    var endpoint = "other"
    var ticket: RequestGate.Ticket?
    var room: Turnstile.Pass?
    var isOver = false
  }

  /// The request's life.
  let scope: RequestScope
  private let metrics: ServeMetrics
  private let start = ContinuousClock.now
  private let deadline: Countdown
  private let state = Mutex(State())

  /// Begins a request.
  ///
  /// - Parameters:
  ///   - metrics: What counts it.
  ///   - seconds: Seconds that it may take.
  ///   - scope: What ends then.
  init(_ metrics: ServeMetrics, seconds: Double, scope: RequestScope) {
    self.metrics = metrics
    self.scope = scope
    deadline = Countdown(seconds: seconds) { [weak scope] in
      scope?.end(.timedOut(seconds: seconds))
    }
  }

  deinit { end(status: ServeError.disconnected.status) }

  /// What metrics call the endpoint.
  var endpoint: String {
    get { state.withLock { $0.endpoint } }
    set { state.withLock { $0.endpoint = newValue } }
  }

  /// The request's place among those that may be unfinished.
  var ticket: RequestGate.Ticket? {
    get { state.withLock { $0.ticket } }
    set { state.withLock { $0.ticket = newValue } }
  }

  /// What holds the room of the request's body.
  var room: Turnstile.Pass? {
    get { state.withLock { $0.room } }
    set { state.withLock { $0.room = newValue } }
  }

  /// Ends the request: its place is free.
  func end(status: Int) {
    let before = state.withLock { state in
      defer { state = State(isOver: true) }
      return state
    }
    deadline.cancel()
    guard !before.isOver else { return }
    metrics.add(
      endpoint: before.endpoint,
      status: status,
      seconds: (ContinuousClock.now - start) / .seconds(1)
    )
    // Given back behind the count, so that whoever sees the place free sees the request counted.
    withExtendedLifetime(before) {}
  }
}
