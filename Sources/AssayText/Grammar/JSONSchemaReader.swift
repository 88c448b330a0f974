import AssayBase

/// Reads JSON schemas into rules, of which every text is a document that the schema admits.
///
/// What is read: `type`, `enum`, `const`, `anyOf`, `oneOf` of options that exclude one another, `allOf` of
/// one, `$ref` within the document (recursion included), `$defs`; of objects `properties`, `required`,
/// `additionalProperties`, `maxProperties`; of lists `items`, `prefixItems`, `minItems`, `maxItems`; of
/// strings `minLength`, `maxLength`, `pattern`, `format`; of numbers `minimum`, `maximum` and their
/// exclusive forms. Notes such as `title` say nothing. Everything else is refused with its place.
///
/// Source: JSON Schema 2020-12; the choice follows OpenAI's structured outputs and vLLM's.
struct JSONSchemaReader {
  /// Deepest nesting of schemas.
  private static let deepest = 100
  /// Keywords that say nothing of what is admitted.
  private static let notes: Set<String> = [
    "$schema", "$id", "$comment", "$defs", "$anchor", "definitions", "title", "description",
    "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "strict", "name",
  ]
  static let ofObjects: Set<String> = [
    "properties", "required", "additionalProperties", "maxProperties", "minProperties",
    "unevaluatedProperties",
  ]
  static let ofArrays: Set<String> = [
    "items", "prefixItems", "minItems", "maxItems", "uniqueItems",
  ]
  static let ofStrings: Set<String> = ["minLength", "maxLength", "pattern", "format"]
  static let ofNumbers: Set<String> = [
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
  ]
  private static let types = ["string", "number", "integer", "boolean", "null", "object", "array"]

  private let root: JSONValue
  var rules: GrammarRules
  let json: JSONGrammar
  /// The rules of parts that were referred to, by their place.
  private var references: [String: Int] = [:]
  private var depth = 0

  private init(_ root: JSONValue) {
    self.root = root
    rules = GrammarRules(.empty, name: "#")
    json = JSONGrammar(&rules)
  }

  /// Reads a schema.
  ///
  /// - Parameter schema: The schema.
  /// - Returns: Rules.
  /// - Throws: `GrammarError.schema`.
  static func read(_ schema: JSONValue) throws(GrammarError) -> GrammarRules {
    var reader = JSONSchemaReader(schema)
    reader.references["#"] = 0
    reader.rules.nodes[0] = try reader.node(schema, "#")
    return reader.rules
  }

  func failure(_ place: String, _ reason: String) -> GrammarError {
    .schema(place: place, reason: reason)
  }

  /// What a schema admits.
  mutating func node(_ schema: JSONValue, _ place: String) throws(GrammarError) -> GrammarNode {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepest else { throw failure(place, "schemas are nested too deeply") }
    if schema == true { return json.value }
    guard let members = schema.members else {
      throw failure(
        place,
        schema == false ? "it admits nothing" : "it is \(schema.kind), expected a schema"
      )
    }
    let keys = Set(members.map(\.key)).subtracting(Self.notes)
    let known = Self.ofObjects.union(Self.ofArrays).union(Self.ofStrings).union(Self.ofNumbers)
      .union(["type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"])
    if let other = keys.subtracting(known).sorted().first {
      throw failure(place + "/" + other, "this keyword is not supported; leave it out")
    }
    if let value = schema["$ref"] {
      try alone(keys, "$ref", place)
      return try reference(value, place)
    }
    if schema["enum"] != nil || schema["const"] != nil {
      return try constants(schema, keys, place)
    }
    for key in ["anyOf", "oneOf", "allOf"] {
      guard let options = schema[key] else { continue }
      try alone(keys, key, place)
      return try combined(options, key, place)
    }
    return try typed(schema, keys, place)
  }

  /// Makes sure that a keyword stands beside none but notes.
  private func alone(_ keys: Set<String>, _ key: String, _ place: String) throws(GrammarError) {
    guard let other = keys.subtracting([key]).sorted().first else { return }
    throw failure(place + "/" + other, "it stands beside \(key), which is supported alone only")
  }

  // MARK: References and constants

  private mutating func reference(
    _ value: JSONValue,
    _ place: String
  ) throws(GrammarError) -> GrammarNode {
    guard let target = value.string, target.hasPrefix("#") else {
      throw failure(place + "/$ref", "only references within the document, such as #/$defs/name")
    }
    if let rule = references[target] { return .rule(rule) }
    var found: JSONValue? = root
    for part in target.dropFirst().split(separator: "/") {
      let key = String(part).replacing("~1", with: "/").replacing("~0", with: "~")
      found =
        found?[key]
        ?? Int(key).flatMap { index in
          found?.array.flatMap { $0.indices.contains(index) ? $0[index] : nil }
        }
    }
    guard let found, target.hasPrefix("#/") || target == "#" else {
      throw failure(place + "/$ref", "there is no \(target)")
    }
    let rule = rules.add(.empty, name: target)
    references[target] = rule
    rules.nodes[rule] = try node(found, target)
    return .rule(rule)
  }

