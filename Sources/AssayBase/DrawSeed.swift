// What is drawn depends on what it is drawn for, never on its place in a file or on what is beside it.

/// Seeds of the draws of texts.
package enum DrawSeed {
  /// Returns the seed of one of several texts that continue the same tokens.
  ///
  /// Rows can be added, taken away and moved: the others get the texts that they had.
  ///
  /// - Parameters:
  ///   - seed: Where all draws start.
  ///   - content: The tokens that are continued.
  ///   - draw: Which of the texts it is, from 0.
  /// - Returns: A number that is hardly that of another seed, content or draw.
  package static func value(
    _ seed: UInt64,
    content: some Collection<Int32>,
    draw: Int
  ) -> UInt64 {
    let tokens = content.lazy.map { UInt64(UInt32(bitPattern: $0)) }
    var hash = SeededRandom(path: tokens)
    var random = SeededRandom(seed, UInt64(content.count), hash.next(), UInt64(draw))
    return random.next()
  }
}
