/// What the split patterns ask of a Unicode scalar, as bits.
enum ScalarClass {
  /// General category L: `\p{L}`.
  static let letter: UInt8 = 1
  /// General category N: `\p{N}`.
  static let number: UInt8 = 2
  /// Property White_Space: `\s`.
  static let space: UInt8 = 4
  /// `\w`: Alphabetic, marks, decimal digits, connectors, joiners.
  static let word: UInt8 = 8
  /// Line feed or carriage return.
  static let newline: UInt8 = 16

  /// General category P as of Unicode 8, or ASCII that is printed and neither letter, digit nor space:
  /// what `tokenizers` takes for punctuation.
  static let punctuation: UInt8 = 32

  /// The bits of the Basic Multilingual Plane; built at first use in some milliseconds.
  static let table: [UInt8] = (0..<0x10000).map { code in
    Unicode.Scalar(UInt32(code)).map(compute) ?? 0
  }

  static func compute(_ scalar: Unicode.Scalar) -> UInt8 {
    let properties = scalar.properties
    var bits: UInt8 = 0
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      bits = letter | word
    case .decimalNumber: bits = number | word
    case .letterNumber, .otherNumber: bits = number
    case .nonspacingMark, .spacingMark, .enclosingMark: bits = word
    case .connectorPunctuation: bits = word
    default: bits = 0
    }
    if properties.isAlphabetic || properties.isJoinControl { bits |= word }
    // The newest characters are no words yet in the table of `tokenizers`.
    if !scalar.isKnown(inUnicode: 16) { bits &= ~word }
    if properties.isWhitespace { bits |= space }
    if scalar.isPunctuation, scalar.isKnown(inUnicode: 8) { bits |= punctuation }
    if (0x21...0x7E).contains(scalar.value), bits & (letter | number) == 0 { bits |= punctuation }
    if scalar == "\n" || scalar == "\r" { bits |= newline }
    return bits
  }
}

extension Unicode.Scalar {
  /// Whether a version of Unicode, and so tables that were made of it, has the character.
  func isKnown(inUnicode version: Int) -> Bool {
    guard let age = properties.age else { return false }
    return age.major < version || age.major == version && age.minor == 0
  }

  /// Whether it was of general category P when Unicode 8 was made.
  fileprivate var isPunctuation: Bool {
    switch properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      true
    default: value == 0x166D || value == 0x111C9
    }
  }

  /// Whether it is of general category Mn, as of Unicode 8.
  var isNonspacingMark: Bool {
    switch value {
    // Letters, spacing marks and punctuation then.
    case 0x1885, 0x1886, 0xA9BD, 0x111C9, 0x1171E: false
    case 0x1734: true
    default: properties.generalCategory == .nonspacingMark && isKnown(inUnicode: 8)
    }
  }
}

/// Reads scalars and their classes from valid UTF-8.
struct ScalarReader {
  let text: UnsafeBufferPointer<UInt8>
  private let table: [UInt8]

  init(_ text: UnsafeBufferPointer<UInt8>) {
    self.text = text
    table = ScalarClass.table
  }

  /// Returns the class and length of the scalar at a byte, `(0, 0)` at the end.
  @inline(__always)
  func scalar(at index: Int, end: Int) -> (bits: UInt8, length: Int) {
    guard index < end else { return (0, 0) }
    let lead = text[index]
    if lead < 0x80 { return (table[Int(lead)], 1) }
    let length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    guard index + length <= end else { return (0, end - index) }
    var code = UInt32(lead) & (0xFF >> UInt32(length + 1))
    for offset in 1..<length { code = code << 6 | UInt32(text[index + offset] & 0x3F) }
    if length < 4 { return (table[Int(code)], length) }
    return (Unicode.Scalar(code).map(ScalarClass.compute) ?? 0, 4)
  }

  /// Returns the end of the run of scalars, from a byte on, that have a bit.
  @inline(__always)
  func run(of bit: UInt8, from start: Int, end: Int) -> Int {
    var index = start
    while true {
      let (bits, length) = scalar(at: index, end: end)
      if length == 0 || bits & bit == 0 { return index }
      index += length
    }
  }

  /// Returns the end of the run of scalars, from a byte on, that have none of some bits.
  @inline(__always)
  func run(without bits: UInt8, from start: Int, end: Int) -> Int {
    var index = start
    while true {
      let (found, length) = scalar(at: index, end: end)
      if length == 0 || found & bits != 0 { return index }
      index += length
    }
  }

  /// Returns the start of the scalar that ends before a byte.
  func startOfScalar(before index: Int) -> Int {
    var start = index - 1
    while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
    return start
  }
}
