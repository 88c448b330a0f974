import AssayData
import AssayGenerate
import AssayModel
import AssayText

/// Responses to one prompt, of which the best is looked for.
package struct Candidates: Equatable, Sendable {
  /// The conversation that was answered.
  package var prompt: [Message]
  /// The answers, which may repeat.
  package var responses: [String]

  /// Makes some.
  package init(prompt: [Message], responses: [String]) {
    self.prompt = prompt
    self.responses = responses
  }
}

/// How good responses are, each beside the others of its prompt.
package struct Ranking: Equatable, Sendable {
  /// A score for each response of each prompt: a reward, or a share of comparisons won.
  package var scores: [[Double]]
  /// Tokens read and written.
  package var tokens: Int

  /// Makes a ranking.
  package init(scores: [[Double]], tokens: Int) {
    self.scores = scores
    self.tokens = tokens
  }
}

/// What prefers responses: something that scores them, or something that compares two.
///
/// Which of them it is, is decided where it is made (`ModelPort.rater(critiques:judging:)`); who
/// evaluates, labels or picks does not know.
package protocol Rater {
  /// Rates pairs.
  ///
  /// - Parameters:
  ///   - pairs: What to rate.
  ///   - suite: The name that the outcomes have as their suite's.
  ///   - onOutcome: Called with the index and outcome of each pair, in order and as soon as it and all
  ///     before it are known; an error that it throws ends the work.
  /// - Returns: One outcome a pair, in their order.
  /// - Throws: `RewardError` naming the pair by its index, or what the model or endpoint throws.
  nonisolated(nonsending) func outcomes(
    _ pairs: [PreferencePair],
    suite: String,
    onOutcome: (Int, PairOutcome) throws -> Void
  ) async throws -> [PairOutcome]

  /// Ranks the responses to prompts; equal responses to a prompt are rated once.
  ///
  /// - Parameter candidates: Prompts with their responses.
  /// - Returns: A score for each response.
  /// - Throws: As `outcomes(_:suite:onOutcome:)`.
  nonisolated(nonsending) func rank(_ candidates: [Candidates]) async throws -> Ranking
}

extension Rater {
  /// Rates pairs, all at the end.
  nonisolated(nonsending) package func outcomes(
    _ pairs: [PreferencePair],
    suite: String = ""
  ) async throws -> [PairOutcome] {
    try await outcomes(pairs, suite: suite) { _, _ in }
  }

  /// Ranks the responses to one prompt.
  nonisolated(nonsending) package func rank(
    prompt: [Message],
    responses: [String]
  ) async throws -> [Double] {
    try await rank([Candidates(prompt: prompt, responses: responses)]).scores.first ?? []
  }
}

extension ModelPort {
  /// What prefers responses by the model: a scorer where it gives rewards, else a judge.
  ///
  /// - Parameters:
  ///   - critiques: How a model that criticizes first writes.
  ///   - judging: How a judge reads and writes.
  ///   - caution: How many standard deviations a ranking takes off a score.
  /// - Returns: A rater.
  /// - Throws: `RewardError` or `TextError`, as the scorer's and the judge's initializers.
  package func rater(
    critiques: CritiqueSettings = CritiqueSettings(),
    judging: JudgeSettings = JudgeSettings(),
    caution: Double = 0
  ) throws -> any Rater {
    guard text.manifest.kind.scores else { return try JudgeRater(self, settings: judging) }
    return ScorerRater(
      try ModelScorer(self, options: .init(critiques: critiques)),
      caution: caution
    )
  }
}

