import AssayModel
import AssayRun
import AssayTensor
import AssayText
import AssayTrain
import Foundation
import Testing

@Suite struct TrainingWatchTests {
  let folder: TemporaryFolder

  init() throws {
    Engine.threads = 1
    folder = try TemporaryFolder()
  }

  private struct Killed: Error {}

  private let corpus: [[Message]] = [
    [.user("How many?"), .assistant("Three.")], [.user("And now?"), .assistant("Four, I think.")],
  ]

  /// Trains a tiny model with a head for 8 steps, of which held-out items say what a list says.
  private func train(
    _ name: String,
    _ plan: WatchPlan?,
    figures: [Double] = [],
    section: OptimizerSection = OptimizerSection(learningRate: 1e-2),
    steps: Int = 8,
    kept: Int = 1,
    killedAt: Int? = nil
  ) throws -> (model: Model, stage: Stage) {
    let model = try TinyModel.make(corpus: corpus, head: .linear, kind: .classic)
    let run = try RunFolder(folder.url.appendingPathComponent(name))
    let stage = try run.stage("base", fingerprint: Fingerprint(recipe: ""))
    let renderer = try model.renderer()
    let sequences = try corpus.map {
      TrainingSequence(
        try renderer.render(prompt: [$0[0]], response: $0[1].content),
        withTargets: false
      )
    }
    var step = 0
    let loop = try TrainingLoop(
      stage: stage,
      model: model,
      section: section,
      steps: steps,
      checkpointSteps: 3,
      keptCheckpoints: kept,
      watch: plan.map { plan in
        TrainingWatch(plan) {
          [Metric("held_out_loss", figures[step]), Metric("held_out_accuracy", 1 - figures[step])]
        }
      },
      events: { _ in }
    )
    try loop.run { at in
      if at == killedAt { throw Killed() }
      step = at
      return PreferenceObjective(weights: (preference: 1, critique: 0), centring: 0).step(
        [TrainingPair(chosen: sequences[at % 2], rejected: sequences[(at + 1) % 2])],
        model: model
      )
    }
    return (model, stage)
  }

  private func values(_ model: Model) -> [[Float]] { model.parameters.map(\.value.floats) }

  /// The weights behind a number of steps of 8, without a watch.
  private func weights(behind steps: Int) throws -> [[Float]] {
    var constant = OptimizerSection(learningRate: 1e-2)
    constant.schedule.shape = .constant
    constant.schedule.warmupFraction = 0
    return values(try train("steps-\(steps)", nil, section: constant, steps: steps).model)
  }

  private var constant: OptimizerSection {
    var section = OptimizerSection(learningRate: 1e-2)
    section.schedule.shape = .constant
    section.schedule.warmupFraction = 0
    return section
  }

  /// What is measured behind steps 1 to 8: the best is behind step 4.
  private static let figures = [0.9, 0.7, 0.8, 0.3, 0.5, 0.6, 0.4, 0.35]

