import AssayBase
import Foundation

/// A chat template in Jinja, read once and rendered as often as needed.
///
/// It is run as `transformers` runs it: Jinja2's immutable sandbox with `trim_blocks` and
/// `lstrip_blocks`, `break` and `continue`, `generation` blocks, and its own `tojson`,
/// `raise_exception` and `strftime_now`. Nothing outside is reached, and steps, size and nesting
/// have limits.
///
/// Source: Jinja2 3.1.6; transformers 5.24.0, `utils/chat_template_utils.py`.
package struct JinjaTemplate: Sendable {
  /// What a conversation is rendered with.
  package struct Input: Sendable {
    /// The turns: objects with `role`, `content` and whatever else the template reads.
    package var messages: [JSONValue]
    /// The tools that the model may call; `nil` for none.
    package var tools: [JSONValue]?
    /// Documents to answer from; `nil` for none.
    package var documents: [JSONValue]?
    /// Whether the assistant's turn is opened at the end.
    package var addsGenerationPrompt: Bool
    /// The spellings of special tokens, such as `bos_token`; they count as the template's own.
    package var specialTokens: [String: String]
    /// Further variables, such as `enable_thinking`.
    package var variables: [JSONMember]

    /// Makes the input of a conversation.
    ///
    /// - Parameters:
    ///   - messages: The turns.
    ///   - tools: The tools that the model may call.
    ///   - documents: Documents to answer from.
    ///   - addsGenerationPrompt: Whether the assistant's turn is opened at the end.
    ///   - specialTokens: The spellings of special tokens by the names of their variables.
    ///   - variables: Further variables.
    package init(
      messages: [JSONValue],
      tools: [JSONValue]? = nil,
      documents: [JSONValue]? = nil,
      addsGenerationPrompt: Bool = false,
      specialTokens: [String: String] = [:],
      variables: [JSONMember] = []
    ) {
      self.messages = messages
      self.tools = tools
      self.documents = documents
      self.addsGenerationPrompt = addsGenerationPrompt
      self.specialTokens = specialTokens
      self.variables = variables
    }

    /// Makes the input of a row of data: messages, what goes with them, and any further variables.
    ///
    /// - Parameters:
    ///   - row: An object with `messages`.
    ///   - specialTokens: The model's; those that the row spells take their place.
    ///   - addsGenerationPrompt: What holds where the row does not say it.
    package init?(row: JSONValue, specialTokens: [String: String], addsGenerationPrompt: Bool) {
      guard let messages = row["messages"]?.array else { return nil }
      self.init(
        messages: messages,
        tools: row["tools"]?.array,
        documents: row["documents"]?.array,
        addsGenerationPrompt: row["add_generation_prompt"]?.bool ?? addsGenerationPrompt,
        specialTokens: specialTokens
      )
      let known: Set = ["messages", "tools", "documents", "add_generation_prompt"]
      for member in row.members ?? [] where !known.contains(member.key) {
        if member.key.hasSuffix("_token"), let spelling = member.value.string {
          self.specialTokens[member.key] = spelling
        } else {
          variables.append(member)
        }
      }
    }
  }

  /// The text of the template.
  package let source: String
  private let statements: [JinjaStatement]
  private let names: [String]

  /// Reads a template.
  ///
  /// - Parameter source: The text of the template.
  /// - Throws: `JinjaError` of kind `syntax`.
  package init(_ source: String) throws {
    self.source = source
    (statements, names) = try JinjaParser.parse(source)
  }

  /// Renders a conversation.
  ///
  /// As in `transformers`, members of messages that are `null` are left out, and reasoning is
  /// there under each of the names that templates read it by.
  ///
  /// - Parameters:
  ///   - input: The conversation and what goes with it.
  ///   - now: The time that `strftime_now` tells.
  ///   - limits: What the rendering may use.
  /// - Returns: The text and where each part comes from.
  /// - Throws: `JinjaError` where the template refuses the conversation, fails or does not end.
  package func render(
    _ input: Input,
    now: Date = Date(),
    limits: JinjaLimits = JinjaLimits()
  ) throws -> RenderedText {
    var limits = limits
    limits.steps +=
      32
      * (input.messages + (input.tools ?? []) + (input.documents ?? []))
      .reduce(0) { $0 + Self.size(of: $1) }
    let evaluator = JinjaEvaluator(names: names, limits: limits, now: now)
    var variables: [Int: JinjaValue] = [:]
    for (id, name) in names.enumerated() { variables[id] = try Self.value(of: name, in: input) }
    return try evaluator.render(statements, variables: variables).rendered
  }

  /// The value of a variable that the template reads; `nil` where it is not given.
  private static func value(of name: String, in input: Input) throws -> JinjaValue? {
    if let given = input.variables.last(where: { $0.key == name })?.value {
      return try JinjaValue(given, origin: .data)
    }
    if let token = input.specialTokens[name] { return .text(token) }
    switch name {
    case "messages":
      return .list(JinjaList(try input.messages.enumerated().map { try message($1, index: $0) }))
    case "tools": return try optional(input.tools)
    case "documents": return try optional(input.documents)
    case "add_generation_prompt": return .bool(input.addsGenerationPrompt)
    default: return nil
    }
  }

  /// About how many bytes a document has.
  private static func size(of json: JSONValue) -> Int {
    switch json {
    case .null, .bool: 1
    case .number(let digits): digits.utf8.count
    case .string(let text): text.utf8.count
    case .array(let items): items.reduce(1) { $0 + size(of: $1) }
    case .object(let members): members.reduce(1) { $0 + $1.key.utf8.count + size(of: $1.value) }
    }
  }

  private static func optional(_ items: [JSONValue]?) throws -> JinjaValue {
    guard let items else { return .none }
    return try JinjaValue(.array(items), origin: .data)
  }

  private static let reasoningNames = ["reasoning_content", "thinking", "reasoning"]

  private static func message(_ json: JSONValue, index: Int) throws -> JinjaValue {
    guard case .object(let members) = json else {
      throw JinjaError(
        line: 1,
        kind: .evaluation,
        reason: "message \(index) is \(json.kind), and a message is an object"
      )
    }
    var kept = members.filter { !$0.value.isNull }
    let reasoning = reasoningNames.lazy.compactMap { name in kept.last { $0.key == name } }.first
    if let reasoning {
      if !kept.contains(where: { $0.key == "thinking" }) {
        kept.insert(JSONMember("thinking", reasoning.value), at: 0)
      }
      kept.removeAll { $0.key == "reasoning_content" && $0.value != reasoning.value }
      if !kept.contains(where: { $0.key == "reasoning_content" }) {
        kept.append(JSONMember("reasoning_content", reasoning.value))
      }
    }
    return .dict(
      JinjaDict(
        try kept.map { member in
          let origin = origin(of: member, index: index)
          let name = JinjaText(member.key, origin: .content(message: index))
          return (.text(name.scalars), .text(name), try JinjaValue(member.value, origin: origin))
        }
      )
    )
  }

  /// A role is the template's as long as it is a name: many templates write `<|` + role + `|>`.
  private static func origin(of member: JSONMember, index: Int) -> TextOrigin {
    guard member.key == "role", case .string(let role) = member.value else {
      return .content(message: index)
    }
    let isName = role.unicodeScalars.allSatisfy {
      $0.isASCII && ($0.isPythonAlphanumeric || $0 == "_" || $0 == "-")
    }
    return isName ? .template : .content(message: index)
  }
}
