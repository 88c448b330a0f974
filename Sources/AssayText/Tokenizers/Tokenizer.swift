import AssayBase

/// Text to token ids and back.
package protocol Tokenizer: Sendable {
  /// How many ids there are: every id is below this number.
  var vocabularySize: Int { get }

  /// The tokens that are found in text before anything else, by id.
  var addedTokens: [AddedToken] { get }

  /// Returns the ids of a text, in which the spellings of special tokens are read as such.
  ///
  /// - Parameter text: Any text.
  /// - Returns: Token ids; nothing is added before or behind.
  func encode(_ text: String) -> [Int32]

  /// Returns the ids of a text, in which the spelling of a special token is text like any other.
  ///
  /// What people and models wrote is encoded with this, so that it cannot close its own turn.
  ///
  /// - Parameter text: Any text.
  /// - Returns: Token ids without any special token; nothing is added before or behind.
  func encodePlain(_ text: String) -> [Int32]

  /// Returns the ids of a text as `encode(_:)` does, where tokens may stand before it.
  ///
  /// - Parameters:
  ///   - text: Any text.
  ///   - isStart: Whether nothing stands before it: a first word may be spelt with a space before it.
  /// - Returns: Token ids.
  func encode(_ text: String, isStart: Bool) -> [Int32]

  /// Returns the ids of a text as `encodePlain(_:)` does, where tokens may stand before it.
  ///
  /// - Parameters:
  ///   - text: Any text.
  ///   - isStart: Whether nothing stands before it: a first word may be spelt with a space before it.
  /// - Returns: Token ids.
  func encodePlain(_ text: String, isStart: Bool) -> [Int32]

  /// Returns the text of ids.
  ///
  /// - Parameters:
  ///   - ids: Token ids; unknown ones are nothing.
  ///   - skipSpecialTokens: Whether special tokens are left out.
  /// - Returns: The text.
  func decode(_ ids: [Int32], skipSpecialTokens: Bool) -> String

  /// Returns the bytes that ids stand for within a text, which may end within a character.
  ///
  /// Spaces that `decode` takes from the front of a text are there.
  ///
  /// - Parameters:
  ///   - ids: Token ids; unknown ones are nothing.
  ///   - skipSpecialTokens: Whether special tokens are left out.
  /// - Returns: The bytes.
  func bytes(of ids: [Int32], skipSpecialTokens: Bool) -> [UInt8]

  /// Returns the id of a token's exact spelling, or `nil` where the vocabulary lacks it.
  func id(of token: String) -> Int32?

  /// Returns the spelling of an id in the vocabulary, or `nil` where no token has it.
  func spelling(of id: Int32) -> String?

  /// Whether an id is that of a special token.
  func isSpecial(_ id: Int32) -> Bool

  /// The tokenizer as a `tokenizer.json` document.
  var document: JSONValue { get }
}

// What holds where every token is plain text.
extension Tokenizer {
  package var addedTokens: [AddedToken] { [] }

  package func encode(_ text: String, isStart: Bool) -> [Int32] { encode(text) }

  package func encodePlain(_ text: String, isStart: Bool) -> [Int32] { encodePlain(text) }

  package func bytes(of ids: [Int32], skipSpecialTokens: Bool) -> [UInt8] {
    Array(decode(ids, skipSpecialTokens: skipSpecialTokens).utf8)
  }

  package func spelling(of id: Int32) -> String? { decode([id], skipSpecialTokens: false) }

  package func isSpecial(_ id: Int32) -> Bool { false }
}