  @Test(
    "ends in the weights that did best, by either figure, or in the last ones",
    arguments: [(BestWeights.loss, 4), (.accuracy, 4), (.last, 8)]
  )
  func best(_ best: BestWeights, _ step: Int) throws {
    let (model, stage) = try train(
      "best",
      WatchPlan(every: 1, best: best),
      figures: Self.figures,
      section: constant
    )
    #expect(values(model) == (try weights(behind: step)))
    let lines = try MetricsWriter.lines(of: stage)
    #expect(
      lines.compactMap { $0.metrics.first { $0.name == "held_out_loss" }?.value } == Self.figures
    )
  }

  @Test("looks every so many steps and after the last one")
  func every() throws {
    let (model, stage) = try train(
      "every",
      WatchPlan(every: 3),
      figures: Self.figures,
      section: constant
    )
    let looks = try MetricsWriter.lines(of: stage).filter { line in
      line.metrics.contains { $0.name == "held_out_loss" }
    }
    #expect(looks.map(\.step) == [3, 6, 8])
    // 0.8, 0.6 and 0.35: the last look is the best.
    #expect(values(model) == (try weights(behind: 8)))
  }

  @Test("ends where patience does, wherever it was killed before, in the same weights")
  func patience() throws {
    let plan = WatchPlan(every: 1, patience: 2)
    let (whole, stage) = try train("whole", plan, figures: Self.figures, section: constant)
    // Behind step 4 two looks are worse.
    #expect(try MetricsWriter.lines(of: stage).map(\.step) == Array(1...6))
    for step in 1..<6 {
      #expect(throws: Killed.self) {
        try train("k\(step)", plan, figures: Self.figures, section: constant, killedAt: step)
      }
      let (model, stage) = try train("k\(step)", plan, figures: Self.figures, section: constant)
      #expect(values(model) == values(whole), "killed at \(step)")
      #expect(try MetricsWriter.lines(of: stage).map(\.step) == Array(1...6))
    }
  }

  @Test("as many checkpoints are kept as are asked for, and the best weights go with the last one")
  func kept() throws {
    let (_, stage) = try train("kept", WatchPlan(every: 1), figures: Self.figures, kept: 2)
    let names = try FileManager.default.contentsOfDirectory(atPath: stage.url.path)
    // Checkpoints are behind steps 3 and 6; the best look was behind step 4.
    #expect(try stage.checkpointedStep() == 6)
    #expect(names.filter { $0.hasPrefix("best-") } == ["best-4.safetensors"])
    let earlier = try FileManager.default.contentsOfDirectory(
      atPath: stage.file("checkpoints").path
    )
    #expect(earlier == ["step-000000003"])
  }

  @Test("a kill between keeping a checkpoint and its successor brings it back")
  func keptLeftovers() throws {
    let kept: URL
    do {
      // The folder is let go with the stage.
      let (_, stage) = try train("left", nil, kept: 2)
      kept = stage.file("checkpoints/step-000000003")
      try FileManager.default.removeItem(at: stage.file("checkpoint"))
    }
    let again = try RunFolder(folder.url.appendingPathComponent("left"))
      .stage("base", fingerprint: Fingerprint(recipe: ""))
    #expect(try again.checkpointedStep() == 3)
    #expect(!FileManager.default.fileExists(atPath: kept.path))
  }

  @Test("a head learns at a rate of its own")
  func headRate() throws {
    var section = constant
    section.weightDecay = 0
    section.clipNorm = 0
    section.schedule.learningRate = 1e-4
    section.headLearningRate = 1e-2
    let before = try TinyModel.make(corpus: corpus, head: .linear, kind: .classic)
    let after = try train("head", nil, section: section, steps: 1).model
    /// The largest change of a number: of AdamW's first step, the rate.
    func change(_ own: [Parameter], _ other: [Parameter]) -> Float {
      zip(own, other).flatMap { zip($0.value.floats, $1.value.floats).map { abs($0 - $1) } }.max()
        ?? 0
    }
    let head = try change(#require(after.head).parameters, #require(before.head).parameters)
    let rest = change(after.decoder.parameters, before.decoder.parameters)
    #expect(abs(head - 1e-2) < 1e-5)
    #expect(abs(rest - 1e-4) < 1e-6)
  }

  @Test("a loss that stays that of no preference is warned of once, and another is not")
  func indifferent() {
    func warnings(_ losses: [Double], warmSteps: Int = 0, from start: Int = 0) -> [Int] {
      var watch = IndifferentLoss(log(2))
      return losses.indices.filter {
        var report = StepReport(loss: losses[$0], tokens: 1, items: [])
        report.learnsPreference = $0 >= start
        return watch.note(report, isWarm: $0 >= warmSteps) != nil
      }
    }
    #expect(warnings((0..<120).map { $0.isMultiple(of: 2) ? 0.68 : 0.706 }) == [49])
    #expect(warnings([Double](repeating: log(2), count: 120), warmSteps: 20) == [69])
    // Critic-RM's schedule learns critiques alone at first.
    #expect(warnings([Double](repeating: log(2), count: 120), from: 100).isEmpty)
    func learns(_ preference: Double, _ critique: Double) -> Bool {
      PreferenceObjective(weights: (preference, critique), centring: 0).learnsPreference
    }
    #expect(!learns(0, 1) && !learns(0.05, 0.95) && learns(0.2, 0.8) && learns(1, 1.25))
    #expect(warnings((0..<120).map { 0.6931 - 0.0004 * Double($0) }).isEmpty)
  }
}

@Suite struct HeldOutTests {
  @Test("prompts are held out with all of their rows, the same ones for the same seed")
  func split() {
    let rows = (0..<100).map { [Message.user("question \($0 % 20)")] }
    let (learnt, held) = heldOut(of: rows, share: 0.25, seed: 3) { $0 }
    // A quarter of 20 prompts with 5 rows each.
    #expect(held.count == 25 && learnt.count == 75)
    #expect(Set(held).isDisjoint(with: Set(learnt)))
    #expect(heldOut(of: rows, share: 0.25, seed: 3) { $0 }.heldOut == held)
    #expect(heldOut(of: rows, share: 0.25, seed: 4) { $0 }.heldOut != held)
    #expect(heldOut(of: rows, share: 0, seed: 3) { $0 }.heldOut.isEmpty)
    // One prompt alone is learnt from.
    #expect(heldOut(of: [[Message.user("a")]], share: 0.5, seed: 3) { $0 }.learnt.count == 1)
  }
}
