import AssayBase

/// Whether schemas exclude one another, as far as that can be seen at once.
enum JSONSchemaKinds {
  /// Finds out whether no value fits both schemas.
  ///
  /// - Parameters:
  ///   - one: A schema.
  ///   - other: Another one.
  ///   - root: The document that references speak of.
  /// - Returns: `false` where it cannot be seen.
  static func exclude(_ one: JSONValue, _ other: JSONValue, _ root: JSONValue) -> Bool {
    let (a, b) = (resolved(one, root), resolved(other, root))
    if let left = constants(a), let right = constants(b) {
      return !left.contains { value in right.contains { JSONSchemaKinds.equals(value, $0) } }
    }
    let (left, right) = (types(a), types(b))
    if let left, let right, left.isDisjoint(with: right) { return true }
    guard left == ["an object"], right == ["an object"] else { return false }
    // A property that both require, with constants that differ.
    let required = Set(names(a)).intersection(names(b))
    return required.contains { name in
      guard let mine = a["properties"]?[name], let yours = b["properties"]?[name],
        let left = constants(resolved(mine, root)), let right = constants(resolved(yours, root))
      else { return false }
      return !left.contains { value in right.contains { JSONSchemaKinds.equals(value, $0) } }
    }
  }

  private static func resolved(_ schema: JSONValue, _ root: JSONValue) -> JSONValue {
    var schema = schema
    // References to references, but not in a circle.
    for _ in 0..<8 {
      guard let target = schema["$ref"]?.string, target.hasPrefix("#/") else { return schema }
      var found: JSONValue? = root
      for part in target.dropFirst(2).split(separator: "/") { found = found?[String(part)] }
      guard let found else { return schema }
      schema = found
    }
    return schema
  }

  private static func constants(_ schema: JSONValue) -> [JSONValue]? {
    schema["const"].map { [$0] } ?? schema["enum"]?.array
  }

  private static func names(_ schema: JSONValue) -> [String] {
    schema["required"]?.array?.compactMap(\.string) ?? []
  }

  /// The types that a schema admits, whole numbers being numbers; `nil` where it does not say.
  private static func types(_ schema: JSONValue) -> Set<String>? {
    if let constants = constants(schema) { return Set(constants.map(\.kind)) }
    guard let given = schema["type"] else { return nil }
    let kinds = [
      "string": "a string", "number": "a number", "integer": "a number", "boolean": "a boolean",
      "null": "null", "object": "an object", "array": "a list",
    ]
    let names = given.string.map { [$0] } ?? given.array?.compactMap(\.string) ?? []
    return Set(names.map { kinds[$0] ?? $0 })
  }

  /// Whether two constants are one value: numbers by what they are, not by how they are spelt.
  private static func equals(_ one: JSONValue, _ other: JSONValue) -> Bool {
    if let left = one.double, let right = other.double { return left == right }
    return one == other
  }
}
