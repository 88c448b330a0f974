/// Formats by `%` and by `format`.
///
/// Source: Python 3.11, printf-style formatting and the format specification mini-language.
extension JinjaEvaluator {
  /// `format % values`.
  func formatted(_ format: JinjaText, _ values: JinjaValue) throws -> JinjaText {
    let items: [JinjaValue] = if case .tuple(let list) = values { list.items } else { [values] }
    var result = JinjaText()
    var (used, index) = (0, 0)
    func next() throws -> JinjaValue {
      guard used < items.count else { throw fail("a format asks for more values than there are") }
      used += 1
      return items[used - 1]
    }
    while index < format.count {
      guard format.scalars[index] == "%" else {
        let end = format.firstIndex(of: ["%"], from: index) ?? format.count
        result.append(format, index..<end)
        index = end
        continue
      }
      var field = PercentField(format.scalars, at: index + 1)
      guard field.isComplete else { throw fail("a format ends within a field") }
      index = field.end
      if field.format.type == "%" {
        result.append("%")
        continue
      }
      if field.takesWidth { field.set(width: try integer(try next(), "%")) }
      if field.takesPrecision { field.format.precision = max(0, try integer(try next(), "%")) }
      let value = try field.key.map { try mapped(values, $0) } ?? next()
      result.append(try percent(value, field.format))
      try checkLength(result.count)
    }
    let takesAll =
      switch values {
      case .dict, .list, .range: true  // What Python can ask for a key may be left over.
      default: used == items.count
      }
    guard takesAll else { throw fail("a format leaves values over") }
    return result
  }

  private func mapped(_ values: JinjaValue, _ key: JinjaText) throws -> JinjaValue {
    guard case .dict(let dict) = values else { throw fail("a format asks for a mapping") }
    guard let value = dict[.text(key.scalars)] else {
      throw fail("a format asks for '\(key.string)', which is not there")
    }
    return value
  }

  private func percent(_ value: JinjaValue, _ format: PythonFieldFormat) throws -> JinjaText {
    var format = format
    switch format.type {
    case "s", "r", "a":
      let text = format.type == "s" ? try string(value) : try representation(of: value)
      format.type = "s"
      format.padsWithZeros = false
      format.alignment = format.alignment ?? .right
      return try written(.text(text), format)
    case "d", "i", "u":
      format.type = "d"
      if case .float(let number) = value, number.magnitude < 9e18 {
        return try written(.int(Int(number)), format)
      }
      return try written(value, format)
    case "c":
      if case .text(let text) = value, text.count == 1 {
        format.type = "s"
        format.alignment = format.alignment ?? .right
        return try written(.text(text), format)
      }
      return try written(value, format)
    case "x", "X", "o", "e", "E", "f", "F", "g", "G": return try written(value, format)
    default: throw fail("there is no format '%\(format.type.map { String($0) } ?? "")'")
    }
  }

  // MARK: str.format

  /// `format.format(...)`.
  func formatted(_ format: JinjaText, _ arguments: JinjaArguments) throws -> JinjaText {
    var result = JinjaText()
    var index = 0
    // How many fields were numbered by their place; negative where they bear their own numbers.
    var automatic = 0
    let scalars = format.scalars
    while index < scalars.count {
      let scalar = scalars[index]
      guard scalar == "{" || scalar == "}" else {
        result.append(format, index..<index + 1)
        index += 1
        continue
      }
      if index + 1 < scalars.count, scalars[index + 1] == scalar {
        result.append(format, index..<index + 1)
        index += 2
        continue
      }
      guard scalar == "{", let end = format.firstIndex(of: ["}"], from: index) else {
        throw fail("a format has a single '\(scalar)'")
      }
      let field = JinjaText(Array(scalars[index + 1..<end]))
      guard !field.scalars.contains("{") else { throw fail("a format has fields within fields") }
      result.append(try fieldText(field, arguments, &automatic))
      try checkLength(result.count)
      index = end + 1
    }
    return result
  }

  private func fieldText(
    _ field: JinjaText,
    _ arguments: JinjaArguments,
    _ automatic: inout Int
  ) throws -> JinjaText {
    let colon = field.firstIndex(of: [":"]) ?? field.count
    let bang = field.firstIndex(of: ["!"], to: colon)
    let path = field[0..<(bang ?? colon)].string
    var value = try fieldValue(path, arguments, &automatic)
    if let bang {
      let conversion = field[bang + 1..<colon].string
      guard conversion == "s" || conversion == "r" else {
        throw fail("a format has the conversion '!\(conversion)'")
      }
      value = .text(conversion == "s" ? try string(value) : try representation(of: value))
    }
    let specification = colon < field.count ? Array(field.scalars[(colon + 1)...]) : []
    guard let format = PythonFieldFormat(specification) else {
      throw fail("a format has the field '\(field.string)', which cannot be read")
    }
    return try written(value, format)
  }

