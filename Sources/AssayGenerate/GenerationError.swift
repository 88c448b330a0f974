/// A request that cannot be served.
package enum GenerationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The prompt has no tokens.
  case emptyPrompt(request: Int)
  /// Prompt, new tokens and closing token do not fit the model's positions.
  case exceedsContext(request: Int, needed: Int, context: Int)
  /// Keys and values of the request alone do not fit the memory budget.
  case exceedsMemory(request: Int, neededBytes: Int, budgetBytes: Int)
  /// A token id is not in the model's vocabulary.
  case unknownToken(request: Int, token: Int32, vocabularySize: Int)
  /// A setting is outside of its range.
  case setting(request: Int, name: String, value: String, expected: String)
  /// The model gives no numbers for the next token.
  case notFinite(request: Int)
  /// The model has no output embedding.
  case notLanguageModel

  /// What happened, to which request, and what to do.
  package var description: String {
    switch self {
    case .emptyPrompt(let request):
      "request \(request): the prompt is empty; give at least one token to continue"
    case .exceedsContext(let request, let needed, let context):
      "request \(request): prompt and new tokens need \(needed) positions, the model has "
        + "\(context); shorten the prompt or generate fewer tokens"
    case .exceedsMemory(let request, let needed, let budget):
      "request \(request): its keys and values need \(needed) bytes, the budget is \(budget); "
        + "raise the budget or shorten the request"
    case .unknownToken(let request, let token, let size):
      "request \(request): token \(token) is outside of the model's 0..<\(size); use the model's "
        + "own tokenizer"
    case .setting(let request, let name, let value, let expected):
      "request \(request): \(name) is \(value), expected \(expected)"
    case .notFinite(let request):
      "request \(request): the model's logits are no numbers; its weights are damaged"
    case .notLanguageModel:
      "the model has no output embedding and cannot generate text; use a language model"
    }
  }
}
