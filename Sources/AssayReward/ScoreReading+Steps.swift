// Responses as heads read them that score steps, or an answer to a question about the response.

import AssayModel
import AssayText
import Foundation

extension ScoreReading {
  /// How many tokens a response has where it is not read as the renderer has it; `nil` where it is.
  ///
  /// - Throws: `HeadPlaceError` where it has no steps, `TextError` where the template does not fit.
  package func length(prompt: [Message], response: String) throws -> Int? {
    if let pass = try steps(prompt: prompt, response: response) { return pass.tokens.count }
    return isAsked ? try tokens(prompt: prompt, response: response).count : nil
  }

  /// Whether the model is read where it would answer.
  private var isAsked: Bool { text.manifest.question != nil || places.position == .next }

  /// The tokens of a conversation that ends with a response.
  func tokens(prompt: [Message], response: String) throws -> [Int32] {
    guard isAsked else { return try renderer.render(prompt: prompt, response: response).tokens }
    let question = text.manifest.question.map { [Message.user($0)] } ?? []
    let turns = prompt + [.assistant(response)] + question
    return try renderer.generationPrefix(prompt: turns)
  }

  /// A response step by step; `nil` where the head needs no such thing.
  ///
  /// - Parameters:
  ///   - prompt: The conversation up to the response.
  ///   - response: The response, whose steps blank lines separate, or the token that ends them.
  /// - Returns: What is read, with a place a step.
  /// - Throws: `HeadPlaceError` where there are none, `TextError` where the template does not fit.
  func steps(prompt: [Message], response: String) throws -> ModelPass? {
    switch places.position {
    case .each(let tag):
      // A tag that is ordinary text is found where the response has it.
      guard let id = places.token, text.tokenizer.isSpecial(id) else { return nil }
      var separator = "\n\n"
      if case .spelling(let spelling) = tag, response.contains(spelling) { separator = spelling }
      let steps = Self.steps(response, by: separator)
      return try joined(try renderer.generationPrefix(prompt: prompt), steps, end: id)
    case .ends(let separator):
      guard let id = places.token, prompt.count == 1 else {
        throw HeadPlaceError(
          description:
            "has a prompt of \(prompt.count) turns; this model's head reads problems of one"
        )
      }
      let template = renderer.template
      let spelling = template.program?.specialTokens["bos_token"] ?? template.beginning
      let begin = spelling.flatMap { text.tokenizer.id(of: $0) }
      let problem = text.tokenizer.encodePlain(prompt[0].content + "\n")
      let steps = response.components(separatedBy: separator)
      return try joined((begin.map { [$0] } ?? []) + problem, steps, end: id)
    case .turns(let answer):
      return try turns(prompt, Self.steps(response, by: "\n\n"), answer: answer)
    default: return nil
    }
  }

  private static func steps(_ response: String, by separator: String) -> [String] {
    response.components(separatedBy: separator).filter { !$0.trimmedAsPython.isEmpty }
  }

  /// Steps behind a prompt, each with the token that ends it.
  ///
  /// Nothing behind the last one changes what the model says of the steps.
  private func joined(
    _ prompt: [Int32],
    _ steps: [String],
    end: Int32
  ) throws(HeadPlaceError) -> ModelPass {
    guard !steps.isEmpty else { throw HeadPlaceError(description: "has no steps to score") }
    var (tokens, places) = (prompt, [Int]())
    for step in steps {
      tokens += text.tokenizer.encodePlain(step) + [end]
      places.append(tokens.count - 1)
    }
    return ModelPass(tokens: tokens, places: places)
  }

  /// Steps as turns of the user, which are answered; read where each answer would begin.
  ///
  /// Source: github.com/RLHFlow/RLHF-Reward-Modeling `math-rm/prm_evaluate.py`: the first turn is the
  /// problem with the first step.
  private func turns(
    _ prompt: [Message],
    _ steps: [String],
    answer: String
  ) throws -> ModelPass? {
    guard let problem = prompt.last, problem.role == "user", !steps.isEmpty else {
      throw HeadPlaceError(
        description: "has no steps, or a prompt that does not end with the user's turn"
      )
    }
    var turns = Array(prompt.dropLast())
    var (tokens, places) = ([Int32](), [Int]())
    for (index, step) in steps.enumerated() {
      turns.append(.user(index == 0 ? problem.content + " " + step : step))
      let opened = try renderer.generationPrefix(prompt: turns)
      guard opened.starts(with: tokens) else {
        throw HeadPlaceError(
          description:
            "is rendered otherwise once more turns follow, so its steps have no one place"
        )
      }
      tokens = opened
      places.append(opened.count - 1)
      turns.append(.assistant(answer))
    }
    return ModelPass(tokens: tokens, places: places)
  }
}
