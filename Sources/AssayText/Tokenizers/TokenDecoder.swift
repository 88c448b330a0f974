/// The chain that turns the spellings of tokens into text.
///
/// Source: `decoders` of huggingface/tokenizers.
struct TokenDecoder: Sendable {
  enum Step: Sendable {
    case byteFallback
    case fuse
    case strip(content: [UInt8], start: Int, stop: Int)
    case replace(PreTokenizer.Matcher, by: [UInt8])
    case metaspace([UInt8], dropsFirst: Bool)
    case wordPiece(prefix: [UInt8], cleansUp: Bool)
  }

  /// What is done to the spellings.
  enum Kind: Sendable {
    /// Spellings are in the alphabet of bytes.
    case byteLevel
    /// Spellings are text.
    case steps([Step])
    /// Spellings stand with spaces between them.
    case spaced
  }

  var kind: Kind

  /// Returns the text of tokens, in bytes.
  func bytes(of tokens: [[UInt8]]) -> [UInt8] {
    switch kind {
    case .byteLevel: Array(tokens.lazy.map(Self.byteLevel).joined())
    case .steps(let steps):
      Array(steps.reduce(tokens) { Self.apply($1, to: $0, keepsBytes: false) }.joined())
    case .spaced: Array(tokens.joined(separator: " ".utf8))
    }
  }

  /// Returns the bytes that a token stands for behind another.
  func bytes(ofInner token: [UInt8]) -> [UInt8] {
    switch kind {
    case .byteLevel: return Self.byteLevel(token)
    case .steps(let steps):
      let first = Array("a".utf8)
      let both = steps.reduce([first, token]) { Self.apply($1, to: $0, keepsBytes: true) }.joined()
      return Array(both.dropFirst(first.count))
    case .spaced: return Array(" ".utf8) + token
    }
  }

  private static func byteLevel(_ token: [UInt8]) -> [UInt8] {
    ByteAlphabet.bytes(of: String(decoding: token, as: UTF8.self)) ?? token
  }

  private static func apply(_ step: Step, to tokens: [[UInt8]], keepsBytes: Bool) -> [[UInt8]] {
    switch step {
    case .byteFallback: return withoutFallback(tokens, keepsBytes: keepsBytes)
    case .fuse: return [Array(tokens.joined())]
    case .strip(let content, let start, let stop):
      return tokens.map { stripped($0, content, start: start, stop: stop) }
    case .replace(let matcher, let content):
      return tokens.map { matcher.replacing(in: $0, by: content) }
    case .metaspace(let mark, let dropsFirst):
      let matcher = PreTokenizer.Matcher.literal(mark)
      return tokens.enumerated().map { index, token in
        matcher.replacing(in: token, by: index == 0 && dropsFirst ? [] : Array(" ".utf8))
      }
    case .wordPiece(let prefix, let cleansUp):
      return tokens.enumerated().map { index, token in
        var token = token
        if index > 0 {
          token =
            token.starts(with: prefix)
            ? Array(token.dropFirst(prefix.count)) : Array(" ".utf8) + token
        }
        return cleansUp ? cleanedUp(token) : token
      }
    }
  }

  /// Runs of byte tokens as text; each byte of a run that is no text as U+FFFD, unless bytes are kept.
  private static func withoutFallback(_ tokens: [[UInt8]], keepsBytes: Bool) -> [[UInt8]] {
    var result: [[UInt8]] = []
    var run: [UInt8] = []
    func flush() {
      guard !run.isEmpty else { return }
      if keepsBytes || String(validating: run, as: UTF8.self) != nil {
        result.append(run)
      } else {
        result += repeatElement(Array("\u{FFFD}".utf8), count: run.count)
      }
      run = []
    }
    for token in tokens {
      if let byte = ByteFallback.byte(of: token) {
        run.append(byte)
      } else {
        flush()
        result.append(token)
      }
    }
    flush()
    return result
  }

  private static func stripped(
    _ token: [UInt8],
    _ content: [UInt8],
    start: Int,
    stop: Int
  ) -> [UInt8] {
    var token = token[...]
    for _ in 0..<start {
      guard token.starts(with: content) else { break }
      token = token.dropFirst(content.count)
    }
    for _ in 0..<stop {
      guard token.suffix(content.count).elementsEqual(content) else { break }
      token = token.dropLast(content.count)
    }
    return Array(token)
  }

  /// English punctuation and contractions without the space before them.
  private static func cleanedUp(_ token: [UInt8]) -> [UInt8] {
    [
      (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
      (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ].reduce(token) { token, change in
      PreTokenizer.Matcher.literal(Array(change.0.utf8))
        .replacing(in: token, by: Array(change.1.utf8))
    }
  }
}
