/// The split patterns of well-known tokenizers, as scanners written by hand: regular expressions
/// with lookahead are an order of magnitude slower, and engines differ in what `\s` means.
///
/// Source: openai/gpt-2 `src/encoder.py`; meta-llama/llama3 `llama/tokenizer.py`; the
/// `tokenizer.json` of Qwen/Qwen2-0.5B.
package enum SplitPattern: Sendable, Hashable, CaseIterable {
  /// GPT-2: contractions, and letters, digits and others, each with at most one space before.
  case gpt2
  /// Llama 3: as Qwen2, digits in groups of up to three.
  case llama3
  /// Qwen2: digits singly; a letter run takes one character before it; newlines end a group.
  case qwen2

  /// The regular expression that the scanner is equal to, as tokenizer files spell it.
  package var expression: String {
    switch self {
    case .gpt2:
      #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    case .llama3: Self.modern(number: #"\p{N}{1,3}"#)
    case .qwen2: Self.modern(number: #"\p{N}"#)
    }
  }

  private static func modern(number: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + number
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  /// The scanner for an expression, or `nil` where it is none of these.
  init?(expression: String) {
    guard let known = Self.allCases.first(where: { $0.expression == expression }) else {
      return nil
    }
    self = known
  }

  /// Appends the pieces of a range of text; they cover it without gaps.
  func split(
    _ text: UnsafeBufferPointer<UInt8>,
    in range: Range<Int>,
    into pieces: inout [Range<Int>]
  ) {
    let scanner = PatternScanner(reader: ScalarReader(text), end: range.upperBound)
    var start = range.lowerBound
    while start < range.upperBound {
      let next =
        switch self {
        case .gpt2: scanner.nextGPT2(start)
        case .llama3: scanner.nextModern(start, longestNumber: 3)
        case .qwen2: scanner.nextModern(start, longestNumber: 1)
        }
      pieces.append(start..<next)
      start = next
    }
  }
}

private struct PatternScanner {
  let reader: ScalarReader
  let end: Int

  private static let visible = ScalarClass.letter | ScalarClass.number | ScalarClass.space

  /// Returns the end of the match of the GPT-2 pattern at `start`, which is before the end.
  func nextGPT2(_ start: Int) -> Int {
    if let end = contraction(start, ignoresCase: false) { return end }
    let body = reader.text[start] == UInt8(ascii: " ") ? start + 1 : start
    let (bits, length) = reader.scalar(at: body, end: end)
    if length > 0 {
      if bits & ScalarClass.letter != 0 {
        return reader.run(of: ScalarClass.letter, from: body + length, end: end)
      }
      if bits & ScalarClass.number != 0 {
        return reader.run(of: ScalarClass.number, from: body + length, end: end)
      }
      if bits & ScalarClass.space == 0 {
        return reader.run(without: Self.visible, from: body + length, end: end)
      }
    }
    return spaces(start)
  }

  /// Returns the end of the match of the Llama 3 or Qwen2 pattern at `start`.
  func nextModern(_ start: Int, longestNumber: Int) -> Int {
    if let end = contraction(start, ignoresCase: true) { return end }
    let (bits, length) = reader.scalar(at: start, end: end)
    if bits & ScalarClass.letter != 0 {
      return reader.run(of: ScalarClass.letter, from: start + length, end: end)
    }
    if bits & ScalarClass.number != 0 {
      var index = start + length
      for _ in 1..<longestNumber {
        let (bits, length) = reader.scalar(at: index, end: end)
        guard bits & ScalarClass.number != 0 else { break }
        index += length
      }
      return index
    }
    if bits & ScalarClass.newline == 0 {
      let (following, width) = reader.scalar(at: start + length, end: end)
      if following & ScalarClass.letter != 0 {
        return reader.run(of: ScalarClass.letter, from: start + length + width, end: end)
      }
    }
    let body = reader.text[start] == UInt8(ascii: " ") ? start + 1 : start
    let (inner, width) = reader.scalar(at: body, end: end)
    if width > 0, inner & Self.visible == 0 {
      let others = reader.run(without: Self.visible, from: body + width, end: end)
      return reader.run(of: ScalarClass.newline, from: others, end: end)
    }
    return newlines(start) ?? spaces(start)
  }

  /// `\s*[\r\n]+`: white space up to and with the last newline of the run.
  private func newlines(_ start: Int) -> Int? {
    var last: Int?
    var index = start
    while true {
      let (bits, length) = reader.scalar(at: index, end: end)
      guard bits & ScalarClass.space != 0 else { return last }
      index += length
      if bits & ScalarClass.newline != 0 { last = index }
    }
  }

  /// `\s+(?!\S)|\s+`: all but the last white space before a word.
  private func spaces(_ start: Int) -> Int {
    let stop = reader.run(of: ScalarClass.space, from: start, end: end)
    guard stop < end else { return stop }
    let last = reader.startOfScalar(before: stop)
    return last > start ? last : stop
  }

  /// `'s|'t|'re|'ve|'m|'ll|'d`.
  private func contraction(_ start: Int, ignoresCase: Bool) -> Int? {
    guard reader.text[start] == UInt8(ascii: "'"), start + 1 < end else { return nil }
    let first = reader.text[start + 1]
    let second = start + 2 < end ? reader.text[start + 2] : 0
    let mask: UInt8 = ignoresCase ? 0x20 : 0
    switch first | mask {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return start + 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return second | mask == UInt8(ascii: "e") ? start + 3 : nil
    case UInt8(ascii: "l"):
      return second | mask == UInt8(ascii: "l") ? start + 3 : nil
    default:
      // U+017F, the long s, is an s where case is ignored.
      return ignoresCase && first == 0xC5 && second == 0xBF ? start + 3 : nil
    }
  }
}
