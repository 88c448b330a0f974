import Synchronization

/// The life of one request: whatever ends it early ends its jobs.
final class RequestScope: Sendable {
  private struct State {
    var jobs: [ModelJob] = []
    var reason: ServeError?
    var onEnd: [@Sendable () -> Void] = []
  }

  private let queue: ModelQueue
  private let state = Mutex(State())

  init(queue: ModelQueue) { self.queue = queue }

  deinit { for job in state.withLock({ $0.jobs }) { drop(job, .disconnected) } }

  /// Why the request was ended early; `nil` where it was not.
  var reason: ServeError? { state.withLock { $0.reason } }

  /// Hands work to the model on behalf of the request.
  ///
  /// - Parameters:
  ///   - work: What is asked.
  ///   - wantsTokens: Whether tokens are told as they come.
  /// - Returns: The job.
  func submit(_ work: ModelWork, wantsTokens: Bool = false) -> ModelJob {
    let job = queue.submit(work, wantsTokens: wantsTokens)
    let reason = state.withLock { state in
      state.jobs.append(job)
      return state.reason
    }
    if let reason { drop(job, reason) }
    return job
  }

  /// Lets something else end where the request is ended early.
  func onEnd(_ body: @escaping @Sendable () -> Void) {
    let isOver = state.withLock { state in
      state.onEnd.append(body)
      return state.reason != nil
    }
    if isOver { body() }
  }

  /// Ends the request early: its jobs fail with the reason, and the model drops them.
  func end(_ reason: ServeError) {
    let ended = state.withLock { state -> State? in
      guard state.reason == nil else { return nil }
      state.reason = reason
      return state
    }
    guard let ended else { return }
    for job in ended.jobs { drop(job, reason) }
    for body in ended.onEnd { body() }
  }

  private func drop(_ job: ModelJob, _ reason: ServeError) {
    guard job.isUnfinished else { return }
    job.fail(reason)
    queue.drop(job)
  }
}
