import AssayData
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayTestSupport
import AssayText
import AssayTrain
import Foundation
import Testing

@Suite struct JudgeTrainingTests {
  let pairs: [PreferencePair]
  private let corpus: [[Message]]

  init() {
    Engine.threads = 1
    let playground = Playground(PlaygroundConfiguration(seed: 5))
    pairs = (0..<6).map { playground.item(.train, $0).pair }
    corpus = (0..<40).map { index in
      let item = playground.item(.corpus, index)
      return [.user(item.prompt), .assistant(item.solution)]
    }
  }

  private func model(head: RewardHead.Kind? = nil) throws -> Model {
    let model = try TinyModel.make(corpus: corpus, head: head, kind: head == nil ? .judge : .pair)
    model.manifest.judge = JudgeManifest(task: .token, prompts: .playground, tokens: 1)
    model.parameters.forEach { $0.value.setRequiresGradientInPlace() }
    return model
  }

  /// The pairs as a judge of letters or a pair model reads them.
  private func items(_ model: Model, probability: Double = 1, margin: Double = 0) throws
    -> [VerdictItem]
  {
    let renderer = try model.renderer()
    return try pairs.map { pair in
      let sequences = try JudgementOrder.allCases.map { order -> [TrainingSequence] in
        let asked = RolePrompts.playground.judge(pair, order, task: .token)
        guard model.head == nil else {
          let tokens = try renderer.renderForLanguageModel(asked, targets: .assistant).tokens
          return [
            TrainingSequence(tokens: tokens, targets: [], scoredIndex: tokens.count - 1)
          ]
        }
        return try Verdict.allCases.map { verdict in
          let whole = try renderer.renderForLanguageModel(
            asked + [.assistant(verdict.rawValue)],
            targets: .assistant
          )
          let first = try #require(whole.isTarget.firstIndex(of: true))
          return TrainingSequence(tokens: whole.tokens, targets: [first], scoredIndex: nil)
        }
      }
      return VerdictItem(sequences: sequences, margin: margin, probability: probability)
    }
  }

  private func shown(_ items: [VerdictItem], _ order: JudgementOrder) -> [ShownItem] {
    items.map { ShownItem(item: $0, order: order) }
  }

  private func gradients(_ model: Model) -> [[Float]] {
    model.parameters.map { $0.value.gradient?.floats ?? [] }
  }

  /// Probabilities of chosen, from the judge that is used for inference.
  private func probabilities(
    _ model: Model,
    _ order: JudgementOrder
  ) async throws -> [Double] {
    try await JudgeRater(model).judge(pairs).map { verdict in
      let judgement = try #require(verdict.judgements.first { $0.order == order })
      let probability = try #require(judgement.probability)
      return order == .chosenFirst ? probability : 1 - probability
    }
  }

  // MARK: PairRM

  @Test(
    "PairRM's loss is -log of the probability that the judge gives",
    arguments: JudgementOrder.allCases
  )
  func pairLoss(order: JudgementOrder) async throws {
    let model = try model(head: .linear)
    let losses: [Double] = try await probabilities(model, order).map { -log($0) }
    let expected = losses.reduce(0, +) / 6
    let report = PairLogitObjective().step(
      shown(try items(model), order),
      items: [],
      model: model,
      accumulation: 1
    )
    #expect(abs(report.loss - expected) < 1e-4, "\(report.loss) \(expected)")
  }

  @Test("a tie has the same loss in both orders, and a margin makes it larger")
  func pairTies() throws {
    let model = try model(head: .linear)
    let ties = try items(model, probability: 0.5)
    func loss(_ items: [VerdictItem]) -> Double {
      PairLogitObjective().step(
        shown(items, .chosenFirst),
        items: [],
        model: model,
        accumulation: 1
      ).loss
    }
    var exchanged = ties
    for index in exchanged.indices { exchanged[index].sequences.reverse() }
    let other = PairLogitObjective().step(
      shown(exchanged, .rejectedFirst),
      items: [],
      model: model,
      accumulation: 1
    ).loss
    #expect(abs(loss(ties) - other) < 1e-5)
    #expect(loss(try items(model, margin: 3)) > loss(try items(model)))
  }

