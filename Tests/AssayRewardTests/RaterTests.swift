import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayTensor
import AssayText
import Testing

/// Scores a response by its length, and tells the last first.
private struct LengthScorer: Scorer {
  /// How unsure it is, for each letter that a response begins with.
  var deviations: [Character: Double] = [:]

  nonisolated(nonsending) func score(
    _ inputs: [ScoringInput],
    onScored: (Int, Score) throws -> Void
  ) async throws -> [Score] {
    let scores = try inputs.enumerated().map { index, input in
      guard case .response(_, let text) = input else { return score(0) }
      if text.isEmpty { throw RewardError.empty(index: index) }
      return score(text.count, text.first.flatMap { deviations[$0] })
    }
    for index in scores.indices.reversed() { try onScored(index, scores[index]) }
    return scores
  }

  private func score(_ value: Int, _ deviation: Double? = nil) -> Score {
    Score(
      value: Double(value),
      critiques: nil,
      scoredToken: ScoredTokenRecord(id: 0, text: "", index: 0),
      tokens: TokenCount(prompt: 2, completion: 1),
      deviation: deviation
    )
  }
}

@Suite struct RaterTests {
  private func pair(_ id: String, _ chosen: String, _ rejected: String) -> PreferencePair {
    PreferencePair(id: id, prompt: [.user("q")], chosen: chosen, rejected: rejected)
  }

  @Test("a scorer's outcomes come in order, with both scores and all tokens")
  func scores() async throws {
    let pairs = [pair("a", "long", "x"), pair("b", "y", "long")]
    var heard: [Int] = []
    let outcomes = try await ScorerRater(LengthScorer()).outcomes(pairs, suite: "test") {
      index,
      _ in
      heard.append(index)
    }
    #expect(heard == [0, 1])
    #expect(outcomes.map(\.id) == ["a", "b"] && outcomes.map(\.suite) == ["test", "test"])
    #expect(outcomes.map { $0.grade().isRight } == [true, false])
    #expect(outcomes[0].chosen == [4] && outcomes[0].rejected == [1])
    #expect(outcomes[0].promptTokens == 4 && outcomes[0].completionTokens == 2)
  }

  @Test("an error names the pair")
  func errors() async throws {
    await #expect(throws: RewardError.empty(index: 1)) {
      try await ScorerRater(LengthScorer()).outcomes([pair("a", "x", "y"), pair("b", "x", "")])
    }
  }

  @Test("equal responses are scored once, and all have their score")
  func ranking() async throws {
    let candidates = [
      Candidates(prompt: [.user("q")], responses: ["bb", "a", "bb"]),
      Candidates(prompt: [.user("q")], responses: ["ccc"]),
    ]
    let ranking = try await ScorerRater(LengthScorer()).rank(candidates)
    #expect(ranking.scores == [[2, 1, 2], [3]])
    #expect(ranking.tokens == 9)  // three texts of three tokens
    #expect(
      try await ScorerRater(LengthScorer()).rank(prompt: [.user("q")], responses: ["a", "bb"])
        == [1, 2]
    )
  }

  @Test("a cautious ranking takes deviations off scores, and refuses scores that have none")
  func caution() async throws {
    let candidates = [Candidates(prompt: [.user("q")], responses: ["aaaa", "bb"])]
    let scorer = LengthScorer(deviations: ["a": 3, "b": 0.5])
    // 4 - 1.5 x 3 and 2 - 1.5 x 0.5
    #expect(try await ScorerRater(scorer, caution: 1.5).rank(candidates).scores == [[-0.5, 1.25]])
    #expect(try await ScorerRater(scorer).rank(candidates).scores == [[4, 2]])
    await #expect(throws: RewardError.noDeviation) {
      try await ScorerRater(LengthScorer(), caution: 1).rank(candidates)
    }
  }

  @Test("a judge ranks by the mean of its comparisons, as its verdicts say")
  func judged() async throws {
    let world = try TinyReward()
    let model = world.judge(.pair)
    let judge = try JudgeRater(model)
    let prompt = [Message.user(world.items[0].prompt)]
    // Sorted, so that the comparisons are (0, 1), (0, 2), (1, 2).
    let responses = world.items.prefix(3).map(\.chosen).sorted()
    let pairs = [(0, 1), (0, 2), (1, 2)].map {
      PreferencePair(id: "p", prompt: prompt, chosen: responses[$0], rejected: responses[$1])
    }
    let chances = try await judge.judge(pairs).map { try #require($0.probability) }
    let scores = try await judge.rank(prompt: prompt, responses: responses)
    let expected = [
      (chances[0] + chances[1]) / 2, (1 - chances[0] + chances[2]) / 2,
      (1 - chances[1] + 1 - chances[2]) / 2,
    ]
    for (score, value) in zip(scores, expected) { #expect(abs(score - value) < 1e-6) }
  }

  @Test("what rates is a scorer for models that score, and a judge for the others")
  func kinds() async throws {
    let world = try TinyReward()
    #expect(try LocalPort(world.model(.classic)).rater() is ScorerRater)
    #expect(try LocalPort(world.cloud()).rater() is ScorerRater)
    for kind in [ModelKind.judge, .pair] {
      let rater = try LocalPort(world.judge(kind)).rater()
      #expect(rater is JudgeRater)
      let outcomes = try await rater.outcomes(Array(world.pairs.prefix(2)), suite: "s")
      let verdicts = try await JudgeRater(world.judge(kind)).judge(Array(world.pairs.prefix(2)))
      #expect(outcomes == verdicts.map { PairOutcome($0, suite: "s", subset: nil) })
    }
  }
}
