import AssayBase
import AssayModel
import AssayText

extension RequestFields {
  /// What a text may be, by the fields that clients have for it: OpenAI's `response_format`, vLLM's
  /// `structured_outputs` and its earlier `guided_choice`, `guided_regex` and `guided_json`.
  ///
  /// - Parameter text: The model's texts.
  /// - Returns: The grammar over the model's tokens; `nil` where nothing is asked for.
  /// - Throws: `ServeError` that names the field, and in it the place of what is not supported.
  mutating func grammar(_ text: ModelText) throws(ServeError) -> TokenGrammar? {
    var asked: [(name: String, form: Form)] = []
    if let form = try responseFormat() { asked.append(("response_format", form)) }
    if let form = try structuredOutputs() { asked.append(("structured_outputs", form)) }
    if let texts = value("guided_choice") { asked.append(("guided_choice", .choice(texts))) }
    if let pattern = value("guided_regex") { asked.append(("guided_regex", .regex(pattern))) }
    if let schema = value("guided_json") { asked.append(("guided_json", .json(schema))) }
    try refuse("guided_grammar", unless: { _ in false }, "use a regular expression or a schema")
    try refuse(
      "guided_whitespace_pattern",
      unless: { _ in false },
      "white space is bounded as it is"
    )
    ignore("guided_decoding_backend")
    guard let (name, form) = asked.first else { return nil }
    guard asked.count == 1 else {
      throw .unsupported(
        name: asked[1].name,
        advice: "it stands beside '\(name)'; give one of them"
      )
    }
    let source = try form.source(name)
    do {
      return try text.grammars.bind(source, ends: [text.renderer.endOfTurnID])
    } catch {
      throw .unsupported(name: name, advice: error.description)
    }
  }

  /// A grammar as a client spells it.
  private enum Form {
    case choice(JSONValue)
    case regex(JSONValue)
    case json(JSONValue)
    case object

    func source(_ name: String) throws(ServeError) -> Grammar.Source {
      switch self {
      case .object: return .jsonObject
      case .choice(let value):
        let texts = value.array?.compactMap(\.string) ?? []
        guard let list = value.array, texts.count == list.count else {
          throw RequestFields.wrong(name, value, "a list of strings")
        }
        return .choice(texts)
      case .regex(let value):
        guard let pattern = value.string else {
          throw RequestFields.wrong(name, value, "a regular expression, as a string")
        }
        return .regex(pattern)
      case .json(let value):
        // vLLM takes schemas in a string, too.
        let parsed = value.string.map { try? JSONValue(parsing: Array($0.utf8)) } ?? value
        guard let schema = parsed, schema.members != nil || schema.bool != nil else {
          throw RequestFields.wrong(name, value, "a JSON schema")
        }
        return .jsonSchema(schema.compact)
      }
    }
  }

  private mutating func responseFormat() throws(ServeError) -> Form? {
    let name = "response_format"
    guard let value = value(name) else { return nil }
    switch value["type"]?.string {
    case "text": return nil
    case "json_object": return .object
    case "json_schema":
      guard let schema = value["json_schema"]?["schema"] else {
        throw Self.wrong(name, value, "'json_schema' with a 'schema'")
      }
      return .json(schema)
    default: throw Self.wrong(name, value, "of type text, json_object or json_schema")
    }
  }

  private mutating func structuredOutputs() throws(ServeError) -> Form? {
    let name = "structured_outputs"
    guard let value = value(name) else { return nil }
    guard let members = value.members else { throw Self.wrong(name, value, "an object") }
    var found: [Form] = []
    for member in members where !member.value.isNull {
      switch member.key {
      case "choice": found.append(.choice(member.value))
      case "regex": found.append(.regex(member.value))
      case "json": found.append(.json(member.value))
      case "json_object": if member.value == true { found.append(.object) }
      // How vLLM's own engines go about it.
      case "disable_fallback", "disable_any_whitespace", "disable_additional_properties": break
      default:
        throw .unsupported(
          name: "\(name).\(member.key)",
          advice: "use one of choice, regex, json and json_object"
        )
      }
    }
    guard found.count <= 1 else { throw Self.wrong(name, value, "one of choice, regex and json") }
    return found.first
  }
}
