/// A model folder that cannot be read, or a request that the model cannot serve.
package enum ModelError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A file or folder is missing.
  case notFound(path: String, hint: String)
  /// A configuration has a value that is wrong or not supported.
  case configuration(file: String, key: String, reason: String)
  /// A weight is missing or has another shape than the configuration says.
  case weight(file: String, name: String, reason: String)
  /// A sequence is longer than the model's positions.
  case tooLong(tokens: Int, maximum: Int)
  /// The model lacks a part that the request needs.
  case lacks(path: String, part: String, hint: String)

  /// One sentence: where, what is wrong, what was expected.
  package var description: String {
    switch self {
    case .notFound(let path, let hint): "\(path): no model found; \(hint)"
    case .configuration(let file, let key, let reason): "\(file): \(key): \(reason)"
    case .weight(let file, let name, let reason): "\(file): weight \(name): \(reason)"
    case .tooLong(let tokens, let maximum):
      "a sequence of \(tokens) tokens does not fit the model's \(maximum) positions; shorten it or "
        + "set a maximum length"
    case .lacks(let path, let part, let hint): "\(path): the model has no \(part); \(hint)"
    }
  }
}
