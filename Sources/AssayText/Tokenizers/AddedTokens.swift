/// A token that is found in the text before anything else is done to it.
package struct AddedToken: Hashable, Sendable {
  /// Its id.
  package var id: Int32
  /// Its spelling in text.
  package var content: String
  /// Whether decoding may leave it out, and plain text never becomes it.
  package var isSpecial: Bool
  /// Whether it is found only where no word character touches it.
  package var isSingleWord: Bool
  /// Whether it takes the white space before it.
  package var stripsLeft: Bool
  /// Whether it takes the white space behind it.
  package var stripsRight: Bool
  /// Whether it is looked for in the normalised text instead of the text as given.
  package var isNormalized: Bool

  /// Makes a special token that matches its spelling and nothing more.
  ///
  /// - Parameters:
  ///   - id: Its id.
  ///   - content: Its spelling in text.
  package init(id: Int32, special content: String) {
    self.id = id
    self.content = content
    isSpecial = true
    isSingleWord = false
    stripsLeft = false
    stripsRight = false
    isNormalized = false
  }
}

/// Finds added tokens in text: the leftmost and there the longest, as `tokenizers` does.
struct AddedTokenMatcher: Sendable {
  /// A part of a text: an added token, or text between them.
  enum Part {
    case token(Int32)
    case text(Range<Int>)
  }

  private let trie: ByteTrie
  private let tokens: [AddedToken]
  private let startsToken: [Bool]

  /// Makes a matcher for the spellings of tokens, first ones first where spellings are equal.
  init(_ tokens: [(spelling: String, token: AddedToken)]) {
    let tokens = tokens.filter { !$0.spelling.isEmpty }
    self.tokens = tokens.map(\.token)
    trie = ByteTrie(tokens.enumerated().map { (Array($1.spelling.utf8), Int32($0)) })
    var startsToken = [Bool](repeating: false, count: 256)
    for byte in tokens.compactMap({ $0.spelling.utf8.first }) { startsToken[Int(byte)] = true }
    self.startsToken = startsToken
  }

  /// Returns the longest token that starts at a byte, with its end.
  private func match(
    _ text: UnsafeBufferPointer<UInt8>,
    at start: Int
  ) -> (token: AddedToken, end: Int)? {
    var best: (AddedToken, Int)?
    var node: Int32 = 0
    var index = start
    while index < text.count {
      node = trie.child(of: node, text[index])
      if node < 0 { break }
      index += 1
      let token = trie.values[Int(node)]
      if token >= 0 { best = (tokens[Int(token)], index) }
    }
    return best
  }

  /// Returns the tokens of a text and the text between them, in order.
  ///
  /// Source: `AddedVocabulary::find_matches` of huggingface/tokenizers.
  func parts(of text: UnsafeBufferPointer<UInt8>) -> [Part] {
    var parts: [Part] = []
    var emitted = 0
    if !tokens.isEmpty {
      let reader = ScalarReader(text)
      var index = 0
      while index < text.count {
        guard startsToken[Int(text[index])], let (token, end) = match(text, at: index) else {
          index += 1
          continue
        }
        var (start, stop) = (index, end)
        index = end
        if token.isSingleWord, Self.touchesWord(reader, start..<stop) { continue }
        if token.stripsLeft {
          start = max(Self.spaceStart(reader, before: start), emitted)
        }
        if token.stripsRight {
          stop = reader.run(of: ScalarClass.space, from: stop, end: text.count)
        }
        if emitted < start { parts.append(.text(emitted..<start)) }
        parts.append(.token(token.id))
        emitted = stop
      }
    }
    if emitted < text.count { parts.append(.text(emitted..<text.count)) }
    return parts
  }

  private static func touchesWord(_ reader: ScalarReader, _ range: Range<Int>) -> Bool {
    let count = reader.text.count
    if reader.scalar(at: range.upperBound, end: count).bits & ScalarClass.word != 0 { return true }
    guard range.lowerBound > 0 else { return false }
    let before = reader.startOfScalar(before: range.lowerBound)
    return reader.scalar(at: before, end: count).bits & ScalarClass.word != 0
  }

  private static func spaceStart(_ reader: ScalarReader, before index: Int) -> Int {
    var start = index
    while start > 0 {
      let before = reader.startOfScalar(before: start)
      guard reader.scalar(at: before, end: start).bits & ScalarClass.space != 0 else { break }
      start = before
    }
    return start
  }
}
