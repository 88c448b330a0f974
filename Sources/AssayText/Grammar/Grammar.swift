import AssayBase

/// What a text is allowed to be.
///
/// A grammar knows no vocabulary: `TokenGrammar` says which tokens of one it allows where.
package struct Grammar: Sendable, Hashable {
  /// Where a grammar came from.
  package enum Source: Sendable, Hashable {
    /// One of these texts.
    case choice([String])
    /// A text that a regular expression matches as a whole.
    case regex(String)
    /// A JSON document that a schema, in compact spelling, admits.
    case jsonSchema(String)
    /// Any JSON object.
    case jsonObject
    /// Reasons, and then the verdict `[[A]]` or `[[B]]`, which ends the text.
    case verdict
    /// The letter of a verdict alone.
    case letter

    /// What it is called in messages.
    var name: String {
      switch self {
      case .choice: "choice"
      case .regex: "regular expression"
      case .jsonSchema: "JSON schema"
      case .jsonObject: "JSON object"
      case .verdict: "verdict"
      case .letter: "letter"
      }
    }
  }

  /// Where it came from; equal sources are equal grammars.
  package let source: Source
  let rules: GrammarRules
  let automaton: GrammarAutomaton

  package static func == (left: Grammar, right: Grammar) -> Bool { left.source == right.source }

  package func hash(into hasher: inout Hasher) { hasher.combine(source) }

  private init(_ source: Source, _ rules: GrammarRules) throws(GrammarError) {
    self.source = source
    self.rules = rules
    do throws(GrammarError) {
      automaton = try GrammarAutomaton(rules)
    } catch {
      guard case .unspellable = error, case .jsonSchema = source else { throw error }
      throw .schema(place: "#", reason: "it refers to itself without an end")
    }
    guard GrammarMachine(automaton).start >= 0 else {
      throw .tooLarge(reason: "may begin in too many ways")
    }
  }

  /// Compiles what a grammar came from.
  ///
  /// - Parameter source: Where the grammar came from.
  /// - Returns: The grammar.
  /// - Throws: `GrammarError`.
  package static func compiled(_ source: Source) throws(GrammarError) -> Grammar {
    switch source {
    case .choice(let texts): return try choice(texts)
    case .regex(let pattern): return try regex(pattern)
    case .jsonSchema(let text):
      do {
        return try jsonSchema(JSONValue(parsing: Array(text.utf8)))
      } catch let error as GrammarError {
        throw error
      } catch {
        throw .schema(place: "#", reason: "it is no JSON: \(error)")
      }
    case .jsonObject: return try jsonObject()
    case .verdict: return try verdict()
    case .letter: return try letter()
    }
  }

  /// One of some texts.
  ///
  /// - Parameter texts: At least one; none is empty.
  /// - Returns: The grammar.
  /// - Throws: `GrammarError.choice`, or `tooLarge`.
  package static func choice(_ texts: [String]) throws(GrammarError) -> Grammar {
    guard !texts.isEmpty else { throw .choice(reason: "has no texts") }
    guard !texts.contains("") else { throw .choice(reason: "has an empty text") }
    let node = GrammarNode.literals(texts.map { Array($0.utf8) })
    return try Grammar(.choice(texts), GrammarRules(node, name: "choice"))
  }

  /// Texts that a regular expression matches from beginning to end.
  ///
  /// - Parameter pattern: See `RegexReader` for what may stand in it.
  /// - Returns: The grammar.
  /// - Throws: `GrammarError.regex` with the place of what is not supported, or `regexTooLarge`.
  package static func regex(_ pattern: String) throws(GrammarError) -> Grammar {
    let node = try RegexReader.read(pattern)
    return try Grammar(.regex(pattern), GrammarRules(node, name: "regular expression"))
  }

  /// JSON documents that a schema admits.
  ///
  /// Every text is admitted by the schema; not every admitted document can be written: properties keep
  /// the schema's order, and white space, digits and escapes are bounded.
  ///
  /// - Parameter schema: See `JSONSchemaReader` for what may stand in it.
  /// - Returns: The grammar.
  /// - Throws: `GrammarError.schema` with the place of what is not supported, or `tooLarge`.
  package static func jsonSchema(_ schema: JSONValue) throws(GrammarError) -> Grammar {
    try Grammar(.jsonSchema(schema.compact), try JSONSchemaReader.read(schema))
  }

  /// Any JSON object.
  ///
  /// - Throws: Nothing but what an automaton would that is too large: it is not.
  package static func jsonObject() throws(GrammarError) -> Grammar {
    var rules = GrammarRules(.empty, name: "JSON object")
    let json = JSONGrammar(&rules)
    rules.nodes[0] = json.object
    return try Grammar(.jsonObject, rules)
  }

  /// The letter of a verdict alone.
  ///
  /// - Throws: As `jsonObject()`.
  package static func letter() throws(GrammarError) -> Grammar {
    try Grammar(.letter, GrammarRules(.decision(letters), name: "letter"))
  }

  private static let letters = Verdict.allCases.map { Array($0.rawValue.utf8) }

  /// Reasons, and then the verdict `[[A]]` or `[[B]]`, which ends the text.
  ///
  /// The reasons have at least one character that is no white space. The first mark is the verdict, and
  /// no other letter can stand in one. Where the text begins with `<think>`, marks before `</think>` are
  /// thoughts. The letter is a token of its own, so that its probability can be read.
  ///
  /// - Throws: As `jsonObject()`.
  package static func verdict() throws(GrammarError) -> Grammar {
    let marks = (Verdict.allCases.map(\.mark) + ["[[C]]"]).map { Array($0.utf8) }
    let mark = GrammarNode.sequence([.literal("[["), .decision(letters), .literal("]]")])
    let space = GrammarNode.any(.characters(.spaces))
    let text = GrammarNode.text(avoiding: marks)
    // What reasons begin with tells them from thoughts, and from a mark without reasons.
    let reasons = GrammarNode.choice([
      .characters(ScalarSet.spaces.union(ScalarSet(of: "<[")).inverted),
      .sequence([.literal("<"), .characters(ScalarSet(of: "t[").inverted)]),
      .sequence([.literal("["), .characters(ScalarSet(of: "[").inverted)]),
    ])
    let thoughts = GrammarNode.sequence([
      .literal("<think>"), .text(avoiding: [Array("</think>".utf8)]), .literal("</think>"),
    ])
    let root = GrammarNode.sequence([space, .choice([reasons, thoughts]), text, mark])
    return try Grammar(.verdict, GrammarRules(root, name: "verdict"))
  }
}
