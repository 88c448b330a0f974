import Synchronization

/// The life of one request: whatever ends it early ends its jobs.
final class RequestScope: Sendable {
  private struct State {
    var jobs: [(job: ModelJob, queue: ModelQueue)] = []
    var reason: ServeError?
    var onEnd: [@Sendable () -> Void] = []
  }

  private let state = Mutex(State())

  deinit { drop(state.withLock { $0.jobs }, .disconnected) }

  /// Why the request was ended early; `nil` where it was not.
  var reason: ServeError? { state.withLock { $0.reason } }

  /// Hands work to a model on behalf of the request.
  ///
  /// - Parameters:
  ///   - work: What is asked.
  ///   - queue: The model's.
  ///   - wantsTokens: Whether tokens are told as they come.
  /// - Returns: The job.
  func submit(
    _ work: ModelWork,
    to queue: ModelQueue,
    wantsTokens: Bool = false
  ) -> ModelJob {
    let job = queue.submit(work, wantsTokens: wantsTokens)
    let reason = state.withLock { state in
      state.jobs.append((job, queue))
      return state.reason
    }
    if let reason { drop([(job, queue)], reason) }
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
    drop(ended.jobs, reason)
    for body in ended.onEnd { body() }
  }

  private func drop(_ jobs: [(job: ModelJob, queue: ModelQueue)], _ reason: ServeError) {
    for (job, queue) in jobs where job.isUnfinished {
      job.fail(reason)
      queue.drop(job)
    }
  }
}
