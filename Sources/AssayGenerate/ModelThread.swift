import Dispatch
import Foundation
import Synchronization

/// Runs the jobs of one actor in order, on a thread of its own.
///
/// Compute never takes a thread of the cooperative pool. It is always the same thread, as the compute
/// library keeps a team of workers for each thread that calls it.
package final class ModelThread: SerialExecutor {
  private struct State {
    var jobs: [UnownedJob] = []
    var isOver = false
  }

  private final class Shared: Sendable {
    let state = Mutex(State())
    let wake = DispatchSemaphore(value: 0)
  }

  private let shared = Shared()

  /// Starts the thread.
  package init() {
    // The thread must not hold the executor, whose end is the thread's end.
    let shared = shared
    let thread = Thread { [weak self] in
      while true {
        shared.wake.wait()
        let (jobs, isOver) = shared.state.withLock { state in
          defer { state.jobs = [] }
          return (state.jobs, state.isOver)
        }
        if let self {
          for job in jobs { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
        }
        if isOver { return }
      }
    }
    thread.name = "assay.model"
    // Deep call stacks of the compute library; the default of a secondary thread is small on macOS.
    thread.stackSize = 8 << 20
    thread.start()
  }

  deinit {
    shared.state.withLock { $0.isOver = true }
    shared.wake.signal()
  }

  /// Puts a job behind the others.
  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    shared.state.withLock { $0.jobs.append(job) }
    shared.wake.signal()
  }
}
