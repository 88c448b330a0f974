import AssayData
import AssayGenerate
import AssayModel
import AssayTensor
import AssayText

/// What a model reads to judge a pair, and the verdict that comes of what it gives.
///
/// It needs no weights: the command line and the server make the same verdicts of the same texts.
package struct JudgementReading: Sendable {
  /// What is read at once, and the index whose hidden state decides.
  package struct Pass: Sendable {
    /// The tokens.
    package let tokens: [Int32]
    /// An index of them.
    package let index: Int

    /// Makes one.
    package init(tokens: [Int32], index: Int) {
      self.tokens = tokens
      self.index = index
    }
  }

  let text: ModelText
  /// How the model reads and writes.
  package let settings: JudgeSettings
  /// What it writes.
  package let task: RolePrompts.JudgeTask
  /// How it is asked.
  package let prompts: RolePrompts
  /// The tokens of the two letters, where the model is asked for one.
  package let letters: [Int32]

  /// Makes one.
  ///
  /// - Parameters:
  ///   - text: The texts of a judge, a pair model, or a language model, which judges untrained.
  ///   - settings: How it reads and writes.
  /// - Throws: `RewardError` where the model gives no verdicts, or its tokenizer has no token for a
  ///   letter; `TextError` where the template does not fit.
  package init(_ text: ModelText, settings: JudgeSettings) throws {
    let kind = text.manifest.kind
    guard [.judge, .pair, .languageModel].contains(kind) else {
      throw RewardError.noJudge(kind: kind.rawValue)
    }
    self.text = text
    self.settings = settings
    let own = text.manifest.judge
    task = kind == .pair ? .token : settings.task ?? own?.task ?? .chain
    prompts = settings.prompts ?? own?.prompts ?? .english
    letters =
      task == .token && kind != .pair
      ? try Verdict.allCases.map { try Self.letter($0, text.renderer) } : []
  }

  /// The token that an answer of one letter is.
  private static func letter(_ verdict: Verdict, _ renderer: SequenceRenderer) throws -> Int32 {
    let asked = [Message.user("?")]
    let prefix = try renderer.generationPrefix(prompt: asked)
    let whole = try renderer.renderForLanguageModel(
      asked + [.assistant(verdict.rawValue)],
      targets: .assistant
    ).tokens
    // The letter, and then the end of turn.
    guard whole.count > prefix.count, whole.starts(with: prefix),
      whole.dropFirst(prefix.count + 1).first == renderer.endOfTurnID
    else { throw RewardError.noLetter(letter: verdict.rawValue) }
    return whole[prefix.count]
  }

  /// Tokens that a judgement may have: at most half of the context.
  package var judgementTokens: Int {
    min(settings.tokens ?? text.manifest.judge?.tokens ?? 1024, text.contextTokens / 2)
  }

  // MARK: Rationales

  /// Requests for the judgements of a pair, those with chosen first before the others.
  ///
  /// - Parameters:
  ///   - pair: The pair.
  ///   - index: Its index, for the error.
  /// - Returns: As many as votes, an odd number rounded up.
  /// - Throws: `RewardError.tooLong`, or `TextError` where the template does not fit.
  package func requests(_ pair: PreferencePair, index: Int) throws -> [GenerationRequest] {
    let room = judgementTokens
    let maximum = text.contextTokens - room - 1
    let draws = (settings.votes + 1) / 2
    return try JudgementOrder.allCases.flatMap { order in
      let prefix = try text.renderer.generationPrefix(
        prompt: prompts.judge(pair, order, task: .chain)
      )
      guard prefix.count <= maximum else {
        throw RewardError.tooLong(index: index, tokens: prefix.count, maximum: maximum)
      }
      return (0..<draws).map { draw in
        GenerationRequest(
          promptTokens: prefix,
          settings: SamplingSettings(
            temperature: settings.temperature ?? (settings.votes <= 2 ? 0 : 1),
            topP: settings.topP
          ),
          maximumTokens: room,
          stopTokens: [text.renderer.endOfTurnID],
          seed: settings.seed,
          draw: draw
        )
      }
    }
  }

  /// Reads what was written for the requests of a pair.
  package func judgements(_ written: [Generation]) -> [Judgement] {
    written.enumerated().map { place, generation in
      Judgement(
        order: place < written.count / 2 ? .chosenFirst : .rejectedFirst,
        text: generation.text,
        verdict: generation.finishReason == .length
          ? nil : RolePrompts.verdict(in: generation.text, task: .chain),
        finishReason: generation.finishReason.rawValue
      )
    }
  }

  /// The verdict of judgements.
  ///
  /// - Parameters:
  ///   - id: The pair's id.
  ///   - judgements: As `judgements` gave them.
  ///   - written: What they were read from.
  /// - Returns: The verdict.
  package func verdict(
    _ id: String,
    _ judgements: [Judgement],
    of written: [Generation]
  ) -> PairVerdict {
    PairVerdict(
      id: id,
      judgements: judgements,
      tokens: .init(
        prompt: written[0].promptTokenCount + written[written.count / 2].promptTokenCount,
        completion: written.map { $0.tokens.count + 1 }.reduce(0, +)
      )
    )
  }

  // MARK: One pass

  /// What a pair model or a judge of letters reads, in both orders.
  ///
  /// - Parameters:
  ///   - pair: The pair.
  ///   - index: Its index, for the error.
  /// - Returns: For a pair model up to the end of the user's turn; else up to the letter.
  /// - Throws: `RewardError.tooLong`, or `TextError` where the template does not fit.
  package func passes(_ pair: PreferencePair, index: Int) throws -> [Pass] {
    try JudgementOrder.allCases.map { order in
      let pass = try pass(pair, order)
      guard pass.tokens.count <= text.contextTokens else {
        throw RewardError.tooLong(
          index: index,
          tokens: pass.tokens.count,
          maximum: text.contextTokens
        )
      }
      return pass
    }
  }

  private func pass(_ pair: PreferencePair, _ order: JudgementOrder) throws -> Pass {
    let conversation = prompts.judge(pair, order, task: .token)
    // The prefix is never cut, so that what is too long is refused and not judged in part.
    let tokens = try text.renderer.generationPrefix(prompt: conversation)
    guard text.manifest.kind == .pair,
      let end = tokens.lastIndex(of: text.renderer.endOfTurnID)
    else { return Pass(tokens: tokens, index: tokens.count - 1) }
    return Pass(tokens: Array(tokens[...end]), index: end)
  }

  /// The verdict of two passes.
  ///
  /// - Parameters:
  ///   - id: The pair's id.
  ///   - passes: As `passes` gave them.
  ///   - probabilities: Of A, one a pass.
  ///   - index: The pair's index, for the error.
  /// - Returns: The verdict.
  /// - Throws: `RewardError.notFinite`.
  package func verdict(
    _ id: String,
    _ passes: [Pass],
    probabilities: [Float],
    index: Int
  ) throws -> PairVerdict {
    let judgements = try zip(JudgementOrder.allCases, probabilities).map { order, probability in
      let value = Double(probability)
      guard value.isFinite else { throw RewardError.notFinite(index: index, value: value) }
      let verdict: Verdict? = value == 0.5 ? nil : value > 0.5 ? .a : .b
      return Judgement(order: order, verdict: verdict, probability: value)
    }
    return PairVerdict(
      id: id,
      judgements: judgements,
      tokens: .init(
        prompt: passes.map(\.tokens.count).reduce(0, +),
        completion: text.manifest.kind == .pair ? 0 : 2
      )
    )
  }
}
