import AssayBase

extension JSONSchemaReader {
  /// An object: its properties in the order of the schema, then others where the schema asks for them.
  mutating func object(_ schema: JSONValue, _ place: String) throws(GrammarError) -> GrammarNode {
    let (pairs, required) = try properties(schema, place)
    if let least = try count(schema, "minProperties", place),
      least > max(required.count, pairs.isEmpty ? 1 : 0)
    {
      throw failure(place + "/minProperties", "it is not supported; require the properties by name")
    }
    let most = try count(schema, "maxProperties", place)
    if let most, !pairs.isEmpty, most < pairs.count {
      throw failure(place + "/maxProperties", "it is not supported beside more properties")
    }
    if let other = schema["unevaluatedProperties"], other != false {
      throw failure(place + "/unevaluatedProperties", "it is not supported; leave it out")
    }
    let others = try additional(schema, place, known: pairs.map(\.key))
    guard !pairs.isEmpty else {
      let least = try count(schema, "minProperties", place) ?? 0
      guard let others else {
        return JSONGrammar.object(.empty, space: json.space)
      }
      let members = JSONGrammar.separated(
        others,
        minimum: least,
        maximum: most,
        space: json.space
      )
      return JSONGrammar.object(members, space: json.space)
    }
    guard others == nil || most == nil else {
      throw failure(place + "/maxProperties", "it is not supported beside additional properties")
    }
    return JSONGrammar.object(members(pairs, required, others, place), space: json.space)
  }

  /// The properties with what each admits, and the names of those that are required.
  private mutating func properties(
    _ schema: JSONValue,
    _ place: String
  ) throws(GrammarError) -> (pairs: [(key: String, node: GrammarNode)], required: Set<String>) {
    var pairs: [(key: String, node: GrammarNode)] = []
    guard let given = (schema["properties"] ?? .object([])).members else {
      throw failure(place + "/properties", "expected an object")
    }
    var known: Set<String> = []
    for member in given {
      guard known.insert(member.key).inserted else {
        throw failure(place + "/properties/" + member.key, "it is there twice")
      }
      let value = try node(member.value, "\(place)/properties/\(member.key)")
      pairs.append((member.key, value))
    }
    let listed = schema["required"] ?? .array([])
    guard let names = listed.array?.compactMap(\.string), names.count == listed.array?.count else {
      throw failure(place + "/required", "expected a list of names")
    }
    for name in names where known.insert(name).inserted {
      guard let other = schema["additionalProperties"], other != true else {
        pairs.append((name, json.value))
        continue
      }
      guard other != false else {
        throw failure(place + "/required", "'\(name)' is required and no property")
      }
      pairs.append((name, try node(other, place + "/additionalProperties")))
    }
    return (pairs, Set(names))
  }

  /// A member beside the properties, where the schema asks for such: it says so, or has no properties.
  private mutating func additional(
    _ schema: JSONValue,
    _ place: String,
    known: [String]
  ) throws(GrammarError) -> GrammarNode? {
    guard let others = schema["additionalProperties"] else {
      guard known.isEmpty, schema["unevaluatedProperties"] == nil else { return nil }
      return JSONGrammar.member(json.string, json.value, space: json.space)
    }
    if others == false { return nil }
    guard known.allSatisfy({ $0.utf8.count <= 200 }) else {
      throw failure(place + "/additionalProperties", "it is not supported beside names so long")
    }
    let value = try node(others, place + "/additionalProperties")
    let key =
      known.isEmpty
      ? json.string
      : GrammarNode.sequence([.literal("\""), Self.key(otherThan: known), .literal("\"")])
    return JSONGrammar.member(key, value, space: json.space)
  }

