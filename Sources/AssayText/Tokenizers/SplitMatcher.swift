import Foundation

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
