/// A piece of a template.
struct JinjaToken {
  enum Kind: Equatable {
    case data(JinjaText)
    case variableBegin, variableEnd, blockBegin, blockEnd
    case name(String)
    case text(JinjaText)
    case integer(Int)
    case float(Double)
    case mark(String)
    case end
  }

  var kind: Kind
  var line: Int
}

/// Cuts a template into tokens with the white space that `trim_blocks` and `lstrip_blocks` leave.
///
/// Source: Jinja2 3.1.6, `lexer.py`.
struct JinjaLexer {
  private let source: [Unicode.Scalar]
  private var position = 0
  private var line = 1
  private var tokens: [JinjaToken] = []
  /// Whether what was read last ended a line.
  private var isAtLineStart = true
  /// The brackets that are open, by what closes them.
  private var closers: [String] = []

  /// Returns the tokens of a template, the last of which is `end`.
  ///
  /// - Throws: `JinjaError` of kind `syntax`.
  static func tokens(of template: String) throws -> [JinjaToken] {
    var lexer = JinjaLexer(template)
    while lexer.position < lexer.source.count { try lexer.readOutside() }
    lexer.add(.end)
    return lexer.tokens
  }

  private init(_ template: String) {
    var source: [Unicode.Scalar] = []
    var follows = false
    for scalar in template.unicodeScalars {
      if scalar == "\n", follows {
        follows = false
        continue
      }
      follows = scalar == "\r"
      source.append(follows ? "\n" : scalar)
    }
    if source.last == "\n" { source.removeLast() }
    self.source = source
  }

  private func fail(_ reason: String) -> JinjaError {
    JinjaError(line: line, kind: .syntax, reason: reason)
  }

  private mutating func add(_ kind: JinjaToken.Kind) {
    tokens.append(JinjaToken(kind: kind, line: line))
  }

  private func has(_ text: StaticString, at index: Int) -> Bool {
    let bytes = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    guard index + bytes.count <= source.count else { return false }
    return zip(bytes, source[index...]).allSatisfy { UInt32($0) == $1.value }
  }

  private mutating func advance(to end: Int) {
    for index in position..<end where source[index] == "\n" { line += 1 }
    if end > position { isAtLineStart = source[end - 1] == "\n" }
    position = end
  }

  private func spaceEnd(_ start: Int) -> Int {
    var index = start
    while index < source.count, source[index].isPythonSpace { index += 1 }
    return index
  }

  // MARK: Text between tags

  private mutating func readOutside() throws {
    var start = position
    while start < source.count {
      if source[start] == "{", start + 1 < source.count,
        source[start + 1] == "%" || source[start + 1] == "{" || source[start + 1] == "#"
      {
        break
      }
      start += 1
    }
    guard start < source.count else {
      addData(position..<start)
      advance(to: start)
      return
    }
    let opener = source[start + 1]
    let rawEnd = opener == "%" ? rawBegin(at: start) : nil
    addData(stripped(position..<start, tag: start, strips: opener != "{"))
    let sign = start + 2 < source.count ? source[start + 2] : " "
    let inside = sign == "-" || sign == "+" ? start + 3 : start + 2
    if let rawEnd {
      advance(to: rawEnd)
      try readRaw()
    } else if opener == "#" {
      advance(to: inside)
      try readComment()
    } else {
      advance(to: start)
      add(opener == "{" ? .variableBegin : .blockBegin)
      advance(to: inside)
      try readInside(isBlock: opener == "%")
    }
  }

  /// The text before a tag without the white space that the tag takes.
  private func stripped(_ range: Range<Int>, tag: Int, strips: Bool) -> Range<Int> {
    let sign = tag + 2 < source.count ? source[tag + 2] : " "
    var end = range.upperBound
    while end > range.lowerBound, source[end - 1].isPythonSpace { end -= 1 }
    if sign == "-" { return range.lowerBound..<end }
    guard sign != "+", strips else { return range }
    let newline = source[range].lastIndex(of: "\n")
    let lineStart = newline.map { $0 + 1 } ?? range.lowerBound
    guard newline != nil || isAtLineStart, end <= lineStart else { return range }
    return range.lowerBound..<lineStart
  }

  private mutating func addData(_ range: Range<Int>) {
    guard !range.isEmpty else { return }
    add(.data(JinjaText(Array(source[range]))))
  }

