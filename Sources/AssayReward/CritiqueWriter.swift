import AssayGenerate
import AssayModel
import AssayTensor
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

/// Turns responses into the requests that let a model write critiques of them.
package struct CritiqueWriter: Sendable {
  let text: ModelText
  let settings: CritiqueSettings

  /// Makes a writer.
  ///
  /// - Parameters:
  ///   - model: A model that writes critiques.
  ///   - settings: How it writes.
  /// - Throws: `TextError` where the template does not fit the vocabulary.
  package init(_ model: Model, settings: CritiqueSettings = CritiqueSettings()) throws {
    self.init(try ModelText(model), settings: settings)
  }

  /// Makes a writer for a model that another thread owns.
  ///
  /// - Parameters:
  ///   - text: The texts of a model that writes critiques.
  ///   - settings: How it writes.
  package init(_ text: ModelText, settings: CritiqueSettings) {
    self.text = text
    self.settings = settings
  }

  /// How many tokens a critique may have: at most half of the context.
  package var critiqueTokens: Int {
    min(
      settings.tokens ?? text.manifest.critiqueTokens ?? 512,
      text.contextTokens / 2
    )
  }

  /// Requests for the critiques of inputs, `samples` neighbours for each input.
  ///
  /// - Parameter inputs: Responses, or rendered texts that the model continues.
  /// - Returns: The requests, in the order of the inputs.
  /// - Throws: `RewardError` or `TextError`, naming the input that does not fit.
  package func requests(_ inputs: [ScoringInput]) throws -> [GenerationRequest] {
    try inputs.enumerated().flatMap { try requests($1, index: $0) }
  }

  /// Requests for the critiques of one input; see `requests(_:)`.
  ///
  /// - Parameters:
  ///   - input: A response, or a rendered text that the model continues.
  ///   - index: The input's index, for the error.
  /// - Returns: As many requests as `samples`.
  /// - Throws: `RewardError` or `TextError`, naming the input where it does not fit.
  package func requests(_ input: ScoringInput, index: Int) throws -> [GenerationRequest] {
    let prefix: [Int32]
    switch input {
    case .response(let prompt, let response):
      prefix = try text.renderer.critiquePrefix(
        prompt: prompt,
        response: response,
        leadIn: text.manifest.leadIn ?? "",
        reservedTokens: critiqueTokens + 1
      )
    case .rendered(let rendered): prefix = text.tokenizer.encode(rendered)
    }
    return try requests(behind: prefix, index: index)
  }

  /// Requests for the critiques that follow a prefix.
  ///
  /// - Parameters:
  ///   - prefix: All up to where the critique begins.
  ///   - index: The input's index, for the error.
  /// - Returns: As many requests as `samples`.
  /// - Throws: `RewardError` naming the input.
  package func requests(behind prefix: [Int32], index: Int) throws -> [GenerationRequest] {
    let maximum = text.contextTokens - critiqueTokens - 1
    guard !prefix.isEmpty else { throw RewardError.empty(index: index) }
    guard prefix.count <= maximum else {
      throw RewardError.tooLong(index: index, tokens: prefix.count, maximum: maximum)
    }
    return (0..<settings.samples).map { sample in
      GenerationRequest(
        promptTokens: prefix,
        settings: SamplingSettings(temperature: settings.temperature, topP: settings.topP),
        maximumTokens: critiqueTokens,
        stopTokens: [text.renderer.endOfTurnID],
        seed: settings.seed,
        draw: sample,
        closing: text.renderer.endOfTurnID
      )
    }
  }
}
