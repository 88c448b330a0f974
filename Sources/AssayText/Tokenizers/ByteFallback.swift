/// The tokens `<0x00>` to `<0xFF>` that spell what a vocabulary lacks.
struct ByteFallback: Sendable {
  /// The id of each byte; -1 where the vocabulary lacks its token.
  var ids: [Int32]

  /// The spelling of a byte's token.
  static func spelling(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "<0x\(digits.count == 1 ? "0" : "")\(digits)>"
  }

  /// Returns the byte that a token spells, or `nil`.
  static func byte(of spelling: [UInt8]) -> UInt8? {
    guard spelling.count == 6, spelling.starts(with: "<0x".utf8), spelling[5] == UInt8(ascii: ">")
    else { return nil }
    return UInt8(String(decoding: spelling[3...4], as: UTF8.self), radix: 16)
  }

  /// Appends the tokens of bytes.
  ///
  /// Returns false, and appends nothing, where one is missing.
  func append(_ bytes: some Sequence<UInt8>, to ids: inout [Int32]) -> Bool {
    let count = ids.count
    for byte in bytes {
      guard self.ids[Int(byte)] >= 0 else {
        ids.removeSubrange(count...)
        return false
      }
      ids.append(self.ids[Int(byte)])
    }
    return true
  }
}

/// How many bytes a scalar has that starts with a byte of valid UTF-8.
@inline(__always)
func utf8Width(_ lead: UInt8) -> Int { lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4 }
