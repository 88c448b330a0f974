import Synchronization

/// Bounds how many requests are unfinished at once, and refuses more.
final class RequestGate: Sendable {
  private struct State {
    var count = 0
    var isStopping = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  /// A request's place; it is given back when nobody holds the ticket any more.
  final class Ticket: Sendable {
    private let gate: RequestGate
    fileprivate init(_ gate: RequestGate) { self.gate = gate }
    deinit { gate.leave() }
  }

  /// How many requests may be unfinished at once.
  let limit: Int
  private let state = Mutex(State())

  init(limit: Int) { self.limit = limit }

  /// Takes a place.
  ///
  /// - Returns: What holds it.
  /// - Throws: `ServeError.queueFull` or `ServeError.stopping`.
  func enter() throws(ServeError) -> Ticket {
    let refusal = state.withLock { state -> ServeError? in
      if state.isStopping { return .stopping }
      if state.count >= limit { return .queueFull(limit: limit) }
      state.count += 1
      return nil
    }
    if let refusal { throw refusal }
    return Ticket(self)
  }

  private func leave() {
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      state.count -= 1
      return state.count == 0 ? state.waiter.take() : nil
    }
    waiter?.resume()
  }

  /// Lets nobody in from now on.
  func stop() { state.withLock { $0.isStopping = true } }

  /// Whether nobody is let in any more.
  var isStopping: Bool { state.withLock { $0.isStopping } }

  /// How many requests are unfinished.
  var count: Int { state.withLock { $0.count } }

  /// Ends `waitUntilEmpty`, though requests are unfinished.
  func giveUp() {
    let waiter = state.withLock { $0.waiter.take() }
    waiter?.resume()
  }

  /// Waits until no request is unfinished, or somebody gives up; one task may wait.
  func waitUntilEmpty() async {
    await withCheckedContinuation { continuation in
      let isEmpty = state.withLock { state in
        if state.count > 0 { state.waiter = continuation }
        return state.count == 0
      }
      if isEmpty { continuation.resume() }
    }
  }
}
