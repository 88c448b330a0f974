import AssayData
import AssayModel
import AssayRun
import AssayTensor
import AssayTestSupport
import AssayText
import AssayTrain
import Foundation
import Testing

@Suite struct JointLossTests {
  let model: Model
  let pairs: [PreferencePair]

  init() throws {
    Engine.threads = 1
    let playground = Playground(PlaygroundConfiguration(seed: 5))
    pairs = (0..<8).map { playground.item(.train, $0).pair }
    model = try TinyModel.make(
      corpus: (0..<40).map { index in
        let item = playground.item(.corpus, index)
        return [.user(item.prompt), .assistant(item.solution)]
      },
      head: .cloud,
      kind: .cloud
    )
    model.parameters.forEach { $0.value.setRequiresGradientInPlace() }
  }

  /// The pairs with their oracle critiques.
  private func batch() throws -> [TrainingPair] {
    let renderer = try model.renderer()
    return try pairsWithCritiques(
      pairs,
      renderer: renderer,
      section: CritiqueSection(),
      written: nil
    )
  }

  private func step(
    _ batch: [TrainingPair],
    lambda: Double,
    accumulation: Int = 1
  ) -> (report: StepReport, gradients: [[Float]]) {
    model.parameters.forEach { $0.value.clearGradientInPlace() }
    let report = PreferenceObjective(
      weights: (preference: 1, critique: lambda),
      centring: 0.01
    ).step(batch, items: Array(batch.indices), model: model, accumulation: accumulation)
    return (report, model.parameters.map { $0.value.gradient?.floats ?? [] })
  }

  private func value(_ name: String, _ report: StepReport) -> Double {
    report.metrics.first { $0.name == name }?.value ?? .nan
  }

  /// The reward and the token losses of one sequence, from logits and without packing.
  private func byHand(_ sequence: TrainingSequence) throws -> (reward: Double, losses: [Double]) {
    try withoutGradients {
      let hidden = model.decoder(
        PackedBatch([sequence.tokens]),
        rows: nil,
        training: false
      )
      let V = model.decoder.configuration.vocabularySize
      let logits = model.decoder.logits(hidden, training: false).floats.map(Double.init)
      let losses = sequence.targets.map { index in
        let row = logits[(index - 1) * V..<index * V]
        let top = row.max() ?? 0
        let total = row.map { exp($0 - top) }.reduce(0, +)
        return top + log(total) - row[row.startIndex + Int(sequence.tokens[index])]
      }
      let scored = try #require(sequence.scoredIndex)
      let head = try #require(model.head)
      let state = hidden.narrowed(axis: 0, start: scored, count: 1)
      return (Double(head(state).item), losses)
    }
  }

