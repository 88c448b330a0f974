import ArgumentParser
import AssayData

/// How responses are checked.
struct CheckerOptions: ParsableArguments {
  @Option(
    help: """
      The prompts are the Playground's, of this seed; their ids name the items. Default: they are not.
      """
  )
  var playgroundSeed: UInt64?

  @Option(
    help: """
      gsm8k: responses are right by their last number, which is that of "answer" in the data. \
      Default: they are not checked so.
      """
  )
  var answers: AnswerRule?

  enum AnswerRule: String, ExpressibleByArgument, CaseIterable {
    case gsm8k
  }

  func validate() throws {
    guard playgroundSeed == nil || answers == nil else {
      throw ValidationError("give either --playground-seed or --answers")
    }
  }

  /// What checks responses to prompts; `nil` where nothing was asked for.
  ///
  /// - Parameter rows: The prompts.
  /// - Returns: The checker.
  func checker(_ rows: [PromptRecord]) -> ResponseChecker? {
    if let playgroundSeed {
      return .playground(Playground(PlaygroundConfiguration(seed: playgroundSeed)))
    }
    guard answers != nil else { return nil }
    let known = rows.compactMap { row in row.answer.map { (row.id, $0) } }
    return .finalNumber(answers: Dictionary(known) { first, _ in first })
  }
}

/// A policy's responses to one prompt, as `records.jsonl` of `bon` and `refine` has them.
struct PolicyResponses: Codable, Sendable {
  let id: String
  let responses: [String]
  let right: [Bool]

  /// Checks responses.
  ///
  /// - Throws: `UncheckedPrompt` where the checker knows nothing of the prompt.
  init(_ row: PromptRecord, responses: [String], checker: ResponseChecker) throws {
    id = row.id
    self.responses = responses
    right = try responses.map { response in
      guard let isRight = checker.isRight(response, id: row.id) else {
        throw UncheckedPrompt(id: row.id)
      }
      return isRight
    }
  }

  /// Takes responses and flags as the file has them.
  init(id: String, responses: [String], right: [Bool]) {
    self.id = id
    self.responses = responses
    self.right = right
  }
}

/// A prompt whose responses nobody can check.
struct UncheckedPrompt: Error, CustomStringConvertible {
  let id: String

  var description: String {
    "Nothing tells which responses to the prompt '\(id)' are right: its id is none of the "
      + "Playground's, or its row has no \"answer\" with a number."
  }
}
