import Foundation

/// The chain that cuts normalised text into the words that merges never cross.
struct PreTokenizer: Sendable {
  enum Step: Sendable {
    case split(Matcher, Behavior, invert: Bool)
    case digits(individually: Bool)
    case byteLevel(addsPrefixSpace: Bool, usesPattern: Bool)
    case metaspace(Metaspace)
    /// Whether white space is left out, and what is made of the rest.
    case words(Words)
    case punctuation(Behavior)
    /// Cuts before every run of a text that something else stands before.
    case beforeRuns(of: [UInt8])
  }

  /// Kinds of words between white space.
  enum Words: Sendable {
    /// All that is no white space.
    case all
    /// As above, every punctuation character alone.
    case bert
    /// Runs of word characters, and runs of others.
    case classes
  }

  /// Spaces spelt as a character, which stands before words too.
  struct Metaspace: Sendable {
    enum Prefix: String, Sendable {
      case always, never, first
    }
    var replacement: [UInt8]
    var prefix: Prefix
    var splits: Bool
  }

  enum Matcher: Sendable {
    case known(SplitPattern)
    case literal([UInt8])
    case expression(NSRegularExpression)
  }

  /// What becomes of the text that a split matched.
  enum Behavior: String, Sendable, CaseIterable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"
  }

  var steps: [Step]

  /// Calls `word` with each piece of a text, in order.
  ///
  /// - Parameters:
  ///   - text: Normalised text.
  ///   - isStart: Whether nothing stands before it.
  ///   - word: Called with each piece, none of them empty.
  func forEachWord(
    of text: UnsafeBufferPointer<UInt8>,
    isStart: Bool,
    _ word: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    guard text.count > 0 else { return }
    run(steps[...], on: text, pieces: [0..<text.count], isStart: isStart, word)
  }

  private func run(
    _ steps: ArraySlice<Step>,
    on text: UnsafeBufferPointer<UInt8>,
    pieces: [Range<Int>],
    isStart: Bool,
    _ word: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    guard let step = steps.first else {
      for piece in pieces { word(UnsafeBufferPointer(rebasing: text[piece])) }
      return
    }
    switch step {
    case .metaspace(let metaspace):
      for piece in pieces {
        let isStart = isStart && piece.lowerBound == 0
        let copy = metaspace.spelt(text, piece, isStart: isStart)
        copy.withUnsafeBufferPointer { copy in
          let pieces = metaspace.pieces(of: copy)
          run(steps.dropFirst(), on: copy, pieces: pieces, isStart: isStart, word)
        }
      }
    case .byteLevel(addsPrefixSpace: true, let usesPattern):
      runPrefixed(
        steps.dropFirst(),
        on: text,
        pieces,
        isStart: isStart,
        usesPattern: usesPattern,
        word
      )
    default:
      run(steps.dropFirst(), on: text, pieces: cut(text, pieces, step), isStart: isStart, word)
    }
  }

  /// The pieces of pieces that a step cuts, which leaves the text as it is.
  private func cut(
    _ text: UnsafeBufferPointer<UInt8>,
    _ pieces: [Range<Int>],
    _ step: Step
  ) -> [Range<Int>] {
    var next: [Range<Int>] = []
    switch step {
    case .split(.known(let pattern), .isolated, _):
      // These patterns match everything: isolating the matches is all there is to do.
      next.reserveCapacity(text.count / 4)
      for piece in pieces { pattern.split(text, in: piece, into: &next) }
    case .split(let matcher, let behavior, let invert):
      for piece in pieces {
        var matches = matcher.spans(in: text, piece)
        if invert { for index in matches.indices { matches[index].isMatch.toggle() } }
        behavior.append(matches, to: &next)
      }
    case .digits(let individually):
      for piece in pieces {
        let spans = Self.spans(of: ScalarClass.number, in: text, piece)
        (individually ? Behavior.isolated : .contiguous).append(spans, to: &next)
      }
    case .punctuation(let behavior):
      for piece in pieces {
        behavior.append(Self.spans(of: ScalarClass.punctuation, in: text, piece), to: &next)
      }
    case .words(let words):
      for piece in pieces { words.append(in: text, piece, to: &next) }
    case .beforeRuns(let mark):
      for piece in pieces { Self.cut(text, piece, before: mark, into: &next) }
    case .byteLevel(_, usesPattern: true):
      for piece in pieces { SplitPattern.gpt2.split(text, in: piece, into: &next) }
    case .byteLevel, .metaspace: next = pieces
    }
    return next
  }

  /// Each piece gets a space before it where it has none, so each is a text of its own.
  private func runPrefixed(
    _ steps: ArraySlice<Step>,
    on text: UnsafeBufferPointer<UInt8>,
    _ pieces: [Range<Int>],
    isStart: Bool,
    usesPattern: Bool,
    _ word: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    for piece in pieces {
      let needsSpace = text[piece.lowerBound] != UInt8(ascii: " ")
      let copy = (needsSpace ? [UInt8(ascii: " ")] : []) + Array(text[piece])
      copy.withUnsafeBufferPointer { copy in
        var next = [0..<copy.count]
        if usesPattern {
          next = []
          SplitPattern.gpt2.split(copy, in: 0..<copy.count, into: &next)
        }
        let isStart = isStart && piece.lowerBound == 0
        run(steps, on: copy, pieces: next, isStart: isStart, word)
      }
    }
  }

  /// Cuts a piece before every run of a text that something else stands before.
  private static func cut(
    _ text: UnsafeBufferPointer<UInt8>,
    _ piece: Range<Int>,
    before mark: [UInt8],
    into pieces: inout [Range<Int>]
  ) {
    var start = piece.lowerBound
    var index = start
    var isBehindMark = true
    while index < piece.upperBound {
      guard text[index] == mark[0], text[index..<piece.upperBound].starts(with: mark) else {
        isBehindMark = false
        index += 1
        continue
      }
      if !isBehindMark {
        pieces.append(start..<index)
        start = index
      }
      isBehindMark = true
      index += mark.count
    }
    pieces.append(start..<piece.upperBound)
  }

  /// The characters of a piece that have a bit, one by one, and what lies between them.
  fileprivate static func spans(
    of bit: UInt8,
    in text: UnsafeBufferPointer<UInt8>,
    _ piece: Range<Int>
  ) -> [Span] {
    let reader = ScalarReader(text)
    var spans: [Span] = []
    var index = piece.lowerBound
    while index < piece.upperBound {
      let (bits, length) = reader.scalar(at: index, end: piece.upperBound)
      if bits & bit != 0 {
        spans.append(Span(range: index..<index + length, isMatch: true))
        index += length
      } else {
        let stop = reader.run(without: bit, from: index, end: piece.upperBound)
        spans.append(Span(range: index..<stop, isMatch: false))
        index = stop
      }
    }
    return spans
  }
}

