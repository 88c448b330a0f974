/// A string as Python has it, a list of code points, that knows where each one comes from.
struct JinjaText: Sendable {
  /// A stretch of one origin, up to and without the index `end`.
  struct Run: Sendable {
    var origin: TextOrigin
    var end: Int
  }

  /// The code points.
  private(set) var scalars: [Unicode.Scalar]
  /// The origin of the first code point, and of all where `runs` is empty.
  private var first: TextOrigin
  /// The stretches in order, where there is more than one.
  private var runs: [Run] = []

  init(_ scalars: [Unicode.Scalar] = [], origin: TextOrigin = .template) {
    self.scalars = scalars
    first = origin
  }

  init(_ text: String, origin: TextOrigin = .template) {
    self.init(Array(text.unicodeScalars), origin: origin)
  }

  var count: Int { scalars.count }
  var isEmpty: Bool { scalars.isEmpty }

  /// The text without origins.
  var string: String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  /// The stretches; none for an empty text.
  var stretches: [Run] {
    if !runs.isEmpty { return runs }
    return scalars.isEmpty ? [] : [Run(origin: first, end: scalars.count)]
  }

  /// The origin that is not the template's, where there is one.
  var foreignOrigin: TextOrigin? { stretches.first { $0.origin != .template }?.origin }

  /// The same text, all of one origin.
  func marked(_ origin: TextOrigin) -> JinjaText { JinjaText(scalars, origin: origin) }

  /// Adds code points of one origin.
  mutating func append(_ added: some Collection<Unicode.Scalar>, origin: TextOrigin) {
    guard !added.isEmpty else { return }
    if scalars.isEmpty {
      first = origin
    } else if (runs.last?.origin ?? first) != origin {
      if runs.isEmpty { runs = [Run(origin: first, end: scalars.count)] }
      runs.append(Run(origin: origin, end: scalars.count))
    }
    scalars.append(contentsOf: added)
    if !runs.isEmpty { runs[runs.count - 1].end = scalars.count }
  }

  /// Adds template text.
  mutating func append(_ text: String) {
    append(Array(text.unicodeScalars), origin: .template)
  }

  mutating func append(_ other: JinjaText) {
    if scalars.isEmpty {
      self = other
    } else if other.runs.isEmpty {
      append(other.scalars, origin: other.first)
    } else {
      append(other, 0..<other.count)
    }
  }

  /// Adds a part of another text.
  mutating func append(_ other: JinjaText, _ range: Range<Int>) {
    guard !other.runs.isEmpty else {
      append(other.scalars[range], origin: other.first)
      return
    }
    var start = 0
    for run in other.runs {
      let part = range.clamped(to: start..<run.end)
      if !part.isEmpty { append(other.scalars[part], origin: run.origin) }
      start = run.end
      if start >= range.upperBound { break }
    }
  }

  subscript(range: Range<Int>) -> JinjaText {
    if range == 0..<count { return self }
    var part = JinjaText()
    part.append(self, range)
    return part
  }

  subscript(index: Int) -> JinjaText { self[index..<index + 1] }

  /// The characters at indices that step through the text.
  func stepped(_ indices: some Sequence<Int>) -> JinjaText {
    var result = JinjaText()
    for index in indices { result.append([scalars[index]], origin: origin(at: index)) }
    return result
  }

  /// The origin of a code point.
  func origin(at index: Int) -> TextOrigin {
    guard !runs.isEmpty else { return first }
    var (low, high) = (0, runs.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].end > index { high = middle } else { low = middle + 1 }
    }
    return runs[low].origin
  }

  /// The text with each code point replaced, of the origin that it had.
  func mapped(_ body: (Int, Unicode.Scalar) -> String) -> JinjaText {
    var result = JinjaText()
    var start = 0
    for run in stretches {
      var part = String.UnicodeScalarView()
      for index in start..<run.end {
        part.append(contentsOf: body(index, scalars[index]).unicodeScalars)
      }
      result.append(Array(part), origin: run.origin)
      start = run.end
    }
    return result
  }

  /// The parts as strings.
  var rendered: RenderedText {
    var spans: [RenderedText.Span] = []
    var start = 0
    for run in stretches {
      spans.append(
        .init(text: JinjaText(Array(scalars[start..<run.end])).string, origin: run.origin)
      )
      start = run.end
    }
    return RenderedText(spans: spans)
  }
}

extension JinjaText: Equatable, Hashable, Comparable, ExpressibleByStringLiteral {
  /// Texts are equal by their characters, wherever they come from.
  static func == (left: JinjaText, right: JinjaText) -> Bool { left.scalars == right.scalars }

  func hash(into hasher: inout Hasher) { hasher.combine(scalars) }

  static func < (left: JinjaText, right: JinjaText) -> Bool {
    left.scalars.lexicographicallyPrecedes(right.scalars)
  }

  init(stringLiteral value: String) { self.init(value) }

  func equals(_ text: String) -> Bool { scalars.elementsEqual(text.unicodeScalars) }
}

extension JinjaText {
  /// The first place of a text at or behind an index, in time proportional to both lengths.
  func firstIndex(of needle: [Unicode.Scalar], from start: Int = 0, to end: Int? = nil) -> Int? {
    let end = min(end ?? count, count)
    guard start <= end, needle.count <= end - start else { return nil }
    guard let head = needle.first else { return start }
    if needle.count == 1 { return scalars[start..<end].firstIndex(of: head) }
    let table = Self.borders(of: needle)
    var matched = 0
    for index in start..<end {
      while matched > 0, scalars[index] != needle[matched] { matched = table[matched - 1] }
      if scalars[index] == needle[matched] { matched += 1 }
      if matched == needle.count { return index + 1 - matched }
    }
    return nil
  }

  /// The last place of a text within bounds.
  func lastIndex(of needle: [Unicode.Scalar], from start: Int = 0, to end: Int? = nil) -> Int? {
    let end = min(end ?? count, count)
    guard start <= end, needle.count <= end - start else { return nil }
    let turned = JinjaText(Array(scalars[start..<end].reversed()))
    return turned.firstIndex(of: needle.reversed()).map { end - $0 - needle.count }
  }

  /// The places of a text that do not overlap, from the left.
  ///
  /// - Parameters:
  ///   - needle: What is looked for; not empty.
  ///   - limit: How many places at most; negative for all.
  /// - Returns: Where they start.
  func indices(of needle: [Unicode.Scalar], limit: Int = -1) -> [Int] {
    var found: [Int] = []
    let table = Self.borders(of: needle)
    var matched = 0
    for index in 0..<count where limit < 0 || found.count < limit {
      while matched > 0, scalars[index] != needle[matched] { matched = table[matched - 1] }
      if scalars[index] == needle[matched] { matched += 1 }
      if matched == needle.count {
        found.append(index + 1 - matched)
        matched = 0
      }
    }
    return found
  }

  /// For each prefix, the length of its longest border (Knuth, Morris and Pratt 1977).
  private static func borders(of needle: [Unicode.Scalar]) -> [Int] {
    var table = [Int](repeating: 0, count: needle.count)
    var length = 0
    for index in needle.indices.dropFirst() {
      while length > 0, needle[index] != needle[length] { length = table[length - 1] }
      if needle[index] == needle[length] { length += 1 }
      table[index] = length
    }
    return table
  }
}