  @Test("is Bradley-Terry plus lambda times the token mean over chosen and rejected together")
  func workedExample() throws {
    // Critiques of very different lengths: a mean of the two sides' means would differ.
    var short = pairs[0]
    short.chosenCritique = "ok."
    let renderer = try model.renderer()
    let batch = try pairsWithCritiques(
      [short, pairs[1]],
      renderer: renderer,
      section: CritiqueSection(),
      written: nil
    )
    #expect(batch[0].chosen.targets.count * 3 < batch[0].rejected.targets.count)

    let chosen = try batch.map { try byHand($0.chosen) }
    let rejected = try batch.map { try byHand($0.rejected) }
    let preference =
      zip(chosen, rejected).map { c, r in
        log(1 + exp(r.reward - c.reward)) + 0.01 * (c.reward + r.reward) * (c.reward + r.reward)
      }.reduce(0, +) / 2
    let losses = (chosen + rejected).flatMap(\.losses)
    let tokenLoss = losses.reduce(0, +) / Double(losses.count)

    let report = step(batch, lambda: 1.25).report
    expectClose([Float(value("preference_loss", report))], [Float(preference)])
    expectClose([Float(value("critique_loss", report))], [Float(tokenLoss)])
    expectClose([Float(report.loss)], [Float(preference + 1.25 * tokenLoss)])
    let right = zip(chosen, rejected).count { $0.reward > $1.reward }
    #expect(value("accuracy", report) == Double(right) / 2)
    #expect(
      report.tokens == batch.map { $0.chosen.tokens.count + $0.rejected.tokens.count }.reduce(0, +)
    )
  }

  @Test("lambda 0 leaves the language-model loss and its gradient out")
  func withoutTokenLoss() throws {
    let batch = try batch()
    let plain = batch.map { pair in
      var pair = pair
      pair.chosen.targets = []
      pair.rejected.targets = []
      return pair
    }
    let (with, without) = (step(batch, lambda: 0), step(plain, lambda: 1.25))
    expectClose([Float(with.report.loss)], [Float(without.report.loss)])
    for (a, b) in zip(with.gradients, without.gradients) {
      expectClose(a, b, relative: 1e-4, absolute: 1e-6)
    }
  }

  @Test("eight parts of one pair give the loss and the gradients of one part of eight")
  func accumulation() throws {
    var batch = try batch()
    // The parts differ in which of them have margins and ties.
    batch[2].margin = 1.5
    batch[5].probability = 0.5
    let whole = step(batch, lambda: 1.25)
    for parts in [2, 3, 8] {
      let split = step(batch, lambda: 1.25, accumulation: parts)
      #expect(abs(split.report.loss - whole.report.loss) < 1e-5)
      #expect(split.report.tokens == whole.report.tokens)
      for (name, (a, b)) in zip(
        model.parameters.map(\.name),
        zip(split.gradients, whole.gradients)
      ) {
        expectClose(a, b, relative: 1e-5, absolute: 1e-5, "\(parts) parts: \(name)")
      }
    }
  }

  @Test("token losses of eight parts are those of one")
  func tokenAccumulation() throws {
    let sequences = try batch().map(\.rejected)
    func gradients(_ accumulation: Int) -> (Double, [[Float]]) {
      model.decoder.parameters.forEach { $0.value.clearGradientInPlace() }
      let report = TokenObjective().step(
        sequences,
        items: [],
        model: model,
        accumulation: accumulation
      )
      return (report.loss, model.decoder.parameters.map { $0.value.gradient?.floats ?? [] })
    }
    let (whole, split) = (gradients(1), gradients(8))
    #expect(abs(whole.0 - split.0) < 1e-5)
    for (a, b) in zip(split.1, whole.1) { expectClose(a, b, relative: 1e-5, absolute: 1e-5) }
  }

  @Test("the closing token of a critique that was cut is not learnt, and is scored all the same")
  func cutCritique() throws {
    let renderer = try model.renderer()
    let written = [FinishReason.stop, .length].enumerated().map { index, reason in
      CritiqueRecord(
        id: pairs[0].id,
        side: index == 0 ? "chosen" : "rejected",
        critique: "a b c",
        finishReason: reason
      )
    }
    let pair = try #require(
      try pairsWithCritiques(
        [pairs[0]],
        renderer: renderer,
        section: CritiqueSection(),
        written: written
      ).first
    )
    #expect(pair.chosen.targets.last == pair.chosen.tokens.count - 1)
    #expect(pair.rejected.targets.last == pair.rejected.tokens.count - 2)
    #expect(pair.chosen.targets.count == pair.rejected.targets.count + 1)
    for side in [pair.chosen, pair.rejected] {
      #expect(side.scoredIndex == side.tokens.count - 1)
      #expect(side.tokens.last == renderer.endOfTurnID)
    }
  }

  @Test("critiques of other pairs are refused")
  func otherCritiques() throws {
    let renderer = try model.renderer()
    #expect(throws: TrainingError.self) {
      try pairsWithCritiques(pairs, renderer: renderer, section: CritiqueSection(), written: [])
    }
  }

  @Test("a pair without both oracle critiques is left out")
  func missingCritique() throws {
    var pairs = pairs
    pairs[3].rejectedCritique = nil
    let kept = try pairsWithCritiques(
      pairs,
      renderer: try model.renderer(),
      section: CritiqueSection(),
      written: nil
    )
    #expect(kept.count == pairs.count - 1)
  }

  @Test("no target is the first token, even where a critique alone exceeds the limit")
  func firstToken() throws {
    var cut = ScoredSequence(tokens: [7, 8, 9], scoredIndex: 2, promptTokenCount: 0)
    cut.targets = 0..<3
    #expect(TrainingSequence(cut, withTargets: true).targets == [1, 2])
  }
}