  private func constants(
    _ schema: JSONValue,
    _ keys: Set<String>,
    _ place: String
  ) throws(GrammarError) -> GrammarNode {
    let key = schema["enum"] == nil ? "const" : "enum"
    try alone(keys.subtracting(["type"]), key, place)
    let values: [JSONValue]
    if key == "const" {
      values = [schema["const"] ?? .null]
    } else {
      guard let listed = schema["enum"]?.array, !listed.isEmpty else {
        throw failure(place + "/enum", "expected a list of at least one value")
      }
      values = listed
    }
    let types = try self.types(schema, place)
    let fitting = values.filter { types == nil || Self.has($0, types ?? []) }
    guard !fitting.isEmpty else { throw failure(place + "/" + key, "no value has the type") }
    return .literals(fitting.map { Array($0.compact.utf8) })
  }

  private static func has(_ value: JSONValue, _ types: [String]) -> Bool {
    switch value {
    case .null: types.contains("null")
    case .bool: types.contains("boolean")
    case .string: types.contains("string")
    case .array: types.contains("array")
    case .object: types.contains("object")
    case .number: types.contains("number") || types.contains("integer") && value.int != nil
    }
  }

  private mutating func combined(
    _ options: JSONValue,
    _ key: String,
    _ place: String
  ) throws(GrammarError) -> GrammarNode {
    guard let options = options.array, !options.isEmpty else {
      throw failure(place + "/" + key, "expected a list of at least one schema")
    }
    guard key != "allOf" || options.count == 1 else {
      throw failure(place + "/allOf", "several at once are not supported; write one schema")
    }
    if key == "oneOf" { try requireDisjoint(options, place) }
    var nodes: [GrammarNode] = []
    for (index, option) in options.enumerated() {
      nodes.append(try node(option, "\(place)/\(key)/\(index)"))
    }
    return .choice(nodes)
  }

  /// Makes sure that no value fits two options: by their types, or by a constant that each requires.
  private func requireDisjoint(_ options: [JSONValue], _ place: String) throws(GrammarError) {
    for (index, one) in options.enumerated() {
      for other in options[..<index] where !JSONSchemaKinds.exclude(one, other, root) {
        throw failure(
          "\(place)/oneOf/\(index)",
          "it may admit what another option admits; use anyOf, or tell them apart by a constant"
        )
      }
    }
  }

  // MARK: Types

  /// The types that a schema names; `nil` where it names none.
  private func types(_ schema: JSONValue, _ place: String) throws(GrammarError) -> [String]? {
    guard let given = schema["type"] else { return nil }
    let names = given.string.map { [$0] } ?? given.array?.compactMap(\.string) ?? []
    guard !names.isEmpty, names.count == given.array?.count ?? 1 else {
      throw failure(place + "/type", "expected a name of a type, or a list of such")
    }
    if let other = names.first(where: { !Self.types.contains($0) }) {
      throw failure(place + "/type", "there is no type '\(other)'")
    }
    return names
  }

  private mutating func typed(
    _ schema: JSONValue,
    _ keys: Set<String>,
    _ place: String
  ) throws(GrammarError) -> GrammarNode {
    var names = try types(schema, place) ?? []
    if names.isEmpty {
      // Keywords of a type speak of no other; the type that they are of is what is meant.
      let groups = [
        ("object", Self.ofObjects), ("array", Self.ofArrays), ("string", Self.ofStrings),
        ("number", Self.ofNumbers),
      ]
      guard let group = groups.first(where: { !keys.isDisjoint(with: $0.1) }) else {
        return json.value
      }
      names = [group.0]
    }
    var nodes: [GrammarNode] = []
    for name in names { nodes.append(try node(ofType: name, schema, place)) }
    return nodes.count == 1 ? nodes[0] : .choice(nodes)
  }

  private mutating func node(
    ofType name: String,
    _ schema: JSONValue,
    _ place: String
  ) throws(GrammarError) -> GrammarNode {
    switch name {
    case "object": try object(schema, place)
    case "array": try array(schema, place)
    case "string": try string(schema, place)
    case "integer": try number(schema, place, isWhole: true)
    case "number": try number(schema, place, isWhole: false)
    case "boolean": .literals([Array("true".utf8), Array("false".utf8)])
    default: .literal("null")
    }
  }

  /// A count that a keyword gives.
  func count(_ schema: JSONValue, _ key: String, _ place: String) throws(GrammarError) -> Int? {
    guard let value = schema[key] else { return nil }
    guard let count = value.int, (0...10_000).contains(count) else {
      throw failure(place + "/" + key, "expected a whole number from 0 to 10000")
    }
    return count
  }
}
