// Seeded randomness whose results do not depend on the standard library's version.

/// The SplitMix64 generator, with draws that are the same on every platform.
///
/// Source: Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators", figure 17.
package struct SeededRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Starts a stream; the parts of `path` (a seed, an epoch, a rank) name independent streams.
  package init(_ path: UInt64...) { self.init(path: path) }

  /// Starts the stream that a path of any length names.
  package init(path: some Sequence<UInt64>) {
    state = 0
    for part in path { state = Self.mix(state &+ 0x9e37_79b9_7f4a_7c15 &+ part) }
  }

  /// Returns 64 random bits.
  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    return Self.mix(state)
  }

  /// Returns a whole number in `0..<bound`, with a bias below `bound / 2^64`.
  package mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "a draw below \(bound)")
    return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// Returns a number in `[0, 1)` with 53 random bits.
  package mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Returns the elements in random order (Fisher and Yates).
  package mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
    var result = elements
    for last in stride(from: result.count - 1, to: 0, by: -1) {
      result.swapAt(last, below(last + 1))
    }
    return result
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