  /// Any text without escapes but some.
  private static func key(otherThan names: [String]) -> GrammarNode {
    let plain = GrammarNode.characters(JSONGrammar.plain)
    func rest(_ names: [ArraySlice<Unicode.Scalar>]) -> GrammarNode {
      var options: [GrammarNode] = names.contains(where: \.isEmpty) ? [] : [.empty]
      let groups = Dictionary(grouping: names.filter { !$0.isEmpty }) { $0.first ?? "a" }
      let firsts = groups.keys.sorted()
      for first in firsts where JSONGrammar.plain.contains(first.value) {
        let tails = (groups[first] ?? []).map { $0.dropFirst() }
        options.append(
          .sequence([.characters(ScalarSet([first.value...first.value])), rest(tails)])
        )
      }
      let others = JSONGrammar.plain.subtracting(
        ScalarSet(firsts.map { $0.value...$0.value })
      )
      options.append(.sequence([.characters(others), .any(plain)]))
      return .choice(options)
    }
    return rest(names.map { Array($0.unicodeScalars)[...] })
  }

  /// Members in order; those that are not required may be missing.
  private mutating func members(
    _ pairs: [(key: String, node: GrammarNode)],
    _ required: Set<String>,
    _ others: GrammarNode?,
    _ place: String
  ) -> GrammarNode {
    let comma = GrammarNode.sequence([json.space, .literal(","), json.space])
    let members = pairs.map { pair -> GrammarNode in
      let key = GrammarNode.literal(JSONValue.string(pair.key).compact)
      let member = JSONGrammar.member(key, pair.node, space: json.space)
      return .rule(rules.add(member, name: "\(place)/properties/\(pair.key)"))
    }
    // What may come behind each property once there is one.
    var tails = [others.map { GrammarNode.any(.sequence([comma, $0])) } ?? .empty]
    for (pair, member) in zip(pairs, members).reversed() {
      let next = GrammarNode.sequence([comma, member])
      let own = required.contains(pair.key) ? next : .optional(next)
      let tail = GrammarNode.sequence([own, tails[tails.count - 1]])
      tails.append(.rule(rules.add(tail, name: place)))
    }
    tails.reverse()
    // What comes first: up to and with the first property that is required.
    var firsts: [GrammarNode] = []
    for (index, pair) in pairs.enumerated() {
      firsts.append(.sequence([members[index], tails[index + 1]]))
      if required.contains(pair.key) { return .choice(firsts) }
    }
    if let others { firsts.append(.sequence([others, tails[pairs.count]])) }
    return .optional(.choice(firsts))
  }

  /// A list; its first items may have schemas of their own, and are all there then.
  mutating func array(_ schema: JSONValue, _ place: String) throws(GrammarError) -> GrammarNode {
    if let unique = schema["uniqueItems"], unique != false {
      throw failure(
        place + "/uniqueItems",
        "it is not supported; leave it out, and look afterwards"
      )
    }
    let least = try count(schema, "minItems", place) ?? 0
    let most = try count(schema, "maxItems", place)
    guard least <= most ?? least else {
      throw failure(place + "/minItems", "it is above maxItems")
    }
    guard let first = (schema["prefixItems"] ?? .array([])).array else {
      throw failure(place + "/prefixItems", "expected a list of schemas")
    }
    var items: [GrammarNode] = []
    for (index, item) in first.prefix(most ?? first.count).enumerated() {
      items.append(try node(item, "\(place)/prefixItems/\(index)"))
    }
    var rest: GrammarNode?
    if let given = schema["items"] {
      rest = given == false ? nil : try node(given, place + "/items")
    } else if items.isEmpty || least > items.count {
      rest = json.value
    }
    guard rest != nil || least <= items.count else {
      throw failure(place + "/minItems", "there are no schemas of so many items")
    }
    let comma = GrammarNode.sequence([json.space, .literal(","), json.space])
    var inside: [GrammarNode] = []
    for item in items { inside += (inside.isEmpty ? [] : [comma]) + [item] }
    if let rest {
      let (low, high) = (max(0, least - items.count), most.map { $0 - items.count })
      inside.append(
        items.isEmpty
          ? JSONGrammar.separated(rest, minimum: low, maximum: high, space: json.space)
          : .repeated(.sequence([comma, rest]), minimum: low, maximum: high)
      )
    }
    return .sequence(
      [.literal("["), json.space] + inside + [json.space, .literal("]")]
    )
  }
}