  @Test("computing in parts changes nothing", arguments: [2, 5])
  func accumulation(parts: Int) throws {
    for head in [RewardHead.Kind.linear, nil] {
      let (whole, split) = (try model(head: head), try model(head: head))
      func step(_ model: Model, _ parts: Int) throws -> StepReport {
        let batch = shown(try items(model, probability: 0.8), .rejectedFirst)
        return head == nil
          ? LetterObjective().step(batch, items: [], model: model, accumulation: parts)
          : PairLogitObjective().step(batch, items: [], model: model, accumulation: parts)
      }
      let (a, b) = (try step(whole, 1), try step(split, parts))
      #expect(abs(a.loss - b.loss) < 1e-5)
      for (one, other) in zip(gradients(whole), gradients(split)) { expectClose(one, other) }
    }
  }

  // MARK: GenRM

  /// The log probability of a sequence's targets, from logits and without packing.
  private func logProbability(_ sequence: TrainingSequence, _ model: Model) -> Double {
    withoutGradients {
      let hidden = model.decoder(PackedBatch([sequence.tokens]), rows: nil, training: false)
      let V = model.decoder.configuration.vocabularySize
      let logits = model.decoder.logits(hidden, training: false).floats.map(Double.init)
      return sequence.targets.map { index in
        let row = logits[(index - 1) * V..<index * V]
        let top = row.max() ?? 0
        let total = row.map { exp($0 - top) }.reduce(0, +)
        return row[row.startIndex + Int(sequence.tokens[index])] - top - log(total)
      }.reduce(0, +)
    }
  }

  @Test("GenRM's loss is the negative log likelihood of the letter, shared out by soft labels")
  func letterLoss() throws {
    let model = try model()
    for probability in [1.0, 0.7, 0] {
      let items = try items(model, probability: probability)
      var expected = 0.0
      for item in items {
        let letters: [Double] = item.sequences[1].map { logProbability($0, model) }
        // Rejected is shown first, so B is right.
        expected -= (probability * letters[1] + (1 - probability) * letters[0]) / 6
      }
      let report = LetterObjective().step(
        shown(items, .rejectedFirst),
        items: [],
        model: model,
        accumulation: 1
      )
      #expect(abs(report.loss - expected) < 1e-4 * max(1, expected), "\(probability)")
    }
  }

