import AssayGenerate
import AssayModel
import AssayText

/// Scores with a model: in one pass, or by critiques that the model writes first.
///
/// Training-time evaluation, the command line, benchmarks, golden scores and the server all score
/// through this type.
package struct ModelScorer: Scorer {
  /// How a scorer reads and writes.
  package struct Options: Sendable, Equatable {
    /// How critiques are written; the score is the mean over them.
    package var critiques: CritiqueSettings

    /// Makes options; the default is one greedy critique.
    package init(critiques: CritiqueSettings = CritiqueSettings()) { self.critiques = critiques }
  }

  let port: any ModelPort
  let reading: ScoreReading
  /// How it reads and writes.
  package let options: Options

  /// Makes a scorer of a model that the caller owns.
  ///
  /// - Parameters:
  ///   - model: A model with a reward head.
  ///   - options: How it reads and writes.
  /// - Throws: As `init(_:options:)` of a port.
  package init(_ model: Model, options: Options = Options()) throws {
    try self.init(try LocalPort(model), options: options)
  }

  /// Makes a scorer of the model behind a port.
  ///
  /// - Parameters:
  ///   - port: The way to a model with a reward head.
  ///   - options: How it reads and writes.
  /// - Throws: `RewardError.noHead`, or `TextError` where the template does not fit.
  package init(_ port: any ModelPort, options: Options = Options()) throws {
    self.port = port
    self.options = options
    reading = try ScoreReading(port.text)
  }

  /// Scores responses; see `Scorer`.
  ///
  /// - Parameters:
  ///   - inputs: What to score.
  ///   - onScored: Called with the index and score of each input once it is known, in order.
  /// - Returns: One score an input, in their order.
  /// - Throws: `RewardError`, or what the model throws.
  package nonisolated(nonsending) func score(
    _ inputs: [ScoringInput],
    onScored: (Int, Score) throws -> Void
  ) async throws -> [Score] {
    port.text.manifest.kind.writes
      ? try await scoreByCritique(inputs, onScored: onScored)
      : try await scoreInOnePass(inputs, onScored: onScored)
  }

  private nonisolated(nonsending) func scoreInOnePass(
    _ inputs: [ScoringInput],
    onScored: (Int, Score) throws -> Void
  ) async throws -> [Score] {
    let passes = try inputs.enumerated().map { try reading.pass($1, index: $0) }
    var scores: [Score] = []
    _ = try await port.values(passes, .reward) { index, reward in
      let score = try reading.score(passes[index], reward: reward, index: index)
      scores.append(score)
      try onScored(index, score)
    }
    return scores
  }

  private nonisolated(nonsending) func scoreByCritique(
    _ inputs: [ScoringInput],
    onScored: (Int, Score) throws -> Void
  ) async throws -> [Score] {
    let writer = ModelWriter(port)
    let critic = Critic(writer, settings: options.critiques)
    let requests = inputs.map { input in
      var request = critic.request(input)
      request.readsReward = true
      return request
    }
    var scores: [Score] = []
    try await RewardError.naming(
      item: { $0 },
      of: {
        _ = try await writer.write(requests) { index, written in
          let score = try reading.score(written.compactMap(\.generation), index: index)
          scores.append(score)
          try onScored(index, score)
        }
      }
    )
    return scores
  }
}