  private mutating func readComment() throws {
    var index = position
    while index < source.count {
      if has("#}", at: index) {
        let end = index + 2
        advance(to: has("\n", at: end) ? end + 1 : end)
        return
      }
      if has("-#}", at: index) { return advance(to: spaceEnd(index + 3)) }
      if has("+#}", at: index) { return advance(to: index + 3) }
      index += 1
    }
    throw fail("a comment is not closed by '#}'")
  }

  /// Where the content of a raw block starts, if a tag opens one.
  private func rawBegin(at start: Int) -> Int? {
    var index = start + 2
    if has("-", at: index) || has("+", at: index) { index += 1 }
    index = spaceEnd(index)
    guard has("raw", at: index) else { return nil }
    index = spaceEnd(index + 3)
    if has("-%}", at: index) { return spaceEnd(index + 3) }
    return has("%}", at: index) ? index + 2 : nil
  }

  private mutating func readRaw() throws {
    for start in position..<source.count where has("{%", at: start) {
      var index = start + 2
      if has("-", at: index) || has("+", at: index) { index += 1 }
      index = spaceEnd(index)
      guard has("endraw", at: index) else { continue }
      guard let end = blockEnd(at: spaceEnd(index + 6)) else { continue }
      addData(stripped(position..<start, tag: start, strips: true))
      return advance(to: end)
    }
    throw fail("a raw block is not closed by '{% endraw %}'")
  }

  // MARK: Inside tags

  /// Where a block tag is over, if it ends here, with what it takes of the text behind.
  private func blockEnd(at index: Int) -> Int? {
    if has("%}", at: index) { return has("\n", at: index + 2) ? index + 3 : index + 2 }
    if has("-%}", at: index) { return spaceEnd(index + 3) }
    return has("+%}", at: index) ? index + 3 : nil
  }

  private func variableEnd(at index: Int) -> Int? {
    if has("}}", at: index) { return index + 2 }
    return has("-}}", at: index) ? spaceEnd(index + 3) : nil
  }

  private mutating func readInside(isBlock: Bool) throws {
    while position < source.count {
      if closers.isEmpty,
        let end = isBlock ? blockEnd(at: position) : variableEnd(at: position)
      {
        add(isBlock ? .blockEnd : .variableEnd)
        return advance(to: end)
      }
      let scalar = source[position]
      if scalar.isPythonSpace {
        advance(to: spaceEnd(position))
      } else if ("0"..."9").contains(scalar) {
        try readNumber()
      } else if Self.isNamePart(scalar) {
        var end = position
        while end < source.count, Self.isNamePart(source[end]) { end += 1 }
        add(.name(JinjaText(Array(source[position..<end])).string))
        advance(to: end)
      } else if scalar == "'" || scalar == "\"" {
        try readText(quote: scalar)
      } else {
        try readMark(scalar)
      }
    }
  }

  private static func isNamePart(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_"
      || (scalar.isASCII ? scalar.isPythonAlphanumeric : scalar.properties.isXIDContinue)
  }

  private func digitsEnd(_ start: Int, _ isDigit: (Unicode.Scalar) -> Bool) -> Int {
    var index = start
    while index < source.count {
      if isDigit(source[index]) {
        index += 1
      } else if source[index] == "_", index > start, index + 1 < source.count,
        isDigit(source[index + 1])
      {
        index += 1
      } else {
        break
      }
    }
    return index
  }

