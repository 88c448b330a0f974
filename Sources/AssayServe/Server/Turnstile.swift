import Synchronization

/// Lets tasks in while there is room for their weight, in the order of their arrival.
final class Turnstile: Sendable {
  /// A task's room; it is given back when nobody holds the pass any more.
  final class Pass: Sendable {
    private let turnstile: Turnstile
    private let weight: Int

    fileprivate init(_ turnstile: Turnstile, _ weight: Int) {
      (self.turnstile, self.weight) = (turnstile, weight)
    }

    deinit { turnstile.leave(weight) }
  }

  private struct Waiter {
    let id: Int
    let weight: Int
    let isIn: CheckedContinuation<Bool, Never>
  }

  private struct State {
    var free: Int
    var nextID = 0
    var waiting: [Waiter] = []
    var cancelled: Set<Int> = []
  }

  private let capacity: Int
  private let state: Mutex<State>

  /// - Parameter capacity: The weight that there is room for.
  init(capacity: Int) {
    self.capacity = capacity
    state = Mutex(State(free: capacity))
  }

  /// Waits for room.
  ///
  /// - Parameter weight: What is needed; more than there is at all waits for all of it.
  /// - Returns: What holds the room.
  /// - Throws: `CancellationError`.
  func enter(_ weight: Int = 1) async throws -> Pass {
    let weight = min(weight, capacity)
    let id = state.withLock { state in
      defer { state.nextID += 1 }
      return state.nextID
    }
    let isIn = await withTaskCancellationHandler {
      await withCheckedContinuation { isIn in
        let answer = state.withLock { state -> Bool? in
          if state.cancelled.remove(id) != nil { return false }
          if state.waiting.isEmpty, state.free >= weight {
            state.free -= weight
            return true
          }
          state.waiting.append(Waiter(id: id, weight: weight, isIn: isIn))
          return nil
        }
        if let answer { isIn.resume(returning: answer) }
      }
    } onCancel: {
      cancel(id)
    }
    state.withLock { _ = $0.cancelled.remove(id) }
    guard isIn else { throw CancellationError() }
    return Pass(self, weight)
  }

  private func cancel(_ id: Int) {
    let waiter = state.withLock { state -> Waiter? in
      guard let place = state.waiting.firstIndex(where: { $0.id == id }) else {
        state.cancelled.insert(id)
        return nil
      }
      return state.waiting.remove(at: place)
    }
    waiter?.isIn.resume(returning: false)
    // Who stood behind may fit.
    if waiter != nil { leave(0) }
  }

  private func leave(_ weight: Int) {
    let entering = state.withLock { state -> [Waiter] in
      state.free += weight
      var count = 0
      while count < state.waiting.count, state.free >= state.waiting[count].weight {
        state.free -= state.waiting[count].weight
        count += 1
      }
      defer { state.waiting.removeFirst(count) }
      return Array(state.waiting[..<count])
    }
    for waiter in entering { waiter.isIn.resume(returning: true) }
  }
}
