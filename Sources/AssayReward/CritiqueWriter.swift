import AssayGenerate
import AssayModel
import AssayTensor
import AssayText

/// How critiques are written.
public struct CritiqueSettings: Sendable, Equatable {
  /// Critiques of each response.
  public var samples = 1
  /// Temperature; 0 is greedy.
  public var temperature: Float = 0
  /// The most likely tokens that together have this probability are drawn from.
  public var topP: Float = 1
  /// Tokens a critique may have; `nil` is what the model was trained for.
  public var tokens: Int?
  /// Seed of the draws.
  public var seed: UInt64 = 0

  /// Makes settings of defaults: one greedy critique.
  public init() {}
}

/// Turns responses into the requests that let a model write critiques of them.
public struct CritiqueWriter {
  let model: Model
  let renderer: SequenceRenderer
  let settings: CritiqueSettings

  /// Makes a writer.
  ///
  /// - Parameters:
  ///   - model: A model that writes critiques.
  ///   - settings: How it writes.
  /// - Throws: `TextError` where the template does not fit the vocabulary.
  public init(_ model: Model, settings: CritiqueSettings = CritiqueSettings()) throws {
    self.model = model
    self.settings = settings
    renderer = try model.renderer()
  }

  /// How many tokens a critique may have: at most half of the context.
  public var critiqueTokens: Int {
    min(
      settings.tokens ?? model.manifest.critiqueTokens ?? 512,
      model.decoder.configuration.contextTokens / 2
    )
  }

  /// Requests for the critiques of inputs, `samples` neighbours for each input.
  ///
  /// A seed is a function of the settings' seed and of the input's index among all.
  ///
  /// - Parameters:
  ///   - inputs: Responses, or rendered texts that the model continues.
  ///   - firstIndex: The index of the first input among all.
  /// - Returns: The requests, in the order of the inputs.
  /// - Throws: `RewardError` or `TextError`, naming the input that does not fit.
  public func requests(_ inputs: [ScoringInput], firstIndex: Int = 0) throws -> [GenerationRequest]
  {
    let room = critiqueTokens
    let maximum = model.decoder.configuration.contextTokens - room - 1
    return try inputs.enumerated().flatMap { offset, input in
      let index = firstIndex + offset
      let prefix: [Int32]
      switch input {
      case .response(let prompt, let response):
        prefix = try renderer.critiquePrefix(
          prompt: prompt,
          response: response,
          leadIn: model.manifest.leadIn ?? "",
          reservedTokens: room + 1
        )
      case .rendered(let text): prefix = model.tokenizer.encode(text)
      }
      guard !prefix.isEmpty else { throw RewardError.empty(index: index) }
      guard prefix.count <= maximum else {
        throw RewardError.tooLong(index: index, tokens: prefix.count, maximum: maximum)
      }
      return (0..<settings.samples).map { sample in
        GenerationRequest(
          promptTokens: prefix,
          settings: SamplingSettings(temperature: settings.temperature, topP: settings.topP),
          maximumTokens: room,
          stopTokens: [renderer.endOfTurnID],
          seed: settings.seed &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(sample),
          closing: renderer.endOfTurnID
        )
      }
    }
  }
}
