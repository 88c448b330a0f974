import AssayBase
import HeapModule

/// Byte-pair merges over ids: words in, ids out.
///
/// Source: Sennrich et al. 2016 (arXiv:1508.07909); `BPE::merge_word` of huggingface/tokenizers.
struct BPEModel: TokenModel {
  /// What a word is made of before merging.
  enum Symbols: Sendable {
    /// Bytes: the id of each; -1 where the vocabulary lacks it.
    case bytes([Int32])
    /// Characters, with text put around them; those that the vocabulary lacks may become bytes.
    case characters(CharacterSymbols)
  }

  /// What a word is made of before merging.
  var symbols: Symbols
  /// From a pair of neighbours to its rank (lower first) and the id that replaces it.
  var merges: PairTable
  /// The merges in order of rank.
  var mergeList: [(Int32, Int32)]
  /// Whole words of the vocabulary, as words come; looked up first when merges are ignored.
  var words: ByteTable?
  /// What stands for a symbol that the vocabulary lacks; such are dropped where it is `nil`.
  var unknownID: Int32?
  /// Whether neighbouring unknown symbols become one token.
  var fusesUnknown: Bool

  /// Up to this many symbols, scanning for the best pair beats a heap.
  private static let scanLimit = 48

  func encode(
    _ word: UnsafeBufferPointer<UInt8>,
    into ids: inout [Int32],
    scratch: inout MergeScratch
  ) {
    if let words, let entry = words.find(word) {
      ids.append(words.values[entry])
      return
    }
    scratch.symbols.removeAll(keepingCapacity: true)
    switch symbols {
    case .bytes(let byteIDs):
      var previousIsUnknown = false
      for byte in word {
        let id = byteIDs[Int(byte)]
        if id >= 0 {
          scratch.symbols.append(id)
        } else if let unknownID, !(fusesUnknown && previousIsUnknown) {
          scratch.symbols.append(unknownID)
        }
        previousIsUnknown = id < 0
      }
    case .characters(let characters): spell(word, characters, &scratch.symbols)
    }
    if scratch.symbols.count <= Self.scanLimit {
      mergeByScanning(&scratch)
    } else {
      mergeByHeap(&scratch)
    }
    ids.append(contentsOf: scratch.symbols)
  }

  private func spell(
    _ word: UnsafeBufferPointer<UInt8>,
    _ characters: CharacterSymbols,
    _ result: inout [Int32]
  ) {
    // An unknown token is written before the next known character, behind bytes that came since:
    // so `tokenizers` has it.
    var isUnknownPending = false
    var index = 0
    while index < word.count {
      let end = min(index + utf8Width(word[index]), word.count)
      let character = UnsafeBufferPointer(rebasing: word[index..<end])
      let id = characters.id(of: character, isFirst: index == 0, isLast: end == word.count)
      if id >= 0 {
        if isUnknownPending, let unknownID { result.append(unknownID) }
        isUnknownPending = false
        result.append(id)
      } else if !characters.appendBytes(
        character,
        isFirst: index == 0,
        isLast: end == word.count,
        to: &result
      ), let unknownID {
        if isUnknownPending, !fusesUnknown { result.append(unknownID) }
        isUnknownPending = true
      }
      index = end
    }
    if isUnknownPending, let unknownID { result.append(unknownID) }
  }

  private func mergeByScanning(_ scratch: inout MergeScratch) {
    // ranks[i]: of the pair at i and i + 1, `Int32.max` for none.
    scratch.ranks.removeAll(keepingCapacity: true)
    scratch.merged.removeAll(keepingCapacity: true)
    for index in scratch.symbols.indices.dropLast() {
      let found = merges.find(scratch.symbols[index], scratch.symbols[index + 1])
      scratch.ranks.append(found?.0 ?? .max)
      scratch.merged.append(found?.1 ?? -1)
    }
    while !scratch.ranks.isEmpty {
      var best = 0
      for index in scratch.ranks.indices where scratch.ranks[index] < scratch.ranks[best] {
        best = index
      }
      guard scratch.ranks[best] < .max else { break }
      scratch.symbols[best] = scratch.merged[best]
      scratch.symbols.remove(at: best + 1)
      scratch.ranks.remove(at: best)
      scratch.merged.remove(at: best)
      for index in [best - 1, best] where index >= 0 && index < scratch.ranks.count {
        let found = merges.find(scratch.symbols[index], scratch.symbols[index + 1])
        scratch.ranks[index] = found?.0 ?? .max
        scratch.merged[index] = found?.1 ?? -1
      }
    }
  }

