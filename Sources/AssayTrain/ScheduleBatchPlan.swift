// Which items train together: similar lengths, shuffled, and the same again after a resume.
import AssayReward
import Foundation

/// Batches of items of similar length; batch `k` of an epoch is a pure function of the seed.
///
/// Items are sorted by their length times a random factor within 5 %, new in each epoch, cut into
/// batches, and the batches shuffled. A batch ends where the budget does, or where padding its items
/// to the longest one would exceed the limit: sparse lengths give smaller batches, never padding.
/// Every item is in exactly one batch of an epoch. Costs one sort an epoch.
public struct BatchPlan: Sendable {
  /// What limits a batch.
  public enum Budget: Equatable, Sendable {
    /// The number of tokens with padding: rows times the longest. A longer item gets its own batch.
    case tokens(Int)
    /// The number of items.
    case items(Int)
  }

  /// One batch.
  public struct Batch: Equatable, Sendable {
    /// Positions of the items in the list that the plan was made from.
    public let indices: [Int]
    /// The longest sequence, in tokens.
    public let longest: Int
    /// Tokens without padding.
    public let tokens: Int
    /// Tokens with every sequence padded to the longest.
    public let paddedTokens: Int
    /// The share of `paddedTokens` that is padding; with pairs it includes their differences.
    public var waste: Double { 1 - Double(tokens) / Double(max(1, paddedTokens)) }
  }

  /// What an epoch looks like.
  public struct Summary: Equatable, Sendable {
    /// The number of batches.
    public let batches: Int
    /// The number of items.
    public let items: Int
    /// Tokens without padding.
    public let tokens: Int
    /// The share of padding over all batches.
    public let waste: Double
    /// The largest share of padding of one batch.
    public let worstWaste: Double
    /// How many items exceed the token budget and run alone.
    public let oversized: Int
  }

  private struct Item {
    let longest: Int
    let tokens: Int
  }

  private let items: [Item]
  private let rows: Int
  private let budget: Budget
  private let seed: UInt64
  private let maximumPadding: Double

  /// Plans batches of single sequences.
  ///
  /// - Parameters:
  ///   - lengths: The tokens of each sequence.
  ///   - budget: What limits a batch.
  ///   - seed: Same seed, same batches.
  ///   - maximumPadding: The largest share of padding in a batch, in `[0, 1)`.
  public init(lengths: [Int], budget: Budget, seed: UInt64, maximumPadding: Double = 0.1) {
    self.init(
      items: lengths.map { Item(longest: $0, tokens: $0) },
      rows: 1,
      budget: budget,
      seed: seed,
      maximumPadding: maximumPadding
    )
  }

  /// Plans batches of pairs, whose two sequences stay together.
  ///
  /// - Parameters:
  ///   - pairLengths: The tokens of each pair's two sequences.
  ///   - budget: What limits a batch; a token budget counts both sequences.
  ///   - seed: Same seed, same batches.
  ///   - maximumPadding: The largest share of padding in `[0, 1)`, each pair counted by its longer one.
  public init(
    pairLengths: [(chosen: Int, rejected: Int)],
    budget: Budget,
    seed: UInt64,
    maximumPadding: Double = 0.1
  ) {
    self.init(
      items: pairLengths.map {
        Item(longest: max($0.chosen, $0.rejected), tokens: $0.chosen + $0.rejected)
      },
      rows: 2,
      budget: budget,
      seed: seed,
      maximumPadding: maximumPadding
    )
  }

  private init(items: [Item], rows: Int, budget: Budget, seed: UInt64, maximumPadding: Double) {
    precondition((0..<1).contains(maximumPadding), "maximumPadding is \(maximumPadding)")
    precondition(items.allSatisfy { $0.longest >= 0 }, "a length is negative")
    switch budget {
    case .tokens(let count), .items(let count): precondition(count > 0, "the budget is \(count)")
    }
    self.items = items
    self.rows = rows
    self.budget = budget
    self.seed = seed
    self.maximumPadding = maximumPadding
  }

  /// Returns the batches of an epoch in the order of training.
  public func batches(epoch: Int) -> [Batch] {
    var random = SeededRandom(seed, UInt64(truncatingIfNeeded: epoch))
    let keys = items.map { Double($0.longest) * (0.95 + 0.1 * random.unit()) }
    // Equal keys (length 0) keep the order of the list.
    let order = items.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
    var batches: [Batch] = []
    var open: [Int] = []
    var (longest, sum) = (0, 0)
    for index in order {
      let length = items[index].longest
      let (newLongest, newSum) = (max(longest, length), sum + length)
      if !open.isEmpty && !fits(count: open.count + 1, longest: newLongest, sum: newSum) {
        batches.append(batch(of: open))
        (open, longest, sum) = ([index], length, length)
      } else {
        open.append(index)
        (longest, sum) = (newLongest, newSum)
      }
    }
    if !open.isEmpty { batches.append(batch(of: open)) }
    return random.shuffled(batches)
  }

  /// Returns what an epoch looks like, for the log.
  public func summary(epoch: Int) -> Summary {
    let batches = batches(epoch: epoch)
    let tokens = batches.reduce(0) { $0 + $1.tokens }
    let padded = batches.reduce(0) { $0 + $1.paddedTokens }
    var oversized = 0
    if case .tokens(let limit) = budget {
      oversized = items.count { rows * $0.longest > limit }
    }
    return Summary(
      batches: batches.count,
      items: items.count,
      tokens: tokens,
      waste: 1 - Double(tokens) / Double(max(1, padded)),
      worstWaste: batches.map(\.waste).max() ?? 0,
      oversized: oversized
    )
  }

  /// Returns the number of batches of the first epochs together, to size a schedule.
  public func stepCount(epochs: Int) -> Int {
    (0..<epochs).reduce(0) { $0 + batches(epoch: $1).count }
  }

  private func fits(count: Int, longest: Int, sum: Int) -> Bool {
    let isWithinBudget =
      switch budget {
      case .tokens(let limit): rows * count * longest <= limit
      case .items(let limit): count <= limit
      }
    let padding = Double(count * longest - sum)
    return isWithinBudget && padding <= maximumPadding * Double(count * longest)
  }

  private func batch(of indices: [Int]) -> Batch {
    let longest = indices.map { items[$0].longest }.max() ?? 0
    return Batch(
      indices: indices,
      longest: longest,
      tokens: indices.reduce(0) { $0 + items[$1].tokens },
      paddedTokens: rows * indices.count * longest
    )
  }
}
