import AssayBase
import Foundation
import Synchronization

/// A tokenizer in the format of Hugging Face's `tokenizer.json`: added tokens, normaliser, words, model,
/// decoder.
///
/// Ids equal those of the `tokenizers` package with `add_special_tokens=False`, with one
/// difference on purpose: no model makes a special token, so that plain text cannot.
/// The file's truncation, padding and post-processor are kept for saving and not applied.
///
/// Safe to use from several threads at once.
package final class TokenizerPipeline: Tokenizer {
  /// The tokens that are found in text before anything else, by id.
  package let addedTokens: [AddedToken]

  let parts: TokenizerParts
  private let matcher: AddedTokenMatcher
  private let normalizedMatcher: AddedTokenMatcher
  private let plainMatcher: AddedTokenMatcher
  private let plainNormalizedMatcher: AddedTokenMatcher
  private let isSpecial: [Bool]
  /// The bytes of all tokens, one behind the other, and where those of each end: an array for each token
  /// would keep most pages that the file's document was on.
  private let decoded: [UInt8]
  private let ends: [Int]
  // A pool rather than one cache, so that threads do not wait for one another.
  private let caches = Mutex<[WordCache]>([])

  private static let maximumPooledCaches = 8

  init(parts: TokenizerParts) {
    self.parts = parts
    addedTokens = parts.added.sorted { $0.id < $1.id }
    func matcher(normalized: Bool, plain: Bool) -> AddedTokenMatcher {
      let tokens = parts.added.filter {
        $0.isNormalized == normalized && !(plain && $0.isSpecial)
      }
      return AddedTokenMatcher(
        tokens.map { token in
          guard normalized else { return (token.content, token) }
          let spelling = parts.normalizer.normalized(Array(token.content.utf8))
          return (String(decoding: spelling, as: UTF8.self), token)
        }
      )
    }
    self.matcher = matcher(normalized: false, plain: false)
    normalizedMatcher = matcher(normalized: true, plain: false)
    plainMatcher = matcher(normalized: false, plain: true)
    plainNormalizedMatcher = matcher(normalized: true, plain: true)
    var isSpecial = [Bool](repeating: false, count: parts.spellings.count)
    for token in parts.added where token.isSpecial { isSpecial[Int(token.id)] = true }
    self.isSpecial = isSpecial
    var (decoded, ends) = ([UInt8](), [Int]())
    ends.reserveCapacity(parts.spellings.count)
    for spelling in parts.spellings {
      if let spelling { decoded += parts.decoder.bytes(ofInner: Array(spelling.utf8)) }
      ends.append(decoded.count)
    }
    (self.decoded, self.ends) = (decoded, ends)
  }

  /// How many ids there are: one more than the highest id.
  package var vocabularySize: Int { parts.spellings.count }

  /// Returns the ids of a text, in which the spellings of special tokens are read as such.
  ///
  /// - Parameter text: Any text.
  /// - Returns: Token ids; nothing is added before or behind.
  package func encode(_ text: String) -> [Int32] {
    encode(text, isStart: true)
  }

  /// Returns the ids of a text that tokens may stand before; see `Tokenizer`.
  package func encode(_ text: String, isStart: Bool) -> [Int32] {
    encode(text, matcher: matcher, normalizedMatcher: normalizedMatcher, isStart: isStart)
  }

  /// Returns the ids of a text, in which the spelling of a special token is text like any other.
  ///
  /// Added tokens that are not special are still found, as `tokenizers` would.
  ///
  /// - Parameter text: Any text.
  /// - Returns: Token ids without any special token; nothing is added before or behind.
  package func encodePlain(_ text: String) -> [Int32] {
    encodePlain(text, isStart: true)
  }

  /// Returns the ids of a text that tokens may stand before; see `Tokenizer`.
  package func encodePlain(_ text: String, isStart: Bool) -> [Int32] {
    encode(
      text,
      matcher: plainMatcher,
      normalizedMatcher: plainNormalizedMatcher,
      isStart: isStart
    )
  }

  /// Returns the text of ids; bytes that are not UTF-8 become U+FFFD, unknown ids nothing.
  ///
  /// - Parameters:
  ///   - ids: Token ids.
  ///   - skipSpecialTokens: Whether special tokens are left out.
  /// - Returns: The text.
  package func decode(_ ids: [Int32], skipSpecialTokens: Bool) -> String {
    if case .byteLevel = parts.decoder.kind {
      return String(decoding: bytes(of: ids, skipSpecialTokens: skipSpecialTokens), as: UTF8.self)
    }
    let tokens = kept(ids, skipSpecialTokens).compactMap { parts.spellings[Int($0)]?.utf8 }
    return String(decoding: parts.decoder.bytes(of: tokens.map(Array.init)), as: UTF8.self)
  }

  /// Returns the bytes of ids, which may end within a character: for streaming.
  ///
  /// - Parameters:
  ///   - ids: Token ids.
  ///   - skipSpecialTokens: Whether special tokens are left out.
  /// - Returns: The bytes, as they are.
  package func bytes(of ids: [Int32], skipSpecialTokens: Bool) -> [UInt8] {
    kept(ids, skipSpecialTokens).flatMap { id in
      decoded[(id == 0 ? 0 : ends[Int(id) - 1])..<ends[Int(id)]]
    }
  }

  private func kept(_ ids: [Int32], _ skipSpecialTokens: Bool) -> [Int32] {
    ids.filter {
      $0 >= 0 && Int($0) < ends.count && !(skipSpecialTokens && isSpecial[Int($0)])
    }
  }

  /// Returns the id of a token's exact spelling, or `nil` where the vocabulary lacks it.
  package func id(of token: String) -> Int32? {
    parts.vocabulary.value(of: token.utf8)
  }

  /// Returns the spelling of an id in the vocabulary, or `nil` where no token has it.
  package func spelling(of id: Int32) -> String? {
    guard id >= 0, Int(id) < parts.spellings.count else { return nil }
    return parts.spellings[Int(id)]
  }

  /// Whether an id is that of a special token.
  package func isSpecial(_ id: Int32) -> Bool {
    id >= 0 && Int(id) < isSpecial.count && isSpecial[Int(id)]
  }

  private func encode(
    _ text: String,
    matcher: AddedTokenMatcher,
    normalizedMatcher: AddedTokenMatcher,
    isStart: Bool
  ) -> [Int32] {
    var ids: [Int32] = []
    var cache = caches.withLock { $0.popLast() } ?? WordCache()
    var text = text
    text.withUTF8 { text in
      for part in matcher.parts(of: text) {
        switch part {
        case .token(let id): ids.append(id)
        case .text(let range):
          parts.normalizer.withNormalized(UnsafeBufferPointer(rebasing: text[range])) { text in
            for part in normalizedMatcher.parts(of: text) {
              switch part {
              case .token(let id): ids.append(id)
              case .text(let inner):
                parts.preTokenizer.forEachWord(
                  of: UnsafeBufferPointer(rebasing: text[inner]),
                  isStart: isStart && range.lowerBound == 0 && inner.lowerBound == 0
                ) {
                  cache.encode($0, with: parts.model, into: &ids)
                }
              }
            }
          }
        }
      }
    }
    caches.withLock { caches in
      if caches.count < Self.maximumPooledCaches { caches.append(cache) }
    }
    return ids
  }
}

/// What a tokenizer file says.
struct TokenizerParts: Sendable {
  /// The spelling of each id; `nil` where an id is unused.
  var spellings: [String?]
  /// The id of each spelling.
  var vocabulary: ByteTable
  /// Whether each id belongs to the model's own vocabulary, rather than to added tokens only.
  var isInModel: [Bool]
  var added: [AddedToken]
  var model: any TokenModel
  var normalizer: Normalizer
  var preTokenizer: PreTokenizer
  var decoder: TokenDecoder
  /// The file without its vocabulary, for saving.
  var header: JSONValue

  /// The model's own vocabulary, spellings to ids.
  var vocabularyObject: JSONValue {
    .object(
      spellings.enumerated().compactMap { id, spelling in
        guard isInModel[id], let spelling else { return nil }
        return JSONMember(spelling, .number(String(id)))
      }
    )
  }
}
