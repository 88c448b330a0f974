import AssayBase
import AssayText

/// The field in which an endpoint takes a grammar.
package enum StructuredOutput: String, Codable, Sendable, CaseIterable {
  /// vLLM's `structured_outputs`.
  case structuredOutputs = "structured_outputs"
  /// `guided_choice`, `guided_regex` and `guided_json`, of earlier versions of vLLM.
  case guided
  /// OpenAI's `response_format`, which takes JSON only.
  case responseFormat = "response_format"

  /// What is sent for a grammar.
  ///
  /// - Parameter source: The grammar.
  /// - Returns: A member of the body.
  /// - Throws: `EndpointError.structure` where the field has no form for it.
  package func member(_ source: Grammar.Source) throws(EndpointError) -> JSONMember {
    switch self {
    case .structuredOutputs:
      let (kind, value) = try Self.constraint(source)
      return JSONMember(rawValue, .object([JSONMember(kind, value)]))
    case .guided:
      let (kind, value) = try Self.constraint(source)
      guard kind != "json_object" else {
        return JSONMember("response_format", ["type": "json_object"])
      }
      return JSONMember("guided_" + kind, value)
    case .responseFormat: return JSONMember(rawValue, try Self.format(source))
    }
  }

  /// What tells a grammar from others in records.
  static func spelling(_ source: Grammar.Source) -> String {
    (try? structuredOutputs.member(source))?.value.compact ?? ""
  }

  /// vLLM's word for a grammar, and its value.
  private static func constraint(
    _ source: Grammar.Source
  ) throws(EndpointError) -> (kind: String, value: JSONValue) {
    switch source {
    case .choice(let texts): ("choice", .array(texts.map { .string($0) }))
    case .regex(let pattern): ("regex", .string(pattern))
    case .jsonSchema(let text): ("json", try schema(text))
    case .jsonObject: ("json_object", true)
    case .verdict: ("regex", #"[\s\S]+\[\[[AB]\]\]"#)
    case .letter: ("choice", ["A", "B"])
    }
  }

  /// A schema from its spelling.
  private static func schema(_ text: String) throws(EndpointError) -> JSONValue {
    do {
      return try JSONValue(parsing: Array(text.utf8))
    } catch {
      throw .structure(field: "json", reason: "the schema is no JSON (\(error))")
    }
  }

  /// OpenAI's form of a grammar; verdicts become a member of an object, in which they are read alike.
  private static func format(_ source: Grammar.Source) throws(EndpointError) -> JSONValue {
    func json(_ schema: JSONValue) -> JSONValue {
      [
        "type": "json_schema",
        "json_schema": ["name": "answer", "strict": true, "schema": schema],
      ]
    }
    func object(_ members: [(String, JSONValue)]) -> JSONValue {
      [
        "type": "object",
        "properties": .object(members.map { JSONMember($0.0, $0.1) }),
        "required": .array(members.map { .string($0.0) }),
        "additionalProperties": false,
      ]
    }
    func one(of texts: [String]) -> JSONValue {
      ["type": "string", "enum": .array(texts.map { .string($0) })]
    }
    switch source {
    case .jsonSchema(let text): return json(try schema(text))
    case .jsonObject: return ["type": "json_object"]
    case .verdict:
      return json(
        object([
          ("reasons", ["type": "string"]), ("verdict", one(of: Verdict.allCases.map(\.mark))),
        ])
      )
    case .letter: return json(object([("verdict", one(of: Verdict.allCases.map(\.rawValue)))]))
    case .choice, .regex:
      throw .structure(
        field: responseFormat.rawValue,
        reason: "it takes JSON only; give a JSON schema, or --structured-output structured_outputs"
      )
    }
  }
}
