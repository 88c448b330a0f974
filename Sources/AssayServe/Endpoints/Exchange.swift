import AssayBase
import AssayText

/// One request on its way through an endpoint.
struct Exchange: Sendable {
  /// The endpoint's way to the model.
  let port: QueuedPort
  /// How the server is set up.
  let settings: ServeSettings
  /// The path, for messages.
  let path: String
  /// The request's number, for ids.
  let number: Int
  /// Seconds since 1970, for `created`.
  let created: Int
  /// The body; `null` where the method has none.
  let body: JSONValue

  /// The model.
  var model: ServedModel { port.model }

  /// The id of an answer.
  func id(_ prefix: String) -> String { "\(prefix)-\(created)-\(number)" }

  /// What most answers begin with: an id, what they are, when, and of which model.
  func head(_ prefix: String, _ object: String) -> [JSONMember] {
    [
      JSONMember("id", .string(id(prefix))), JSONMember("object", .string(object)),
      JSONMember("created", .number("\(created)")), JSONMember("model", .string(model.name)),
    ]
  }
}
