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

@Suite struct GRPOTests {
  private let pairs: [PreferencePair]
  private let corpus: [[Message]]

  init() {
    Engine.threads = 1
    let playground = Playground(PlaygroundConfiguration(seed: 5))
    pairs = (0..<3).map { playground.item(.train, $0).pair }
    corpus = (0..<40).map { index in
      let item = playground.item(.corpus, index)
      return [.user(item.prompt), .assistant(item.solution)]
    }
  }

  private func model() throws -> Model {
    let model = try TinyModel.make(corpus: corpus, head: nil, kind: .judge)
    model.parameters.forEach { $0.value.setRequiresGradientInPlace() }
    return model
  }

  /// A right and a wrong judgement of each pair, with the log probabilities that a model gives them now.
  private func judgements(_ model: Model) throws -> [RewardedJudgement] {
    let renderer = try model.renderer()
    return try pairs.flatMap { pair in
      try [("A is good. [[A]]", Float(1)), ("i say so. [[B]]", -1)].map { text, advantage in
        let sequence = TrainingSequence(
          try renderer.renderForLanguageModel(
            RolePrompts.playground.judge(pair, .chosenFirst, task: .chain) + [.assistant(text)],
            targets: .assistant
          )
        )
        let logs = logProbabilities(sequence, model)
        return RewardedJudgement(
          sequence: sequence,
          advantage: advantage,
          old: logs,
          reference: logs
        )
      }
    }
  }

  /// Log probabilities of a sequence's targets, from logits and without packing.
  private func logProbabilities(_ sequence: TrainingSequence, _ model: Model) -> [Float] {
    withoutGradients {
      let hidden = model.decoder(PackedBatch([sequence.tokens]), rows: nil, training: false)
      let V = model.decoder.configuration.vocabularySize
      let logits = model.decoder.logits(hidden, training: false).floats.map(Double.init)
      return sequence.targets.map { index in
        let row = logits[(index - 1) * V..<index * V]
        let top = row.max() ?? 0
        let total = row.map { exp($0 - top) }.reduce(0, +)
        return Float(row[row.startIndex + Int(sequence.tokens[index])] - top - log(total))
      }
    }
  }

  private func record(_ verdicts: [Verdict?], _ order: JudgementOrder = .chosenFirst)
    -> JudgementRecord
  {
    JudgementRecord(
      id: "p",
      order: order,
      samples: verdicts.map {
        JudgementRecord.Sample(text: "", verdict: $0, finishReason: .stop)
      }
    )
  }

  @Test("an advantage is the reward's distance from its group's mean in the group's deviations")
  func advantages() throws {
    // Rewards 1, 0, 0, 0: mean 1/4, deviation sqrt(3)/4.
    let one = try #require(RewardedJudgement.advantages(of: record([.a, .b, .b, nil])))
    for (value, expected) in zip(one, [3, -1, -1, -1].map { Float($0) / Float(3).squareRoot() }) {
      #expect(abs(value - expected) < 1e-6)
    }
    // In the other order B is right: rewards 0, 1.
    #expect(
      RewardedJudgement.advantages(of: record([.a, .b], .rejectedFirst)) == [-1, 1]
    )
    #expect(RewardedJudgement.advantages(of: record([.a, .a])) == nil, "all right")
    #expect(RewardedJudgement.advantages(of: record([.b, nil])) == nil, "all without reward")
    #expect(RewardedJudgement.advantages(of: record([])) == nil)
  }

  @Test("where the model is as it wrote, the loss is minus the mean advantage of a target")
  func unmoved() throws {
    let model = try model()
    let batch = try judgements(model)
    let targets = batch.map { Float($0.sequence.targets.count) }
    let mean = zip(batch, targets).reduce(0) { $0 + $1.0.advantage * $1.1 } / targets.reduce(0, +)
    let report = GroupPolicyObjective(clip: 0.2, klWeight: 0.5).step(batch, model: model)
    #expect(abs(report.loss + Double(mean)) < 1e-4)
    #expect(try #require(report.metrics.first { $0.name == "kl" }?.value) < 1e-6)
    #expect(report.metrics.first { $0.name == "clipped" }?.value == 0)
  }

  @Test("a ratio beyond the clip counts in full where that is worse, and never where it is better")
  func clipped() throws {
    let model = try model()
    var batch = try judgements(model)
    // Every target is 1.5 times as likely as when it was written, and half as likely as at the start.
    for index in batch.indices {
      batch[index].old = batch[index].old.map { $0 - log(1.5) }
      batch[index].reference = batch[index].reference.map { $0 + log(2) }
    }
    let counts = batch.map { Double($0.sequence.targets.count) }
    let total = counts.reduce(0, +)
    let (right, wrong) = (counts[0] + counts[2] + counts[4], counts[1] + counts[3] + counts[5])
    // Right ones count 1.2 times, wrong ones 1.5 times; the divergence is 2 - log 2 - 1.
    let policy = (-1.2 * right + 1.5 * wrong) / total
    let divergence = 1 - log(2.0)
    let report = GroupPolicyObjective(clip: 0.2, klWeight: 0.5).step(batch, model: model)
    #expect(abs(report.loss - (policy + 0.5 * divergence)) < 1e-4)
    let share = try #require(report.metrics.first { $0.name == "clipped" }?.value)
    #expect(abs(share - right / total) < 1e-6)
  }

  @Test("a target whose ratio is held has no gradient, and parts of a batch add up")
  func gradients() throws {
    func gradients(_ accumulation: Int, clippedAll: Bool) throws -> [[Float]] {
      let model = try model()
      var batch = try judgements(model)
      if clippedAll {
        batch.removeAll { $0.advantage < 0 }
        for index in batch.indices { batch[index].old = batch[index].old.map { $0 - 1 } }
      }
      _ = GroupPolicyObjective(clip: 0.2, klWeight: 0)
        .step(batch, model: model, accumulation: accumulation)
      return model.parameters.map { $0.value.gradient?.floats ?? [] }
    }
    #expect(try gradients(1, clippedAll: true).allSatisfy { $0.allSatisfy { $0 == 0 } })
    let (whole, split) = (
      try gradients(1, clippedAll: false), try gradients(3, clippedAll: false)
    )
    #expect(whole.contains { $0.contains { abs($0) > 1e-6 } })
    for (one, other) in zip(whole, split) {
      #expect(zip(one, other).allSatisfy { abs($0 - $1) < 1e-5 })
    }
  }

  @Test("rewarded judgements become likelier, others less likely")
  func learns() throws {
    let model = try model()
    let batch = try judgements(model)
    func sums() -> [Float] {
      batch.map { logProbabilities($0.sequence, model).reduce(0, +) }
    }
    let before = sums()
    let optimizer = AdamW()
    optimizer.add(model.parameters.map(\.value), weightDecay: 0)
    for _ in 0..<4 {
      model.parameters.forEach { $0.value.clearGradientInPlace() }
      _ = GroupPolicyObjective(clip: 0.2, klWeight: 0).step(batch, model: model)
      optimizer.step(learningRate: 3e-4)
    }
    for (index, pair) in zip(sums(), before).enumerated() {
      let (after, before) = pair
      #expect(batch[index].advantage > 0 ? after > before : after < before, "\(index)")
    }
  }
}
