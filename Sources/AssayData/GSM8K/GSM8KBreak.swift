/// A response, and what an oracle says of it.
package struct GSM8KResponse: Hashable, Sendable {
  package let text: String
  package let answer: String
  package let critique: String

  /// The whole and right solution.
  package init(of solution: GSM8KSolution) {
    var edit = GSM8KEdit(solution)
    self.init(solution, &edit, answer: solution.answer.text)
  }

  /// A solution with one change; `nil` where it would not be consistent or not be wrong.
  ///
  /// - Parameters:
  ///   - solution: The right solution.
  ///   - change: What to change.
  ///   - known: The numbers of the question. A result that equals one of them may not change where
  ///     it is used later, as the use may mean either.
  ///   - propagates: Whether later steps use the changed result.
  package init?(
    of solution: GSM8KSolution,
    _ change: GSM8KChange,
    known: Set<ExactNumber>,
    propagates: Bool
  ) {
    var edit = GSM8KEdit(solution)
    guard edit.apply(change) else { return nil }
    if propagates {
      guard edit.propagate(known), edit.values[solution.answerStep] != nil else { return nil }
    }
    var answer = solution.answer.text
    if let value = edit.values[solution.answerStep] {
      guard
        let text = solution.answer.spelling(value, separators: solution.usesSeparators)
      else { return nil }
      answer = text
    }
    self.init(solution, &edit, answer: answer)
  }

  private init(_ solution: GSM8KSolution, _ edit: inout GSM8KEdit, answer: String) {
    self.answer = answer
    text = edit.text() + "\nThe answer is \(answer)."
    var sentences = edit.sentences()
    let isSame = answer == solution.answer.text
    sentences.append(
      isSame
        ? "The answer is \(answer)."
        : "The answer is \(answer), but it should be \(solution.answer.text)."
    )
    sentences.append("The solution is \(edit.change == nil ? "right" : "wrong").")
    critique = sentences.joined(separator: " ")
  }
}
