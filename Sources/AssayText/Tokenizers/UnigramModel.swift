import AssayBase

/// Pieces with log probabilities: a word becomes the pieces whose sum is greatest.
///
/// Source: Kudo 2018 (arXiv:1804.10959); `Unigram::encode_optimized` of huggingface/tokenizers, whose
/// order of sums and comparisons decides between equals.
struct UnigramModel: TokenModel {
  /// Pieces that text may become: all but special ones.
  var trie: ByteTrie
  /// The score of each id.
  private let scores: [Score]
  /// What stands for characters without a piece; `nil` drops them.
  var unknownID: Int32?
  /// The token of each byte, for characters without a piece; `nil` where the unknown token is used.
  var fallback: ByteFallback?

  private let lowestScore: Double

  /// What an unknown character costs below the lowest score.
  private static let unknownPenalty = 10.0

  init(trie: ByteTrie, scores: [Score], unknownID: Int32?, fallback: ByteFallback?) {
    self.trie = trie
    self.scores = scores
    self.unknownID = unknownID
    self.fallback = fallback
    lowestScore = scores.map(\.value).min() ?? 0
  }

  /// The best way to reach a byte of the word.
  private struct Arrival {
    var score = 0.0
    var start = -1
    var id: Int32 = -1
  }

  func encode(
    _ word: UnsafeBufferPointer<UInt8>,
    into ids: inout [Int32],
    scratch: inout MergeScratch
  ) {
    let arrivals = arrivals(word)
    // Backwards from the end; neighbouring unknown characters are one piece.
    var pieces: [(range: Range<Int>, id: Int32)] = []
    var end = word.count
    while end > 0 {
      let arrival = arrivals[end]
      let isUnknown = arrival.id == unknownID ?? -1
      if isUnknown, let last = pieces.last, last.id == arrival.id, last.range.lowerBound == end {
        pieces[pieces.count - 1].range = arrival.start..<last.range.upperBound
      } else {
        pieces.append((arrival.start..<end, arrival.id))
      }
      end = arrival.start
    }
    for (range, id) in pieces.reversed() {
      guard id == unknownID ?? -1 else {
        ids.append(id)
        continue
      }
      let text = word[range]
      let whole = trie.value(of: text)
      if whole >= 0 {
        ids.append(whole)
      } else if let fallback, fallback.append(text, to: &ids) {
        continue
      } else if let unknownID {
        ids.append(unknownID)
      }
    }
  }

  private func arrivals(_ word: UnsafeBufferPointer<UInt8>) -> [Arrival] {
    let unknownScore = lowestScore - Self.unknownPenalty
    var arrivals = [Arrival](repeating: Arrival(), count: word.count + 1)
    var start = 0
    while start < word.count {
      let here = arrivals[start].score
      let width = min(utf8Width(word[start]), word.count - start)
      var hasSingle = false
      func arrive(at end: Int, _ score: Double, _ id: Int32) {
        if arrivals[end].start < 0 || score > arrivals[end].score {
          arrivals[end] = Arrival(score: score, start: start, id: id)
        }
      }
      var node: Int32 = 0
      var index = start
      while index < word.count {
        node = trie.child(of: node, word[index])
        if node < 0 { break }
        index += 1
        let id = trie.values[Int(node)]
        guard id >= 0 else { continue }
        arrive(at: index, scores[Int(id)].value + here, id)
        if index - start == width { hasSingle = true }
      }
      if !hasSingle { arrive(at: start + width, unknownScore + here, unknownID ?? -1) }
      start += width
    }
    return arrivals
  }

  func members(spellings: [String?], vocabulary: JSONValue) -> [JSONMember] {
    let rows = scores.indices.map { id -> JSONValue in
      [.string(spellings[id] ?? ""), .number(scores[id].digits)]
    }
    return [JSONMember("vocab", .array(rows))]
  }
}

extension UnigramModel {
  /// A piece's log probability.
  struct Score: Sendable {
    /// As the file spells it.
    let digits: String
    /// Its value, as `tokenizers` reads it.
    let value: Double

    /// Reads a JSON number: all digits as one whole number, which is then scaled.
    ///
    /// That rounds twice, so that the last bit may be another than the nearest; between pieces of equal
    /// sums it decides.
    ///
    /// Source: `f64_from_parts` of serde-rs/json (`src/de.rs`).
    init?(_ digits: String) {
      guard Double(digits) != nil else { return nil }
      self.digits = digits
      var whole: UInt64 = 0
      var exponent = 0
      var isBehindPoint = false
      var isFull = false
      let mantissa = digits.utf8.prefix { $0 | 0x20 != UInt8(ascii: "e") }
      for byte in mantissa where byte != UInt8(ascii: "-") {
        if byte == UInt8(ascii: ".") {
          isBehindPoint = true
          continue
        }
        let (tens, overflows) = whole.multipliedReportingOverflow(by: 10)
        let (next, exceeds) = tens.addingReportingOverflow(UInt64(byte & 0x0F))
        isFull = isFull || overflows || exceeds
        if isFull {
          exponent += isBehindPoint ? 0 : 1
        } else {
          whole = next
          exponent -= isBehindPoint ? 1 : 0
        }
      }
      let scale = String(decoding: digits.utf8.dropFirst(mantissa.count + 1), as: UTF8.self)
      // No double is further from one than that.
      exponent += min(max(Int(scale) ?? 0, -400), 400)
      guard let power = Double("1e\(abs(exponent))") else { return nil }
      let size = exponent < 0 ? Double(whole) / power : Double(whole) * power
      value = digits.utf8.first == UInt8(ascii: "-") ? -size : size
    }
  }
}
