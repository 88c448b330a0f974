import AssayData
import AssayGenerate
import AssayModel
import AssayTensor
import AssayText

/// Judges with a model: by a rationale and a verdict, by the letter alone, or by one logit.
///
/// Both orders are always judged. An unparseable verdict is missing, never half a point.
package struct ModelJudge: Judge {
  let model: Model
  let reading: JudgementReading
  /// How it reads and writes.
  package var settings: JudgeSettings { reading.settings }
  /// What it writes.
  package var task: RolePrompts.JudgeTask { reading.task }
  /// How it is asked.
  package var prompts: RolePrompts { reading.prompts }
  private let generator: (any TextGenerator)?
  var renderer: SequenceRenderer { reading.text.renderer }

  /// Makes a judge.
  ///
  /// - Parameters:
  ///   - model: A judge, a pair model, or a language model, which judges untrained.
  ///   - settings: How it reads and writes.
  ///   - generator: What writes judgements; `nil` is the built-in engine.
  /// - Throws: `RewardError` where the model gives no verdicts, or its tokenizer has no token for a
  ///   letter; `TextError` where the template does not fit.
  package init(
    _ model: Model,
    settings: JudgeSettings = JudgeSettings(),
    generator: (any TextGenerator)? = nil
  ) throws {
    self.model = model
    self.generator = generator
    reading = try JudgementReading(try ModelText(model), settings: settings)
  }

  /// Tokens that a judgement may have: at most half of the context.
  package var judgementTokens: Int { reading.judgementTokens }

  /// Judges pairs; see `Judge`.
  ///
  /// - Parameters:
  ///   - pairs: What to judge.
  ///   - onJudged: Called with the index and verdict of each pair once it is known.
  /// - Returns: One verdict a pair, in their order.
  /// - Throws: `RewardError`, or what the model throws.
  package nonisolated(nonsending) func judge(
    _ pairs: [PreferencePair],
    onJudged: (Int, PairVerdict) throws -> Void
  ) async throws -> [PairVerdict] {
    task == .chain
      ? try await judgeByChains(pairs, onJudged)
      : try judgeAtOnce(pairs, onJudged)
  }

  // MARK: Rationales

  private nonisolated(nonsending) func judgeByChains(
    _ pairs: [PreferencePair],
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
        try range.flatMap { try reading.requests(pairs[$0], index: $0) }
      )
      for (offset, index) in range.enumerated() {
        let own = Array(written[offset * count..<(offset + 1) * count])
        var judgements = reading.judgements(own)
        if settings.aggregation == .likelihood {
          // Only behind verdicts that can be read: the others stay missing.
          let read = judgements.indices.filter { judgements[$0].verdict != nil }
          let values = try likelihoods(
            read.map { prompts.judge(pairs[index], judgements[$0].order, task: .chain) },
            read.map { judgements[$0].text ?? "" }
          )
          for (place, value) in zip(read, values) { judgements[place].probability = value }
        }
        let verdict = reading.verdict(pairs[index].id, judgements, of: own)
        verdicts.append(verdict)
        try onJudged(index, verdict)
      }
    }
    return verdicts
  }

  // MARK: One pass

  private func judgeAtOnce(
    _ pairs: [PreferencePair],
    _ onJudged: (Int, PairVerdict) throws -> Void
  ) throws -> [PairVerdict] {
    let readings = try pairs.enumerated().map { index, pair in
      try reading.passes(pair, index: index)
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
      let values = try probabilitiesInOnePass(
        readings[start..<end].flatMap(\.self),
        letters: reading.letters,
        model: model
      )
      for index in start..<end {
        let verdict = try reading.verdict(
          pairs[index].id,
          readings[index],
          probabilities: Array(values[2 * (index - start)..<2 * (index - start) + 2]),
          index: index
        )
        verdicts.append(verdict)
        try onJudged(index, verdict)
      }
      start = end
    }
    return verdicts
  }
}

/// Probabilities of A, read in one forward pass without gradients.
///
/// - Parameters:
///   - passes: What to read; they are packed without padding.
///   - letters: The tokens of A and B, for a model that is asked for one; else none.
///   - model: A judge of letters, or a pair model.
/// - Returns: One probability a pass.
/// - Throws: `TensorError` where memory runs out.
package func probabilitiesInOnePass(
  _ passes: [JudgementReading.Pass],
  letters: [Int32],
  model: Model
) throws -> [Float] {
  try withTensorErrors {
    withoutGradients {
      let decoder = model.decoder
      let batch = PackedBatch(passes.map(\.tokens), device: decoder.device, isRounded: true)
      let rows = zip(batch.starts, passes).map { Int64($0 + $1.index) }
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
