/// A set of Unicode scalars, as ascending ranges that do not touch.
struct ScalarSet: Hashable, Sendable {
  /// The ranges; none holds a surrogate.
  let ranges: [ClosedRange<UInt32>]

  /// All scalars.
  static let all = ScalarSet([0...0x10FFFF])
  /// `0` to `9`.
  static let digits = ScalarSet([0x30...0x39])
  /// `0` to `9`, `A` to `F`, `a` to `f`.
  static let hexadecimal = ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66])
  /// `a` to `z`, `A` to `Z`, `0` to `9` and `_`.
  static let words = ScalarSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
  /// ASCII's white space.
  static let spaces = ScalarSet([0x09...0x0D, 0x20...0x20])

  /// Makes a set of ranges in any order; surrogates are left out.
  init(_ given: [ClosedRange<UInt32>]) {
    var merged: [ClosedRange<UInt32>] = []
    let whole = given.flatMap { range -> [ClosedRange<UInt32>] in
      // What lies before and behind the surrogates.
      var parts: [ClosedRange<UInt32>] = []
      if range.lowerBound <= 0xD7FF {
        parts.append(range.lowerBound...min(range.upperBound, 0xD7FF))
      }
      if range.upperBound >= 0xE000 {
        parts.append(max(range.lowerBound, 0xE000)...min(range.upperBound, 0x10FFFF))
      }
      return parts
    }
    for range in whole.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last, range.lowerBound <= last.upperBound + 1 {
        merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    ranges = merged
  }

  /// Makes a set of the characters of a text.
  init(of text: String) {
    self.init(text.unicodeScalars.map { $0.value...$0.value })
  }

  /// Whether nothing is in it.
  var isEmpty: Bool { ranges.isEmpty }

  /// What is in either.
  func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

  /// What is not in it.
  var inverted: ScalarSet {
    var result: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in ranges {
      if range.lowerBound > next { result.append(next...range.lowerBound - 1) }
      next = range.upperBound + 1
    }
    if next <= 0x10FFFF { result.append(next...0x10FFFF) }
    return ScalarSet(result)
  }

  /// What is in it and not in the other.
  func subtracting(_ other: ScalarSet) -> ScalarSet { inverted.union(other).inverted }

  /// Whether a scalar is in it.
  func contains(_ value: UInt32) -> Bool { ranges.contains { $0.contains(value) } }

  /// The scalars of one, two, three and four bytes.
  private static let widths: [ClosedRange<UInt32>] = [
    0...0x7F, 0x80...0x7FF, 0x800...0xFFFF, 0x10000...0x10FFFF,
  ]

  /// The UTF-8 spellings of the set, as sequences of byte ranges.
  ///
  /// Source: the construction of Ken Thompson's UTF-8 automata, as in Russ Cox, "Regular Expression
  /// Matching in the Wild" (2010).
  var byteSequences: [[ClosedRange<UInt8>]] {
    var result: [[ClosedRange<UInt8>]] = []
    for range in ranges {
      for limits in Self.widths {
        guard range.overlaps(limits) else { continue }
        Self.split(range.clamped(to: limits), into: &result)
      }
    }
    return result
  }

  /// Cuts a range of scalars of one width where its bytes are not independent of one another.
  private static func split(
    _ range: ClosedRange<UInt32>,
    into result: inout [[ClosedRange<UInt8>]]
  ) {
    let (low, high) = (range.lowerBound, range.upperBound)
    let (first, last) = (utf8(low), utf8(high))
    for place in 1..<max(1, first.count) {
      let tail = UInt32(1) << (6 * UInt32(first.count - place)) - 1
      guard low & ~tail != high & ~tail else { continue }
      if low & tail != 0 {
        split(low...(low | tail), into: &result)
        split((low | tail) + 1...high, into: &result)
        return
      }
      if high & tail != tail {
        split(low...(high & ~tail) - 1, into: &result)
        split((high & ~tail)...high, into: &result)
        return
      }
    }
    result.append(zip(first, last).map { $0...$1 })
  }

  private static func utf8(_ value: UInt32) -> [UInt8] {
    Unicode.Scalar(value).map { Array(String(Character($0)).utf8) } ?? []
  }
}
