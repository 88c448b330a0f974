// A tree of settings in the order of declaration, and its YAML.
import Yams

/// A setting, or a tree of them.
package indirect enum RecipeValue: Equatable, Sendable {
  /// A key and its value.
  package struct Entry: Equatable, Sendable {
    package var key: String
    package var value: RecipeValue
  }

  case null
  case boolean(Bool)
  /// A number as JSON and YAML both spell it, so that no digit is lost on the way.
  case number(String)
  case string(String)
  case list([RecipeValue])
  case section([Entry])

  /// The value as block-style YAML, the same text for the same value.
  package var yaml: String {
    switch self {
    case .section(let entries) where !entries.isEmpty:
      return Self.block(entries, indentation: "")
    default: return inline + "\n"
    }
  }

  /// The value on one line, as flow-style YAML; as text it is valid JSON where it holds no string.
  package var inline: String {
    switch self {
    case .null: return "null"
    case .boolean(let value): return value ? "true" : "false"
    case .number(let text): return text
    case .string(let text): return Self.isPlain(text) ? text : Self.quoted(text)
    case .list(let items): return "[" + items.map(\.inline).joined(separator: ", ") + "]"
    case .section(let entries):
      return "{"
        + entries.map { "\(RecipeValue.string($0.key).inline): \($0.value.inline)" }
        .joined(separator: ", ") + "}"
    }
  }

  /// Every leaf with its key path; lists of scalars are leaves.
  package func leaves(below path: String = "") -> [(path: String, value: RecipeValue)] {
    func join(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
    switch self {
    case .section(let entries) where !entries.isEmpty:
      return entries.flatMap { $0.value.leaves(below: join($0.key)) }
    case .list(let items) where items.contains(where: \.isSection):
      return items.enumerated().flatMap { $0.element.leaves(below: join(String($0.offset))) }
    default: return [(path, self)]
    }
  }

  /// Reads YAML without a schema: plain scalars are null, booleans, numbers or else texts.
  package init(_ node: Node) {
    switch node {
    case .mapping(let mapping):
      self = .section(
        mapping.map { Entry(key: $0.key.scalar?.string ?? "?", value: RecipeValue($0.value)) }
      )
    case .sequence(let sequence): self = .list(sequence.map { RecipeValue($0) })
    case .scalar(let scalar):
      let isPlain = [.plain, .any].contains(scalar.style)
      self = isPlain ? Self.plain(scalar.string) : .string(scalar.string)
    case .alias: self = .null
    }
  }

  private var isSection: Bool {
    if case .section = self { return true }
    return false
  }

  private static func plain(_ text: String) -> RecipeValue {
    switch text {
    case "null", "~", "": return .null
    case "true", "false": return .boolean(text == "true")
    default:
      if let number = Int128(text) { return .number("\(number)") }
      guard let number = Double(text), number.isFinite else { return .string(text) }
      return .number(portable("\(number)"))
    }
  }

  /// YAML 1.1 needs a point and a signed exponent to see a number: `1e-05` becomes `1.0e-05`.
  package static func portable(_ text: String) -> String {
    guard let exponent = text.firstIndex(of: "e"), !text.contains(".") else { return text }
    return text[..<exponent] + ".0" + text[exponent...]
  }

  private static func block(_ entries: [Entry], indentation: String) -> String {
    var text = ""
    for entry in entries {
      let key = indentation + RecipeValue.string(entry.key).inline + ":"
      switch entry.value {
      case .section(let inner) where !inner.isEmpty:
        text += key + "\n" + block(inner, indentation: indentation + "  ")
      case .list(let items) where items.contains(where: \.isSection):
        text += key + "\n"
        for item in items {
          guard case .section(let inner) = item, !inner.isEmpty else {
            text += "\(indentation)  - \(item.inline)\n"
            continue
          }
          let lines = block(inner, indentation: indentation + "    ")
          text += indentation + "  - " + lines.dropFirst(indentation.count + 4)
        }
      default: text += "\(key) \(entry.value.inline)\n"
      }
    }
    return text
  }

  /// Whether YAML 1.1 and 1.2 both read the text as a string when it stands without quotes.
  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.utf8.first, first != UInt8(ascii: "-"), text.utf8.count <= 200 else {
      return false
    }
    let allowed = text.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
        UInt8(ascii: "."), UInt8(ascii: "/"):
        true
      default: false
      }
    }
    let isDigitOrDot = first < UInt8(ascii: "A") && first != UInt8(ascii: "/")
    let words: Set<String> = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
    return allowed && !isDigitOrDot && !words.contains(text.lowercased())
  }

  /// The text in double quotes, escaped so that YAML and JSON both read it back.
  package static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22: result += "\\\""
      case 0x5c: result += "\\\\"
      case 0x0a: result += "\\n"
      case 0x09: result += "\\t"
      case 0..<0x20, 0x7f..<0xa1, 0x2028, 0x2029, 0xfeff, 0xfffe, 0xffff:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

/// Differences of two resolved recipes.
package enum RecipeDifference {
  /// Returns `key.path: before -> after` for each setting that differs.
  ///
  /// - Parameters:
  ///   - old: Resolved YAML.
  ///   - new: Resolved YAML.
  /// - Returns: The settings of `new` in its order, then those that only `old` has.
  package static func lines(from old: String, to new: String) -> [String] {
    guard old != new else { return [] }
    guard let before = leaves(of: old), let after = leaves(of: new) else {
      return ["its text changed"]
    }
    let beforeValues = Dictionary(before) { $1 }
    let afterValues = Dictionary(after) { $1 }
    var lines: [String] = []
    for (key, value) in after where beforeValues[key] != value {
      lines.append("\(key): \(beforeValues[key] ?? "(absent)") -> \(value)")
    }
    for (key, value) in before where afterValues[key] == nil {
      lines.append("\(key): \(value) -> (absent)")
    }
    return lines
  }

  private static func leaves(of yaml: String) -> [(String, String)]? {
    guard let node = try? Yams.compose(yaml: yaml) else { return nil }
    return RecipeValue(node).leaves().map { ($0.path, $0.value.inline) }
  }
}
