// What tokens cost.
import AssayText
import Foundation

/// Prices of a million tokens, in dollars.
package struct TokenPrice: Codable, Equatable, Sendable {
  /// Of tokens that are read.
  package let prompt: Double
  /// Of tokens that are written.
  package let completion: Double

  /// Makes prices.
  package init(prompt: Double, completion: Double) {
    (self.prompt, self.completion) = (prompt, completion)
  }

  /// What 1,000 of some items cost in dollars.
  ///
  /// - Parameters:
  ///   - tokens: The tokens of all.
  ///   - count: How many there are.
  /// - Returns: The cost of 1,000.
  package func cost(of tokens: TokenCount, per count: Int) -> Double {
    let millionths = Double(tokens.prompt) * prompt + Double(tokens.completion) * completion
    return millionths / 1_000_000 * 1000 / Double(max(1, count))
  }

  /// The same in words, as `$1.30`; what is less than a dollar has two digits.
  package func text(of tokens: TokenCount, per count: Int) -> String {
    let cost = cost(of: tokens, per: count)
    return "$" + String(format: cost < 1 ? "%.2g" : "%.2f", cost)
  }

  /// The prices in words, as `$0.15 read and $0.6 written`.
  package var text: String {
    String(format: "$%g read and $%g written", prompt, completion)
  }
}
