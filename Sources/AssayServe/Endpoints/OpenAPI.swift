import AssayBase
import HTTPTypes

/// `GET /openapi.json` and `/`: what the server takes, as OpenAPI 3.1 describes it.
enum OpenAPI {
  /// - Parameter endpoints: What is described.
  /// - Returns: What answers it.
  static func endpoint(_ endpoints: [Endpoint]) -> Endpoint {
    let document = document(endpoints)
    return .get("/openapi.json", "/", summary: "This document.") { _ in .json(document) }
  }

  /// The document.
  static func document(_ endpoints: [Endpoint]) -> JSONValue {
    var paths: [JSONMember] = []
    for endpoint in endpoints {
      for path in endpoint.paths {
        // What stands below a path is a parameter.
        let isPrefix = Endpoint.isOpenEnded(path)
        paths.append(
          JSONMember(
            isPrefix ? path + "{name}" : path,
            .object([
              JSONMember(
                endpoint.method.rawValue.lowercased(),
                operation(endpoint, hasName: isPrefix)
              )
            ])
          )
        )
      }
    }
    return [
      "openapi": "3.1.0",
      "info": ["title": "Assay", "version": "1"],
      "components": [
        "securitySchemes": ["key": ["type": "http", "scheme": "bearer"]],
        "schemas": ["Error": error],
      ],
      "paths": .object(paths),
    ]
  }

  private static let error: JSONValue = [
    "type": "object",
    "properties": [
      "error": [
        "type": "object",
        "properties": [
          "message": ["type": "string"], "type": ["type": "string"],
          "param": ["type": ["string", "null"]], "code": ["type": "string"],
        ],
      ]
    ],
  ]

  private static func operation(_ endpoint: Endpoint, hasName: Bool) -> JSONValue {
    var members = [JSONMember("summary", .string(endpoint.summary))]
    members.append(JSONMember("security", endpoint.isOpen ? [] : [[:], ["key": []]]))
    if hasName {
      members.append(
        JSONMember(
          "parameters",
          [["name": "name", "in": "path", "required": true, "schema": ["type": "string"]]]
        )
      )
    }
    if endpoint.method == .post {
      let properties = endpoint.members.map { JSONMember($0, ["description": .string($1)]) }
      let body: JSONValue = [
        "required": true,
        "content": ["application/json": ["schema": ["properties": .object(properties)]]],
      ]
      members.append(JSONMember("requestBody", body))
    }
    members.append(
      JSONMember(
        "responses",
        [
          "200": ["description": "The answer."],
          "default": [
            "description": "What is wrong, as OpenAI tells it.",
            "content": [
              "application/json": ["schema": ["$ref": "#/components/schemas/Error"]]
            ],
          ],
        ]
      )
    )
    return .object(members)
  }
}
