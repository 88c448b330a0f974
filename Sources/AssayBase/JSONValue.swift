/// A JSON document that keeps what Foundation's reader loses: the order of keys, the digits of
/// numbers, and keys that differ only by Unicode normalisation (which Swift strings hold equal).
package indirect enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  /// The number as it is spelt.
  case number(String)
  case string(String)
  case array([JSONValue])
  case object([JSONMember])

  /// The value of a key (the last one where a key is repeated); `nil` where there is none.
  package subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key == key }?.value
  }

  /// Whether this is `null`.
  package var isNull: Bool { self == .null }

  package var string: String? {
    guard case .string(let value) = self else { return nil }
    return value
  }

  package var bool: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  package var int: Int? {
    guard case .number(let digits) = self else { return nil }
    return Int(digits)
  }

  package var double: Double? {
    guard case .number(let digits) = self else { return nil }
    return Double(digits)
  }

  package var array: [JSONValue]? {
    guard case .array(let values) = self else { return nil }
    return values
  }

  package var members: [JSONMember]? {
    guard case .object(let members) = self else { return nil }
    return members
  }

  /// What kind of value this is, for messages.
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .number: "a number"
    case .string: "a string"
    case .array: "a list"
    case .object: "an object"
    }
  }
}

/// One key and its value.
package struct JSONMember: Sendable, Equatable {
  package var key: String
  package var value: JSONValue

  package init(_ key: String, _ value: JSONValue) {
    self.key = key
    self.value = value
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
  ExpressibleByNilLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(integerLiteral value: Int) { self = .number(String(value)) }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  package init(nilLiteral: ()) { self = .null }
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(elements.map { JSONMember($0.0, $0.1) })
  }
}

extension JSONValue {
  /// The document on one line, without spaces.
  package var compact: String {
    var out: [UInt8] = []
    write(into: &out, indent: nil)
    return String(decoding: out, as: UTF8.self)
  }

  /// The document with two spaces a level, as `tokenizers` and `transformers` write it.
  package var pretty: String {
    var out: [UInt8] = []
    write(into: &out, indent: 0)
    return String(decoding: out, as: UTF8.self)
  }

  private func write(into out: inout [UInt8], indent: Int?) {
    switch self {
    case .null: out.append(contentsOf: "null".utf8)
    case .bool(let value): out.append(contentsOf: (value ? "true" : "false").utf8)
    case .number(let digits): out.append(contentsOf: digits.utf8)
    case .string(let text): Self.write(text, into: &out)
    case .array(let values):
      Self.writeList(values, brackets: ("[", "]"), into: &out, indent: indent) {
        value,
        out,
        deeper in
        value.write(into: &out, indent: deeper)
      }
    case .object(let members):
      Self.writeList(members, brackets: ("{", "}"), into: &out, indent: indent) {
        member,
        out,
        deeper in
        Self.write(member.key, into: &out)
        out.append(contentsOf: (deeper == nil ? ":" : ": ").utf8)
        member.value.write(into: &out, indent: deeper)
      }
    }
  }

  private static func writeList<Element>(
    _ elements: [Element],
    brackets: (String, String),
    into out: inout [UInt8],
    indent: Int?,
    element write: (Element, inout [UInt8], Int?) -> Void
  ) {
    let deeper = indent.map { $0 + 2 }
    out.append(contentsOf: brackets.0.utf8)
    for (index, element) in elements.enumerated() {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      newLine(deeper, into: &out)
      write(element, &out, deeper)
    }
    if !elements.isEmpty { newLine(indent, into: &out) }
    out.append(contentsOf: brackets.1.utf8)
  }

  private static func newLine(_ indent: Int?, into out: inout [UInt8]) {
    guard let indent else { return }
    out.append(UInt8(ascii: "\n"))
    out.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent))
  }

  private static func write(_ text: String, into out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): out.append(contentsOf: "\\\"".utf8)
      case UInt8(ascii: "\\"): out.append(contentsOf: "\\\\".utf8)
      case UInt8(ascii: "\n"): out.append(contentsOf: "\\n".utf8)
      case UInt8(ascii: "\r"): out.append(contentsOf: "\\r".utf8)
      case UInt8(ascii: "\t"): out.append(contentsOf: "\\t".utf8)
      case 0..<0x20:
        let digits = String(byte, radix: 16)
        out.append(contentsOf: "\\u00\(digits.count == 1 ? "0" : "")\(digits)".utf8)
      default: out.append(byte)
      }
    }
    out.append(UInt8(ascii: "\""))
  }
}
