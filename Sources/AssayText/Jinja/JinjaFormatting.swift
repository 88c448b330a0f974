import Foundation

/// How Python writes values: `str`, `repr`, `%` and `format`.
enum PythonNumber {
  /// `repr` of a float: the shortest digits that read back as the same number.
  static func text(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    let (digits, exponent) = parts(value)
    let sign = value.sign == .minus ? "-" : ""
    let count = digits.count
    if exponent < -4 || exponent >= 16 {
      let mantissa = digits.prefix(1) + (count > 1 ? "." + digits.dropFirst() : "")
      let size = abs(exponent)
      return "\(sign)\(mantissa)e\(exponent < 0 ? "-" : "+")\(size < 10 ? "0" : "")\(size)"
    }
    if exponent < 0 {
      return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits
    }
    if count <= exponent + 1 {
      return sign + digits + String(repeating: "0", count: exponent + 1 - count) + ".0"
    }
    return sign + digits.prefix(exponent + 1) + "." + digits.dropFirst(exponent + 1)
  }

  /// The shortest digits without zeros at the end, and the power of ten of the first.
  private static func parts(_ value: Double) -> (digits: String, exponent: Int) {
    var text = value.magnitude.description
    var exponent = 0
    if let mark = text.firstIndex(of: "e") {
      exponent = Int(text[text.index(after: mark)...]) ?? 0
      text = String(text[..<mark])
    }
    let whole = text.prefix { $0 != "." }
    var digits = String(text.filter { $0 != "." })
    exponent += whole.count - 1
    let zeros = digits.prefix { $0 == "0" }.count
    guard zeros < digits.count else { return ("0", 0) }
    digits.removeFirst(zeros)
    exponent -= zeros
    while digits.count > 1, digits.last == "0" { digits.removeLast() }
    return (digits, exponent)
  }
}

extension JinjaEvaluator {
  /// Python's `str`.
  func string(_ value: JinjaValue) throws -> JinjaText {
    switch value {
    case .text(let text): return text
    case .undefined: return JinjaText()
    default: return try representation(of: value)
    }
  }

  /// Python's `repr`.
  func representation(of value: JinjaValue) throws -> JinjaText {
    try enter()
    defer { leave() }
    switch value {
    case .undefined: return "Undefined"
    case .none: return "None"
    case .bool(let value): return value ? "True" : "False"
    case .int(let value): return JinjaText(String(value))
    case .float(let value): return JinjaText(PythonNumber.text(value))
    case .text(let text): return try made(Self.quoted(text))
    case .list(let list): return try joined("[", list.items, "]")
    case .tuple(let list): return try joined("(", list.items, list.items.count == 1 ? ",)" : ")")
    case .dict(let dict): return try joined("{", dict)
    case .range(let range):
      let stop = range.start + range.count * range.step
      let step = range.step == 1 ? "" : ", \(range.step)"
      return JinjaText("range(\(range.start), \(stop)\(step))")
    case .view(let view):
      return try joined("dict_\(view.kind.rawValue)([", view.items, "])")
    case .namespace(let namespace):
      let pairs = zip(namespace.names, namespace.values).map { name, value in
        (JinjaKey.text(Array(name.unicodeScalars)), JinjaValue.text(name), value)
      }
      var text: JinjaText = "<Namespace "
      text.append(try joined("{", JinjaDict(pairs)))
      text.append(">")
      return text
    case .callable(let callable): throw fail("the function '\(callable.name)' cannot be written")
    case .iterator, .loop:
      throw fail("a \(value.typeName) cannot be written; use the filter 'list'")
    }
  }

  private func joined(_ start: String, _ items: [JinjaValue], _ end: String) throws -> JinjaText {
    var text = JinjaText(start)
    for (index, item) in items.enumerated() {
      if index > 0 { text.append(", ") }
      text.append(try representation(of: item))
      try checkLength(text.count)
    }
    text.append(end)
    return text
  }

  private func joined(_ start: String, _ dict: JinjaDict) throws -> JinjaText {
    var text = JinjaText(start)
    for (index, key) in dict.keys.enumerated() {
      if index > 0 { text.append(", ") }
      text.append(try representation(of: key))
      text.append(": ")
      text.append(try representation(of: dict.values[index]))
      try checkLength(text.count)
    }
    text.append("}")
    return text
  }

  /// A text in quotes with escapes, as Python's `repr` writes it.
  private static func quoted(_ text: JinjaText) -> JinjaText {
    let hasSingle = text.scalars.contains("'")
    let quote: Unicode.Scalar = hasSingle && !text.scalars.contains("\"") ? "\"" : "'"
    var result = JinjaText(String(quote))
    result.append(
      text.mapped { _, scalar in
        switch scalar {
        case "\\": "\\\\"
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        case quote: "\\" + String(scalar)
        default: scalar.isPythonPrintable ? String(scalar) : JinjaLexer.escape(scalar)
        }
      }
    )
    result.append(String(quote))
    return result
  }
}

