import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayTensor
import AssayText
import Testing

/// A model here of which nothing is read but what it writes.
private struct WritingPort: ModelPort {
  let local: LocalPort
  var text: ModelText { local.text }

  nonisolated(nonsending) func texts(
    _ requests: [GenerationRequest],
    onFinished: (Int, Generation) throws -> Void
  ) async throws -> [Generation] {
    try await local.texts(requests, onFinished: onFinished)
  }

  nonisolated(nonsending) func values(
    _ passes: [ModelPass],
    _ reading: ModelPass.Reading,
    onRead: (Int, PassValue) throws -> Void
  ) async throws -> [PassValue] {
    Issue.record("a second pass")
    return []
  }
}

@Suite struct EnforcedVerdictTests {
  private func settings(_ form: VerdictForm, votes: Int = 12) -> JudgeSettings {
    var settings = JudgeSettings()
    settings.votes = votes
    settings.topP = 1
    settings.verdicts = form
    settings.tokens = 40
    return settings
  }

  @Test("a judge of random weights gives a verdict every time, and its letters' probabilities")
  func never() async throws {
    let world = try TinyReward()
    let model = world.judge(task: .chain)
    let free = try await JudgeRater(model, settings: settings(.free)).judge(world.pairs)
    // Noise states no verdict: what is enforced is not there by itself.
    #expect(
      free.flatMap(\.judgements).count { $0.verdict == nil || $0.isForced == true } > 100
    )
    // Of free ones only those that were cut short have letters: read behind them.
    for judgement in free.flatMap(\.judgements) {
      #expect((judgement.letters != nil) == (judgement.isForced == true))
    }
    let held = try await JudgeRater(model, settings: settings(.enforced)).judge(world.pairs)
    #expect(held.count == 12)
    for verdict in held {
      #expect(verdict.votes.unparseable == 0 && verdict.judgements.count == 12)
      #expect(verdict.votes.chosen + verdict.votes.rejected == 12)
      let share = Double(verdict.votes.chosen) / 12
      #expect(abs((verdict.probability ?? 0) - share) < 1e-12)
      for judgement in verdict.judgements {
        let letters = try #require(judgement.letters)
        #expect(letters.mass > 0 && letters.mass <= 1)
        #expect(letters.probability > 0 && letters.probability < 1)
        #expect(judgement.finishReason == .stop && judgement.probability == nil)
        let text = try #require(judgement.text)
        let mark = try #require(judgement.verdict?.mark)
        #expect(text.hasSuffix(mark) && text.contains { !$0.isWhitespace && $0 != "[" })
      }
    }
    // Both letters are drawn.
    #expect(held.contains { $0.votes.chosen > 0 } && held.contains { $0.votes.rejected > 0 })
  }

  @Test("the likelihood is that of the letter in the same pass")
  func likelihood() async throws {
    let world = try TinyReward()
    var settings = settings(.enforced, votes: 2)
    settings.aggregation = .likelihood
    let port = WritingPort(local: try LocalPort(world.judge(task: .chain)))
    for verdict in try await JudgeRater(port, settings: settings).judge(world.pairs) {
      #expect(
        verdict.judgements.map(\.probability) == verdict.judgements.map(\.letters?.probability)
      )
      let (first, second) = (verdict.judgements[0].probability, verdict.judgements[1].probability)
      let expected = ((first ?? 0) + 1 - (second ?? 0)) / 2
      #expect(abs((verdict.probability ?? -1) - expected) < 1e-12)
      // Greedy: the likelier letter is the one that was written.
      for judgement in verdict.judgements {
        #expect(
          (judgement.probability ?? 0.5) > 0.5 ? judgement.verdict == .a : judgement.verdict == .b
        )
      }
    }
  }

  @Test("a limit in which no verdict fits is refused before anything is judged")
  func room() throws {
    let world = try TinyReward()
    var settings = settings(.enforced)
    settings.tokens = 7
    #expect(throws: RewardError.fewTokens(tokens: 7, minimum: 8)) {
      try JudgeRater(world.judge(task: .chain), settings: settings)
    }
    settings.verdicts = .free
    _ = try JudgeRater(world.judge(task: .chain), settings: settings)
  }
}
