/// A failure to read or use a tokenizer or a chat template.
package enum TextError: Error, Equatable, Sendable, CustomStringConvertible {
  /// There is no file at a path.
  case notFound(path: String)
  /// A file exists and cannot be read or written.
  case inaccessible(path: String, reason: String)
  /// A file is not a JSON document.
  case malformedJSON(file: String, reason: String)
  /// A tokenizer file uses a piece that this reader does not have.
  case unsupported(piece: String, supported: String)
  /// A tokenizer file contradicts itself or lacks a part.
  case invalidTokenizer(part: String, expected: String, actual: String)
  /// A chat template needs a special token that the vocabulary lacks.
  case missingToken(spelling: String, template: String)
  /// A conversation has a role that the chat template cannot render.
  case unknownRole(role: String, template: String, known: [String])
  /// A conversation is to be rendered, and the folder's chat template is none that is known.
  case unknownTemplate(folder: String)
  /// A conversation is to be rendered, and the folder's chat template cannot be read; a preset may be
  /// near.
  case unreadableTemplate(folder: String, error: JinjaError, preset: String?)
  /// A model's own chat template cannot be read, refuses a conversation or fails.
  case template(JinjaError)
  /// A model's own chat template writes nothing of a message that matters.
  case omittedContent(role: String)
  /// A critique is to be opened or closed, and the chat template does not show how.
  case unknownTurn(reason: String)
  /// An encoder reads one prompt and one response, and a conversation has another number of messages
  /// before its response.
  case notPair(messages: Int)
  /// A vocabulary is too small for the bytes and special tokens it must hold.
  case vocabularyTooSmall(size: Int, minimum: Int)
  /// A length limit leaves no room for the token that is scored.
  case limitTooSmall(maximumTokens: Int, minimum: Int)

  /// One sentence: what happened, where, what was expected, what to do.
  package var description: String {
    switch self {
    case .notFound(let path):
      "\(path): no such file; give a folder or file that exists."
    case .inaccessible(let path, let reason):
      "\(path): cannot be read or written (\(reason))."
    case .malformedJSON(let file, let reason):
      "\(file): not a JSON document (\(reason)); fetch or write the file again."
    case .unsupported(let piece, let supported):
      "The tokenizer uses \(piece), which is not supported; supported: \(supported)."
    case .invalidTokenizer(let part, let expected, let actual):
      "The tokenizer's \(part) is invalid: expected \(expected), found \(actual)."
    case .missingToken(let spelling, let template):
      "The chat template '\(template)' needs the special token '\(spelling)', which the "
        + "vocabulary lacks; choose the template that the tokenizer was made for."
    case .unknownRole(let role, let template, let known):
      "The role '\(role)' cannot be rendered by the chat template '\(template)'; "
        + "it knows \(known.joined(separator: ", "))."
    case .unknownTemplate(let folder):
      "\(folder): no known chat template fits its special tokens (known: assay with <|user|>, "
        + "llama-3 with <|start_header_id|>, chatml with <|im_start|>); give rows of rendered text."
    case .unreadableTemplate(let folder, let error, let preset):
      "\(folder): its own chat template cannot be followed (line \(error.line): \(error.reason)); give "
        + "rows of rendered text"
        + (preset.map {
          ", or accept the preset '\($0)' in its place with --approximate-template (recipes: "
            + "compute.approximate_template: true)"
        } ?? "") + "."
    case .template(let error): error.description
    case .omittedContent(let role):
      "The model's own chat template writes nothing of the \(role)'s turn; leave that turn out, or give "
        + "rendered text."
    case .unknownTurn(let reason):
      "The model's own chat template \(reason), so a critique cannot be opened and closed in a turn "
        + "of its own; use a classic reward model on this base."
    case .notPair(let messages):
      "An encoder reads one prompt and one response, and this conversation has \(messages) messages "
        + "before its response; make one text of them as the model was trained to read it."
    case .vocabularyTooSmall(let size, let minimum):
      "A vocabulary of \(size) tokens is too small: the 256 bytes and the special tokens alone "
        + "need \(minimum)."
    case .limitTooSmall(let maximumTokens, let minimum):
      "A limit of \(maximumTokens) tokens is too small: at least \(minimum) are needed."
    }
  }
}
