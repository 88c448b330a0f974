// How long texts are for a model, so that what would be cut or does not fit is noticed first.
import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayText

/// How many tokens a model needs for a row without cutting any.
package struct TextLength: Sendable {
  /// Tokens that the model reads and writes at most.
  package let contextTokens: Int
  private let text: ModelText
  // Renders whole texts, however long.
  private let renderer: SequenceRenderer
  private let critiqueTokens: Int?
  private let judge: JudgementReading?

  /// Makes one.
  ///
  /// - Parameters:
  ///   - model: The model that reads the rows.
  ///   - critiques: How it writes critiques, where it does.
  ///   - judging: How it compares, where it does.
  /// - Throws: `RewardError` or `TextError` where the model cannot.
  package init(
    _ model: Model,
    critiques: CritiqueSettings = CritiqueSettings(),
    judging: JudgeSettings = JudgeSettings()
  ) throws {
    text = try ModelText(model)
    contextTokens = text.contextTokens
    let own = text.renderer
    renderer = try SequenceRenderer(
      tokenizer: own.tokenizer,
      template: own.template,
      scoredToken: own.scoredToken
    )
    critiqueTokens =
      text.manifest.kind == .cloud
      ? WritingRole.critique.limit(critiques.tokens, of: text) : nil
    judge =
      text.manifest.kind.scores
      ? nil : try JudgementReading(judging, manifest: text.manifest)
  }

  /// Tokens of a response to score, its critique and what closes it included.
  ///
  /// - Throws: `TextError` where the template does not fit.
  package func tokens(_ input: ScoringInput) throws -> Int {
    let room = critiqueTokens.map { $0 + 1 } ?? 0
    switch input {
    case .rendered(let rendered): return text.tokenizer.encode(rendered).count + room
    case .conversation(let tokens): return tokens.count + room
    case .response(let prompt, let response):
      guard critiqueTokens != nil else {
        return try renderer.render(prompt: prompt, response: response).tokens.count
      }
      return try renderer.critiquePrefix(
        prompt: prompt,
        response: response,
        leadIn: text.manifest.leadIn ?? ""
      ).count + room
    }
  }

  /// Tokens of the longer response of a pair, or of both as a judge reads them.
  ///
  /// - Throws: `TextError` where the template does not fit.
  package func tokens(_ pair: PreferencePair) throws -> Int {
    guard let judge else {
      return try max(
        tokens(.response(prompt: pair.prompt, response: pair.chosen)),
        tokens(.response(prompt: pair.prompt, response: pair.rejected))
      )
    }
    return try judge.tokens(pair, of: text)
  }

  /// The limit of responses to score.
  package var responses: TokenLimit<ResponseRecord> {
    TokenLimit(maximumTokens: contextTokens) { [self] in try tokens($0.input) }
  }

  /// The limit of pairs.
  package var pairs: TokenLimit<PreferencePair> {
    TokenLimit(maximumTokens: contextTokens) { [self] in try tokens($0) }
  }

  /// The limit of a benchmark's items.
  package var items: TokenLimit<BenchmarkItem> {
    TokenLimit(maximumTokens: contextTokens) { [self] item in
      guard judge != nil, item.chosen.count == 1, item.rejected.count == 1 else {
        return try item.candidates.map {
          try tokens(.response(prompt: $0.prompt, response: $0.response))
        }.max() ?? 0
      }
      return try tokens(
        PreferencePair(
          id: item.id,
          prompt: item.prompt,
          chosen: item.chosen[0],
          rejected: item.rejected[0]
        )
      )
    }
  }
}
