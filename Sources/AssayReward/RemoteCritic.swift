import AssayGenerate
import AssayText

/// A critique that an endpoint wrote.
package struct RemoteCritique: Equatable, Sendable {
  /// The critique, without white space around it, stated score and what a model thought before it.
  package var text: String
  /// The score that it states, from 1 to 10; `nil` where none was asked for or can be read.
  package var statedScore: Int?
  /// `stop`, or `length` where it was cut.
  package var finishReason: String
  /// Tokens written, 0 where the endpoint does not count.
  package var tokens: Int

  /// Whether it lacks its end.
  package var isCut: Bool { finishReason == "length" || finishReason == "content_filter" }

  /// Makes a critique.
  package init(
    text: String,
    statedScore: Int? = nil,
    finishReason: String = "stop",
    tokens: Int = 0
  ) {
    self.text = text
    self.statedScore = statedScore
    self.finishReason = finishReason
    self.tokens = tokens
  }
}

/// Writes critiques of responses with a model at an endpoint.
package struct RemoteCritic: Sendable {
  let generator: any ChatGenerator
  let settings: CritiqueSettings
  let prompts: RolePrompts
  /// Whether critiques end with a score from 1 to 10.
  package let statesScore: Bool
  /// Whether it is asked as CLoud's oracle is, whatever the `prompts`.
  package let isOracle: Bool

  /// Most tokens of a critique where the settings do not say.
  package var critiqueTokens: Int { settings.tokens ?? (isOracle ? 2048 : 512) }

  /// Makes a critic.
  ///
  /// - Parameters:
  ///   - generator: What writes critiques.
  ///   - settings: How it writes; `tokens` is 512 where it is `nil`, an oracle's 2048.
  ///   - prompts: How it is asked.
  ///   - statesScore: Whether critiques end with a score from 1 to 10.
  ///   - isOracle: Whether it is asked as CLoud's oracle is (`OraclePrompt`).
  /// - Precondition: Not both of `statesScore` and `isOracle`: an oracle gives no number.
  package init(
    _ generator: any ChatGenerator,
    settings: CritiqueSettings = CritiqueSettings(),
    prompts: RolePrompts = .english,
    statesScore: Bool = false,
    isOracle: Bool = false
  ) {
    precondition(!statesScore || !isOracle, "an oracle states no score")
    self.isOracle = isOracle
    self.generator = generator
    self.settings = settings
    self.prompts = prompts
    self.statesScore = statesScore
  }

  /// Writes critiques.
  ///
  /// - Parameters:
  ///   - inputs: Responses to criticize.
  ///   - onWritten: Called with the index among `inputs` and the critiques of each, in order.
  /// - Returns: `samples` critiques of each input, in their order.
  /// - Throws: `RewardError.renderedText`, or what the generator and `onWritten` throw.
  @discardableResult
  package nonisolated(nonsending) func write(
    _ inputs: [ScoringInput],
    onWritten: (Int, [RemoteCritique]) throws -> Void = { _, _ in }
  ) async throws -> [[RemoteCritique]] {
    var chat = ChatSettings()
    chat.temperature = settings.temperature
    chat.topP = settings.topP
    chat.maximumTokens = critiqueTokens
    let requests = try inputs.enumerated().flatMap { index, input in
      guard case .response(let prompt, let response) = input else {
        throw RewardError.renderedText(index: index)
      }
      let messages =
        isOracle
        ? OraclePrompt.critique(prompt: prompt, response: response)
        : prompts.critique(prompt: prompt, response: response, statesScore: statesScore)
      return (0..<settings.samples).map {
        ChatRequest(messages: messages, settings: chat, seed: settings.seed, draw: $0)
      }
    }
    var written: [[RemoteCritique]] = []
    var own: [RemoteCritique] = []
    _ = try await generator.complete(requests) { index, completion in
      own.append(critique(completion))
      guard own.count == settings.samples else { return }
      written.append(own)
      own = []
      try onWritten(index / settings.samples, written[written.count - 1])
    }
    return written
  }

  private func critique(_ completion: ChatCompletion) -> RemoteCritique {
    let scored =
      statesScore && !completion.isCut ? prompts.scoredCritique(in: completion.answer) : nil
    return RemoteCritique(
      text: (scored?.critique ?? completion.answer).trimmed,
      statedScore: scored?.score,
      finishReason: completion.finishReason,
      tokens: completion.usage?.completionTokens ?? 0
    )
  }
}

extension RolePrompts {
  /// The conversation that asks a chat model for a critique of a response.
  ///
  /// It asks what the lead-in of critiques asks. What opens the critique there, behind its last
  /// sentence (`My analysis:`), is left out: a chat model opens its own turn.
  ///
  /// - Parameters:
  ///   - prompt: The conversation that was answered.
  ///   - response: The answer.
  ///   - statesScore: Whether the critique is to end with a score from 1 to 10.
  /// - Returns: Turns that a critique follows, as the assistant's.
  package func critique(prompt: [Message], response: String, statesScore: Bool) -> [Message] {
    let leadIn = (statesScore ? scoredCritiqueLeadIn : critiqueLeadIn).trimmed
    var question = leadIn[...]
    if leadIn.hasSuffix(":"), let end = leadIn.lastIndex(where: { ".?!".contains($0) }) {
      question = leadIn[...end]
    }
    return prompt + [.assistant(response), .user(String(question))]
  }
}

extension String {
  fileprivate var trimmed: String {
    var text = self[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
