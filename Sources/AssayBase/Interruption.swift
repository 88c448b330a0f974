// Ctrl-C and termination: a flag that loops poll, so that they stop at a place to resume from.
import Foundation
import Synchronization

/// The last signal received, or 0.
///
/// A global of constant value, which a signal handler may touch.
private let received = Atomic<Int32>(0)

/// A run was interrupted, and can be resumed.
package struct Interrupted: Error, Equatable, Sendable, CustomStringConvertible {
  /// The signal, as `SIGINT`.
  package let signal: Int32
  /// What shells expect of a process that a signal ended: 130 for SIGINT, 143 for SIGTERM.
  package var exitCode: Int32 { 128 + signal }
  /// One sentence.
  package var description: String { "Interrupted: run the same command again to continue." }

  /// Makes the error of a signal.
  package init(signal: Int32) { self.signal = signal }
}

/// Requests to stop, by SIGINT (Ctrl-C) or SIGTERM.
package enum Interruption {
  /// Starts to note signals instead of ending at once; a second one ends the process.
  ///
  /// - Parameter signals: Which to note.
  package static func install(_ signals: [Int32] = [SIGINT, SIGTERM]) {
    received.store(0, ordering: .relaxed)
    for number in signals {
      var action = sigaction()
      #if canImport(Darwin)
      action.__sigaction_u.__sa_handler = note
      #else
      action.__sigaction_handler.sa_handler = note
      #endif
      sigemptyset(&action.sa_mask)
      action.sa_flags = SA_RESTART
      sigaction(number, &action, nil)
    }
  }

  /// The signal that asked to stop, or `nil`.
  package static var signal: Int32? {
    let number = received.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  /// Throws `Interrupted` where a signal has asked to stop.
  ///
  /// Loops call it where their state can be resumed: after a step, after a record.
  package static func check() throws {
    if let signal { throw Interrupted(signal: signal) }
  }

  /// Runs work as a task that a signal cancels, so that it ends within a step wherever it is.
  ///
  /// A thread of its own looks for the signal, since work may keep all others busy.
  ///
  /// - Parameters:
  ///   - body: The work.
  ///   - onSignal: Called once, before the work is cancelled.
  /// - Throws: `Interrupted` where a signal ended the work, else what it throws.
  package static func cancelling(
    _ body: @escaping @Sendable () async throws -> Void,
    onSignal: @escaping @Sendable () -> Void
  ) async throws {
    let task = Task { try await body() }
    let isDone = Flag()
    Thread.detachNewThread {
      while !isDone.isSet {
        if signal != nil {
          onSignal()
          return task.cancel()
        }
        usleep(20_000)
      }
    }
    defer { isDone.set() }
    do { try await task.value } catch is CancellationError {
      try check()
      throw CancellationError()
    }
  }

  private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
  }

  // Only calls that are safe in signal handlers.
  private static let note: @convention(c) (Int32) -> Void = { number in
    received.store(number, ordering: .relaxed)
    _ = Foundation.signal(SIGINT, SIG_DFL)
    _ = Foundation.signal(SIGTERM, SIG_DFL)
  }
}
