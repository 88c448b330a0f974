import Synchronization

/// The life of one request: whatever ends it early ends its jobs.
final class RequestScope: Sendable {
  private struct State {
    var jobs: [ModelJob] = []
    var reason: ServeError?
  }

  private let queue: ModelQueue
  private let state = Mutex(State())

  init(queue: ModelQueue) { self.queue = queue }

  deinit { end(.disconnected) }

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

  /// Ends the request: its jobs fail with the reason, and the model drops them.
  func end(_ reason: ServeError) {
    let jobs = state.withLock { state -> [ModelJob] in
      state.reason = state.reason ?? reason
      return state.jobs
    }
    for job in jobs { drop(job, reason) }
  }

  private func drop(_ job: ModelJob, _ reason: ServeError) {
    guard job.isUnfinished else { return }
    job.fail(reason)
    queue.drop(job)
  }
}
