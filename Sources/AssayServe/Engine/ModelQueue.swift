import Synchronization

/// What waits for the model: the one way in, for tasks of any thread.
///
/// It is bounded by the requests that may be unfinished at once (`RequestGate`), not by itself.
final class ModelQueue: Sendable {
  private struct State {
    var nextID = 0
    var jobs: [ModelJob] = []
    var dropped: Set<Int> = []
    var isClosed = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  /// What came since the model last looked.
  struct News {
    var jobs: [ModelJob]
    var dropped: Set<Int>
    var isClosed: Bool
  }

  private let state = Mutex(State())

  /// Puts work behind what waits.
  ///
  /// - Parameters:
  ///   - work: What is asked.
  ///   - wantsTokens: Whether tokens are told as they come.
  /// - Returns: The job.
  func submit(_ work: ModelWork, wantsTokens: Bool = false) -> ModelJob {
    let (job, isClosed, waiter) = state.withLock { state in
      let job = ModelJob(id: state.nextID, work: work, wantsTokens: wantsTokens)
      state.nextID += 1
      if !state.isClosed, work.count > 0 { state.jobs.append(job) }
      return (job, state.isClosed, state.waiter.take())
    }
    if isClosed { job.fail(ServeError.stopping) }
    waiter?.resume()
    return job
  }

  /// Lets the model drop a job.
  func drop(_ job: ModelJob) {
    let waiter = state.withLock { state in
      state.dropped.insert(job.id)
      return state.waiter.take()
    }
    waiter?.resume()
  }

  /// Ends the model's loop once nothing is left; what comes later fails.
  func close() {
    let waiter = state.withLock { state in
      state.isClosed = true
      return state.waiter.take()
    }
    waiter?.resume()
  }

  /// How many texts wait for the model to look.
  var count: Int { state.withLock { $0.jobs.map(\.work.count).reduce(0, +) } }

  /// Takes what came, for the model.
  func take() -> News {
    state.withLock { state in
      defer { (state.jobs, state.dropped) = ([], []) }
      return News(jobs: state.jobs, dropped: state.dropped, isClosed: state.isClosed)
    }
  }

  /// Waits until something comes, for the model.
  func wait(isolation: isolated (any Actor)? = #isolation) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        guard state.jobs.isEmpty, state.dropped.isEmpty, !state.isClosed else { return true }
        state.waiter = continuation
        return false
      }
      if isThere { continuation.resume() }
    }
  }
}
