/// Python's methods of `str`; results keep the origins of the characters.
///
/// Source: Python 3.11, `Objects/unicodeobject.c`.
extension JinjaText {
  /// The range without characters at the ends that a test accepts.
  private func core(
    left: Bool,
    right: Bool,
    drops: (Unicode.Scalar) -> Bool
  ) -> Range<Int> {
    var (low, high) = (0, count)
    if left { while low < high, drops(scalars[low]) { low += 1 } }
    if right { while low < high, drops(scalars[high - 1]) { high -= 1 } }
    return low..<high
  }

  /// `strip`, `lstrip`, `rstrip`.
  func stripped(_ characters: JinjaText? = nil, left: Bool = true, right: Bool = true) -> JinjaText
  {
    guard let characters else { return self[core(left: left, right: right) { $0.isPythonSpace }] }
    let set = Set(characters.scalars)
    return self[core(left: left, right: right) { set.contains($0) }]
  }

  /// `replace`.
  func replacing(_ old: JinjaText, with new: JinjaText, limit: Int = -1) -> JinjaText {
    var result = JinjaText()
    var start = 0
    var places: [Int]
    if old.isEmpty {
      places = Array(0...count)
      if limit >= 0 { places = Array(places.prefix(limit)) }
    } else {
      places = indices(of: old.scalars, limit: limit)
    }
    for place in places {
      result.append(self, start..<place)
      result.append(new)
      start = place + old.count
    }
    result.append(self, start..<count)
    return result
  }

  /// `split` at a separator that is not empty.
  func split(_ separator: JinjaText, limit: Int = -1) -> [JinjaText] {
    var parts: [JinjaText] = []
    var start = 0
    for place in indices(of: separator.scalars, limit: limit) {
      parts.append(self[start..<place])
      start = place + separator.count
    }
    parts.append(self[start..<count])
    return parts
  }

  /// `rsplit` at a separator that is not empty.
  func splitFromRight(_ separator: JinjaText, limit: Int) -> [JinjaText] {
    let turned = stepped((0..<count).reversed())
    let back = JinjaText(Array(separator.scalars.reversed()))
    return turned.split(back, limit: limit).reversed().map { $0.stepped((0..<$0.count).reversed()) }
  }

  /// `split` and `rsplit` at white space.
  func splitAtSpace(limit: Int = -1, fromRight: Bool = false) -> [JinjaText] {
    var words: [Range<Int>] = []
    var start: Int?
    for index in 0...count {
      let isSpace = index == count || scalars[index].isPythonSpace
      if let begun = start, isSpace {
        words.append(begun..<index)
        start = nil
      } else if start == nil, !isSpace {
        start = index
      }
    }
    guard limit >= 0, words.count > limit else { return words.map { self[$0] } }
    if fromRight {
      // At least one word is left over, and what stands before it is not split.
      let rest = words.dropLast(limit)
      let kept = words.suffix(limit).map { self[$0] }
      return [self[0..<(rest.last?.upperBound ?? 0)]] + kept
    }
    let kept = words.prefix(limit).map { self[$0] }
    return kept + [self[words[limit].lowerBound..<count]]
  }

  /// `splitlines`.
  func lines(keepsEnds: Bool = false) -> [JinjaText] {
    var lines: [JinjaText] = []
    var (start, index) = (0, 0)
    while index < count {
      guard scalars[index].isPythonLineBreak else {
        index += 1
        continue
      }
      let end = index
      index += scalars[index] == "\r" && index + 1 < count && scalars[index + 1] == "\n" ? 2 : 1
      lines.append(self[start..<(keepsEnds ? index : end)])
      start = index
    }
    if start < count { lines.append(self[start..<count]) }
    return lines
  }

  func hasPrefix(_ prefix: JinjaText, from start: Int = 0) -> Bool {
    start + prefix.count <= count
      && scalars[start..<start + prefix.count].elementsEqual(prefix.scalars)
  }

  func hasSuffix(_ suffix: JinjaText) -> Bool {
    suffix.count <= count && scalars.suffix(suffix.count).elementsEqual(suffix.scalars)
  }

  func uppercased() -> JinjaText { mapped { $1.properties.uppercaseMapping } }

