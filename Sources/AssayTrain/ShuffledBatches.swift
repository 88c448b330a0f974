import AssayBase
import AssayReward

/// Batches of a fixed number of items, shuffled anew in each epoch.
///
/// Sequences are packed without padding, so batches need not be of similar length: every batch is a
/// fair draw of the data. Batch `k` of an epoch is a function of the seed alone.
package struct ShuffledBatches: Sendable {
  /// How many items there are.
  package let itemCount: Int
  /// Items in a batch; the last one of an epoch may have fewer.
  package let batchSize: Int
  private let seed: UInt64

  /// Plans batches.
  ///
  /// - Parameters:
  ///   - itemCount: How many items there are.
  ///   - batchSize: Items in a batch.
  ///   - seed: Same seed, same batches.
  /// - Precondition: The batch size is positive.
  package init(itemCount: Int, batchSize: Int, seed: UInt64) {
    precondition(batchSize > 0, "batches of \(batchSize) items")
    self.itemCount = itemCount
    self.batchSize = batchSize
    self.seed = seed
  }

  /// Batches in an epoch.
  package var batchesPerEpoch: Int { (itemCount + batchSize - 1) / batchSize }

  /// The items of a step, counted through all epochs from 0.
  ///
  /// - Complexity: One shuffle of all indices; keep the order of an epoch with `order(epoch:)`.
  package func items(step: Int) -> [Int] {
    let (epoch, batch) = step.quotientAndRemainder(dividingBy: batchesPerEpoch)
    let order = order(epoch: epoch)
    return Array(order[batch * batchSize..<min((batch + 1) * batchSize, itemCount)])
  }

  /// The order of all items in an epoch.
  package func order(epoch: Int) -> [Int] {
    var random = SeededRandom(seed, UInt64(epoch))
    return random.shuffled(Array(0..<itemCount))
  }
}
