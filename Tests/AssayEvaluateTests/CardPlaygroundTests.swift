import AssayBase
import AssayData
import AssayEvaluate
import AssayReward
import Foundation
import Testing

/// Knows which of the Playground's responses is right, with noise of its own for each text, and is taken
/// in by one probe.
private struct PlantedRater: Rater {
  let plant: Probe
  /// What it adds to the logit of a response that the probe changed, or of the one shown first.
  let bias: Double
  let originals: [String: String]
  let seed: UInt64

  nonisolated(nonsending) func outcomes(
    _ pairs: [PreferencePair],
    suite: String,
    onOutcome: (Int, PairOutcome) throws -> Void
  ) async throws -> [PairOutcome] {
    try pairs.enumerated().map { index, pair in
      let isChanged = originals[pair.id].flatMap { plant.changed($0) } == pair.rejected
      let logit =
        1 + noise(pair.id + pair.chosen) - noise(pair.id + pair.rejected) - (isChanged ? bias : 0)
      let first = plant == .position ? bias : 0
      let votes = [(JudgementOrder.chosenFirst, first), (.rejectedFirst, -first)].map {
        PairOutcome.Vote(order: $0, chosen: 1 / (1 + exp(-(logit + $1))))
      }
      let outcome = PairOutcome(
        id: pair.id,
        suite: suite,
        subset: pair.subset,
        votes: votes,
        promptTokens: 1,
        completionTokens: 1
      )
      try onOutcome(index, outcome)
      return outcome
    }
  }

  /// Between -0.5 and 0.5, the same for the same text of an item.
  private func noise(_ text: String) -> Double {
    let path = [seed] + text.utf8.map(UInt64.init)
    var random = SeededRandom(path: path)
    return random.unit() - 0.5
  }

  nonisolated(nonsending) func rank(_ candidates: [Candidates]) async throws -> Ranking {
    Ranking(scores: candidates.map { $0.responses.map { _ in 0 } }, tokens: 0)
  }
}

@Suite struct CardPlaygroundTests {
  @Test("of the Playground's pairs a planted bias is found, and none that is not planted")
  func planted() async throws {
    let playground = Playground()
    let items = (0..<250).map { playground.item(.test, $0) }
    let run = CardRun(items.map { GoldItem($0.pair) }, probes: Probe.allCases)
    let originals = Dictionary(uniqueKeysWithValues: items.map { ($0.id, $0.rejected) })
    var falseCards = 0
    for (number, plant) in Probe.allCases.enumerated() {
      let url = FileManager.default.temporaryDirectory
        .appendingPathComponent("assay-card-\(UUID().uuidString).jsonl")
      defer { try? FileManager.default.removeItem(at: url) }
      let rater = PlantedRater(
        plant: plant,
        bias: 1,
        originals: originals,
        seed: UInt64(number)
      )
      let card = try JudgeCard(
        model: "planted",
        settings: [:],
        run,
        outcomes: try await run.run(by: rater, to: url) { _, _ in },
        CardQuestions()
      )
      let found = Set(card.probes.filter { $0.verdict == .found }.map(\.probe))
      falseCards += found.subtracting([plant]).isEmpty ? 0 : 1
      // A bias of one logit at a probability of about 0.73 is 0.2 and more.
      let finding = try #require(card.probes.first { $0.probe == plant })
      // Answers of one word cannot be said in other words.
      guard finding.effect.n >= 100 else { continue }
      #expect(found.contains(plant), "\(plant)")
      #expect(finding.effect.value > 0.1 && finding.effect.value < 0.35, "\(plant)")
    }
    // Eight cards of 5 %: three and more once in 170.
    #expect(falseCards <= 2)
  }
}
