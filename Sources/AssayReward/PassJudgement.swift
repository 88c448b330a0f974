import AssayData
import AssayGenerate
import AssayModel
import AssayText

/// Judges pairs by one forward pass an order: by the letter alone, or by a pair model's logit.
struct PassJudgement: Sendable {
  let text: ModelText
  let prompts: RolePrompts
  /// The tokens of each of the two letters, where the model is asked for one.
  let letters: [[Int32]]

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
      ? [] : try Verdict.allCases.map { try Self.letters($0, text) }
  }

  /// The tokens that an answer of one letter may be.
  ///
  /// A model that was trained to write one writes the first of them; one that was not may put a space
  /// before it.
  private static func letters(_ verdict: Verdict, _ text: ModelText) throws -> [Int32] {
    let own = try letter(verdict, text.renderer)
    guard text.manifest.judge == nil else { return [own] }
    let spaced = text.tokenizer.encodePlain(" " + verdict.rawValue)
    return spaced.count == 1 && spaced[0] != own ? [own, spaced[0]] : [own]
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
    if case .compared(let ids)? = text.places?.position { return try compared(pair, order, ids) }
    let conversation = prompts.judge(pair, order, task: .token)
    // The prefix is never cut, so that what is too long is refused and not judged in part.
    let tokens = try text.renderer.generationPrefix(prompt: conversation)
    guard text.manifest.kind == .pair,
      let end = tokens.lastIndex(of: text.renderer.endOfTurnID)
    else { return ModelPass(tokens: tokens, index: tokens.count - 1) }
    return ModelPass(tokens: Array(tokens[...end]), index: end)
  }

  /// Prompt and responses as three texts, as an encoder reads them beside each other.
  ///
  /// Source: huggingface.co/llm-blender/PairRM-hf, README (`tokenize_pair`).
  private func compared(
    _ pair: PreferencePair,
    _ order: JudgementOrder,
    _ ids: HeadDescriptor.Compared
  ) throws -> ModelPass {
    let isFirst = order == .chosenFirst
    let (a, b) = isFirst ? (pair.chosen, pair.rejected) : (pair.rejected, pair.chosen)
    // The encoder's own form of one of them, which refuses what is no prompt of one turn.
    let form = try text.renderer.render(prompt: pair.prompt, response: a).tokens
    guard let begin = form.first, let end = form.last, let prompt = pair.prompt.first else {
      return ModelPass(tokens: form, index: 0)
    }
    var (tokens, places) = ([Int32](), [Int]())
    for (mark, content) in [(ids.source, prompt.content), (ids.first, a), (ids.second, b)] {
      places.append(tokens.count + 1)
      tokens += [begin, mark] + text.tokenizer.encodePlain(content) + [end]
    }
    return ModelPass(tokens: tokens, places: places)
  }

  /// The verdict of two passes.
  ///
  /// - Parameters:
  ///   - id: The pair's id.
  ///   - passes: As `passes` gave them.
  ///   - values: The probability of A, and the letters' mass, one a pass.
  ///   - reading: Tells of which letters nothing is read.
  ///   - index: The pair's index, for the error.
  /// - Returns: The verdict.
  /// - Throws: `RewardError.notFinite`.
  func verdict(
    _ id: String,
    _ passes: some Collection<ModelPass>,
    values: some Collection<PassValue>,
    reading: JudgementReading,
    index: Int
  ) throws -> PairVerdict {
    let judgements = try zip(JudgementOrder.allCases, values).map { order, read in
      let value = read.value
      guard value.isFinite else { throw RewardError.notFinite(index: index, value: value) }
      let letters = read.parts.first.map { LetterReading(probability: value, mass: $0) }
      let isRead = reading.isRead(letters)
      return Judgement(
        order: order,
        verdict: value == 0.5 || !isRead ? nil : value > 0.5 ? .a : .b,
        probability: isRead ? value : nil,
        letters: letters
      )
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

extension PassJudgement {
  /// Whether the model writes its letters.
  var isWritten: Bool { text.manifest.kind.writes && !letters.isEmpty }

  /// Judges pairs by writing their letters, so that what prompts have in common is read once.
  ///
  /// - Parameters:
  ///   - pairs: What to judge.
  ///   - port: The way to the model.
  ///   - reading: Tells of which letters nothing is read.
  ///   - onJudged: Called with the index and verdict of each pair, in order.
  /// - Returns: One verdict a pair; their numbers are those of a pass, but for rounding.
  /// - Throws: As `passes` and `verdict`, or what the port and `onJudged` throw.
  nonisolated(nonsending) func judge(
    _ pairs: [PreferencePair],
    writtenBy port: any ModelPort,
    _ reading: JudgementReading,
    _ onJudged: (Int, PairVerdict) throws -> Void
  ) async throws -> [PairVerdict] {
    let end = text.renderer.endOfTurnID
    let grammar = try text.grammars.bind(try .letter(), ends: [end])
    let passes = try pairs.enumerated().flatMap { try self.passes($1, index: $0) }
    let spellings = Dictionary(
      uniqueKeysWithValues: zip(Verdict.allCases, letters).map {
        ($0.rawValue, Array($1.dropFirst()))
      }
    )
    let texts = try await port.texts(
      passes.map {
        var request = GenerationRequest(
          promptTokens: $0.tokens,
          maximumTokens: 1,
          stopTokens: [end],
          grammar: grammar
        )
        request.spellings = spellings
        return request
      }
    )
    return try pairs.enumerated().map { index, pair in
      let own = 2 * index...2 * index + 1
      let values = try texts[own].map { text in
        let (a, b) = (text.decision[Verdict.a.rawValue], text.decision[Verdict.b.rawValue])
        guard let letters = LetterReading(a: a ?? 0, b: b ?? 0) else {
          throw RewardError.notFinite(index: index, value: .nan)
        }
        return PassValue(value: letters.probability, parts: [letters.mass])
      }
      let verdict = try verdict(
        pair.id,
        passes[own],
        values: values,
        reading: reading,
        index: index
      )
      try onJudged(index, verdict)
      return verdict
    }
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
