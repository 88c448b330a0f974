// A policy's responses, and whether they are right.
import AssayData
import AssayReward
import AssayText

/// A policy's responses to one prompt, as `records.jsonl` of best-of-N and of revision has them.
package struct PolicyResponses: Codable, Equatable, Sendable {
  /// The prompt's id.
  package let id: String
  /// What the policy wrote.
  package let responses: [String]
  /// Which of them are right.
  package let right: [Bool]

  /// Makes a record of responses that are checked.
  package init(id: String, responses: [String], right: [Bool]) {
    self.id = id
    self.responses = responses
    self.right = right
  }

  /// Checks responses.
  ///
  /// - Parameters:
  ///   - prompt: What was answered.
  ///   - responses: The answers.
  ///   - checker: What tells which are right.
  /// - Throws: `EvaluateError.uncheckedPrompt` where the checker knows nothing of the prompt.
  package init(
    _ prompt: PromptRecord,
    responses: [String],
    checker: ResponseChecker
  ) throws {
    id = prompt.id
    self.responses = responses
    right = try responses.map { response in
      guard let isRight = checker.isRight(response, id: prompt.id) else {
        throw EvaluateError.uncheckedPrompt(id: prompt.id)
      }
      return isRight
    }
  }

  /// Takes the responses that a row has, and its flags or else what a checker says.
  ///
  /// - Throws: `EvaluateError.uncheckedPrompt` where nothing tells which are right.
  package init(given prompt: PromptRecord, checker: ResponseChecker?) throws {
    let responses = prompt.responses ?? []
    if let right = prompt.right {
      self.init(id: prompt.id, responses: responses, right: right)
    } else if let checker {
      try self.init(prompt, responses: responses, checker: checker)
    } else {
      throw EvaluateError.uncheckedPrompt(id: prompt.id)
    }
  }
}