  private func fieldValue(
    _ path: String,
    _ arguments: JinjaArguments,
    _ automatic: inout Int
  ) throws -> JinjaValue {
    let name = String(path.prefix { $0 != "." && $0 != "[" })
    var value: JinjaValue
    if let index = name.isEmpty ? automatic : Int(name) {
      guard name.isEmpty ? automatic >= 0 : automatic <= 0 else {
        throw fail("a format numbers some of its fields and not others")
      }
      automatic += name.isEmpty ? 1 : automatic == 0 ? -1 : 0
      guard arguments.positional.indices.contains(index) else {
        throw fail("a format asks for more values than there are")
      }
      value = arguments.positional[index]
    } else {
      guard let named = arguments.named.last(where: { $0.name == name }) else {
        throw fail("a format asks for '\(name)', which is not given")
      }
      value = named.value
    }
    var rest = path.dropFirst(name.count)
    while let mark = rest.first {
      rest = rest.dropFirst()
      let part = String(rest.prefix { mark == "[" ? $0 != "]" : $0 != "." && $0 != "[" })
      rest = rest.dropFirst(part.count + (mark == "[" ? 1 : 0))
      value =
        mark == "["
        ? try item(Int(part).map { .int($0) } ?? .text(part), of: value)
        : try member(JinjaText(part), of: value)
    }
    return value
  }
}

/// A field of a format with `%`.
private struct PercentField {
  var format = PythonFieldFormat()
  var key: JinjaText?
  var takesWidth = false
  var takesPrecision = false
  var end: Int
  var isComplete = false

  init(_ scalars: [Unicode.Scalar], at start: Int) {
    end = start
    func peek(_ index: Int) -> Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }
    func number() -> Int? {
      var value: Int?
      while let digit = peek(end)?.value, (48...57).contains(digit) {
        value = min((value ?? 0) * 10 + Int(digit - 48), 1 << 40)
        end += 1
      }
      return value
    }
    if peek(end) == "(", let close = scalars[end...].firstIndex(of: ")") {
      key = JinjaText(Array(scalars[end + 1..<close]))
      end = close + 1
    }
    while let flag = peek(end), ["-", "+", " ", "#", "0"].contains(flag) {
      switch flag {
      case "-": format.alignment = .left
      case "#": format.isAlternate = true
      case "0": format.padsWithZeros = true
      default: if format.sign != "+" { format.sign = flag }
      }
      end += 1
    }
    takesWidth = peek(end) == "*"
    if takesWidth { end += 1 } else { format.width = number() ?? 0 }
    if peek(end) == "." {
      end += 1
      takesPrecision = peek(end) == "*"
      if takesPrecision { end += 1 } else { format.precision = number() ?? 0 }
    }
    while let size = peek(end), ["h", "l", "L"].contains(size) { end += 1 }
    format.type = peek(end)
    isComplete = format.type != nil
    end += 1
  }

  mutating func set(width: Int) {
    if width < 0 { format.alignment = .left }
    format.width = Int(clamping: width.magnitude)
  }
}

extension PythonFieldFormat {
  /// Reads what stands behind the colon of a field: `[[fill]align][sign][#][0][width][,][.n][type]`.
  init?(_ scalars: [Unicode.Scalar]) {
    var index = 0
    func alignment(_ place: Int) -> JinjaText.Alignment? {
      guard place < scalars.count else { return nil }
      return ["<": .left, ">": .right, "^": .formatCenter][scalars[place]]
    }
    func take(_ set: Set<Unicode.Scalar>) -> Unicode.Scalar? {
      guard index < scalars.count, set.contains(scalars[index]) else { return nil }
      index += 1
      return scalars[index - 1]
    }
    func number() -> Int? {
      var value: Int?
      while let digit = take(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]) {
        value = min((value ?? 0) * 10 + Int(digit.value - 48), 1 << 40)
      }
      return value
    }
    if let found = alignment(1) {
      (fill, self.alignment) = (scalars[0], found)
      index = 2
    } else if let found = alignment(0) {
      self.alignment = found
      index = 1
    }
    sign = take(["+", "-", " "]) ?? "-"
    isAlternate = take(["#"]) != nil
    padsWithZeros = take(["0"]) != nil
    width = number() ?? 0
    groups = take([",", "_"])
    if take(["."]) != nil {
      guard let digits = number() else { return nil }
      precision = digits
    }
    type = take(["s", "d", "x", "X", "o", "b", "c", "e", "E", "f", "F", "g", "G", "%"])
    guard index == scalars.count else { return nil }
  }
}
