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

  /// Returns the text of ids.
  ///
  /// - Parameters:
  ///   - ids: Token ids.
  ///   - skipSpecialTokens: Whether special tokens are left out.
  /// - Returns: The text.
  func decode(_ ids: [Int32], skipSpecialTokens: Bool) -> String

  /// Returns the id of a token's exact spelling, or `nil` where the vocabulary lacks it.
  func id(of token: String) -> Int32?
}

extension Tokenizer {
  /// None, unless a tokenizer says otherwise.
  package var addedTokens: [AddedToken] { [] }
}
