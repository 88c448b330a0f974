// How long texts are for a model, so that what would be cut or does not fit is noticed first.
import AssayData
import AssayGenerate
import AssayModel
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
  private let reading: ScoreReading?

  /// Whether the model reads the responses of a pair together.
  package var compares: Bool { judge != nil }

  private init(_ text: ModelText, critiqueTokens: Int?, judge: JudgementReading?) throws {
    self.text = text
    self.critiqueTokens = critiqueTokens
    self.judge = judge
    reading = text.hasHead && text.manifest.kind.scores ? try ScoreReading(text) : nil
    contextTokens = text.contextTokens
    renderer = text.renderer.unlimited
  }

  /// Makes one of a model that scores or compares.
  ///
  /// - Parameters:
  ///   - text: The texts of the model that reads the rows.
  ///   - critiques: How it writes critiques, where it does.
  ///   - judging: How it compares, where it does.
  /// - Throws: `RewardError` or `TextError` where the model cannot.
  package init(
    _ text: ModelText,
    critiques: CritiqueSettings = CritiqueSettings(),
    judging: JudgeSettings = JudgeSettings()
  ) throws {
    try self.init(
      text,
      critiqueTokens: text.manifest.kind == .cloud
        ? WritingRole.critique.limit(critiques.tokens, of: text) : nil,
      judge: text.manifest.kind.scores
        ? nil : try JudgementReading(judging, manifest: text.manifest, renderer: text.renderer)
    )
  }

  /// Makes one of a model that writes critiques.
  ///
  /// - Parameters:
  ///   - text: The model's texts.
  ///   - critiqueTokens: Tokens that a critique may have.
  /// - Throws: `TextError` where the template does not fit.
  package init(_ text: ModelText, critiqueTokens: Int) throws {
    try self.init(text, critiqueTokens: critiqueTokens, judge: nil)
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
        // What has no place for the head is named where it is scored.
        let own = try? reading?.length(prompt: prompt, response: response)
        let rendered = try renderer.render(prompt: prompt, response: response).tokens.count
        return own ?? rendered + (text.head?.position.addedTokens ?? 0)
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

  /// The limit of prompts that are continued.
  ///
  /// - Parameters:
  ///   - text: The texts of the model that continues them.
  ///   - maximumTokens: Tokens that it may write.
  /// - Returns: The limit.
  package static func prompts(
    _ text: ModelText,
    maximumTokens: Int
  ) -> TokenLimit<PromptRecord> {
    TokenLimit(maximumTokens: text.contextTokens) { prompt in
      let tokens =
        switch prompt.content {
        case .messages(let messages): try text.renderer.generationPrefix(prompt: messages)
        case .text(let rendered): text.tokenizer.encode(rendered)
        }
      return tokens.count + maximumTokens + 1
    }
  }

  /// The limit of prompts whose responses are scored, compared or criticized: of responses that are given,
  /// or of the shortest ones.
  package var prompts: TokenLimit<PromptRecord> {
    TokenLimit(maximumTokens: contextTokens) { [self] record in
      let responses = record.responses ?? [Self.short]
      guard compares else {
        return try responses.map { try tokens(.response(prompt: record.messages, response: $0)) }
          .max() ?? 0
      }
      let longest = responses.sorted { $0.utf8.count > $1.utf8.count } + [Self.short]
      let pair = PreferencePair(
        id: record.id,
        prompt: record.messages,
        chosen: longest[0],
        rejected: longest[1]
      )
      return try tokens(pair)
    }
  }

  /// The limit of prompts that a policy answers and revises its answer to, at least a short one.
  ///
  /// - Parameters:
  ///   - text: The texts of the policy.
  ///   - wording: How it is asked to revise.
  ///   - maximumTokens: Tokens of an answer.
  /// - Returns: The limit.
  package static func revised(
    _ text: ModelText,
    wording: RolePrompts,
    maximumTokens: Int
  ) -> TokenLimit<PromptRecord> {
    TokenLimit(maximumTokens: text.contextTokens) { record in
      let asked = wording.revision(
        prompt: record.messages,
        response: short,
        critique: short
      )
      return try text.renderer.generationPrefix(prompt: asked).count + maximumTokens + 1
    }
  }

  /// Stands for a text that is still to be written.
  private static let short = "1"

  /// The limit of responses to score.
  package var responses: TokenLimit<ResponseRecord> {
    TokenLimit(maximumTokens: contextTokens) { [self] in try tokens($0.input) }
  }

  /// The limit of pairs.
  package var pairs: TokenLimit<PreferencePair> {
    TokenLimit(maximumTokens: contextTokens) { [self] in try tokens($0) }
  }

  /// The limit of responses or pairs to criticize.
  package var judged: TokenLimit<JudgedRecord> {
    TokenLimit(maximumTokens: contextTokens) { [self] record in
      try record.inputs.map { try tokens($0) }.max() ?? 0
    }
  }
}