  private func mergeByHeap(_ scratch: inout MergeScratch) {
    let count = scratch.symbols.count
    scratch.next = Array(1...count)
    scratch.previous = Array(-1..<count - 1)
    scratch.heap = Heap()
    for index in 0..<count - 1 { push(index, index + 1, &scratch) }
    while let candidate = scratch.heap.popMin() {
      let left = candidate.position
      let right = scratch.next[left]
      // Stale where either side has changed since.
      guard scratch.symbols[left] >= 0, right < count,
        let found = merges.find(scratch.symbols[left], scratch.symbols[right]),
        found.0 == candidate.rank
      else { continue }
      scratch.symbols[left] = found.1
      scratch.symbols[right] = -1
      let following = scratch.next[right]
      scratch.next[left] = following
      if following < count {
        scratch.previous[following] = left
        push(left, following, &scratch)
      }
      if scratch.previous[left] >= 0 { push(scratch.previous[left], left, &scratch) }
    }
    scratch.symbols.removeAll { $0 < 0 }
  }

  private func push(_ left: Int, _ right: Int, _ scratch: inout MergeScratch) {
    guard let found = merges.find(scratch.symbols[left], scratch.symbols[right]) else { return }
    scratch.heap.insert(MergeCandidate(rank: found.0, position: left))
  }

  func members(spellings: [String?], vocabulary: JSONValue) -> [JSONMember] {
    // Pairs rather than "a b" strings: those cannot spell a token that has a space.
    let merges = mergeList.map { left, right in
      JSONValue.array([left, right].map { .string(spellings[Int($0)] ?? "") })
    }
    return [JSONMember("vocab", vocabulary), JSONMember("merges", .array(merges))]
  }
}

/// The characters of a vocabulary that is spelt in text.
struct CharacterSymbols: Sendable {
  /// The ids of whole spellings.
  var vocabulary: ByteTable
  /// What is put before every character but a word's first.
  var continuingPrefix: [UInt8]
  /// What is put behind a word's last character.
  var endSuffix: [UInt8]
  /// The tokens of bytes, for characters that the vocabulary lacks.
  var fallback: ByteFallback?
  /// The ids of single bytes, where nothing is put around them.
  private var ascii: [Int32]

  init(
    vocabulary: ByteTable,
    continuingPrefix: [UInt8],
    endSuffix: [UInt8],
    fallback: ByteFallback?
  ) {
    self.vocabulary = vocabulary
    self.continuingPrefix = continuingPrefix
    self.endSuffix = endSuffix
    self.fallback = fallback
    ascii = (0..<128).map { vocabulary.value(of: CollectionOfOne(UInt8($0))) ?? -1 }
  }

  private func spelling(
    _ character: UnsafeBufferPointer<UInt8>,
    isFirst: Bool,
    isLast: Bool
  ) -> [UInt8] {
    (isFirst ? [] : continuingPrefix) + character + (isLast ? endSuffix : [])
  }

  /// The id of a character in its place; -1 where the vocabulary lacks it.
  func id(of character: UnsafeBufferPointer<UInt8>, isFirst: Bool, isLast: Bool) -> Int32 {
    if (isFirst || continuingPrefix.isEmpty) && (!isLast || endSuffix.isEmpty) {
      if character.count == 1 { return ascii[Int(character[0] & 0x7F)] }
      return vocabulary.find(character).map { vocabulary.values[$0] } ?? -1
    }
    return vocabulary.value(of: spelling(character, isFirst: isFirst, isLast: isLast)) ?? -1
  }

  /// Appends the tokens of a character's bytes.
  ///
  /// Returns false where there are none.
  func appendBytes(
    _ character: UnsafeBufferPointer<UInt8>,
    isFirst: Bool,
    isLast: Bool,
    to ids: inout [Int32]
  ) -> Bool {
    guard let fallback else { return false }
    return fallback.append(spelling(character, isFirst: isFirst, isLast: isLast), to: &ids)
  }
}
