import Synchronization

/// The tokens that may come next.
package final class TokenMask: Sendable {
  /// A bit a token, the lowest first.
  package let words: [UInt64]
  /// Whether the text may end.
  package let mayEnd: Bool
  /// Whether nothing but an end may come.
  package let isComplete: Bool
  /// Whether a letter whose probability is read may come.
  package let decides: Bool
  /// Most bytes that are still missing behind any of the tokens.
  let furthest: Int32

  init(words: [UInt64], mayEnd: Bool, isComplete: Bool, decides: Bool, furthest: Int32) {
    self.words = words
    self.mayEnd = mayEnd
    self.isComplete = isComplete
    self.decides = decides
    self.furthest = furthest
  }

  /// Whether a token may come.
  package func allows(_ token: Int32) -> Bool {
    token >= 0 && Int(token) / 64 < words.count
      && words[Int(token) / 64] >> UInt64(token % 64) & 1 == 1
  }
}
