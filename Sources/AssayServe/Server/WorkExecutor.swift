import NIOPosix

/// Runs what keeps a processor busy, such as parsing, templates and tokens, on threads of its own, so
/// that requests that need none of it are answered meanwhile.
final class WorkExecutor: TaskExecutor {
  /// The one that all requests share.
  static let shared = WorkExecutor()

  private init() {}

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    NIOThreadPool.singleton.submit { _ in
      job.runSynchronously(on: self.asUnownedTaskExecutor())
    }
  }
}
