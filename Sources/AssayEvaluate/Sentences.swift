// Where the sentences of a text are.

/// Finds sentences.
package enum Sentences {
  /// The sentences of a text: they end at a line's end, or at `.`, `!` or `?` before white space.
  ///
  /// - Returns: Ranges without the white space around them, in order; none is empty.
  package static func ranges(of text: String) -> [Range<String.Index>] {
    var ranges: [Range<String.Index>] = []
    var (start, end): (String.Index?, String.Index) = (nil, text.startIndex)
    var place = text.startIndex
    func close() {
      if let own = start { ranges.append(own..<end) }
      start = nil
    }
    while place < text.endIndex {
      let (character, next) = (text[place], text.index(after: place))
      if character.isNewline { close() }
      if !character.isWhitespace {
        if start == nil { start = place }
        end = next
        let isLast = next == text.endIndex || text[next].isWhitespace
        if isLast, ".!?".contains(character) { close() }
      }
      place = next
    }
    close()
    return ranges
  }
}