  func lowercased() -> JinjaText { mapped { lowered($0, $1) } }

  /// `capitalize`.
  func capitalized() -> JinjaText {
    mapped { $0 == 0 ? $1.properties.titlecaseMapping : lowered($0, $1) }
  }

  /// `swapcase`.
  func swappedCase() -> JinjaText {
    mapped { index, scalar in
      scalar.properties.isUppercase
        ? lowered(index, scalar)
        : scalar.properties.isLowercase
          ? scalar.properties.uppercaseMapping : String(scalar)
    }
  }

  /// `title`: a letter behind one that has case is lower, others are in title case.
  func titled() -> JinjaText {
    mapped { index, scalar in
      index > 0 && scalars[index - 1].properties.isCased
        ? lowered(index, scalar) : scalar.properties.titlecaseMapping
    }
  }

  /// A letter in lower case; a capital sigma at the end of a word is its own letter.
  private func lowered(_ index: Int, _ scalar: Unicode.Scalar) -> String {
    guard scalar == "\u{3A3}" else { return scalar.properties.lowercaseMapping }
    var before = index - 1
    while before >= 0, scalars[before].properties.isCaseIgnorable { before -= 1 }
    guard before >= 0, scalars[before].properties.isCased else { return "\u{3C3}" }
    var after = index + 1
    while after < count, scalars[after].properties.isCaseIgnorable { after += 1 }
    return after < count && scalars[after].properties.isCased ? "\u{3C3}" : "\u{3C2}"
  }

  /// `ljust`, `rjust`, `center` and the alignments of `format`.
  func padded(to width: Int, with fill: Unicode.Scalar = " ", alignment: Alignment) -> JinjaText {
    let missing = max(width, count) - count
    guard missing > 0 else { return self }
    let left =
      switch alignment {
      case .left: 0
      case .right: missing
      // Python puts the odd space to the left where the width is odd.
      case .center: missing / 2 + (missing & width & 1)
      case .formatCenter: missing / 2
      }
    var result = JinjaText()
    result.append([Unicode.Scalar](repeating: fill, count: left), origin: .template)
    result.append(self)
    result.append([Unicode.Scalar](repeating: fill, count: missing - left), origin: .template)
    return result
  }

  /// Where a text stands in a wider field.
  enum Alignment { case left, right, center, formatCenter }

  /// `islower` and `isupper`: some letter has the case and none the other.
  func isCase(upper: Bool) -> Bool {
    var found = false
    for scalar in scalars {
      let properties = scalar.properties
      let isTitle = properties.generalCategory == .titlecaseLetter
      if isTitle || (upper ? properties.isLowercase : properties.isUppercase) { return false }
      if upper ? properties.isUppercase : properties.isLowercase { found = true }
    }
    return found
  }

  /// `istitle`.
  var isTitle: Bool {
    var (found, wasCased) = (false, false)
    for scalar in scalars {
      let properties = scalar.properties
      if properties.isUppercase || properties.generalCategory == .titlecaseLetter {
        if wasCased { return false }
        (found, wasCased) = (true, true)
      } else if properties.isLowercase {
        if !wasCased { return false }
        (found, wasCased) = (true, true)
      } else {
        wasCased = false
      }
    }
    return found
  }
}

extension Unicode.Scalar {
  /// Python's `isspace`.
  var isPythonSpace: Bool {
    value < 0x80
      ? value == 0x20 || (0x09...0x0D).contains(value) || (0x1C...0x1F).contains(value)
      : properties.isWhitespace
  }

  /// What `splitlines` splits at.
  var isPythonLineBreak: Bool {
    switch value {
    case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }

  var isPythonAlpha: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  var isPythonDecimal: Bool { properties.numericType == .decimal }
  var isPythonDigit: Bool { isPythonDecimal || properties.numericType == .digit }
  var isPythonNumeric: Bool { properties.numericType != nil }
  var isPythonAlphanumeric: Bool { isPythonAlpha || isPythonNumeric }

  /// Whether `repr` shows it as it is.
  var isPythonPrintable: Bool {
    if value < 0x7F { return value >= 0x20 }
    switch properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator, .spaceSeparator:
      return false
    default: return true
    }
  }
}