  private mutating func readNumber() throws {
    func isDecimal(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
    let whole = digitsEnd(position, isDecimal)
    var end = whole
    if end < source.count, source[end] == "." {
      let fraction = digitsEnd(end + 1, isDecimal)
      if fraction > end + 1 { end = fraction }
    }
    if end < source.count, source[end] == "e" || source[end] == "E" {
      let isSigned = has("+", at: end + 1) || has("-", at: end + 1)
      let exponent = end + (isSigned ? 2 : 1)
      let last = digitsEnd(exponent, isDecimal)
      if last > exponent { end = last }
    }
    let isBehindDot = position > 0 && source[position - 1] == "."
    if end > whole, !isBehindDot {
      guard let value = Double(digits(position..<end)) else { throw fail("not a number") }
      add(.float(value))
      return advance(to: end)
    }
    try readInteger(whole: whole)
  }

  private func digits(_ range: Range<Int>) -> String {
    JinjaText(source[range].filter { $0 != "_" }).string
  }

  private mutating func readInteger(whole: Int) throws {
    var (start, end, radix) = (position, whole, 10)
    if source[position] == "0", position + 1 < source.count {
      let mark = source[position + 1].properties.lowercaseMapping
      if let other = ["x": 16, "o": 8, "b": 2][mark] {
        let last = digitsEnd(position + 2) { Int(String($0), radix: other) != nil }
        if last > position + 2 { (start, end, radix) = (position + 2, last, other) }
      }
      // A decimal number has no leading zeros: 007 is 00 and 7.
      if radix == 10 { end = digitsEnd(position) { $0 == "0" } }
    }
    guard let value = Int(digits(start..<end), radix: radix) else {
      throw fail("the integer \(digits(start..<end)) has more than 64 bits")
    }
    add(.integer(value))
    advance(to: end)
  }

  private mutating func readText(quote: Unicode.Scalar) throws {
    var end = position + 1
    while end < source.count, source[end] != quote { end += source[end] == "\\" ? 2 : 1 }
    guard end < source.count else { throw fail("a text is not closed by \(quote)") }
    add(.text(try unescaped(position + 1..<end)))
    advance(to: end + 1)
  }

  private static let simpleEscapes: [Unicode.Scalar: Unicode.Scalar] = [
    "\\": "\\", "'": "'", "\"": "\"", "n": "\n", "t": "\t", "r": "\r", "a": "\u{7}", "b": "\u{8}",
    "f": "\u{C}", "v": "\u{B}",
  ]

  private func unescaped(_ range: Range<Int>) throws -> JinjaText {
    var result: [Unicode.Scalar] = []
    var index = range.lowerBound
    while index < range.upperBound {
      let scalar = source[index]
      index += 1
      guard scalar == "\\", index < range.upperBound else {
        result.append(scalar)
        continue
      }
      let kind = source[index]
      index += 1
      if let simple = Self.simpleEscapes[kind] {
        result.append(simple)
      } else if kind == "\n" {
        continue
      } else if let width = ["x": 2, "u": 4, "U": 8][kind] {
        let end = min(index + width, range.upperBound)
        let digits = JinjaText(Array(source[index..<end])).string
        guard digits.utf8.count == width, let code = UInt32(digits, radix: 16),
          let value = Unicode.Scalar(code)
        else { throw fail("the escape \\\(kind)\(digits) names no character") }
        result.append(value)
        index = end
      } else if ("0"..."7").contains(kind) {
        var end = index
        while end < range.upperBound, end < index + 2, ("0"..."7").contains(source[end]) {
          end += 1
        }
        let digits = JinjaText(Array(source[index - 1..<end])).string
        if let value = UInt32(digits, radix: 8).flatMap({ Unicode.Scalar($0) }) {
          result.append(value)
        }
        index = end
      } else if kind == "N" {
        throw fail("characters by name (\\N) are not supported; write the character itself")
      } else {
        // Python keeps the backslash; a character beyond ASCII is an escape of its own by then.
        result.append("\\")
        result += kind.isASCII ? [kind] : Array(Self.escape(kind).unicodeScalars.dropFirst())
      }
    }
    return JinjaText(result)
  }

  /// The escape that Python writes for a character beyond ASCII.
  static func escape(_ scalar: Unicode.Scalar) -> String {
    func hex(_ width: Int) -> String {
      let digits = String(scalar.value, radix: 16)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return scalar.value < 0x100
      ? "\\x" + hex(2) : scalar.value < 0x10000 ? "\\u" + hex(4) : "\\U" + hex(8)
  }

  private static let marks = Set([
    "+", "-", "/", "//", "*", "%", "**", "~", "[", "]", "(", ")", "{", "}", "==", "!=", ">", ">=",
    "<", "<=", "=", ".", ":", "|", ",", ";",
  ])

  private mutating func readMark(_ scalar: Unicode.Scalar) throws {
    var mark = String(scalar)
    if position + 1 < source.count {
      let pair = mark + String(source[position + 1])
      if Self.marks.contains(pair) { mark = pair }
    }
    guard Self.marks.contains(mark) else { throw fail("unexpected character '\(mark)'") }
    switch mark {
    case "(": closers.append(")")
    case "[": closers.append("]")
    case "{": closers.append("}")
    case ")", "]", "}":
      guard let expected = closers.popLast() else { throw fail("unexpected '\(mark)'") }
      guard expected == mark else { throw fail("unexpected '\(mark)', expected '\(expected)'") }
    default: break
    }
    add(.mark(mark))
    advance(to: position + mark.unicodeScalars.count)
  }
}
