import ArgumentParser
import AssayData
import AssayText
import Foundation

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
  func checker(_ rows: [PromptRow]) -> ResponseChecker? {
    if let playgroundSeed {
      return .playground(Playground(PlaygroundConfiguration(seed: playgroundSeed)))
    }
    guard answers != nil else { return nil }
    let known = rows.compactMap { row in row.answer.map { (row.id, $0) } }
    return .finalNumber(answers: Dictionary(known) { first, _ in first })
  }
}

/// A prompt of a policy, perhaps with responses that are there already.
struct PromptRow: Decodable {
  var id: String
  let prompt: [Message]
  let answer: String?
  let responses: [String]?
  let right: [Bool]?

  enum CodingKeys: String, CodingKey { case id, prompt, question, answer, responses, right }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    id = try container.decodeIfPresent(String.self, forKey: .id) ?? ""
    if let question = try container.decodeIfPresent(String.self, forKey: .question) {
      prompt = [.user(question)]
    } else if let text = try? container.decode(String.self, forKey: .prompt) {
      prompt = [.user(text)]
    } else {
      prompt = try container.decode([Message].self, forKey: .prompt)
    }
    answer = try container.decodeIfPresent(String.self, forKey: .answer)
    responses = try container.decodeIfPresent([String].self, forKey: .responses)
    right = try container.decodeIfPresent([Bool].self, forKey: .right)
  }

  /// Reads the prompts of a file; rows without id are called after their place, from 0.
  ///
  /// - Parameters:
  ///   - path: JSON Lines.
  ///   - hasResponses: Whether each row must hold responses.
  /// - Returns: The prompts, at least one.
  /// - Throws: `DataError` or `TrainingLineError`.
  static func read(_ path: String, hasResponses: Bool) throws -> [PromptRow] {
    var rows: [PromptRow] = []
    var seen: Set<String> = []
    var count: Int?
    try InputLines.forEach(path) { line, bytes in
      func failure(_ expected: String) -> TrainingLineError {
        TrainingLineError(file: path, line: line, expected: expected)
      }
      guard var row = try? JSONDecoder().decode(PromptRow.self, from: bytes) else {
        throw failure("an object with \"prompt\" (a string or messages) or \"question\"")
      }
      if row.id.isEmpty { row.id = "\(rows.count)" }
      guard seen.insert(row.id).inserted else { throw failure("an id that no row before has") }
      if hasResponses {
        guard let responses = row.responses, !responses.isEmpty,
          responses.count == (count ?? responses.count),
          row.right.map({ $0.count == responses.count }) ?? true
        else {
          throw failure(
            "\"responses\", as many as in the rows before, and \"right\", if any, as long"
          )
        }
        count = responses.count
      }
      rows.append(row)
    }
    guard !rows.isEmpty else {
      throw TrainingLineError(file: path, line: 1, expected: "at least one row")
    }
    return rows
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
  init(_ row: PromptRow, responses: [String], checker: ResponseChecker) throws {
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
