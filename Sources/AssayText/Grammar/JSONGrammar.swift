import AssayBase

/// JSON as rules.
///
/// Between tokens there is nothing, one space, or a line feed with an indentation of up to 40 spaces or
/// tabs; numbers have up to 16 digits before and behind the point. So a text never runs on in white
/// space or digits.
struct JSONGrammar: Sendable {
  /// White space between tokens.
  let space: GrammarNode
  /// A character of a string, plain or escaped.
  let character: GrammarNode
  /// A string.
  let string: GrammarNode
  /// A whole number.
  let integer: GrammarNode
  /// A number.
  let number: GrammarNode
  /// Any object.
  let object: GrammarNode
  /// Any list.
  let array: GrammarNode
  /// Any value.
  let value: GrammarNode

  /// Characters that a string has as they are.
  static let plain = ScalarSet(of: "\"\\").union(ScalarSet([0...0x1F])).inverted

  private static let digits = GrammarNode.characters(.digits)
  /// Digits without a zero before others, as many as are exact.
  private static let whole = GrammarNode.choice([
    .literal("0"),
    .sequence([
      .characters(ScalarSet([0x31...0x39])), .repeated(digits, minimum: 0, maximum: 15),
    ]),
  ])
  private static let fraction = GrammarNode.sequence([
    .literal("."), .repeated(digits, minimum: 1, maximum: 16),
  ])
  private static let exponent = GrammarNode.sequence([
    .characters(ScalarSet(of: "eE")), .optional(.characters(ScalarSet(of: "+-"))),
    .repeated(digits, minimum: 1, maximum: 2),
  ])

  /// Adds the rules of JSON.
  init(_ rules: inout GrammarRules) {
    func rule(_ node: GrammarNode, _ name: String) -> GrammarNode {
      .rule(rules.add(node, name: name))
    }
    let indentation = GrammarNode.repeated(
      .characters(ScalarSet(of: " \t")),
      minimum: 0,
      maximum: 40
    )
    space = rule(
      .choice([.empty, .literal(" "), .sequence([.literal("\n"), indentation])]),
      "white space"
    )
    // No half of a surrogate pair: beyond the basic plane characters stand for themselves.
    let hexadecimal = GrammarNode.characters(.hexadecimal)
    let unit = GrammarNode.choice([
      .sequence([.characters(ScalarSet.hexadecimal.subtracting(ScalarSet(of: "Dd"))), hexadecimal]),
      .sequence([.characters(ScalarSet(of: "Dd")), .characters(ScalarSet([0x30...0x37]))]),
    ])
    character = rule(
      .choice([
        .characters(Self.plain),
        .sequence([.literal("\\"), .characters(ScalarSet(of: "\"\\/bfnrt"))]),
        .sequence([.literal("\\u"), unit, hexadecimal, hexadecimal]),
      ]),
      "character"
    )
    string = rule(
      .sequence([.literal("\""), .any(character), .literal("\"")]),
      "string"
    )
    integer = rule(.sequence([.optional(.literal("-")), Self.whole]), "integer")
    number = rule(
      .sequence([
        .optional(.literal("-")), Self.whole, .optional(Self.fraction), .optional(Self.exponent),
      ]),
      "number"
    )
    let any = rules.add(.empty, name: "value")
    value = .rule(any)
    array = rule(Self.list(of: .rule(any), space: space), "list")
    object = rule(
      Self.object(
        Self.separated(Self.member(string, value, space: space), minimum: 0, space: space),
        space: space
      ),
      "object"
    )
    rules.nodes[any] = .choice([
      object, array, string, number, .literals(["true", "false", "null"].map { Array($0.utf8) }),
    ])
  }

  /// A list.
  static func list(of item: GrammarNode, space: GrammarNode) -> GrammarNode {
    .sequence([
      .literal("["), space, separated(item, minimum: 0, space: space), space, .literal("]"),
    ])
  }

  /// An object with members.
  static func object(_ members: GrammarNode, space: GrammarNode) -> GrammarNode {
    .sequence([.literal("{"), space, members, space, .literal("}")])
  }

  /// A member of an object.
  static func member(
    _ key: GrammarNode,
    _ value: GrammarNode,
    space: GrammarNode
  ) -> GrammarNode {
    .sequence([key, space, .literal(":"), space, value])
  }

  /// Items with commas between them.
  static func separated(
    _ item: GrammarNode,
    minimum: Int,
    maximum: Int? = nil,
    space: GrammarNode
  ) -> GrammarNode {
    if maximum == 0 { return .empty }
    let next = GrammarNode.sequence([space, .literal(","), space, item])
    let items = GrammarNode.sequence([
      item,
      .repeated(next, minimum: max(0, minimum - 1), maximum: maximum.map { $0 - 1 }),
    ])
    return minimum == 0 ? .optional(items) : items
  }

  /// A text of a pattern as the inside of a string.
  static func escaped(_ node: GrammarNode) -> GrammarNode {
    switch node {
    case .characters(let set): escaped(set)
    case .sequence(let parts): .sequence(parts.map(escaped))
    case .choice(let options): .choice(options.map(escaped))
    case .repeated(let part, let minimum, let maximum):
      .repeated(escaped(part), minimum: minimum, maximum: maximum)
    // Patterns have none of these.
    case .literals, .rule, .text, .decision: node
    }
  }

  private static func escaped(_ set: ScalarSet) -> GrammarNode {
    let others = set.subtracting(plain)
    guard !others.isEmpty else { return .characters(set) }
    let spelt = others.ranges.flatMap { Array($0) }.compactMap { value -> [UInt8]? in
      guard let scalar = Unicode.Scalar(value) else { return nil }
      return Array(JSONValue.string(String(Character(scalar))).compact.utf8.dropFirst().dropLast())
    }
    let kept = set.subtracting(others)
    return kept.isEmpty ? .literals(spelt) : .choice([.characters(kept), .literals(spelt)])
  }
}
