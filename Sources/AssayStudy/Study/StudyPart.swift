// A part of a comparison.

import AssayBase
import AssayData
import AssayRun
import AssayTensor

/// A part of a comparison that needs no other part to be done.
///
/// Parts may share stages, as the first critiques; whoever comes first makes them.
package struct StudyPart: Codable, Hashable, Sendable, CustomStringConvertible {
  /// The name of a method or variant.
  package let method: String
  /// The seed of its training.
  package let seed: Int
  /// What its learning rate is multiplied with.
  package let factor: Double
  /// Whether this is a trial of the search.
  package let isTrial: Bool

  /// As `cloud, seed 1`.
  package var description: String {
    isTrial ? "search: \(method), learning rate x \(factor)" : "\(method), seed \(seed)"
  }

  /// Whether an error ends a part alone, and the others go on: a method that finds nothing to learn
  /// from, diverges, has no room for a text or for its model, or whose endpoint does not answer.
  ///
  /// Every part would meet the others: interruptions, folders of other runs or in use, disks that cannot
  /// be written, missing devices.
  package static func isOwn(_ error: any Error) -> Bool {
    switch error {
    case RunError.nonFiniteMetric: true
    case DataError.unwritable, TensorError.cannotWrite, TensorError.deviceUnavailable: false
    default:
      !(error is Interrupted || error is CancellationError || error is RunError
        || error is FileError)
    }
  }
}
