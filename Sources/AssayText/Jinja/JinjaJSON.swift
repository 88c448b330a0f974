import AssayBase

/// JSON as templates read and write it.
extension JinjaValue {
  /// Makes a value of a document.
  ///
  /// - Parameters:
  ///   - json: The document.
  ///   - origin: Where its texts come from.
  /// - Throws: `JinjaError` for an integer of more than 64 bits.
  init(_ json: JSONValue, origin: TextOrigin) throws {
    switch json {
    case .null: self = .none
    case .bool(let value): self = .bool(value)
    case .string(let text): self = .text(JinjaText(text, origin: origin))
    case .number(let digits):
      if let integer = Int(digits) {
        self = .int(integer)
      } else if digits.contains(where: { ".eE".contains($0) }), let number = Double(digits) {
        self = .float(number)
      } else {
        throw JinjaError(
          line: 1,
          kind: .evaluation,
          reason: "the number \(digits) of the data needs more than 64 bits"
        )
      }
    case .array(let items):
      self = .list(JinjaList(try items.map { try JinjaValue($0, origin: origin) }))
    case .object(let members):
      self = .dict(
        JinjaDict(
          try members.map { member in
            let name = JinjaText(member.key, origin: origin)
            return (.text(name.scalars), .text(name), try JinjaValue(member.value, origin: origin))
          }
        )
      )
    }
  }
}

/// How `tojson` writes, as Python's `json.dumps` takes it.
struct JinjaJSONStyle {
  var indent: JinjaText?
  var item: JinjaText
  var key: JinjaText
  var isASCII: Bool
  var sortsKeys: Bool
}

extension JinjaEvaluator {
  /// Writes JSON; where it holds content, all of it counts as content.
  ///
  /// Source: transformers, `utils/chat_template_utils.py`, `tojson`; Python 3.11, `json.encoder`.
  func json(_ value: JinjaValue, _ style: JinjaJSONStyle) throws -> JinjaText {
    var result = JinjaText()
    try write(value, style, level: 0, into: &result)
    return try made(result.foreignOrigin.map { result.marked($0) } ?? result)
  }

  private func write(
    _ value: JinjaValue,
    _ style: JinjaJSONStyle,
    level: Int,
    into result: inout JinjaText
  ) throws {
    try enter()
    defer { leave() }
    switch value {
    case .none: result.append("null")
    case .bool(let value): result.append(value ? "true" : "false")
    case .int(let value): result.append(String(value))
    case .float(let value): result.append(Self.json(value))
    case .text(let text): result.append(Self.json(text, isASCII: style.isASCII))
    case .list(let list), .tuple(let list):
      try write("[", list.items, "]", style, level: level, into: &result) { item, result in
        try write(item, style, level: level + 1, into: &result)
      }
    case .dict(let dict):
      var items = Array(zip(dict.keys, dict.values))
      if style.sortsKeys {
        let order = try sorted(items.map(\.0))
        items = order.map { items[$0] }
      }
      try write("{", items, "}", style, level: level, into: &result) { item, result in
        let name = try keyText(item.0)
        result.append(Self.json(name, isASCII: style.isASCII))
        result.append(style.key)
        try write(item.1, style, level: level + 1, into: &result)
      }
    default: throw fail("a \(value.typeName) cannot be written as JSON")
    }
    try charge(result.count / 4096)
    try checkLength(result.count)
  }

  private func write<Item>(
    _ opening: String,
    _ items: [Item],
    _ closing: String,
    _ style: JinjaJSONStyle,
    level: Int,
    into result: inout JinjaText,
    _ body: (Item, inout JinjaText) throws -> Void
  ) throws {
    func newLine(_ level: Int) {
      guard let indent = style.indent else { return }
      result.append("\n")
      for _ in 0..<level { result.append(indent) }
    }
    result.append(opening)
    for (index, item) in items.enumerated() {
      if index > 0 { result.append(style.item) }
      newLine(level + 1)
      try body(item, &result)
    }
    if !items.isEmpty { newLine(level) }
    result.append(closing)
  }

  private func keyText(_ key: JinjaValue) throws -> JinjaText {
    switch key {
    case .text(let text): return text
    case .none: return "null"
    case .bool(let value): return value ? "true" : "false"
    case .int(let value): return JinjaText(String(value))
    case .float(let value): return JinjaText(Self.json(value))
    default: throw fail("a \(key.typeName) cannot be a key in JSON")
    }
  }

  private static func json(_ value: Double) -> String {
    value.isNaN
      ? "NaN" : value.isFinite ? PythonNumber.text(value) : value < 0 ? "-Infinity" : "Infinity"
  }

  private static func json(_ text: JinjaText, isASCII: Bool) -> JinjaText {
    var result: JinjaText = "\""
    result.append(
      text.mapped { _, scalar in
        switch scalar {
        case "\"": "\\\""
        case "\\": "\\\\"
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        case "\u{8}": "\\b"
        case "\u{C}": "\\f"
        default:
          scalar.value < 0x20 || (isASCII && scalar.value > 0x7E)
            ? String(scalar).utf16.map { unit in
              let digits = String(unit, radix: 16)
              return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }.joined() : String(scalar)
        }
      }
    )
    result.append("\"")
    return result
  }
}
