/// The printable spelling of bytes in byte-level vocabularies: printable Latin-1 stands for
/// itself, the other bytes for U+0100 and up in order.
///
/// Source: `bytes_to_unicode` of openai/gpt-2 (`src/encoder.py`).
enum ByteAlphabet {
  /// The character of each byte.
  static let scalars: [Unicode.Scalar] = {
    var scalars: [Unicode.Scalar] = []
    var next: UInt16 = 0x100
    for byte in UInt8.min...UInt8.max {
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: scalars.append(Unicode.Scalar(byte))
      default:
        // U+0100 to U+0143: never a surrogate.
        scalars.append(Unicode.Scalar(next) ?? "?")
        next += 1
      }
    }
    return scalars
  }()

  /// The byte of each character, by code point; -1 where a character stands for none.
  private static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar.value)] = Int16(byte) }
    return bytes
  }()

  /// Returns the bytes that a vocabulary entry stands for, or `nil` where it has a character
  /// that stands for no byte (as special tokens may).
  static func bytes(of spelling: String) -> [UInt8]? {
    var result: [UInt8] = []
    for scalar in spelling.unicodeScalars {
      guard scalar.value < 0x144 else { return nil }
      let byte = bytes[Int(scalar.value)]
      guard byte >= 0 else { return nil }
      result.append(UInt8(byte))
    }
    return result
  }

  /// Returns the printable spelling of bytes.
  static func spelling(of bytes: some Sequence<UInt8>) -> String {
    var view = String.UnicodeScalarView()
    for byte in bytes { view.append(scalars[Int(byte)]) }
    return String(view)
  }
}
