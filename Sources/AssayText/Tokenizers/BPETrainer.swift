import AssayBase
import HeapModule

/// Learns a byte-level BPE vocabulary from text.
///
/// The most frequent pair of neighbours is merged first; among equals the one with the lower ids.
/// The result depends on the texts and options only, and equals that of `BpeTrainer` in the
/// `tokenizers` package with the byte alphabet as its initial alphabet.
package struct BPETrainer: Sendable, Equatable {
  /// How many tokens to stop at: special tokens, 256 bytes and merges (default 4096).
  package var vocabularySize: Int = 4096
  /// Special tokens, which get the first ids in this order.
  package var specialTokens: [String] = []
  /// A pair seen fewer times than this is not merged (default 2).
  package var minimumFrequency: Int = 2
  /// What cuts text into words; the default splits digits singly.
  package var pattern: SplitPattern = .qwen2
  /// Whether text is brought into normalisation form C first.
  ///
  /// Off by default, so that decoding
  /// gives back exactly what was encoded.
  package var composes: Bool = false

  /// Makes a trainer.
  ///
  /// - Parameters:
  ///   - vocabularySize: How many tokens to stop at.
  ///   - specialTokens: Special tokens, which get the first ids.
  package init(vocabularySize: Int, specialTokens: [String]) {
    self.vocabularySize = vocabularySize
    self.specialTokens = specialTokens
  }

  /// Learns a tokenizer.
  ///
  /// Memory grows with the number of different words, not with the length of the texts.
  ///
  /// - Parameter texts: Texts to learn from; special tokens in them are text like any other.
  /// - Returns: The tokenizer; smaller than asked for where the texts have no more pairs.
  /// - Throws: `TextError.vocabularyTooSmall`, or `invalidTokenizer` for a special token that
  ///   is empty, repeated, or the spelling of a byte.
  package func train(_ texts: some Sequence<String>) throws -> any Tokenizer {
    let minimum = specialTokens.count + 256
    guard vocabularySize >= minimum else {
      throw TextError.vocabularyTooSmall(size: vocabularySize, minimum: minimum)
    }
    // By code point: the order in which `tokenizers` numbers its alphabet.
    let alphabet = ByteAlphabet.scalars.sorted { $0.value < $1.value }.map { String($0) }
    var seen = Set(alphabet)
    for token in specialTokens {
      guard !token.isEmpty, seen.insert(token).inserted else {
        throw TextError.invalidTokenizer(
          part: "special token '\(token)'",
          expected: "a spelling of its own",
          actual: token.isEmpty ? "an empty one" : "one already taken"
        )
      }
    }
    var state = TrainingState(spellings: specialTokens + alphabet)
    state.count(words(of: texts), firstByteID: specialTokens.count)
    while state.spellings.count < vocabularySize, state.mergeBest(minimum: minimumFrequency) {}
    return try TokenizerPipeline(document: document(of: state))
  }

  private func words(of texts: some Sequence<String>) -> (words: ByteTable, counts: [Int]) {
    let preTokenizer = PreTokenizer(steps: [.split(.known(pattern), .isolated, invert: false)])
    var words = ByteTable(minimumCapacity: 1024)
    var counts: [Int] = []
    for text in texts {
      var text = composes ? text.composedCanonically : text
      text.withUTF8 { text in
        preTokenizer.forEachWord(of: text, isStart: true) { word in
          let (entry, isNew) = words.entry(of: word, default: 0)
          if isNew { counts.append(1) } else { counts[entry] += 1 }
        }
      }
    }
    return (words, counts)
  }

  private func document(of state: TrainingState) -> JSONValue {
    let special: [JSONValue] = specialTokens.enumerated().map { id, content in
      [
        "id": .number(String(id)), "content": .string(content), "single_word": false,
        "lstrip": false, "rstrip": false, "normalized": false, "special": true,
      ]
    }
    let vocabulary = state.spellings.enumerated().map { id, spelling in
      JSONMember(spelling, .number(String(id)))
    }
    let merges = state.merges.map { left, right in
      JSONValue.array([left, right].map { .string(state.spellings[Int($0)]) })
    }
    return [
      "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": .array(special),
      "normalizer": composes ? ["type": "NFC"] : nil,
      "pre_tokenizer": [
        "type": "Sequence",
        "pretokenizers": [
          [
            "type": "Split", "pattern": ["Regex": .string(pattern.expression)],
            "behavior": "Isolated", "invert": false,
          ],
          byteLevel,
        ],
      ],
      "post_processor": nil, "decoder": byteLevel,
      "model": [
        "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
        "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false,
        "ignore_merges": false, "vocab": .object(vocabulary), "merges": .array(merges),
      ],
    ]
  }

  private var byteLevel: JSONValue {
    ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false]
  }
}

