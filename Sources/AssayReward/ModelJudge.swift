import AssayData
import AssayGenerate
import AssayModel
import AssayTensor
import AssayText

/// How a judge reads and writes.
public struct JudgeSettings: Sendable, Equatable {
  /// Judgements of each pair, half of them in each order; an odd number is rounded up.
  public var votes = 2
  /// Temperature of judgements; `nil` is greedy for two votes, and 1 for more.
  public var temperature: Float?
  /// The most likely tokens that together have this probability are drawn from.
  public var topP: Float = 0.95
  /// Tokens that a judgement may have; `nil` is what the model was trained for, or 1024.
  public var tokens: Int?
  /// Seed of the draws.
  public var seed: UInt64 = 0
  /// What the judge is to write; `nil` is what the model was trained for, or a rationale.
  public var task: RolePrompts.JudgeTask?
  /// How it is asked; `nil` is what the model was trained for, or English.
  public var prompts: RolePrompts?
  /// How judgements with rationales become one probability.
  public var aggregation = VerdictAggregation.votes
  /// Tokens that one forward pass packs, where nothing is written.
  public var batchTokens = 16384

  /// Makes settings of defaults.
  public init() {}
}

/// Judges with a model: by a rationale and a verdict, by the letter alone, or by one logit.
///
/// Both orders are always judged. An unparseable verdict is missing, never half a point.
public struct ModelJudge: Judge {
  let model: Model
  let renderer: SequenceRenderer
  /// How it reads and writes.
  public let settings: JudgeSettings
  /// What it writes.
  public let task: RolePrompts.JudgeTask
  /// How it is asked.
  public let prompts: RolePrompts
  private let generator: (any TextGenerator)?
  private let letters: [Int32]

