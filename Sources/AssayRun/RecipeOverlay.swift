// Laying a YAML tree over a tree of defaults, with every key and type checked.
import Foundation
import Yams

/// Lays YAML over defaults, and keeps the problems and where each setting came from.
package struct RecipeOverlay {
  /// Where settings come from.
  package enum Source {
    case file(String)
    case override(String)

    package func place(_ line: Int?) -> String {
      switch self {
      case .file(let name): line.map { "\(name):\($0)" } ?? name
      case .override(let text): "--set \(text)"
      }
    }
  }

  package let root: RecipeSchema
  package var source = Source.file("")
  package var problems: [String] = []
  private var places: [String: String] = [:]

  package init(root: RecipeSchema) { self.root = root }

  /// Returns the value with the node laid over it; problems are noted and skipped.
  package mutating func apply(
    _ node: Node,
    to value: RecipeValue,
    _ schema: RecipeSchema,
    path: [String]
  ) -> RecipeValue {
    let place = source.place(node.mark?.line)
    places[path.joined(separator: ".")] = place
    switch (schema, node) {
    case (.optional(let inner), _):
      return Self.isNull(node) ? .null : apply(node, to: value, inner, path: path)
    case (.section(let fields), .mapping(let mapping)):
      let start = value == .null ? schema.emptyValue : value
      return applyKeys(mapping, to: start, fields, path: path)
    case (.section, _) where path.isEmpty && Self.isNull(node): return value
    case (.map(let element), .mapping(let mapping)):
      guard case .section(var entries) = value == .null ? .section([]) : value else { return value }
      // Names of one's own can be taken back: `{}` is none.
      if mapping.isEmpty { return .section([]) }
      for (key, node) in mapping {
        let name = key.scalar?.string ?? ""
        let result = apply(node, to: element.emptyValue, element, path: path + [name])
        entries.removeAll { $0.key == name }
        entries.append(.init(key: name, value: result))
      }
      return .section(entries.sorted { $0.key < $1.key })
    case (.list(let element), .sequence(let items)):
      return .list(
        items.enumerated().map {
          apply($0.element, to: element.emptyValue, element, path: path + [String($0.offset)])
        }
      )
    case (.list(let element), .scalar(let scalar)) where Self.scalar(scalar, element) != nil:
      // A list of one needs no brackets.
      return .list([apply(node, to: element.emptyValue, element, path: path + ["0"])])
    case (.unknown, _): return RecipeValue(node)
    default:
      if case .scalar(let scalar) = node, let result = Self.scalar(scalar, schema) { return result }
      let key = path.isEmpty ? "the file" : path.joined(separator: ".")
      problems.append("\(place): \(key) is \(Self.describe(node)), expected \(hint(node, schema))")
      return value
    }
  }

  private mutating func applyKeys(
    _ mapping: Node.Mapping,
    to value: RecipeValue,
    _ fields: [RecipeSchema.Field],
    path: [String]
  ) -> RecipeValue {
    guard case .section(var entries) = value else { return value }
    for (keyNode, node) in mapping {
      let spelt = keyNode.scalar?.string ?? "?"
      let key = fields.first { $0.formerKey == spelt }?.key ?? spelt
      guard let index = fields.firstIndex(where: { $0.key == key }),
        let entry = entries.firstIndex(where: { $0.key == key })
      else {
        let full = (path + [key]).joined(separator: ".")
        let place = source.place(keyNode.mark?.line)
        problems.append("\(place): unknown key \(full)\(advice(key, among: fields, path))")
        continue
      }
      entries[entry].value = apply(
        node,
        to: entries[entry].value,
        fields[index].schema,
        path: path + [key]
      )
    }
    return .section(entries)
  }

  /// The nearest spelling, or another group that has this key, and then all keys.
  private func advice(_ key: String, among fields: [RecipeSchema.Field], _ path: [String]) -> String
  {
    let known = fields.map(\.key)
    let prefix = path.isEmpty ? "" : path.joined(separator: ".") + "."
    let list =
      "; known keys\(path.isEmpty ? "" : " of " + path.joined(separator: ".")): "
      + known.joined(separator: ", ")
    let normalized = snakeCase(key).replacing("-", with: "_")
    if let nearest = nearestSpelling(of: normalized, among: known) {
      return ": did you mean \(prefix)\(nearest)?" + list
    }
    if let other = Self.paths(root).first(where: { $0.last == normalized }) {
      return ": did you mean \(other.joined(separator: "."))?" + list
    }
    return list
  }

  private static func paths(_ schema: RecipeSchema, _ path: [String] = []) -> [[String]] {
    switch schema {
    case .section(let fields):
      fields.flatMap { [path + [$0.key]] + paths($0.schema, path + [$0.key]) }
    case .optional(let inner): paths(inner, path)
    default: []
    }
  }

  private func hint(_ node: Node, _ schema: RecipeSchema) -> String {
    if case .integer(let range) = schema, let number = node.scalar.flatMap({ Double($0.string) }),
      number > Double(range.upperBound)
    {
      return "a whole number up to \(range.upperBound)"
    }
    guard case .choice(let names) = schema, let text = node.scalar?.string,
      let nearest = nearestSpelling(of: text, among: names)
    else { return schema.expectation }
    return schema.expectation + "; did you mean \(nearest)?"
  }

  // MARK: Scalars

  private static func isNull(_ node: Node) -> Bool {
    guard case .scalar(let scalar) = node else { return false }
    return scalar.style != .doubleQuoted && scalar.style != .singleQuoted
      && ["null", "Null", "NULL", "~", ""].contains(scalar.string)
  }

  private static func scalar(_ scalar: Node.Scalar, _ schema: RecipeSchema) -> RecipeValue? {
    let text = scalar.string
    let isQuoted = ![.plain, .any].contains(scalar.style)
    switch schema {
    case .string: return !isQuoted && isNull(.scalar(scalar)) ? nil : .string(text)
    case .choice(let names): return names.contains(text) ? .string(text) : nil
    case .boolean where !isQuoted:
      return ["true", "True", "TRUE"].contains(text)
        ? .boolean(true) : ["false", "False", "FALSE"].contains(text) ? .boolean(false) : nil
    case .integer(let range) where !isQuoted:
      let digits = text.replacing("_", with: "")
      if let number = Int128(digits) { return range.contains(number) ? .number("\(number)") : nil }
      // 1e6 and 2.0 are whole numbers too.
      guard let number = Double(digits), number == number.rounded(), abs(number) < 9e15,
        range.contains(Int128(number))
      else { return nil }
      return .number("\(Int128(number))")
    case .number where !isQuoted:
      guard let number = Double(text.replacing("_", with: "")), number.isFinite else { return nil }
      return .number("\(number)")
    default: return nil
    }
  }

  private static func describe(_ node: Node) -> String {
    switch node {
    case .scalar(let scalar):
      if isNull(node) { return "null" }
      let isQuoted = ![.plain, .any].contains(scalar.style)
      return isQuoted ? "the text \(RecipeValue.quoted(scalar.string))" : scalar.string
    case .mapping: return "a group of settings"
    case .sequence: return "a list"
    case .alias: return "an alias"
    }
  }

  // MARK: Decoding

  /// Decodes a checked tree.
  package func decode<Config: RecipeSection>(
    _ value: RecipeValue,
    _ schema: RecipeSchema,
    name: String
  ) throws -> Config {
    do {
      return try JSONDecoder().decode(Config.self, from: Data(Self.json(value, schema).utf8))
    } catch let error as DecodingError {
      let context: DecodingError.Context? =
        switch error {
        case .dataCorrupted(let context), .keyNotFound(_, let context),
          .typeMismatch(_, let context), .valueNotFound(_, let context):
          context
        @unknown default: nil
        }
      let path = (context?.codingPath ?? []).map {
        $0.intValue.map(String.init) ?? snakeCase($0.stringValue)
      }.joined(separator: ".")
      let reason = context?.debugDescription ?? "\(error)"
      throw RunError.invalidRecipe(
        file: name,
        problems: ["\(places[path] ?? name): \(path): \(reason)"]
      )
    }
  }

  /// The message of a failed check, with the place and the value that it concerns.
  package func message(_ failure: RecipeChecks.Failure, in value: RecipeValue, name: String)
    -> String
  {
    let path = failure.path.joined(separator: ".")
    let actual = value.leaves().first { $0.path == path }.map { " is \($0.value.inline)" } ?? ""
    return "\(places[path] ?? name): \(path)\(actual), expected \(failure.expectation)"
  }

  private static func json(_ value: RecipeValue, _ schema: RecipeSchema) -> String {
    switch (value, schema) {
    case (_, .optional(let inner)): return json(value, inner)
    case (.section(let entries), .section(let fields)):
      return object(
        zip(entries, fields).map { ($1.codingKey, json($0.value, $1.schema)) }
      )
    case (.section(let entries), .map(let element)):
      return object(entries.map { ($0.key, json($0.value, element)) })
    case (.list(let items), .list(let element)):
      return "[" + items.map { json($0, element) }.joined(separator: ",") + "]"
    case (.section(let entries), _):
      return object(entries.map { ($0.key, json($0.value, .unknown)) })
    case (.list(let items), _):
      return "[" + items.map { json($0, .unknown) }.joined(separator: ",") + "]"
    case (.string(let text), _): return RecipeValue.quoted(text)
    default: return value.inline
    }
  }

  private static func object(_ pairs: [(String, String)]) -> String {
    "{" + pairs.map { RecipeValue.quoted($0) + ":" + $1 }.joined(separator: ",") + "}"
  }
}

/// Returns the candidate that differs from a word by the fewest edits, if by at most a third of it.
package func nearestSpelling(of word: String, among candidates: [String]) -> String? {
  let scored = candidates.map { ($0, editDistance(Array(word), Array($0))) }
  guard let best = scored.min(by: { $0.1 < $1.1 }), best.1 <= max(1, word.count / 3) else {
    return nil
  }
  return best.0
}

/// The Levenshtein distance.
private func editDistance(_ left: [Character], _ right: [Character]) -> Int {
  var row = Array(0...right.count)
  for (i, character) in left.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, other) in right.enumerated() {
      let cost = diagonal + (character == other ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(cost, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[right.count]
}
