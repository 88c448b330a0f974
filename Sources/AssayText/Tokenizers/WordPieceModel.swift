import AssayBase

/// The longest piece first, the pieces behind the first with a prefix of their own.
///
/// Source: Schuster and Nakajima 2012; `WordPiece::tokenize` of huggingface/tokenizers.
struct WordPieceModel: TokenModel {
  /// Pieces that text may become: all but special ones.
  var pieces: ByteTable
  /// What stands before pieces that continue a word.
  var continuingPrefix: [UInt8]
  /// What stands for a word that no pieces spell.
  var unknownID: Int32
  /// A word of more characters is unknown.
  var maximumCharacters: Int

  func encode(
    _ word: UnsafeBufferPointer<UInt8>,
    into ids: inout [Int32],
    scratch: inout MergeScratch
  ) {
    let count = ids.count
    guard word.count(where: { $0 & 0xC0 != 0x80 }) <= maximumCharacters else {
      ids.append(unknownID)
      return
    }
    var start = 0
    while start < word.count {
      let prefix = start > 0 ? continuingPrefix : []
      let rest = prefix + Array(word[start...])
      guard let (id, length) = longest(rest, above: prefix.count) else {
        ids.removeSubrange(count...)
        ids.append(unknownID)
        return
      }
      ids.append(id)
      start += length - prefix.count
    }
  }

  /// The longest piece that a text starts with, and its bytes; more than some bytes.
  private func longest(_ text: [UInt8], above minimum: Int) -> (id: Int32, length: Int)? {
    text.withUnsafeBufferPointer { text in
      var end = text.count
      while end > minimum {
        if let entry = pieces.find(UnsafeBufferPointer(rebasing: text[..<end])) {
          return (pieces.values[entry], end)
        }
        end -= 1
        while end > minimum, text[end] & 0xC0 == 0x80 { end -= 1 }
      }
      return nil
    }
  }

  func members(spellings: [String?], vocabulary: JSONValue) -> [JSONMember] {
    [JSONMember("vocab", vocabulary)]
  }
}
