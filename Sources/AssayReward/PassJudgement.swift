import AssayData
import AssayGenerate
import AssayModel
import AssayText

/// Judges pairs by one forward pass an order: by the letter alone, or by a pair model's logit.
struct PassJudgement: Sendable {
  let text: ModelText
  let prompts: RolePrompts
  /// The tokens of the two letters, where the model is asked for one.
  let letters: [Int32]

  /// Makes one.
  ///
  /// - Parameters:
  ///   - text: The texts of a judge of letters, or of a pair model.
  ///   - prompts: How it is asked.
  /// - Throws: `RewardError.noLetter` where the tokenizer has no token for a letter; `TextError` where
  ///   the template does not fit.
  init(_ text: ModelText, prompts: RolePrompts) throws {
    self.text = text
    self.prompts = prompts
    letters =
      text.manifest.kind == .pair
      ? [] : try Verdict.allCases.map { try Self.letter($0, text.renderer) }
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

  /// What is read, in both orders.
  ///
  /// - Parameters:
  ///   - pair: The pair.
  ///   - index: Its index, for the error.
  /// - Returns: For a pair model up to the end of the user's turn; else up to the letter.
  /// - Throws: `RewardError.tooLong`, or `TextError` where the template does not fit.
  func passes(_ pair: PreferencePair, index: Int) throws -> [ModelPass] {
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

  func pass(_ pair: PreferencePair, _ order: JudgementOrder) throws -> ModelPass {
    let conversation = prompts.judge(pair, order, task: .token)
    // The prefix is never cut, so that what is too long is refused and not judged in part.
    let tokens = try text.renderer.generationPrefix(prompt: conversation)
    guard text.manifest.kind == .pair,
      let end = tokens.lastIndex(of: text.renderer.endOfTurnID)
    else { return ModelPass(tokens: tokens, index: tokens.count - 1) }
    return ModelPass(tokens: Array(tokens[...end]), index: end)
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
  func verdict(
    _ id: String,
    _ passes: some Collection<ModelPass>,
    probabilities: some Collection<Double>,
    index: Int
  ) throws -> PairVerdict {
    let judgements = try zip(JudgementOrder.allCases, probabilities).map { order, value in
      guard value.isFinite else { throw RewardError.notFinite(index: index, value: value) }
      let verdict: Verdict? = value == 0.5 ? nil : value > 0.5 ? .a : .b
      return Judgement(order: order, verdict: verdict, probability: value)
    }
    return PairVerdict(
      id: id,
      judgements: judgements,
      tokens: TokenCount(
        prompt: passes.map(\.tokens.count).reduce(0, +),
        completion: text.manifest.kind == .pair ? 0 : 2
      )
    )
  }
}

extension JudgementReading {
  /// Tokens that a model here reads and writes for a pair, in the longer order.
  ///
  /// - Parameters:
  ///   - pair: The pair.
  ///   - text: The model's texts.
  /// - Returns: What the context must have room for.
  /// - Throws: `RewardError.noLetter` or `TextError`.
  package func tokens(_ pair: PreferencePair, of text: ModelText) throws -> Int {
    if task == .token {
      let passes = try PassJudgement(text, prompts: prompts)
      return try JudgementOrder.allCases.map { try passes.pass(pair, $0).tokens.count }.max() ?? 0
    }
    let room = WritingRole.judgement.limit(settings.tokens, of: text) + 1
    return try JudgementOrder.allCases.map { order in
      let asked = prompts.judge(pair, order, task: task)
      return try text.renderer.generationPrefix(prompt: asked).count + room
    }.max() ?? 0
  }
}
