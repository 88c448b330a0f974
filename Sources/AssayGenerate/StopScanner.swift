import AssayText

/// Finds stop strings in text that grows token by token.
///
/// Text is decoded from a few tokens back, so that a tokenizer whose spelling of a token depends on
/// the one before gives the text of the whole; bytes of a character that is not complete yet are
/// held back. A string found that way is looked for once more in the text of all tokens.
struct StopScanner {
  private let strings: [[UInt8]]
  private let longest: Int
  /// The end of the text so far, long enough to hold the beginning of any string.
  private var tail: [UInt8] = []
  private var windowStart = 0
  private var windowEnd = 0

  /// `nil` where there is nothing to look for.
  init?(_ strings: [String]) {
    self.strings = strings.filter { !$0.isEmpty }.map { Array($0.utf8) }
    guard let longest = self.strings.map(\.count).max() else { return nil }
    self.longest = longest
  }

  /// Takes the newest token in.
  ///
  /// - Parameters:
  ///   - tokens: All generated tokens.
  ///   - tokenizer: Their tokenizer.
  /// - Returns: How many tokens to keep and the text before the stop string, if there is one.
  mutating func scan(
    _ tokens: [Int32],
    _ tokenizer: any Tokenizer
  ) -> (kept: Int, text: String)? {
    let before = Array(text(tokens[windowStart..<windowEnd], tokenizer).utf8)
    let now = text(tokens[windowStart...], tokenizer)
    let isPartial = now.unicodeScalars.last == "\u{FFFD}" && tokens.count - windowEnd < 8
    guard !isPartial else { return nil }
    let all = Array(now.utf8)
    guard all.count > before.count else { return nil }
    tail += all[before.count...]
    (windowStart, windowEnd) = (windowEnd, tokens.count)
    let found = strings.contains { Self.first($0, in: tail) != nil }
    if tail.count >= longest { tail.removeFirst(tail.count - longest + 1) }
    return found ? cut(tokens, tokenizer) : nil
  }

  private func text(_ tokens: ArraySlice<Int32>, _ tokenizer: any Tokenizer) -> String {
    tokens.isEmpty ? "" : tokenizer.decode(Array(tokens), skipSpecialTokens: true)
  }

  private func cut(_ tokens: [Int32], _ tokenizer: any Tokenizer) -> (kept: Int, text: String)? {
    let whole = Array(text(tokens[...], tokenizer).utf8)
    guard let end = strings.compactMap({ Self.first($0, in: whole) }).min() else { return nil }
    // The fewest tokens whose text reaches the cut.
    var (low, high) = (0, tokens.count)
    while low < high {
      let middle = (low + high) / 2
      if text(tokens[..<middle], tokenizer).utf8.count >= end {
        high = middle
      } else {
        low = middle + 1
      }
    }
    return (low, String(decoding: whole[..<end], as: UTF8.self))
  }

  private static func first(_ part: [UInt8], in whole: [UInt8]) -> Int? {
    guard part.count <= whole.count else { return nil }
    return (0...(whole.count - part.count)).first { start in
      whole[start] == part[0] && whole[start..<start + part.count].elementsEqual(part)
    }
  }
}
