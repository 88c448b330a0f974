import Foundation

/// How Python writes values: `str`, `repr` and fields of a format.
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
      let step = range.step == 1 ? "" : ", \(range.step)"
      return JinjaText("range(\(range.start), \(range.stop)\(step))")
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
}
