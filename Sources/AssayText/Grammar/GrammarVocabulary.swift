/// The texts of a vocabulary's tokens, as a trie that is walked in one go.
package struct GrammarVocabulary: Sendable {
  /// The byte that leads to each node, in depth-first order; the root is left out.
  private(set) var bytes: [UInt8] = []
  /// How deep each node lies, from 1.
  private(set) var depths: [UInt16] = []
  /// The first node that does not lie below each node.
  private(set) var skips: [Int32] = []
  /// The tokens of node n are those from `firstToken[n]` to `firstToken[n + 1]`.
  private(set) var firstToken: [Int32] = [0]
  private(set) var tokens: [Int32] = []
  /// The text of each token; empty where it has none that may be written.
  private let texts: [[UInt8]]
  /// The length of the longest text.
  let longest: Int
  /// Whether each byte is a token.
  let spellable: [Bool]
  /// Whether a space at the very beginning of a text is left out where tokens become text.
  let dropsSpace: Bool

  /// Takes a tokenizer's tokens but the special ones, which are no text.
  ///
  /// - Parameter tokenizer: The tokenizer.
  package init(_ tokenizer: any Tokenizer) {
    var texts = [[UInt8]](repeating: [], count: tokenizer.vocabularySize)
    var dropsSpace: Bool?
    for id in 0..<Int32(texts.count) {
      guard !tokenizer.isSpecial(id), tokenizer.spelling(of: id) != nil else { continue }
      let text = tokenizer.bytes(of: [id], skipSpecialTokens: false)
      guard text.count < 1 << 16 else { continue }
      texts[Int(id)] = text
      if dropsSpace == nil, text.count > 1, text[0] == 0x20, (0x21..<0x7F).contains(text[1]) {
        dropsSpace = tokenizer.decode([id], skipSpecialTokens: false).utf8.first != 0x20
      }
    }
    self.texts = texts
    self.dropsSpace = dropsSpace ?? false
    longest = texts.map(\.count).max() ?? 0
    var spellable = [Bool](repeating: false, count: 256)
    for text in texts where text.count == 1 { spellable[Int(text[0])] = true }
    self.spellable = spellable
    layOut()
  }

  private mutating func layOut() {
    let order = texts.indices.filter { !texts[$0].isEmpty }.sorted { left, right in
      texts[left] == texts[right]
        ? left < right : texts[left].lexicographicallyPrecedes(texts[right])
    }
    var path: [Int] = []
    var last: [UInt8] = []
    for id in order {
      let text = texts[id]
      let common = zip(last, text).prefix { $0 == $1 }.count
      while path.count > common { skips[path.removeLast()] = Int32(bytes.count) }
      for byte in text[common...] {
        path.append(bytes.count)
        bytes.append(byte)
        depths.append(UInt16(path.count))
        skips.append(0)
        firstToken.append(Int32(tokens.count))
      }
      tokens.append(Int32(id))
      firstToken[firstToken.count - 1] = Int32(tokens.count)
      last = text
    }
    while let node = path.popLast() { skips[node] = Int32(bytes.count) }
  }

  /// How many ids there are.
  package var count: Int { texts.count }

  /// The text of a token; empty where it has none that may be written.
  package func text(of token: Int32) -> [UInt8] {
    token >= 0 && Int(token) < texts.count ? texts[Int(token)] : []
  }

  /// The tokens whose text is exactly this.
  func tokens(spelling text: [UInt8]) -> [Int32] {
    texts.indices.filter { texts[$0] == text }.map(Int32.init)
  }
}
