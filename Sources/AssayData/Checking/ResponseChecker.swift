/// Tells whether a response is right, where the data can tell.
package enum ResponseChecker: Sendable {
  /// By the Playground's item that the prompt's id names.
  case playground(Playground)
  /// By the final number of a response, against that of the answer to the same prompt id: what follows
  /// `####`, or stands in `\boxed{}`, else the last number in digits.
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
      guard let answer = answers[id].flatMap(FinalNumber.value) else { return nil }
      return FinalNumber.value(of: response) == answer
    }
  }
}
