import AssayText

/// Turns tokens into pieces of text that can be sent at once.
///
/// Bytes of a character that is not complete are held back, and as much as may turn out to be the
/// beginning of a stop string. The pieces together are the whole text.
struct TextStream {
  private let tokenizer: any Tokenizer
  /// Bytes that a stop string may take back.
  private let heldBytes: Int
  /// Whether no token had bytes yet.
  private var isFirst = true
  /// Bytes of all tokens, and how many of them were sent.
  private var bytes: [UInt8] = []
  private var sentBytes = 0
  /// Bytes of the text that was sent: a byte that is no UTF-8 has become three.
  private var sentText = 0

  init(_ tokenizer: any Tokenizer, stopStrings: [String]) {
    self.tokenizer = tokenizer
    heldBytes = max(0, (stopStrings.map(\.utf8.count).max() ?? 0) - 1)
  }

  /// Takes a token in.
  ///
  /// - Returns: What can be sent, perhaps nothing.
  mutating func add(_ token: Int32) -> String {
    var added = tokenizer.bytes(of: [token], skipSpecialTokens: true)
    if isFirst, !added.isEmpty {
      isFirst = false
      // A text does not begin with the space that its first word's token has within a text.
      let first = tokenizer.decode([token], skipSpecialTokens: true).utf8.count
      added.removeFirst(max(0, added.count - first))
    }
    bytes += added
    let end = Self.completeCount(bytes[..<max(sentBytes, bytes.count - heldBytes)])
    guard end > sentBytes else { return "" }
    let piece = String(decoding: bytes[sentBytes..<end], as: UTF8.self)
    sentBytes = end
    sentText += piece.utf8.count
    return piece
  }

  /// Ends the text.
  ///
  /// - Parameter text: The whole text, as the engine gives it.
  /// - Returns: What was not sent.
  func finish(_ text: String) -> String {
    String(decoding: text.utf8.dropFirst(sentText), as: UTF8.self)
  }

  /// How many of the bytes are complete characters: a scalar of UTF-8 has at most 4.
  private static func completeCount(_ bytes: ArraySlice<UInt8>) -> Int {
    for back in 1...4 where back <= bytes.count {
      let byte = bytes[bytes.endIndex - back]
      if byte & 0xC0 == 0x80 { continue }
      let length = byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
      return bytes.endIndex - (length > back ? back : 0)
    }
    return bytes.endIndex
  }
}