/// Prefers the response with the higher score.
package struct ScorerRater: Rater {
  let scorer: any Scorer
  /// How many standard deviations a ranking takes off a score.
  let caution: Double

  /// Makes a rater of what scores.
  ///
  /// - Parameters:
  ///   - scorer: What scores.
  ///   - caution: u of `score - u std`, by which responses are ranked; 0 ranks by the score.
  ///
  /// Source: Coste et al. 2024 (arXiv:2310.02743) section 3.2, with the deviation for the variance.
  package init(_ scorer: any Scorer, caution: Double = 0) {
    self.scorer = scorer
    self.caution = caution
  }

  /// Scores both responses of each pair, equal ones to equal prompts once; see `Rater`.
  ///
  /// What was read for a response is counted with its first pair.
  package nonisolated(nonsending) func outcomes(
    _ pairs: [PreferencePair],
    suite: String,
    onOutcome: (Int, PairOutcome) throws -> Void
  ) async throws -> [PairOutcome] {
    var inputs: [ScoringInput] = []
    var places: [ScoringInput: Int] = [:]
    // The pair that a response is in first, by its place.
    var owners: [Int] = []
    let sides = pairs.enumerated().map { index, pair in
      [pair.chosen, pair.rejected].map { response in
        let input = ScoringInput.response(prompt: pair.prompt, response: response)
        if let place = places[input] { return place }
        places[input] = inputs.count
        inputs.append(input)
        owners.append(index)
        return inputs.count - 1
      }
    }
    var known = [Score?](repeating: nil, count: inputs.count)
    var outcomes: [PairOutcome] = []
    do {
      _ = try await scorer.score(inputs) { place, score in
        known[place] = score
        while outcomes.count < pairs.count, var chosen = known[sides[outcomes.count][0]],
          var rejected = known[sides[outcomes.count][1]]
        {
          let (index, pair) = (outcomes.count, pairs[outcomes.count])
          if owners[sides[index][0]] != index {
            chosen.tokens = TokenCount(prompt: 0, completion: 0)
          }
          if owners[sides[index][1]] != index {
            rejected.tokens = TokenCount(prompt: 0, completion: 0)
          }
          outcomes.append(
            PairOutcome(
              id: pair.id,
              suite: suite,
              subset: pair.subset,
              chosen: chosen,
              rejected: rejected
            )
          )
          try onOutcome(index, outcomes[index])
        }
      }
    } catch let error as RewardError {
      throw error.mapped { owners[$0] }
    }
    return outcomes
  }

  /// Scores the different responses of each prompt; see `Rater`.
  package nonisolated(nonsending) func rank(_ candidates: [Candidates]) async throws -> Ranking {
    let texts = candidates.map(\.different)
    let scores = try await scorer.score(
      zip(candidates, texts).flatMap { item, own in
        own.map { .response(prompt: item.prompt, response: $0) }
      }
    )
    var next = try scores.map { score in
      guard caution != 0 else { return score.value }
      guard let deviation = score.deviation else { throw RewardError.noDeviation }
      return score.value - caution * deviation
    }.makeIterator()
    return Ranking(
      scores: zip(candidates, texts).map { item, own in
        item.spread(own.map { _ in next.next() ?? .nan }, of: own)
      },
      tokens: scores.map(\.tokens.total).reduce(0, +)
    )
  }
}

extension JudgeRater: Rater {
  /// Judges each pair in both orders; see `Rater`.
  package nonisolated(nonsending) func outcomes(
    _ pairs: [PreferencePair],
    suite: String,
    onOutcome: (Int, PairOutcome) throws -> Void
  ) async throws -> [PairOutcome] {
    var outcomes: [PairOutcome] = []
    _ = try await judge(pairs) { index, verdict in
      let outcome = PairOutcome(verdict, suite: suite, subset: pairs[index].subset)
      outcomes.append(outcome)
      try onOutcome(index, outcome)
    }
    return outcomes
  }

  /// Compares each of the different responses of a prompt with each; see `Rater`.
  ///
  /// A response's score is its mean probability of being better than another; a comparison without
  /// verdict counts for neither, and 0.5 stands for a response that nothing is known of.
  package nonisolated(nonsending) func rank(_ candidates: [Candidates]) async throws -> Ranking {
    let texts = candidates.map(\.different)
    var pairs: [PreferencePair] = []
    for (item, own) in zip(candidates, texts) {
      _ = RoundRobin.scores(own.count) { first, second in
        pairs.append(
          PreferencePair(
            id: "\(pairs.count)",
            prompt: item.prompt,
            chosen: own[first],
            rejected: own[second]
          )
        )
        return nil
      }
    }
    let verdicts = try await judge(pairs)
    var next = verdicts.makeIterator()
    return Ranking(
      scores: zip(candidates, texts).map { item, own in
        item.spread(RoundRobin.scores(own.count) { _, _ in next.next()?.probability }, of: own)
      },
      tokens: verdicts.map(\.tokens.total).reduce(0, +)
    )
  }
}

extension Candidates {
  /// Each text once, in an order of its own.
  var different: [String] { Set(responses).sorted() }

  /// The values of the different texts, for each response.
  func spread(_ values: [Double], of texts: [String]) -> [Double] {
    let places = Dictionary(uniqueKeysWithValues: zip(texts, values))
    return responses.map { places[$0] ?? .nan }
  }
}

/// Scores by comparing each with each.
package enum RoundRobin {
  /// Returns scores for the responses to a prompt.
  ///
  /// A response's score is its mean probability of being better than another; a comparison without
  /// verdict prefers neither and counts a half for both, so that saying nothing does not pay.
  ///
  /// - Parameters:
  ///   - count: Responses.
  ///   - probability: The probability that the first response is better than the second one, asked
  ///     for once a pair with the first index below the second; `nil` where nothing can be read.
  /// - Returns: A score in [0, 1] for each response; 0.5 for one that is alone.
  /// - Throws: What `probability` throws.
  package static func scores(
    _ count: Int,
    probability: (Int, Int) throws -> Double?
  ) rethrows -> [Double] {
    var sums = [Double](repeating: 0, count: count)
    for first in 0..<count {
      for second in (first + 1)..<max(first + 1, count) {
        let chance = try probability(first, second) ?? 0.5
        sums[first] += chance
        sums[second] += 1 - chance
      }
    }
    return count > 1 ? sums.map { $0 / Double(count - 1) } : sums.map { _ in 0.5 }
  }
}