/// Words as ids, and the counts of their neighbouring pairs kept up to date between merges.
private struct TrainingState {
  private(set) var spellings: [String]
  private(set) var merges: [(Int32, Int32)] = []
  private var ids: [String: Int32] = [:]
  private var words: [[Int32]] = []
  private var wordCounts: [Int] = []
  private var pairCounts: [UInt64: Int] = [:]
  private var wordsOfPair: [UInt64: [Int32]] = [:]
  private var queue = Heap<PairCandidate>()

  init(spellings: [String]) {
    self.spellings = spellings
    for (id, spelling) in spellings.enumerated() { ids[spelling] = Int32(id) }
  }

  mutating func count(_ input: (words: ByteTable, counts: [Int]), firstByteID: Int) {
    var byteIDs = [Int32](repeating: 0, count: 256)
    for (byte, scalar) in ByteAlphabet.scalars.enumerated() {
      byteIDs[byte] = ids[String(scalar)] ?? 0
    }
    wordCounts = input.counts
    for entry in 0..<input.words.count {
      let word = input.words[entry].map { byteIDs[Int($0)] }
      words.append(word)
      for (left, right) in zip(word, word.dropFirst()) {
        change(PairTable.key(left, right), by: input.counts[entry], in: Int32(entry))
      }
    }
    for (pair, count) in pairCounts { queue.insert(PairCandidate(count: count, pair: pair)) }
  }

  private mutating func change(_ pair: UInt64, by difference: Int, in word: Int32) {
    pairCounts[pair, default: 0] += difference
    if difference > 0, wordsOfPair[pair]?.last != word {
      wordsOfPair[pair, default: []].append(word)
    }
  }

  /// Merges the most frequent pair.
  ///
  /// Returns false where none is frequent enough.
  mutating func mergeBest(minimum: Int) -> Bool {
    while let top = queue.popMin() {
      let count = pairCounts[top.pair] ?? 0
      guard count == top.count else {
        // Stale: its count has changed since it was queued.
        if count > 0 { queue.insert(PairCandidate(count: count, pair: top.pair)) }
        continue
      }
      guard count >= max(minimum, 1) else { return false }
      merge(top.pair)
      return true
    }
    return false
  }

  private mutating func merge(_ pair: UInt64) {
    let left = Int32(truncatingIfNeeded: pair >> 32)
    let right = Int32(truncatingIfNeeded: pair)
    let spelling = spellings[Int(left)] + spellings[Int(right)]
    // Two pairs may spell the same token.
    let merged = ids[spelling] ?? Int32(spellings.count)
    if Int(merged) == spellings.count {
      spellings.append(spelling)
      ids[spelling] = merged
    }
    merges.append((left, right))
    var grown: Set<UInt64> = []
    for word in wordsOfPair.removeValue(forKey: pair) ?? [] {
      merge(left, right, to: merged, in: word, grown: &grown)
    }
    for pair in grown {
      if let count = pairCounts[pair], count > 0 {
        queue.insert(PairCandidate(count: count, pair: pair))
      }
    }
  }

  private mutating func merge(
    _ left: Int32,
    _ right: Int32,
    to merged: Int32,
    in entry: Int32,
    grown: inout Set<UInt64>
  ) {
    let word = words[Int(entry)]
    let count = wordCounts[Int(entry)]
    var result: [Int32] = []
    var index = 0
    while index < word.count {
      guard index + 1 < word.count, word[index] == left, word[index + 1] == right else {
        result.append(word[index])
        index += 1
        continue
      }
      if let before = result.last {
        change(PairTable.key(before, left), by: -count, in: entry)
        change(PairTable.key(before, merged), by: count, in: entry)
        grown.insert(PairTable.key(before, merged))
      }
      if index + 2 < word.count {
        let behind = word[index + 2]
        change(PairTable.key(right, behind), by: -count, in: entry)
        change(PairTable.key(merged, behind), by: count, in: entry)
        grown.insert(PairTable.key(merged, behind))
      }
      result.append(merged)
      index += 2
    }
    words[Int(entry)] = result
  }
}

/// A pair and its count: the most frequent first, among equals the one with the lower ids.
private struct PairCandidate: Comparable {
  var count: Int
  var pair: UInt64

  static func < (left: PairCandidate, right: PairCandidate) -> Bool {
    left.count != right.count ? left.count > right.count : left.pair < right.pair
  }
}
