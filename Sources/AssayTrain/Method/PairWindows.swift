// Pairs of a file that is read while they are learnt: memory does not depend on how many there are.

import AssayBase
import AssayData
import AssayReward
import AssayRun

/// The pairs of a file, again and again, of which a window is in memory and shuffled.
///
/// Which pair a place has is a function of the file, the window and the seed, so that a training goes on where it
/// was.
package final class PairWindows {
  private let open: () throws -> RecordStream<PreferencePair>
  private let events: RunEventHandler
  private let size: Int
  private let seed: UInt64
  private let isShuffled: Bool
  private var stream: RecordStream<PreferencePair>?
  private var window = -1
  private var pairs: [PreferencePair] = []
  private var hasTold = false

  /// Prepares to read.
  ///
  /// - Parameters:
  ///   - size: Pairs of a window.
  ///   - seed: Same seed, same order.
  ///   - isShuffled: Whether the pairs of a window are shuffled.
  ///   - events: Hears what was dropped, once the file was read to its end.
  ///   - open: Opens the file at its start.
  package init(
    size: Int,
    seed: Int,
    isShuffled: Bool,
    events: @escaping RunEventHandler,
    open: @escaping () throws -> RecordStream<PreferencePair>
  ) {
    (self.size, self.seed, self.isShuffled) = (size, UInt64(seed), isShuffled)
    (self.events, self.open) = (events, open)
  }

  /// The pairs of places, which rise.
  ///
  /// Going back begins at the file's start again.
  ///
  /// - Parameter places: Places, counted through all readings of the file from 0.
  /// - Returns: A pair a place.
  /// - Throws: `DataError`; `TrainingError.noData` for a file without any pair.
  package func pairs(at places: [Int]) throws -> [PreferencePair] {
    try places.map { place in
      try move(to: place / size)
      return pairs[place % size]
    }
  }

  private func move(to wanted: Int) throws {
    if wanted < window { (stream, window) = (nil, -1) }
    while window < wanted {
      var next: [PreferencePair] = []
      next.reserveCapacity(size)
      while next.count < size {
        try Interruption.check()
        next.append(try take())
      }
      window += 1
      var random = SeededRandom(seed, 0x5749_4e44, UInt64(window))
      pairs = isShuffled && window == wanted ? random.shuffled(next) : next
    }
  }

  /// The next pair; behind the last one comes the first.
  private func take() throws -> PreferencePair {
    if let pair = try stream?.next() { return pair }
    if let report = stream?.report, !hasTold {
      hasTold = true
      if report.isWorthTelling { events(.warning(report.description)) }
    }
    let again = try open()
    stream = again
    guard let first = try again.next() else {
      throw TrainingError.noData(
        stage: "data.train",
        hint: "every pair was dropped or none given"
      )
    }
    return first
  }
}
