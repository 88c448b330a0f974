import AssayGenerate
import Synchronization

/// Work on its way through the model, and what comes back of it.
///
/// Whoever waits for it reads `events`; a job that nobody holds any more is dropped by the model.
final class ModelJob: Sendable {
  typealias Events = AsyncThrowingStream<ModelEvent, any Error>

  /// The job's number.
  let id: Int
  /// What is asked.
  let work: ModelWork
  /// Whether tokens are told as they come.
  let wantsTokens: Bool
  /// What comes back; it ends behind the last text, or with an error.
  let events: Events
  private let continuation: Events.Continuation
  private let left: Atomic<Int>

  init(id: Int, work: ModelWork, wantsTokens: Bool) {
    self.id = id
    self.work = work
    self.wantsTokens = wantsTokens
    (events, continuation) = Events.makeStream()
    left = Atomic(work.count)
    if work.count == 0 { continuation.finish() }
  }

  /// Tells an event, and ends behind the last text.
  func tell(_ event: ModelEvent) {
    if case .token = event {
      if wantsTokens { continuation.yield(event) }
      return
    }
    continuation.yield(event)
    if left.subtract(1, ordering: .relaxed).newValue == 0 { continuation.finish() }
  }

  /// Whether texts are missing still.
  var isUnfinished: Bool { left.load(ordering: .relaxed) > 0 }

  /// Ends with an error; without effect where it has ended.
  func fail(_ error: any Error) { continuation.finish(throwing: error) }
}
