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
  private let isShuffled: Bool

  /// Plans batches.
  ///
  /// - Parameters:
  ///   - itemCount: How many items there are.
  ///   - batchSize: Items in a batch.
  ///   - seed: Same seed, same batches.
  ///   - isShuffled: Whether they are shuffled at all; if not, every epoch has the items' own order.
  /// - Precondition: The batch size is positive.
  package init(itemCount: Int, batchSize: Int, seed: UInt64, isShuffled: Bool = true) {
    precondition(batchSize > 0, "batches of \(batchSize) items")
    self.itemCount = itemCount
    self.batchSize = batchSize
    self.seed = seed
    self.isShuffled = isShuffled
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
    guard isShuffled else { return Array(0..<itemCount) }
    var random = SeededRandom(seed, UInt64(epoch))
    return random.shuffled(Array(0..<itemCount))
  }
}

/// The items of steps, keeping the current epoch's order.
struct EpochOrder {
  private let plan: ShuffledBatches
  private var epoch = -1
  private var order: [Int] = []

  init(_ plan: ShuffledBatches) { self.plan = plan }

  /// The same as the plan's own `items`, without a shuffle in every step.
  mutating func items(step: Int) -> [Int] {
    let (epoch, batch) = step.quotientAndRemainder(dividingBy: plan.batchesPerEpoch)
    if epoch != self.epoch {
      self.epoch = epoch
      order = plan.order(epoch: epoch)
    }
    let start = batch * plan.batchSize
    return Array(order[start..<min(start + plan.batchSize, plan.itemCount)])
  }
}
