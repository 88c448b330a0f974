import AssayBase
import AssayData
import AssayEvaluate
import AssayReward
import AssayText
import Foundation
import Synchronization
import Testing

/// Judges by length, prefers what stands first by a bit, and is taken in by praise.
private final class VainRater: Rater {
  private let log = Mutex<[String]>([])
  /// After how many pairs it fails.
  private let limit: Int

  struct Stopped: Error {}

  init(limit: Int = .max) { self.limit = limit }

  /// What it was asked: ids, with the worse response.
  var asked: [String] { log.withLock { $0 } }

  nonisolated(nonsending) func outcomes(
    _ pairs: [PreferencePair],
    suite: String,
    onOutcome: (Int, PairOutcome) throws -> Void
  ) async throws -> [PairOutcome] {
    try pairs.enumerated().map { index, pair in
      let count = log.withLock { asked in
        asked.append(pair.id + pair.rejected)
        return asked.count
      }
      guard count <= limit else { throw Stopped() }
      let praise = pair.rejected.contains("best possible answer") ? 1.0 : 0
      let logit = Double(pair.chosen.count % 7) / 3 - praise
      let votes = [(JudgementOrder.chosenFirst, 0.2), (.rejectedFirst, -0.2)].map { order, first in
        PairOutcome.Vote(order: order, chosen: 1 / (1 + exp(-(logit + first))))
      }
      let outcome = PairOutcome(
        id: pair.id,
        suite: suite,
        subset: pair.subset,
        votes: votes,
        promptTokens: 10,
        completionTokens: 2
      )
      try onOutcome(index, outcome)
      return outcome
    }
  }

  nonisolated(nonsending) func rank(_ candidates: [Candidates]) async throws -> Ranking {
    Ranking(scores: candidates.map { $0.responses.map { _ in 0 } }, tokens: 0)
  }
}

@Suite struct CardTests {
  private func gold(_ count: Int, votes: Bool = false) -> [GoldItem] {
    (0..<count).map { index in
      let pair = PreferencePair(
        id: "p\(index)",
        prompt: [.user("question \(index / 2)")],
        chosen: String(repeating: "x", count: 3 + index % 11),
        rejected: "It doesn't say \(index). That is all.",
        subset: index % 2 == 0 ? "even" : "odd"
      )
      return GoldItem(pair, votes: votes ? [1, 1, index % 4 == 0 ? 0 : 1] : [])
    }
  }

  private func outcomes(_ rater: VainRater, _ run: CardRun, _ url: URL) async throws
    -> [PairOutcome]
  {
    try await run.run(by: rater, to: url) { _, _ in }
  }