  @Test("a judge of letters and of logits learns what it is shown, in both orders")
  func learning() async throws {
    for head in [RewardHead.Kind.linear, nil] {
      let model = try model(head: head)
      let optimizer = AdamW()
      optimizer.add(model.parameters.map(\.value), weightDecay: 0)
      let items = try items(model)
      for _ in 0..<60 {
        model.parameters.forEach { $0.value.clearGradientInPlace() }
        let batch = JudgementOrder.allCases.flatMap { shown(items, $0) }
        _ =
          head == nil
          ? LetterObjective().step(batch, items: [], model: model, accumulation: 1)
          : PairLogitObjective().step(batch, items: [], model: model, accumulation: 1)
        optimizer.step(learningRate: 3e-3)
      }
      let verdicts = try await JudgeRater(model).judge(pairs)
      #expect(
        verdicts.allSatisfy { $0.outcome == .win && !$0.flipped },
        "\(String(describing: head))"
      )
    }
  }

  // MARK: STaR

  private func judgements(_ model: Model) throws -> [JudgementPair] {
    let renderer = try model.renderer()
    return try pairs.map { pair in
      func sequence(_ text: String) throws -> TrainingSequence {
        TrainingSequence(
          try renderer.renderForLanguageModel(
            RolePrompts.playground.judge(pair, .chosenFirst, task: .chain) + [.assistant(text)],
            targets: .assistant
          )
        )
      }
      return JudgementPair(
        right: try sequence("A is good. [[A]]"),
        wrong: try sequence("because i say so, B is better. [[B]]")
      )
    }
  }

  /// The same with the model as its own reference.
  private func referenced(_ model: Model, means: Bool) throws -> [JudgementPair] {
    try judgements(model).map { pair in
      var pair = pair
      func value(_ sequence: TrainingSequence) -> Float {
        let sum = logProbability(sequence, model)
        return Float(means ? sum / Double(sequence.targets.count) : sum)
      }
      pair.referenceRight = value(pair.right)
      pair.referenceWrong = value(pair.wrong)
      return pair
    }
  }

  private func contrast(
    _ batch: [JudgementPair],
    _ model: Model,
    _ variant: StarVariant,
    tokenLossWeight: Double = 0,
    accumulation: Int = 1
  ) -> StepReport {
    ContrastiveObjective(variant: variant, beta: 0.4, tokenLossWeight: tokenLossWeight)
      .step(batch, model: model, accumulation: accumulation)
  }

  @Test("a model that is its own reference loses log 2 by DPO and 1 / (2 beta)^2 by IPO")
  func reference() throws {
    let model = try model()
    let dpo = contrast(try referenced(model, means: false), model, .dpo)
    #expect(abs(dpo.loss - log(2.0)) < 1e-4)
    let ipo = contrast(try referenced(model, means: true), model, .ipo)
    #expect(abs(ipo.loss - 1.5625) < 1e-3)
  }

  @Test("against another reference the loss is what log probabilities by hand give")
  func workedExample() throws {
    let model = try model()
    let batch = try judgements(model).map { pair in
      var pair = pair
      (pair.referenceRight, pair.referenceWrong) = (-100, -200)
      return pair
    }
    var (expected, nll) = (0.0, 0.0)
    let tokens = batch.map(\.right.targets.count).reduce(0, +)
    for pair in batch {
      let right: Double = logProbability(pair.right, model)
      let wrong: Double = logProbability(pair.wrong, model)
      let ratio: Double = (right + 100) - (wrong + 200)
      expected += log1p(exp(-0.4 * ratio)) / 6
      nll -= right / Double(tokens)
    }
    #expect(abs(contrast(batch, model, .dpo).loss - expected) < 1e-3 * max(1, expected))
    let both = contrast(batch, model, .dpo, tokenLossWeight: 0.5).loss
    #expect(abs(both - expected - 0.5 * nll) < 1e-3 * max(1, expected))
  }

  @Test("a soft label shares DPO's loss out over both directions")
  func softLabel() throws {
    let model = try model()
    func loss(_ probability: Float) throws -> Double {
      let batch = try judgements(model).map { pair in
        var pair = pair
        (pair.referenceRight, pair.referenceWrong) = (-40, -90)
        pair.probability = probability
        return pair
      }
      return contrast(batch, model, .dpo).loss
    }
    let (right, wrong) = (try loss(1), try loss(0))
    #expect(right != wrong)
    #expect(abs(try loss(0.75) - (0.75 * right + 0.25 * wrong)) < 1e-3 * max(right, wrong))
  }

  @Test("a judgement against itself teaches nothing", arguments: [StarVariant.dpo, .ipo])
  func symmetry(variant: StarVariant) throws {
    let model = try model()
    let batch = try judgements(model).map { JudgementPair(right: $0.right, wrong: $0.right) }
    let report = contrast(batch, model, variant)
    let ratio = try #require(report.metrics.first { $0.name == "log_ratio" }?.value)
    #expect(abs(ratio) < 1e-4)
    for gradient in gradients(model) { #expect(gradient.allSatisfy { abs($0) < 1e-5 }) }
  }

  @Test(
    "DPO and IPO make right judgements likelier than wrong ones",
    arguments: [StarVariant.dpo, .ipo]
  )
  func contrastLearns(variant: StarVariant) throws {
    let model = try model()
    let batch = try referenced(model, means: variant == .ipo)
    let optimizer = AdamW()
    optimizer.add(model.parameters.map(\.value), weightDecay: 0)
    var losses: [Double] = []
    for _ in 0..<12 {
      model.parameters.forEach { $0.value.clearGradientInPlace() }
      losses.append(contrast(batch, model, variant, accumulation: 2).loss)
      optimizer.step(learningRate: 1e-3)
    }
    #expect(try #require(losses.last) < losses[0] * 0.7, "\(losses)")
    let report = contrast(batch, model, variant)
    #expect(report.metrics.first { $0.name == "accuracy" }?.value == 1)
  }
}
