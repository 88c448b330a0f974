import AssayBase
import AssayText

/// A vocabulary of given texts; the last id ends a text.
struct PieceTokenizer: Tokenizer {
  let pieces: [[UInt8]]

  /// All bytes, and further texts behind them.
  init(_ further: [String] = []) {
    pieces = (UInt8.min...UInt8.max).map { [$0] } + further.map { Array($0.utf8) }
  }

  var vocabularySize: Int { pieces.count + 1 }
  var end: Int32 { Int32(pieces.count) }
  func isSpecial(_ id: Int32) -> Bool { id == end }
  func encode(_ text: String) -> [Int32] { encodePlain(text) }
  func encodePlain(_ text: String) -> [Int32] { text.utf8.map { Int32($0) } }
  func bytes(of ids: [Int32], skipSpecialTokens: Bool) -> [UInt8] {
    ids.flatMap { $0 == end ? [] : pieces[Int($0)] }
  }
  func decode(_ ids: [Int32], skipSpecialTokens: Bool) -> String {
    String(decoding: bytes(of: ids, skipSpecialTokens: skipSpecialTokens), as: UTF8.self)
  }
  func spelling(of id: Int32) -> String? { id == end ? "<end>" : "piece" }
  func id(of token: String) -> Int32? { nil }
  var document: JSONValue { .null }
}

/// Numbers that look random and are always the same.
struct TestRandom: RandomNumberGenerator {
  var state: UInt64
  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}

extension TokenGrammar {
  /// A grammar over single bytes and, where given, some texts.
  static func ofPieces(_ grammar: Grammar, _ further: [String] = []) throws -> TokenGrammar {
    let tokenizer = PieceTokenizer(further)
    return try TokenGrammar(grammar, GrammarVocabulary(tokenizer), ends: [tokenizer.end])
  }

  /// Whether a text is one of the grammar's, byte by byte as the masks say.
  func accepts(_ text: String) -> Bool {
    var cursor = start
    for byte in text.utf8 {
      let allowed = cursor.mask(remaining: .max).allows(Int32(byte))
      // What the mask says is what reading says.
      let taken = cursor.take(Int32(byte))
      if allowed != taken { return false }
      if !taken { return false }
    }
    return cursor.mask(remaining: .max).mayEnd
  }

  /// Tokens that are picked at random among those that are allowed, up to the end.
  ///
  /// - Returns: The tokens, and whether the text ended as the grammar wants.
  func randomTokens(
    most: Int,
    seed: UInt64,
    endsEarly: Bool = true
  ) -> (tokens: [Int32], isWhole: Bool) {
    var random = TestRandom(seed)
    for _ in 0..<8 { _ = random.next() }
    var cursor = start
    var tokens: [Int32] = []
    while true {
      let mask = cursor.mask(remaining: most - tokens.count)
      if mask.mayEnd, mask.isComplete || endsEarly && random.next() % 4 == 0 {
        return (tokens, true)
      }
      guard tokens.count < most else { return (tokens, mask.mayEnd) }
      let allowed = mask.words.indices.flatMap { word in
        (0..<64).filter { mask.words[word] >> UInt64($0) & 1 == 1 }.map { Int32(64 * word + $0) }
      }.filter { !ends.contains($0) }
      guard let token = allowed.randomElement(using: &random), cursor.take(token) else {
        return (tokens, false)
      }
      tokens.append(token)
    }
  }
}