  @Test("a card made after an interruption, or of records alone, is the same to the byte")
  func resumed() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("assay-card-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = CardRun(gold(30, votes: true), probes: Probe.allCases)
    let questions = CardQuestions()
    func card(_ outcomes: [PairOutcome]) throws -> (Data, String) {
      let card = try JudgeCard(
        model: "vain",
        settings: ["--votes": "2"],
        run,
        outcomes: outcomes,
        questions
      )
      return (try card.json(), card.html)
    }
    let whole = try card(
      try await outcomes(VainRater(), run, folder.appendingPathComponent("whole.jsonl"))
    )
    let cut = folder.appendingPathComponent("cut.jsonl")
    await #expect(throws: VainRater.Stopped.self) {
      try await outcomes(VainRater(limit: 50), run, cut)
    }
    // A kill in the middle of a line.
    let text = try String(contentsOf: cut, encoding: .utf8)
    try String(text.dropLast(20)).write(to: cut, atomically: true, encoding: .utf8)
    let second = VainRater()
    let resumed = try card(try await outcomes(second, run, cut))
    #expect(resumed.0 == whole.0 && resumed.1 == whole.1)
    // Only the stretch that was cut is read again.
    #expect(second.asked.count < run.ratings.count - 20)
    let third = VainRater()
    _ = try await outcomes(third, run, cut)
    #expect(third.asked.isEmpty)
    let recorded = try card(try run.recorded(in: cut))
    #expect(recorded.0 == whole.0 && recorded.1 == whole.1)
    #expect(throws: EvaluateError.self) {
      try CardRun(gold(31), probes: []).recorded(in: cut)
    }
    // Other texts under the same ids are asked anew.
    var other = gold(30)
    other[3].pair.chosen += "y"
    let fourth = VainRater()
    _ = try await outcomes(fourth, CardRun(other, probes: []), cut)
    #expect(fourth.asked.contains { $0.hasPrefix("p3") })
    #expect(fourth.asked.count == 4)
  }

  @Test("what the rater is taken in by is found, and what it is not is not")
  func findings() async throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("assay-card-\(UUID().uuidString).jsonl")
    defer { try? FileManager.default.removeItem(at: url) }
    let run = CardRun(gold(200), probes: Probe.allCases)
    let outcomes = try await outcomes(VainRater(), run, url)
    let card = try JudgeCard(
      model: "vain",
      settings: [:],
      run,
      outcomes: outcomes,
      CardQuestions()
    )
    let verdicts = Dictionary(uniqueKeysWithValues: card.probes.map { ($0.probe, $0) })
    #expect(verdicts[.selfPraise]?.verdict == .found && verdicts[.position]?.verdict == .found)
    #expect(verdicts[.selfPraise]?.effect.value ?? 0 > 0.1)
    for probe in [Probe.length, .padding, .authority, .markdown, .paraphrase, .injection] {
      #expect(verdicts[probe]?.verdict != .found && verdicts[probe]?.effect.n == 200, "\(probe)")
      #expect(verdicts[probe]?.correctedPValue == 1)
    }
    #expect(card.items == 200 && card.prompts == 100 && card.tokensPerPair == 12)
    #expect(Set(card.agreement.sections.keys) == ["even", "odd"])
    #expect(card.text.contains("Praise of itself raises the preference for the worse response by"))
    // What never changed in 100 prompts may change in a few of a thousand.
    #expect(card.text.contains("Sentences that say nothing: +0.0 points [-3.8, +3.8], which does"))
    for text in [
      "vain agrees with the gold labels", "found", "Reliability", "Precision by coverage",
    ] {
      #expect(card.html.contains(text), "\(text)")
    }
    #expect(!card.html.contains("http"))
    #expect(try JSONDecoder().decode(JudgeCard.self, from: try card.json()) == card)
  }

  @Test("a card of several annotators marks their agreement ceiling, and says what pairs cost")
  func ceiling() async throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("assay-card-\(UUID().uuidString).jsonl")
    defer { try? FileManager.default.removeItem(at: url) }
    func card(votes: Bool, price: TokenPrice?) async throws -> JudgeCard {
      let run = CardRun(gold(40, votes: votes), probes: [])
      let outcomes = try await outcomes(VainRater(), run, url)
      let questions = CardQuestions(price: price)
      return try JudgeCard(model: "vain", settings: [:], run, outcomes: outcomes, questions)
    }
    // A quarter of the items has two of three votes alike, the others all: 1/4 x 2/3 + 3/4.
    let several = try await card(votes: true, price: TokenPrice(prompt: 100, completion: 50))
    #expect(abs((several.annotators?.ceiling.value ?? 0) - 11.0 / 12) < 1e-12)
    #expect(several.html.contains("the agreement ceiling of the annotators: 91.7 %"))
    // 10 tokens read and 2 written a pair.
    #expect(several.html.contains("10000 read, 2000 written"))
    #expect(
      several.text.contains("1,000 pairs as they are cost $1.10 at $100 read and $50 written")
    )
    let single = try await card(votes: false, price: nil)
    #expect(!single.html.contains("agreement ceiling") && !single.text.contains("cost"))
  }

  // Krippendorff 2011, C: two observers, nominal, 10 units; a d b b a ... is reduced here to votes 1, 0.
  // Units 11, 11, 00, 10: values 1 x 5, 0 x 3, n = 8; observed disagreement 2 of 8; expected
  // 2 * 5 * 3 / (8 * 7) = 30 / 56; alpha = 1 - (1 / 4) / (30 / 56) = 1 - 14 / 30.
  @Test("Krippendorff's alpha by hand")
  func alpha() throws {
    let alpha = try #require(Krippendorff.alpha([[1, 1], [1, 1], [0, 0], [1, 0], [1]]))
    #expect(abs(alpha - (1 - 14.0 / 30)) < 1e-12)
    #expect(Krippendorff.alpha([[1, 1], [1, 1]]) == nil)
  }

  @Test("a temperature is found again, and held-out isotonic steps rise")
  func mended() {
    var random = SeededRandom(2)
    // Logits three times as sure as they should be.
    let probabilities = (0..<4000).map { _ -> Double in
      let logit = 3 * (random.unit() - 0.5) * 2
      let isRight = random.unit() < 1 / (1 + exp(-logit))
      return 1 / (1 + exp(-3 * (isRight ? logit : -logit)))
    }
    let fit = TemperatureFit(probabilities)
    #expect(abs(fit.temperature - 3) < 0.4, "\(fit.temperature)")
    #expect(abs(fit.mended(0.5) - 0.5) < 1e-12)
    let steps = IsotonicFit(probabilities).steps
    #expect(zip(steps, steps.dropFirst()).allSatisfy { $0.probability <= $1.probability })
    // 0.9 right, 0.8 wrong, 0.8 right, 0.6 wrong: 0.6 has 0 (at least 0.5), 0.8 a half, 0.9 is all of 1,
    // but no surer than 1 - 1 / 6.
    let small = IsotonicFit([0.9, 0.2, 0.8, 0.4])
    #expect(small.steps.map(\.probability) == [0.5, 0.5, 1 - 1.0 / 6])
    #expect(abs(small.mended(0.05) - 1.0 / 6) < 1e-12)
  }

  @Test("probes keep what a response says, and leave alone what they do not fit")
  func probes() {
    let plain = "It doesn't rain. Anna has 3 apples."
    #expect(
      Probe.markdown.changed(plain) == "## Answer\n\n- It doesn't rain.\n- Anna has 3 apples."
    )
    #expect(Probe.paraphrase.changed(plain) == "It does not rain. Anna has 3 apples.")
    #expect(Probe.paraphrase.changed("It is not so; we do not.") == "It isn't so; we don't.")
    #expect(Probe.paraphrase.changed("An enlargement") == nil)
    for marked in ["# A\nb", "```\nlet a = 1\n```", "1. one\n2. two", "a **b**"] {
      #expect(Probe.markdown.changed(marked) == nil, "\(marked)")
    }
    #expect(Probe.position.changed(plain) == nil)
    for probe in [Probe.length, .padding, .selfPraise, .authority, .injection] {
      let changed = probe.changed(plain) ?? ""
      #expect(changed.hasPrefix(plain + "\n\n"), "\(probe)")
    }
  }

  @Test("the threshold for a wanted precision is the lowest that gives it")
  func threshold() async throws {
    // Sure and right in 40 items, unsure and wrong half the time in 40.
    let gold = (0..<80).map { index in
      GoldItem(
        PreferencePair(id: "\(index)", prompt: [.user("\(index)")], chosen: "a", rejected: "b")
      )
    }
    let run = CardRun(gold, probes: [])
    let outcomes = (0..<80).map { index in
      let chosen = index < 40 ? 2.0 : index % 2 == 0 ? 0.4 : -0.4
      return PairOutcome(
        id: "\(index)",
        suite: "gold",
        subset: nil,
        chosen: [chosen],
        rejected: [0],
        promptTokens: 1,
        completionTokens: 0
      )
    }
    let card = try JudgeCard(
      model: "m",
      settings: [:],
      run,
      outcomes: outcomes,
      CardQuestions(precision: 0.9)
    )
    let confidence = try #require(card.threshold.confidence)
    #expect(abs(confidence - 1 / (1 + exp(-2.0))) < 1e-12)
    #expect(card.threshold.coverage.value == 0.5 && card.threshold.precision?.value == 1)
    #expect(card.agreement.accuracy.value == 0.75 && card.agreement.kappa.value == 0.5)
    #expect(card.agreement.truePositiveRate == nil && card.agreement.flipRate == nil)
    #expect(card.probes.isEmpty)
  }
}
