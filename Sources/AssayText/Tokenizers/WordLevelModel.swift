import AssayBase

/// Words as they are in the vocabulary.
///
/// Source: `WordLevel::tokenize` of huggingface/tokenizers.
struct WordLevelModel: TokenModel {
  /// Words that text may become: all but special tokens.
  var words: ByteTable
  /// What stands for any other word.
  var unknownID: Int32

  func encode(
    _ word: UnsafeBufferPointer<UInt8>,
    into ids: inout [Int32],
    scratch: inout MergeScratch
  ) {
    ids.append(words.find(word).map { words.values[$0] } ?? unknownID)
  }

  func members(spellings: [String?], vocabulary: JSONValue) -> [JSONMember] {
    [JSONMember("vocab", vocabulary)]
  }
}
