// Shared by the tests of every layer.

import AssayTensor
import Foundation
import Testing

/// Expects two lists to be of one length and `|a - b| <= absolute + relative * |b|` everywhere.
package func expectClose(
  _ a: [Float],
  _ b: [Float],
  relative: Float = 1e-5,
  absolute: Float = 1e-6,
  _ comment: @autoclosure () -> String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard a.count == b.count else {
    Issue.record(
      "\(comment()) \(a.count) values, expected \(b.count)",
      sourceLocation: sourceLocation
    )
    return
  }
  var misses = 0
  var worst = (index: 0, excess: -Float.infinity)
  for i in a.indices {
    let excess = abs(a[i] - b[i]) - (absolute + relative * abs(b[i]))
    if excess <= 0 || a[i] == b[i] { continue }  // NaN goes on
    misses += 1
    if excess > worst.excess || excess.isNaN { worst = (i, excess) }
  }
  guard misses > 0 else { return }
  Issue.record(
    """
    \(comment()) \(misses) of \(a.count) values differ, worst at \(worst.index): \
    \(a[worst.index]), expected \(b[worst.index])
    """,
    sourceLocation: sourceLocation
  )
}

/// A folder that is removed when the body ends.
package func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("assay-test-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

/// Random numbers that are a function of the seed alone (SplitMix64).
package struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  /// Makes a generator.
  package init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
