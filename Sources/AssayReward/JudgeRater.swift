import AssayData
import AssayGenerate
import AssayModel
import AssayText

/// Judges with a model: by a rationale and a verdict, by the letter alone, or by one logit.
package struct JudgeRater: Judge {
  /// What it is asked, and how its answers are read.
  package internal(set) var reading: JudgementReading
  private let writer: any Writer
  /// The way to a model here; `nil` of one at an endpoint.
  private let port: (any ModelPort)?
  /// What judges without writing.
  private let passes: PassJudgement?

  /// Makes a judge of a model that the caller owns.
  ///
  /// - Parameters:
  ///   - model: A judge, a pair model, or a language model, which judges untrained.
  ///   - settings: How it reads and writes.
  /// - Throws: As `init(_:settings:)` of a port.
  package init(_ model: Model, settings: JudgeSettings = JudgeSettings()) throws {
    try self.init(try LocalPort(model), settings: settings)
  }

  /// Makes a judge of the model behind a port.
  ///
  /// - Parameters:
  ///   - port: The way to a judge, a pair model, or a language model, which judges untrained.
  ///   - settings: How it reads and writes.
  /// - Throws: `RewardError` where the model gives no verdicts, its tokenizer has no token for a letter,
  ///   or an enforced verdict does not fit; `TextError` where the template does not fit.
  package init(_ port: any ModelPort, settings: JudgeSettings = JudgeSettings()) throws {
    reading = try JudgementReading(
      settings,
      manifest: port.text.manifest,
      renderer: port.text.renderer
    )
    writer = ModelWriter(port)
    self.port = port
    passes =
      reading.task == .token ? try PassJudgement(port.text, prompts: reading.prompts) : nil
    try checkRoom()
  }

  /// Makes a judge of whatever writes; without a model's own logits the aggregation is always `votes`,
  /// and letters are read from the alternatives of the first token.
  ///
  /// - Parameters:
  ///   - writer: What writes judgements.
  ///   - settings: How it reads and writes.
  /// - Throws: `RewardError.fewTokens` where an enforced verdict does not fit.
  package init(_ writer: any Writer, settings: JudgeSettings = JudgeSettings()) throws {
    reading = try JudgementReading(settings)
    self.writer = writer
    port = nil
    passes = nil
    try checkRoom()
  }

  /// Fewest tokens of reasons with a verdict: a character, five of the mark, and two to spare.
  private static let fewestTokens = 8

  /// Makes sure that an enforced verdict fits.
  private func checkRoom() throws(RewardError) {
    guard settings.verdicts == .enforced, task == .chain, judgementTokens < Self.fewestTokens else {
      return
    }
    throw .fewTokens(tokens: judgementTokens, minimum: Self.fewestTokens)
  }

  /// How it reads and writes.
  package var settings: JudgeSettings { reading.settings }
  /// What it writes.
  package var task: RolePrompts.JudgeTask { reading.task }
  /// How it is asked.
  package var prompts: RolePrompts { reading.prompts }

  /// Whether it reads probabilities in passes, whose sums depend on what is packed together; else it
  /// writes, or has others write.
  package var readsPasses: Bool { passes != nil }

  /// Most tokens of a judgement.
  package var judgementTokens: Int {
    let isLetter = task == .token && port == nil
    return writer.limit(
      settings.tokens ?? (isLetter ? JudgementReading.letterTokens : nil),
      .judgement
    )
  }

  /// Most tokens that are written for a pair.
  package var itemTokens: Int {
    passes == nil ? judgementTokens * reading.draws * JudgementOrder.allCases.count : 0
  }

  /// Judges pairs; see `Judge`.
  ///
  /// - Parameters:
  ///   - pairs: What to judge.
  ///   - onJudged: Called with the index and verdict of each pair once it is known, in order.
  /// - Returns: One verdict a pair, in their order.
  /// - Throws: `RewardError`, or what the model or endpoint throws.
  package nonisolated(nonsending) func judge(
    _ pairs: [PreferencePair],
    onJudged: (Int, PairVerdict) throws -> Void
  ) async throws -> [PairVerdict] {
    if let port, let passes {
      return settings.sharesPrefixes && passes.isWritten
        ? try await passes.judge(pairs, writtenBy: port, reading, onJudged)
        : try await judge(pairs, passes, port, onJudged)
    }
    if let confidence = settings.confidence, reading.part == nil, reading.draws > 1 {
      return try await judge(pairs, untilSure: confidence, onJudged)
    }
    // What a grammar holds has its verdict, and the letters' likelihood, when it is written.
    guard settings.verdicts == .free, let port else {
      return try await judgeAsWritten(pairs, onJudged)
    }
    return try await judgeAndRead(pairs, port, onJudged)
  }

  // MARK: Rationales

  private nonisolated(nonsending) func written(
    _ pairs: [PreferencePair],
    _ body: (Int, [[Written]]) throws -> Void
  ) async throws {
    let tokens = judgementTokens
    try await RewardError.naming(
      item: { $0 / 2 },
      of: {
        var own: [[Written]] = []
        _ = try await writer.write(pairs.flatMap { reading.requests($0, tokens: tokens) }) {
          index,
          texts in
          own.append(texts)
          guard own.count == 2 else { return }
          try body(index / 2, own)
          own = []
        }
      }
    )
  }

  private nonisolated(nonsending) func judgeAsWritten(
    _ pairs: [PreferencePair],
    _ onJudged: (Int, PairVerdict) throws -> Void
  ) async throws -> [PairVerdict] {
    var verdicts: [PairVerdict] = []
    try await written(pairs) { index, texts in
      let verdict = reading.verdict(pairs[index].id, reading.judgements(texts), of: texts)
      verdicts.append(verdict)
      try onJudged(index, verdict)
    }
    return verdicts
  }

  /// Pairs behind whose judgements verdicts are read together.
  private static let stretch = 256

  /// Judges, and reads verdicts behind what was written.
  ///
  /// They are read of all judgements that have one for likelihoods, and of those that were cut short.
  /// Pairs that need no reading are handed on as soon as all before them are.
  private nonisolated(nonsending) func judgeAndRead(
    _ pairs: [PreferencePair],
    _ port: any ModelPort,
    _ onJudged: (Int, PairVerdict) throws -> Void
  ) async throws -> [PairVerdict] {
    var verdicts: [PairVerdict] = []
    func hand(_ judgements: [Judgement], of texts: [[Written]]) throws {
      verdicts.append(reading.verdict(pairs[verdicts.count].id, judgements, of: texts))
      try onJudged(verdicts.count - 1, verdicts[verdicts.count - 1])
    }
    for start in stride(from: 0, to: pairs.count, by: Self.stretch) {
      let part = Array(pairs[start..<min(start + Self.stretch, pairs.count)])
      var held: [(judgements: [Judgement], texts: [[Written]])] = []
      try await RewardError.inStretch(from: start) {
        try await written(part) { _, texts in
          let judgements = reading.judgements(texts)
          if held.isEmpty, !judgements.contains(where: isOpen) {
            try hand(judgements, of: texts)
          } else {
            held.append((judgements, texts))
          }
        }
      }
      let read = try await closed(held.map(\.judgements), of: Array(part.suffix(held.count)), port)
      for (judgements, own) in zip(read, held) { try hand(judgements, of: own.texts) }
    }
    return verdicts
  }

  /// Whether a verdict is to be read behind a judgement.
  private func isOpen(_ judgement: Judgement) -> Bool {
    isCut(judgement) || settings.aggregation == .likelihood && judgement.verdict != nil
  }

  private func isCut(_ judgement: Judgement) -> Bool {
    judgement.verdict == nil && judgement.finishReason?.isCut == true
  }

  /// Reads the verdicts behind judgements of pairs.
  private nonisolated(nonsending) func closed(
    _ judgements: [[Judgement]],
    of pairs: [PreferencePair],
    _ port: any ModelPort
  ) async throws -> [[Judgement]] {
    var closed = judgements
    var open: [OpenVerdict] = []
    var places: [(pair: Int, judgement: Int)] = []
    for (index, own) in judgements.enumerated() {
      for (place, judgement) in own.enumerated() where isOpen(judgement) {
        let asked = prompts.judge(pairs[index], judgement.order, task: .chain)
        let text = judgement.text ?? ""
        guard
          let verdict = isCut(judgement)
            ? OpenVerdict(asked, cut: text, prompts: prompts) : OpenVerdict(asked, stated: text)
        else { continue }
        open.append(verdict)
        places.append((index, place))
      }
    }
    let values = try await VerdictLikelihood.values(open, port: port)
    for ((index, place), value) in zip(places, values) {
      guard let value else { continue }
      if isCut(judgements[index][place]) {
        closed[index][place].letters = value
        // Who would have written something else has not decided.
        guard reading.isRead(value) else { continue }
        closed[index][place].isForced = true
        closed[index][place].verdict =
          value.probability == 0.5 ? nil : value.probability > 0.5 ? .a : .b
      }
      if settings.aggregation == .likelihood {
        closed[index][place].probability = value.probability
      }
    }
    return closed
  }

  // MARK: One pass

  private nonisolated(nonsending) func judge(
    _ pairs: [PreferencePair],
    _ judgement: PassJudgement,
    _ port: any ModelPort,
    _ onJudged: (Int, PairVerdict) throws -> Void
  ) async throws -> [PairVerdict] {
    let passes = try pairs.enumerated().flatMap { try judgement.passes($1, index: $0) }
    var verdicts: [PairVerdict] = []
    var own: [PassValue] = []
    _ = try await port.values(passes, .verdict(letters: judgement.letters)) { place, value in
      own.append(value)
      guard own.count == 2 else { return }
      let index = place / 2
      let verdict = try judgement.verdict(
        pairs[index].id,
        passes[2 * index...2 * index + 1],
        values: own,
        reading: reading,
        index: index
      )
      own = []
      verdicts.append(verdict)
      try onJudged(index, verdict)
    }
    return verdicts
  }
}