/// How a value is written into a field: `%5.2f`, `{:>8}`.
struct PythonFieldFormat {
  var fill: Unicode.Scalar = " "
  var alignment: JinjaText.Alignment?
  var sign: Unicode.Scalar = "-"
  var isAlternate = false
  var padsWithZeros = false
  var groups: Unicode.Scalar?
  var width = 0
  var precision: Int?
  var type: Unicode.Scalar?
}

extension JinjaEvaluator {
  /// Writes a value into a field.
  func written(_ value: JinjaValue, _ format: PythonFieldFormat) throws -> JinjaText {
    try checkLength(format.width)
    // More digits than a float has are zeros; C's formatting takes no more than this.
    guard format.precision ?? 0 <= 400 else { throw fail("a precision of more than 400 digits") }
    var text: JinjaText
    let type = format.type
    if case .text(let value) = value, type == nil || type == "s" {
      text = value[0..<min(value.count, format.precision ?? value.count)]
      return text.padded(to: format.width, with: format.fill, alignment: format.alignment ?? .left)
    }
    guard let type, type != "s" || value.number != nil else {
      let isPlainNumber = value.number != nil && format.sign == "-" && format.groups == nil
      if value.number == nil || isPlainNumber, format.precision == nil {
        text = try string(value)
        return padded(number: text, format, isNumber: value.number != nil)
      }
      let standard: Unicode.Scalar = value.integer != nil ? "d" : "g"
      var typed = format
      typed.type = standard
      return try written(value, typed)
    }
    if type == "s" { throw fail("a \(value.typeName) cannot be written as 's'") }
    return padded(number: JinjaText(try digits(of: value, type, format)), format, isNumber: true)
  }

  private func digits(
    of value: JinjaValue,
    _ type: Unicode.Scalar,
    _ format: PythonFieldFormat
  ) throws -> String {
    var body: String
    var isNegative = false
    switch type {
    case "d", "x", "X", "o", "b", "c":
      guard let number = value.integer else {
        throw fail("'\(type)' writes integers, not a \(value.typeName)")
      }
      isNegative = number < 0
      let radix = ["x": 16, "X": 16, "o": 8, "b": 2][type] ?? 10
      if type == "c" {
        guard let scalar = UInt32(exactly: number).flatMap({ Unicode.Scalar($0) }) else {
          throw fail("\(number) is no character")
        }
        return String(scalar)
      }
      body = String(number.magnitude, radix: radix, uppercase: type == "X")
      if format.isAlternate, radix != 10 { body = "0\(type)" + body }
    case "e", "E", "f", "F", "g", "G", "%":
      guard let number = value.number else {
        throw fail("'\(type)' writes numbers, not a \(value.typeName)")
      }
      isNegative = number.sign == .minus && !number.isNaN
      let letter = type == "%" ? "f" : String(type)
      let magnitude = number.magnitude * (type == "%" ? 100 : 1)
      body =
        magnitude.isFinite
        ? String(format: "%.\(format.precision ?? 6)\(letter)", magnitude)
        : magnitude.isNaN ? "nan" : "inf"
      if type == "%" { body += "%" }
    default: throw fail("there is no format '\(type)' for a \(value.typeName)")
    }
    if let mark = format.groups { body = Self.grouped(body, mark) }
    return (isNegative ? "-" : format.sign == "-" ? "" : String(format.sign)) + body
  }

  private static func grouped(_ digits: String, _ mark: Unicode.Scalar) -> String {
    let whole = Array(digits.prefix { $0.isNumber })
    var result = ""
    for (index, digit) in whole.enumerated() {
      if index > 0, (whole.count - index) % 3 == 0 { result += String(mark) }
      result.append(digit)
    }
    return result + digits.dropFirst(whole.count)
  }

  private func padded(
    number text: JinjaText,
    _ format: PythonFieldFormat,
    isNumber: Bool
  ) -> JinjaText {
    guard isNumber, format.padsWithZeros, format.alignment == nil else {
      let standard: JinjaText.Alignment = isNumber ? .right : .left
      return text.padded(
        to: format.width,
        with: format.fill,
        alignment: format.alignment ?? standard
      )
    }
    let signs = text.scalars.prefix { $0 == "-" || $0 == "+" || $0 == " " }.count
    var result = text[0..<signs]
    let rest = text[signs..<text.count]
    result.append(rest.padded(to: format.width - signs, with: "0", alignment: .right))
    return result
  }

  // MARK: The sign %

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