extension PreTokenizer.Words {
  /// Appends the words of a piece.
  fileprivate func append(
    in text: UnsafeBufferPointer<UInt8>,
    _ piece: Range<Int>,
    to words: inout [Range<Int>]
  ) {
    let reader = ScalarReader(text)
    var index = piece.lowerBound
    while true {
      index = reader.run(of: ScalarClass.space, from: index, end: piece.upperBound)
      guard index < piece.upperBound else { return }
      let end = reader.run(without: ScalarClass.space, from: index, end: piece.upperBound)
      switch self {
      case .all: words.append(index..<end)
      case .bert:
        words += PreTokenizer.spans(of: ScalarClass.punctuation, in: text, index..<end).map(\.range)
      case .classes:
        while index < end {
          let isWord = reader.scalar(at: index, end: end).bits & ScalarClass.word != 0
          let stop =
            isWord
            ? reader.run(of: ScalarClass.word, from: index, end: end)
            : reader.run(without: ScalarClass.word, from: index, end: end)
          words.append(index..<stop)
          index = stop
        }
      }
      index = end
    }
  }
}

extension PreTokenizer.Metaspace {
  /// The text of a piece with spaces replaced, and the replacement before it where it belongs there.
  fileprivate func spelt(
    _ text: UnsafeBufferPointer<UInt8>,
    _ piece: Range<Int>,
    isStart: Bool
  ) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(piece.count + piece.count / 2)
    for byte in text[piece] {
      if byte == UInt8(ascii: " ") { result += replacement } else { result.append(byte) }
    }
    let isWanted =
      switch prefix {
      case .always: true
      case .first: isStart
      case .never: false
      }
    return isWanted && !result.starts(with: replacement) ? replacement + result : result
  }

  /// The pieces of a text that is spelt so: each starts with the replacement, where it is cut.
  fileprivate func pieces(of text: UnsafeBufferPointer<UInt8>) -> [Range<Int>] {
    let whole = 0..<text.count
    guard splits else { return [whole] }
    var pieces: [Range<Int>] = []
    let matcher = PreTokenizer.Matcher.literal(replacement)
    PreTokenizer.Behavior.mergedWithNext.append(matcher.spans(in: text, whole), to: &pieces)
    return pieces
  }
}