  /// Makes a judge.
  ///
  /// - Parameters:
  ///   - model: A judge, a pair model, or a language model, which judges untrained.
  ///   - settings: How it reads and writes.
  ///   - generator: What writes judgements; `nil` is the built-in engine.
  /// - Throws: `RewardError` where the model gives no verdicts, or its tokenizer has no token for a
  ///   letter; `TextError` where the template does not fit.
  public init(
    _ model: Model,
    settings: JudgeSettings = JudgeSettings(),
    generator: (any TextGenerator)? = nil
  ) throws {
    guard [.judge, .pair, .languageModel].contains(model.manifest.kind) else {
      throw RewardError.noJudge(kind: model.manifest.kind.rawValue)
    }
    self.model = model
    self.settings = settings
    self.generator = generator
    let own = model.manifest.judge
    task = model.manifest.kind == .pair ? .token : settings.task ?? own?.task ?? .chain
    prompts = settings.prompts ?? own?.prompts ?? .english
    let renderer = try model.renderer()
    self.renderer = renderer
    letters =
      task == .token && model.manifest.kind != .pair
      ? try Verdict.allCases.map { try Self.letter($0, renderer) } : []
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
  public var judgementTokens: Int {
    min(
      settings.tokens ?? model.manifest.judge?.tokens ?? 1024,
      model.decoder.configuration.contextTokens / 2
    )
  }

  /// Judges pairs; see `Judge`.
  ///
  /// - Parameters:
  ///   - pairs: What to judge.
  ///   - onJudged: Called with the index and verdict of each pair once it is known.
  /// - Returns: One verdict a pair, in their order.
  /// - Throws: `RewardError`, or what the model throws.
  public nonisolated(nonsending) func judge(
    _ pairs: [PreferencePair],
    onJudged: (Int, PairVerdict) throws -> Void
  ) async throws -> [PairVerdict] {
    try await judge(pairs, firstIndex: 0, onJudged: onJudged)
  }

  /// Judges a stretch of pairs, so that its draws are those of all pairs judged at once.
  ///
  /// - Parameters:
  ///   - pairs: What to judge.
  ///   - firstIndex: The index of the first pair among all; errors name indices among all.
  ///   - onJudged: Called with the index among `pairs`, and the verdict, once it is known.
  /// - Returns: One verdict a pair, in their order.
  /// - Throws: `RewardError`, or what the model throws.
  public nonisolated(nonsending) func judge(
    _ pairs: [PreferencePair],
    firstIndex: Int,
    onJudged: (Int, PairVerdict) throws -> Void = { _, _ in }
  ) async throws -> [PairVerdict] {
    task == .chain
      ? try await judgeByChains(pairs, firstIndex, onJudged)
      : try judgeAtOnce(pairs, firstIndex, onJudged)
  }

  // MARK: Rationales

  private func requests(_ pair: PreferencePair, index: Int) throws -> [GenerationRequest] {
    let room = judgementTokens
    let maximum = model.decoder.configuration.contextTokens - room - 1
    let draws = (settings.votes + 1) / 2
    return try JudgementOrder.allCases.enumerated().flatMap { place, order in
      let prefix = try renderer.generationPrefix(prompt: prompts.judge(pair, order, task: .chain))
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
          stopTokens: [renderer.endOfTurnID],
          seed: settings.seed &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15
            &+ UInt64(place * draws + draw)
        )
      }
    }
  }

  private nonisolated(nonsending) func judgeByChains(
    _ pairs: [PreferencePair],
    _ firstIndex: Int,
    _ onJudged: (Int, PairVerdict) throws -> Void
  ) async throws -> [PairVerdict] {
    let engine =
      generator
      ?? GenerationEngine(model, readsReward: false)
    var verdicts: [PairVerdict] = []
    let count = 2 * ((settings.votes + 1) / 2)
    let stretch = max(1, 2048 / count)
    for start in stride(from: 0, to: pairs.count, by: stretch) {
      let range = start..<min(start + stretch, pairs.count)
      let written = try await engine.generate(
        try range.flatMap { try requests(pairs[$0], index: firstIndex + $0) }
      )
      for (offset, index) in range.enumerated() {
        let own = Array(written[offset * count..<(offset + 1) * count])
        var judgements = own.enumerated().map { place, generation in
          Judgement(
            order: place < count / 2 ? .chosenFirst : .rejectedFirst,
            text: generation.text,
            verdict: generation.finishReason == .length
              ? nil : RolePrompts.verdict(in: generation.text, task: .chain),
            finishReason: generation.finishReason.rawValue
          )
        }
        if settings.aggregation == .likelihood {
          // Only behind verdicts that can be read: the others stay missing.
          let read = judgements.indices.filter { judgements[$0].verdict != nil }
          let values = try likelihoods(
            read.map { prompts.judge(pairs[index], judgements[$0].order, task: .chain) },
            read.map { judgements[$0].text ?? "" }
          )
          for (place, value) in zip(read, values) { judgements[place].probability = value }
        }
        let verdict = PairVerdict(
          id: pairs[index].id,
          judgements: judgements,
          tokens: .init(
            prompt: own[0].promptTokenCount + own[count / 2].promptTokenCount,
            completion: own.map { $0.tokens.count + 1 }.reduce(0, +)
          )
        )
        verdicts.append(verdict)
        try onJudged(index, verdict)
      }
    }
    return verdicts
  }

  // MARK: One pass

  /// The tokens that a pair model or a judge of letters reads, and the index it is read at.
  ///
  /// - Parameters:
  ///   - pair: The pair.
  ///   - order: Which response is shown first.
  /// - Returns: For a pair model up to the end of the user's turn; else up to the letter.
  /// - Throws: `TextError` where the template does not fit.
  package func reading(
    _ pair: PreferencePair,
    _ order: JudgementOrder
  ) throws -> (tokens: [Int32], index: Int) {
    let conversation = prompts.judge(pair, order, task: .token)
    // The prefix is never cut, so that what is too long is refused and not judged in part.
    let tokens = try renderer.generationPrefix(prompt: conversation)
    guard model.manifest.kind == .pair, let end = tokens.lastIndex(of: renderer.endOfTurnID) else {
      return (tokens, tokens.count - 1)
    }
    return (Array(tokens[...end]), end)
  }

  private func judgeAtOnce(
    _ pairs: [PreferencePair],
    _ firstIndex: Int,
    _ onJudged: (Int, PairVerdict) throws -> Void
  ) throws -> [PairVerdict] {
    let maximum = model.decoder.configuration.contextTokens
    let readings = try pairs.enumerated().map { index, pair in
      try JudgementOrder.allCases.map { order in
        let reading = try reading(pair, order)
        guard reading.tokens.count <= maximum else {
          throw RewardError.tooLong(
            index: firstIndex + index,
            tokens: reading.tokens.count,
            maximum: maximum
          )
        }
        return reading
      }
    }
    var verdicts: [PairVerdict] = []
    var start = 0
    while start < pairs.count {
      try Task.checkCancellation()
      var (end, tokens) = (start, 0)
      while end < pairs.count, end == start || tokens <= settings.batchTokens {
        tokens += readings[end].map(\.tokens.count).reduce(0, +)
        end += 1
      }
      let values = try probabilities(readings[start..<end].flatMap(\.self))
      for index in start..<end {
        let judgements = try JudgementOrder.allCases.enumerated().map { place, order in
          let value = Double(values[2 * (index - start) + place])
          guard value.isFinite else {
            throw RewardError.notFinite(index: firstIndex + index, value: value)
          }
          let verdict: Verdict? = value == 0.5 ? nil : value > 0.5 ? .a : .b
          return Judgement(order: order, verdict: verdict, probability: value)
        }
        let verdict = PairVerdict(
          id: pairs[index].id,
          judgements: judgements,
          tokens: .init(
            prompt: readings[index].map(\.tokens.count).reduce(0, +),
            completion: model.manifest.kind == .pair ? 0 : 2
          )
        )
        verdicts.append(verdict)
        try onJudged(index, verdict)
      }
      start = end
    }
    return verdicts
  }

  /// Probabilities of A.
  private func probabilities(_ readings: [(tokens: [Int32], index: Int)]) throws -> [Float] {
    try withTensorErrors {
      withoutGradients {
        let decoder = model.decoder
        let batch = PackedBatch(readings.map(\.tokens), device: decoder.device, isRounded: true)
        let rows = zip(batch.starts, readings).map { Int64($0 + $1.index) }
        let hidden = decoder(batch, rows: Tensor(rows).to(decoder.device), training: false)
        if model.manifest.kind == .pair, let head = model.head {
          return decoder.readings(hidden) { hidden, _ in head(hidden).sigmoid() }
        }
        // Two rows of the output embedding: A's logit less B's decides.
        let ids = Tensor(letters.map(Int64.init)).to(decoder.device)
        let weights = decoder.outputWeight(training: false).selected(axis: 0, ids).to(.float32)
        return decoder.readings(hidden) { hidden, rows in
          let logits = linear(hidden.to(.float32), weights)
          let first = logits.narrowed(axis: 1, start: 0, count: 1)
          let second = logits.narrowed(axis: 1, start: 1, count: 1)
          return (first - second).reshaped([rows.count]).sigmoid()
        }
      }
    }
  }
}
