/// Feed-forward parts of which every token takes some, chosen by a router.
///
/// Only the model's own loss is trained: no term that balances their use.
package struct Experts: Equatable, Sendable {
  /// E, how many a block has.
  package var count: Int
  /// How many a token takes.
  package var perToken: Int
  /// F of each.
  package var width: Int
  /// Whether the shares of a token's experts are divided by their sum.
  package var normalizesShares: Bool
  /// Blocks with one feed-forward part for all tokens.
  package var denseLayers: Set<Int> = []

  /// Makes settings.
  package init(count: Int, perToken: Int, width: Int, normalizesShares: Bool) {
    self.count = count
    self.perToken = perToken
    self.width = width
    self.normalizesShares = normalizesShares
  }
}

extension Experts {
  /// Reads how many experts there are, and checks that.
  ///
  /// - Parameters:
  ///   - file: The configuration.
  ///   - countKey: The key of E.
  ///   - widthKey: The key of F.
  ///   - normalizesShares: Whether shares are divided by their sum.
  /// - Throws: `ModelError.configuration` for a key that is missing or out of range.
  init(
    _ file: ConfigFile,
    countKey: String,
    widthKey: String,
    normalizesShares: Bool
  ) throws {
    func need(_ key: String, _ limit: Int) throws -> Int {
      let value = try file.need(file.int(key), key)
      try file.require((1...limit).contains(value), key, "\(value) is not from 1 to \(limit)")
      return value
    }
    count = try need(countKey, 1 << 12)
    perToken = try need("num_experts_per_tok", count)
    width = try need(widthKey, 1 << 22)
    self.normalizesShares = normalizesShares
  }
}
