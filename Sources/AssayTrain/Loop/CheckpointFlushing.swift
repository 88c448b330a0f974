import Dispatch
import Synchronization

/// Brings a training's checkpoints to the disk beside its steps, one at a time.
///
/// Writing a file is a copy of memory; the disk is what takes long, and the next step does not need it.
final class CheckpointFlushing: Sendable {
  private let queue = DispatchQueue(label: "assay.checkpoint", qos: .utility)
  private let failure = Mutex<(any Error)?>(nil)

  /// Begins the work, which `wait` waits for.
  func begin(_ work: @escaping @Sendable () throws -> Void) {
    queue.async { [self] in
      do {
        try work()
      } catch {
        failure.withLock { $0 = error }
      }
    }
  }

  /// Waits for what was begun.
  ///
  /// - Throws: What it threw.
  func wait() throws {
    waitQuietly()
    let failed = failure.withLock { failure in
      defer { failure = nil }
      return failure
    }
    if let failed { throw failed }
  }

  /// Waits for what was begun; what it threw is kept for `wait`.
  func waitQuietly() { queue.sync {} }
}
