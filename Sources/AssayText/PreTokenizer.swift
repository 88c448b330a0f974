import Foundation

/// The chain that cuts normalised text into the words that merges never cross.
struct PreTokenizer: Sendable {
  enum Step: Sendable {
    case split(Matcher, Behavior, invert: Bool)
    case digits(individually: Bool)
    case byteLevel(addsPrefixSpace: Bool, usesPattern: Bool)
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
  func forEachWord(
    of text: UnsafeBufferPointer<UInt8>,
    _ word: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    guard text.count > 0 else { return }
    run(steps[...], on: text, pieces: [0..<text.count], word)
  }

  private func run(
    _ steps: ArraySlice<Step>,
    on text: UnsafeBufferPointer<UInt8>,
    pieces: [Range<Int>],
    _ word: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    guard let step = steps.first else {
      for piece in pieces { word(UnsafeBufferPointer(rebasing: text[piece])) }
      return
    }
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
        let spans = Self.digitSpans(in: text, piece)
        (individually ? Behavior.isolated : .contiguous).append(spans, to: &next)
      }
    case .byteLevel(let addsPrefixSpace, let usesPattern):
      if addsPrefixSpace {
        runPrefixed(steps.dropFirst(), on: text, pieces, usesPattern: usesPattern, word)
        return
      }
      if usesPattern {
        for piece in pieces { SplitPattern.gpt2.split(text, in: piece, into: &next) }
      } else {
        next = pieces
      }
    }
    run(steps.dropFirst(), on: text, pieces: next, word)
  }

  /// Each piece gets a space before it where it has none, so each is a text of its own.
  private func runPrefixed(
    _ steps: ArraySlice<Step>,
    on text: UnsafeBufferPointer<UInt8>,
    _ pieces: [Range<Int>],
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
        run(steps, on: copy, pieces: next, word)
      }
    }
  }

  /// The digits of a piece one by one, and what lies between them.
  private static func digitSpans(
    in text: UnsafeBufferPointer<UInt8>,
    _ piece: Range<Int>
  ) -> [Span] {
    let reader = ScalarReader(text)
    var spans: [Span] = []
    var index = piece.lowerBound
    while index < piece.upperBound {
      let (bits, length) = reader.scalar(at: index, end: piece.upperBound)
      if bits & ScalarClass.number != 0 {
        spans.append(Span(range: index..<index + length, isMatch: true))
        index += length
      } else {
        let stop = reader.run(without: ScalarClass.number, from: index, end: piece.upperBound)
        spans.append(Span(range: index..<stop, isMatch: false))
        index = stop
      }
    }
    return spans
  }
}

/// A stretch of text that a matcher matched, or that lies between matches.
struct Span {
  var range: Range<Int>
  var isMatch: Bool
}

extension PreTokenizer.Matcher {
  /// The matches of a piece and the stretches between them, in order, without gaps.
  func spans(in text: UnsafeBufferPointer<UInt8>, _ piece: Range<Int>) -> [Span] {
    let found: [Range<Int>]
    switch self {
    case .known(let pattern):
      var pieces: [Range<Int>] = []
      pattern.split(text, in: piece, into: &pieces)
      found = pieces
    case .literal(let needle): found = Self.occurrences(of: needle, in: text, piece)
    case .expression(let expression): found = Self.matches(of: expression, in: text, piece)
    }
    var spans: [Span] = []
    var previous = piece.lowerBound
    for range in found {
      if range.lowerBound > previous {
        spans.append(Span(range: previous..<range.lowerBound, isMatch: false))
      }
      spans.append(Span(range: range, isMatch: true))
      previous = range.upperBound
    }
    if previous < piece.upperBound {
      spans.append(Span(range: previous..<piece.upperBound, isMatch: false))
    }
    return spans
  }

  private static func occurrences(
    of needle: [UInt8],
    in text: UnsafeBufferPointer<UInt8>,
    _ piece: Range<Int>
  ) -> [Range<Int>] {
    var found: [Range<Int>] = []
    var index = piece.lowerBound
    while index + needle.count <= piece.upperBound {
      if text[index..<index + needle.count].elementsEqual(needle) {
        found.append(index..<index + needle.count)
        index += needle.count
      } else {
        index += 1
      }
    }
    return found
  }

  private static func matches(
    of expression: NSRegularExpression,
    in text: UnsafeBufferPointer<UInt8>,
    _ piece: Range<Int>
  ) -> [Range<Int>] {
    let string = String(decoding: text[piece], as: UTF8.self)
    let units = string.utf16.count
    let results = expression.matches(in: string, range: NSRange(location: 0, length: units))
    // Byte offset of each UTF-16 unit, walked along with the ordered matches.
    var ranges: [Range<Int>] = []
    var unit = 0
    var offset = piece.lowerBound
    var scalars = string.unicodeScalars.makeIterator()
    func advance(to target: Int) -> Int {
      while unit < target, let scalar = scalars.next() {
        unit += scalar.utf16.count
        offset += scalar.utf8.count
      }
      return offset
    }
    for result in results {
      let start = advance(to: result.range.location)
      let stop = advance(to: result.range.location + result.range.length)
      ranges.append(start..<stop)
    }
    return ranges
  }
}

extension PreTokenizer.Behavior {
  /// Appends what the behaviour keeps of alternating spans; empty pieces are dropped.
  ///
  /// Source: `NormalizedString::split` of huggingface/tokenizers.
  func append(_ spans: [Span], to pieces: inout [Range<Int>]) {
    var kept: [Range<Int>] = []
    var previousIsMatch = false
    switch self {
    case .removed: kept = spans.filter { !$0.isMatch }.map(\.range)
    case .isolated: kept = spans.map(\.range)
    case .contiguous:
      for span in spans {
        if span.isMatch == previousIsMatch, let last = kept.popLast() {
          kept.append(last.lowerBound..<span.range.upperBound)
        } else {
          kept.append(span.range)
        }
        previousIsMatch = span.isMatch
      }
    case .mergedWithPrevious:
      for span in spans {
        if span.isMatch, !previousIsMatch, let last = kept.popLast() {
          kept.append(last.lowerBound..<span.range.upperBound)
        } else {
          kept.append(span.range)
        }
        previousIsMatch = span.isMatch
      }
    case .mergedWithNext:
      for span in spans.reversed() {
        if span.isMatch, !previousIsMatch, let last = kept.popLast() {
          kept.append(span.range.lowerBound..<last.upperBound)
        } else {
          kept.append(span.range)
        }
        previousIsMatch = span.isMatch
      }
      kept.reverse()
    }
    pieces.append(contentsOf: kept.lazy.filter { !$0.isEmpty })
  }
}
