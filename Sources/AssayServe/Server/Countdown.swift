import NIOCore
import NIOPosix

/// Something that happens in a while, unless it is called off.
///
/// A task that sleeps leaves its timer behind when it is cancelled, until the time is over: thousands of
/// requests a second, each with minutes of time, would hold memory for all that were answered long ago.
/// What is scheduled on an event loop goes when it is called off.
final class Countdown: Sendable {
  private let scheduled: Scheduled<Void>

  /// Begins to count.
  ///
  /// - Parameters:
  ///   - seconds: Seconds until it happens.
  ///   - body: What happens; it must not take long.
  init(seconds: Double, _ body: @escaping @Sendable () -> Void) {
    scheduled = MultiThreadedEventLoopGroup.singleton.any()
      .scheduleTask(in: .milliseconds(Int64(1000 * seconds)), body)
  }

  deinit { scheduled.cancel() }

  /// Calls it off.
  func cancel() { scheduled.cancel() }
}
