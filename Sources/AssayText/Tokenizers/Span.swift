/// A stretch of text that a matcher matched, or that lies between matches.
struct Span {
  var range: Range<Int>
  var isMatch: Bool
}
