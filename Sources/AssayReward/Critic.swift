import AssayGenerate
import AssayModel
import AssayText

/// How critiques are written.
package struct CritiqueSettings: Sendable, Equatable {
  /// Critiques of each response.
  package var samples = 1
  /// Temperature; 0 is greedy.
  package var temperature: Float = 0
  /// The most likely tokens that together have this probability are drawn from.
  package var topP: Float = 1
  /// Tokens a critique may have; `nil` is what the model was trained for.
  package var tokens: Int?
  /// Seed of the draws.
  package var seed: UInt64 = 0

  /// Makes settings of defaults: one greedy critique.
  package init() {}

  /// The temperature where nobody gives one: several critiques are to differ.
  package static func usualTemperature(samples: Int) -> Float { samples == 1 ? 0 : 0.5 }
}

/// A critique of a response.
package struct Critique: Equatable, Sendable {
  /// The critique, without stated score and what a model thought before it.
  package var text: String
  /// The score that it states, from 1 to 10; `nil` where none was asked for or can be read.
  package var statedScore: Int?
  /// Why it ended.
  package var finishReason: FinishReason
  /// Tokens written, 0 where an endpoint does not count.
  package var tokens: Int

  /// Makes a critique.
  package init(
    text: String,
    statedScore: Int? = nil,
    finishReason: FinishReason = .stop,
    tokens: Int = 0
  ) {
    self.text = text
    self.statedScore = statedScore
    self.finishReason = finishReason
    self.tokens = tokens
  }
}

/// Writes critiques of responses, with a model here or at an endpoint.
package struct Critic {
  /// How it is asked.
  package enum Asking: Sendable, Equatable {
    /// By the lead-in that the model was trained with; elsewhere in English.
    case trained
    /// By a wording, for a score from 1 to 10 at the end or none.
    case wording(RolePrompts, statesScore: Bool)
    /// As CLoud's oracle, for an expert's feedback in words (`OraclePrompt`).
    case oracle

    /// Most tokens where the settings do not say: an oracle's analysis is long.
    fileprivate var tokens: Int? { self == .oracle ? 2048 : nil }
  }

  /// What writes.
  package let writer: any Writer
  let settings: CritiqueSettings
  /// How it is asked.
  package let asking: Asking

  /// Makes a critic.
  ///
  /// - Parameters:
  ///   - writer: What writes: a `ModelWriter` or a `RemoteWriter`.
  ///   - settings: How it writes.
  ///   - asking: How it is asked.
  package init(
    _ writer: any Writer,
    settings: CritiqueSettings = CritiqueSettings(),
    asking: Asking = .trained
  ) {
    self.writer = writer
    self.settings = settings
    self.asking = asking
  }

  /// Most tokens of a critique.
  package var critiqueTokens: Int { writer.limit(settings.tokens ?? asking.tokens, .critique) }

  /// What a writer is asked for the critiques of an input.
  ///
  /// - Parameter input: A response, or a rendered text that a model here continues.
  /// - Returns: A request of `samples` draws.
  package func request(_ input: ScoringInput) -> WritingRequest {
    var writing = WritingSettings()
    writing.temperature = settings.temperature
    writing.topP = settings.topP
    writing.maximumTokens = critiqueTokens
    return WritingRequest(
      opening(input),
      settings: writing,
      seed: settings.seed,
      draws: settings.samples
    )
  }

  private func opening(_ input: ScoringInput) -> WritingRequest.Opening {
    switch input {
    case .rendered(let text): return .rendered(text)
    case .conversation(let tokens): return .answered(tokens)
    case .response(let prompt, let response):
      switch asking {
      case .trained: return .critique(prompt: prompt, response: response, leadIn: nil)
      case .wording(let wording, let statesScore):
        return .critique(
          prompt: prompt,
          response: response,
          leadIn: statesScore ? wording.scoredCritiqueLeadIn : wording.critiqueLeadIn
        )
      case .oracle:
        return .conversation(OraclePrompt.critique(prompt: prompt, response: response))
      }
    }
  }

  /// Writes critiques.
  ///
  /// - Parameters:
  ///   - inputs: Responses to criticize.
  ///   - onWritten: Called with the index and the critiques of each input, in order.
  /// - Returns: `samples` critiques of each input, in their order.
  /// - Throws: `RewardError` naming the input that does not fit, or what the writer and `onWritten`
  ///   throw.
  @discardableResult
  package nonisolated(nonsending) func write(
    _ inputs: [ScoringInput],
    onWritten: (Int, [Critique]) throws -> Void = { _, _ in }
  ) async throws -> [[Critique]] {
    var critiques: [[Critique]] = []
    try await RewardError.naming(
      item: { $0 },
      of: {
        _ = try await writer.write(inputs.map(request)) { index, written in
          critiques.append(written.map(critique))
          try onWritten(index, critiques[index])
        }
      }
    )
    return critiques
  }

  /// Reads what was written for a request.
  package func critique(_ written: Written) -> Critique {
    var critique = Critique(
      text: written.answer,
      finishReason: written.finishReason,
      tokens: written.usage?.completion ?? 0
    )
    if case .wording(let wording, statesScore: true) = asking, !written.finishReason.isCut,
      let scored = wording.scoredCritique(in: written.answer)
    {
      (critique.text, critique.statedScore) = (scored.critique, scored.score)
    }
    return critique
  }
}

extension RewardError {
  /// Calls `body`; an opening that a writer cannot continue becomes the error of its item.
  ///
  /// - Parameters:
  ///   - item: The item's index by the request's.
  ///   - body: The work.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws, a `WritingError` as a `RewardError`.
  package nonisolated(nonsending) static func naming<Result>(
    item: (Int) -> Int,
    of body: () async throws -> Result
  ) async throws -> Result {
    do {
      return try await body()
    } catch let error as WritingError {
      switch error {
      case .rendered(let request): throw RewardError.renderedText(index: item(request))
      case .empty(let request): throw RewardError.empty(index: item(request))
      case .tooLong(let request, let tokens, let maximum):
        throw RewardError.tooLong(index: item(request), tokens: tokens, maximum: maximum)
      }
    }
  }
}
