/// Tells whether a response is right, where the data can tell.
package enum ResponseChecker: Sendable {
  /// By the Playground's item that the prompt's id names.
  case playground(Playground)
  /// By the last number of a response, against that of the answer to the same prompt id.
  case finalNumber(answers: [String: String])

  /// Checks a response.
  ///
  /// - Parameters:
  ///   - response: The response.
  ///   - id: The id of its prompt.
  /// - Returns: Whether it is right; `nil` where nothing is known of the prompt.
  package func isRight(_ response: String, id: String) -> Bool? {
    switch self {
    case .playground(let playground): return playground.item(id: id)?.isRight(response)
    case .finalNumber(let answers):
      guard let answer = answers[id].flatMap(Self.lastNumber) else { return nil }
      return Self.lastNumber(response) == answer
    }
  }

  /// The last number of a text, as `18` in `#### 18`, whatever its spelling: `1,250.50` is `1250.5`.
  private static func lastNumber(_ text: String) -> ExactNumber? {
    GSM8KNumberSpelling.values(in: text).last
  }
}
