// A judge of single responses: critiques that end with a score. K critiques of a response.

import AssayData
import AssayGenerate
import AssayModel
import AssayText

/// How a judge of single responses writes.
package struct StatedSettings: Sendable, Equatable {
  /// K, critiques of each response; two at least where the better half of them counts.
  package var samples = 1
  /// Temperature of several critiques; one is greedy.
  package var temperature: Float = 1
  /// The most likely tokens that together have this probability are drawn from.
  package var topP: Float = 0.95
  /// Tokens that a critique may have; `nil` is what the model was trained for.
  package var tokens: Int?
  /// Seed of the draws.
  package var seed: UInt64 = 0
  /// How it is asked.
  package var prompts = RolePrompts.english
  /// Whether the model rates its critiques too, and the better half of them counts alone.
  ///
  /// Default: false, all count.
  package var keepsBetterHalf = false

  /// Makes settings of defaults.
  package init() {}
}

/// Rates responses one by one, by the mean of the scores that critiques of them state.
///
/// Source: Liu et al. 2025 (arXiv:2504.02495) section 4.2, voting over sampled scores, and the filter of a
/// meta reward: here the model itself, which rates critiques as Critic-RM's meta-judge does (Yu et al. 2024,
/// arXiv:2411.16646 section 3.2), in place of a trained one.
package struct StatedRater: Rater {
  let writer: any Writer
  let settings: StatedSettings
  private let samples: Int

  /// Makes a rater.
  ///
  /// - Parameters:
  ///   - writer: What writes: a `ModelWriter` or a `RemoteWriter`.
  ///   - settings: How it writes.
  package init(_ writer: any Writer, settings: StatedSettings) {
    self.writer = writer
    self.settings = settings
    samples = max(settings.samples, settings.keepsBetterHalf ? 2 : 1)
  }

  /// What was written about a response.
  private struct Rated {
    /// The mean stated score of the critiques that count; `nil` where none states one.
    var score: Double?
    var critiques: [String]
    var tokens: TokenCount
  }

  /// A response to a prompt, to be rated.
  private struct Answer {
    let prompt: [Message]
    let text: String
  }

  // Responses that are asked about together.
  private static let stretch = 128
  private static let ratingTokens = 8

  /// Rates both responses of each pair; see `Rater`.
  ///
  /// There is no order: an outcome has one vote, which is missing where a response has no score.
  package nonisolated(nonsending) func outcomes(
    _ pairs: [PreferencePair],
    suite: String,
    onOutcome: (Int, PairOutcome) throws -> Void
  ) async throws -> [PairOutcome] {
    var outcomes: [PairOutcome] = []
    for start in stride(from: 0, to: pairs.count, by: Self.stretch / 2) {
      let part = Array(pairs[start..<min(start + Self.stretch / 2, pairs.count)])
      let rated = try await rated(
        part.flatMap { pair in
          [pair.chosen, pair.rejected].map { Answer(prompt: pair.prompt, text: $0) }
        },
        item: { start + $0 / 2 }
      )
      for (index, pair) in part.enumerated() {
        let (chosen, rejected) = (rated[2 * index], rated[2 * index + 1])
        let share = chosen.score.flatMap { first in
          rejected.score.map { first > $0 ? 1 : first == $0 ? 0.5 : 0 }
        }
        let outcome = PairOutcome(
          id: pair.id,
          suite: suite,
          subset: pair.subset,
          chosenCritiques: chosen.critiques,
          rejectedCritiques: rejected.critiques,
          votes: [.init(order: .chosenFirst, chosen: share)],
          promptTokens: chosen.tokens.prompt + rejected.tokens.prompt,
          completionTokens: chosen.tokens.completion + rejected.tokens.completion
        )
        outcomes.append(outcome)
        try onOutcome(outcomes.count - 1, outcome)
      }
    }
    return outcomes
  }

  /// Ranks responses by their mean stated score; one without a score stands at the mean of the others, and
  /// at zero where none has one; see `Rater`.
  package nonisolated(nonsending) func rank(_ candidates: [Candidates]) async throws -> Ranking {
    let texts = candidates.map(\.different)
    let owners = texts.enumerated().flatMap { index, own in own.map { _ in index } }
    let all = try await rated(
      zip(candidates, texts).flatMap { item, own in
        own.map { Answer(prompt: item.prompt, text: $0) }
      },
      item: { owners[$0] }
    )
    var next = all.makeIterator()
    return Ranking(
      scores: zip(candidates, texts).map { item, own in
        let scores = own.map { _ in next.next()?.score }
        let known = scores.compactMap(\.self)
        let mean = known.isEmpty ? 0 : known.reduce(0, +) / Double(known.count)
        return item.spread(scores.map { $0 ?? mean }, of: own)
      },
      tokens: all.map(\.tokens.total).reduce(0, +)
    )
  }

  /// Writes critiques of responses, and the ratings of these, and reads the scores.
  private nonisolated(nonsending) func rated(
    _ responses: [Answer],
    item: (Int) -> Int
  ) async throws -> [Rated] {
    let prompts = settings.prompts
    var writing = WritingSettings()
    writing.temperature = samples == 1 ? 0 : settings.temperature
    writing.topP = settings.topP
    writing.maximumTokens = writer.limit(settings.tokens, .critique)
    let written = try await RewardError.naming(
      item: item,
      of: {
        try await writer.write(
          responses.map { response in
            WritingRequest(
              prompts.opening(
                prompt: response.prompt,
                response: response.text,
                leadIn: prompts.scoredCritiqueLeadIn
              ),
              settings: writing,
              seed: settings.seed,
              draws: samples,
              cutsFront: true
            )
          }
        ) { _, _ in }
      }
    )
    let scored = written.map { texts in
      texts.compactMap { $0.finishReason.isCut ? nil : prompts.scoredCritique(in: $0.answer) }
    }
    let (kept, ratings) = try await better(scored, of: responses, item: item)
    return written.indices.map { index in
      let counts = kept[index].map { Double($0.score) }
      let usage = (written[index] + ratings[index]).compactMap(\.usage)
      return Rated(
        score: counts.isEmpty ? nil : counts.reduce(0, +) / Double(counts.count),
        critiques: written[index].map(\.answer),
        tokens: TokenCount(
          prompt: (written[index].first?.usage?.prompt ?? 0)
            + ratings[index].compactMap(\.usage?.prompt).reduce(0, +),
          completion: usage.map(\.completion).reduce(0, +)
        )
      )
    }
  }

  /// The better half of each response's critiques by the model's own rating, the first of equals before
  /// others; all where that is not asked for.
  private nonisolated(nonsending) func better(
    _ scored: [[RolePrompts.RatedCritique]],
    of responses: [Answer],
    item: (Int) -> Int
  ) async throws -> (kept: [[RolePrompts.RatedCritique]], written: [[Written]]) {
    var ratings = [[Written]](repeating: [], count: scored.count)
    guard settings.keepsBetterHalf else { return (scored, ratings) }
    let asked = scored.enumerated().flatMap { index, own in own.map { (index, $0) } }
    var writing = WritingSettings()
    writing.maximumTokens = Self.ratingTokens
    let requests = asked.map { index, critique in
      WritingRequest(
        .conversation(
          settings.prompts.rating(
            prompt: responses[index].prompt,
            response: responses[index].text,
            critique: critique.critique
          )
        ),
        settings: writing,
        seed: settings.seed,
        cutsFront: true
      )
    }
    let written = try await RewardError.naming(
      item: { item(asked[$0].0) },
      of: { try await writer.write(requests) { _, _ in } }
    )
    var kept = scored.map { _ in [(critique: RolePrompts.RatedCritique, rating: Int)]() }
    for ((index, critique), texts) in zip(asked, written) {
      ratings[index] += texts
      let rating = texts.first.flatMap { RolePrompts.rating(in: $0.answer) }
      kept[index].append((critique, rating ?? 0))
    }
    let best = kept.map { own in
      own.enumerated().sorted {
        $0.element.rating == $1.element.rating
          ? $0.offset < $1.offset : $0.element.rating > $1.element.rating
      }.prefix((own.count + 1) / 2).map(\.element.critique)
    }
    return (best, ratings)
  }
}
