import AssayBase

/// Damages inputs.
struct Mutation {
  /// Spellings of numbers that no size is.
  private static let numbers = [
    "-1", "0", "9223372036854775807", "18446744073709551616", "-9223372036854775809", "1e999",
    "NaN",
    "Infinity", "0.5", "1e-320", "4294967296",
  ]
  /// Marks of the text formats.
  private static let marks = [
    "{", "}", "[", "]", "\"", "\\u0000", "\\ud800", ",", ":", "null", "true", "\n", "\0", "{%",
    "%}", "{{", "}}",
    "|", "(", ")", "- ", "&a ", "*a", "!!binary ", "\u{FEFF}", "\u{10FFFF}",
  ]

  let seeds: [[UInt8]]
  let isText: Bool

  /// An input, a function of the seed and the number.
  func input(_ number: Int, seed: UInt64) -> [UInt8] {
    var random = SeededRandom(seed, UInt64(number))
    func below(_ limit: Int) -> Int { limit > 0 ? Int(random.next() % UInt64(limit)) : 0 }
    var bytes = seeds[below(seeds.count)]
    for _ in 0...below(5) {
      let start = below(bytes.count + 1)
      let end = min(bytes.count, start + 1 + below(below(4) == 0 ? 256 : 8))
      switch below(isText ? 9 : 7) {
      case 0: if start < bytes.count { bytes[start] ^= 1 << UInt8(below(8)) }
      case 1: if start < bytes.count { bytes[start] = UInt8(truncatingIfNeeded: random.next()) }
      case 2: bytes.removeSubrange(start..<end)
      case 3: bytes.insert(contentsOf: bytes[start..<end], at: start)
      case 4:
        // A number at its ends, of one to eight bytes.
        let value: UInt8 = [0, 0x7F, 0x80, 0xFF][below(4)]
        for index in start..<min(bytes.count, start + (1 << below(4))) { bytes[index] = value }
      case 5:
        let other = seeds[below(seeds.count)]
        let from = below(other.count + 1)
        bytes.replaceSubrange(
          start..<end,
          with: other[from..<min(other.count, from + 1 + below(64))]
        )
      case 6: if below(8) == 0 { bytes.removeSubrange(start...) }
      case 7:
        let number = Self.numbers[below(Self.numbers.count)]
        if let digit = bytes[start...].firstIndex(where: { (0x30...0x39).contains($0) }) {
          let stop = bytes[digit...].firstIndex { !(0x30...0x39).contains($0) } ?? bytes.count
          bytes.replaceSubrange(digit..<stop, with: number.utf8)
        }
      default: bytes.insert(contentsOf: Self.marks[below(Self.marks.count)].utf8, at: start)
      }
    }
    return bytes
  }
}
