import AssayGenerate
import AssayModel
import AssayTensor
import AssayText

/// Scores with a model: in one pass, or by critiques that the model writes first.
///
/// Training-time evaluation, the command line and benchmarks all score through this type.
package struct ModelScorer: Scorer {
  /// How a scorer reads and writes.
  package struct Options: Sendable, Equatable {
    /// How critiques are written; the score is the mean over them.
    package var critiques = CritiqueSettings()
    /// Tokens that one forward pass packs.
    package var batchTokens = 16384

    /// Makes options of defaults: one greedy critique.
    package init() {}
  }

  let model: Model
  let reading: ScoreReading
  /// How it reads and writes.
  package let options: Options

  /// Makes a scorer.
  ///
  /// - Parameters:
  ///   - model: A model with a reward head.
  ///   - options: How it reads and writes.
  /// - Throws: `RewardError.noHead`, or `TextError` where the template does not fit.
  package init(_ model: Model, options: Options = Options()) throws {
    self.model = model
    self.options = options
    reading = try ScoreReading(try ModelText(model), hasHead: model.head != nil)
  }

  /// Scores responses; see `Scorer`.
  ///
  /// - Parameters:
  ///   - inputs: What to score.
  ///   - onScored: Called with the index and score of each input once it is known.
  /// - Returns: One score an input, in their order.
  /// - Throws: `RewardError`, or what the model throws.
  package nonisolated(nonsending) func score(
    _ inputs: [ScoringInput],
    onScored: (Int, Score) throws -> Void
  ) async throws -> [Score] {
    model.manifest.kind == .cloud
      ? try await scoreByCritique(inputs, onScored: onScored)
      : try scoreInOnePass(inputs, onScored: onScored)
  }

  /// The tokens that a classic model reads, and the index of the one that is scored.
  ///
  /// - Parameters:
  ///   - input: What to score.
  ///   - index: Its index, for the error.
  /// - Returns: The sequence.
  /// - Throws: `RewardError` naming the item.
  package func sequence(_ input: ScoringInput, index: Int) throws -> ScoredSequence {
    try reading.sequence(input, index: index)
  }

  private func scoreInOnePass(
    _ inputs: [ScoringInput],
    onScored: (Int, Score) throws -> Void
  ) throws -> [Score] {
    let sequences = try inputs.enumerated().map { try sequence($1, index: $0) }
    var scores: [Score] = []
    var start = 0
    while start < sequences.count {
      try Task.checkCancellation()
      var end = start
      var tokens = 0
      while end < sequences.count,
        end == start || tokens + sequences[end].tokens.count <= options.batchTokens
      {
        tokens += sequences[end].tokens.count
        end += 1
      }
      let part = Array(sequences[start..<end])
      for (offset, (sequence, reward)) in zip(part, try rewards(part)).enumerated() {
        let score = try reading.score(sequence, reward: reward, index: start + offset)
        scores.append(score)
        try onScored(start + offset, score)
      }
      start = end
    }
    return scores
  }

  private func rewards(_ sequences: [ScoredSequence]) throws -> [Float] {
    guard let head = model.head else { return [] }
    return try rewardsInOnePass(sequences, decoder: model.decoder, head: head)
  }

  private nonisolated(nonsending) func scoreByCritique(
    _ inputs: [ScoringInput],
    onScored: (Int, Score) throws -> Void
  ) async throws -> [Score] {
    let writer = try CritiqueWriter(model, settings: options.critiques)
    let samples = options.critiques.samples
    let engine = GenerationEngine(model)
    var scores: [Score] = []
    // In stretches, so that what is recorded keeps close behind what is computed.
    let stretch = max(1, 2048 / samples)
    for start in stride(from: 0, to: inputs.count, by: stretch) {
      let part = Array(inputs[start..<min(start + stretch, inputs.count)])
      let written = try await engine.generate(try writer.requests(part))
      for index in part.indices {
        let own = Array(written[index * samples..<(index + 1) * samples])
        let score = try reading.score(own, index: start + index)
        scores.append(score)
        try onScored(start + index, score)
      }
    }
    return scores
  }
}

/// Rewards of sequences, read in one forward pass without gradients.
///
/// - Parameters:
///   - sequences: What to read; they are packed without padding.
///   - decoder: The model's trunk.
///   - head: What turns the scored token's hidden state into a reward.
/// - Returns: One logit a sequence.
/// - Throws: `TensorError` where memory runs out.
package func rewardsInOnePass(
  _ sequences: [ScoredSequence],
  decoder: Decoder,
  head: RewardHead
) throws -> [Float] {
  try withTensorErrors {
    withoutGradients {
      let batch = PackedBatch(sequences.map(\.tokens), device: decoder.device, isRounded: true)
      let rows = zip(batch.starts, sequences).map { Int64($0 + $1.scoredIndex) }
      let hidden = decoder(batch, rows: Tensor(rows).to(decoder.device), training: false)
      return decoder.readings(hidden) { hidden, _ in head(hidden) }
    }
  }
}
