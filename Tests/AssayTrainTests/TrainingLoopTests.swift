import AssayBase
import AssayModel
import AssayRun
import AssayTensor
import AssayTestSupport
import AssayText
import AssayTrain
import Foundation
import Testing

@Suite struct TrainingLoopTests {
  let folder: TemporaryFolder
  var url: URL { folder.url.appendingPathComponent("run") }

  init() throws {
    Engine.threads = 1
    folder = try TemporaryFolder()
  }

  private struct Killed: Error {}

  private let corpus: [[Message]] = [
    [.user("How many?"), .assistant("Three.")], [.user("And now?"), .assistant("Four, I think.")],
  ]

  /// Trains a tiny model in a stage of its own; `body` sees the step before it is taken.
  private func train(
    _ run: RunFolder,
    steps: Int = 6,
    checkpointSteps: Int = 2,
    body: (Int, Model) throws -> StepReport? = { _, _ in nil }
  ) throws -> (model: Model, stage: Stage) {
    let model = try TinyModel.make(corpus: corpus)
    let stage = try run.stage("base", fingerprint: Fingerprint(recipe: ""))
    let renderer = try model.renderer()
    let sequences = try corpus.map {
      TrainingSequence(try renderer.renderForLanguageModel($0, targets: .all))
    }
    let loop = try TrainingLoop(
      stage: stage,
      model: model,
      section: OptimizerSection(learningRate: 1e-2),
      steps: steps,
      checkpointSteps: checkpointSteps,
      events: { _ in }
    )
    try loop.run { step in
      try body(step, model)
        ?? TokenObjective().step(
          [sequences[step % 2]],
          items: [step % 2],
          model: model,
          accumulation: 1
        )
    }
    return (model, stage)
  }

  private func values(_ model: Model) -> [[Float]] { model.parameters.map(\.value.floats) }

  @Test("a training killed at any step ends in the weights of one that was not")
  func killed() throws {
    let whole = try train(try RunFolder(folder.url.appendingPathComponent("whole"))).model
    for step in 0..<6 {
      let url = folder.url.appendingPathComponent("killed-\(step)")
      #expect(throws: Killed.self) {
        try train(try RunFolder(url)) { at, _ in
          guard at == step else { return nil }
          throw Killed()
        }
      }
      var first: Int?
      let resumed = try train(try RunFolder(url)) { at, _ in
        first = first ?? at
        return nil
      }
      #expect(first == step / 2 * 2)
      #expect(values(resumed.model) == values(whole), "killed at step \(step)")
      #expect(try MetricsWriter.lines(of: resumed.stage).map(\.step) == Array(1...6))
    }
  }

  @Test(
    "a loss that is no number stops it, names the step and its items, and leaves the checkpoint"
  )
  func lossNotFinite() throws {
    #expect(throws: TrainingError.notFinite(what: "loss", step: 4, items: "17, 3")) {
      try train(try RunFolder(url)) { step, _ in
        step == 3 ? StepReport(loss: .nan, tokens: 1, items: [17, 3]) : nil
      }
    }
    let stage = try RunFolder(url).stage("base", fingerprint: Fingerprint(recipe: ""))
    #expect(try stage.checkpointedStep() == 2)
    #expect(try MetricsWriter.lines(of: stage).map(\.step) == [1, 2, 3])
    #expect(!stage.isDone)
  }

  @Test("an infinite gradient stops it before the weights take it")
  func gradientNotFinite() throws {
    var before: [[Float]] = []
    var trained: Model?
    #expect(throws: TrainingError.notFinite(what: "gradient", step: 2, items: "5")) {
      try train(try RunFolder(url)) { step, model in
        guard step == 1 else { return nil }
        before = values(model)
        trained = model
        (model.parameters[0].value.sum() * Double.infinity).backward()
        return StepReport(loss: 1, tokens: 1, items: [5])
      }
    }
    #expect(values(try #require(trained)) == before)
  }

  @Test(
    "a checkpoint that does not get to its place beside the steps ends the training with its reason"
  )
  func checkpointFails() throws {
    #expect(throws: Killed.self) {
      try train(try RunFolder(url)) { step, _ in if step == 2 { throw Killed() } else { nil } }
    }
    #expect {
      try train(try RunFolder(url)) { step, _ in
        // A file stands where the checkpoint of step 2 is to be set aside for that of step 4.
        guard step == 2 else { return nil }
        let stage = url.appendingPathComponent("01-base")
        try Data().write(to: stage.appendingPathComponent("checkpoint.old-\(getpid())"))
        return nil
      }
    } throws: {
      guard case FileError.fileSystem(_, let path, _) = $0 else { return false }
      return path.hasSuffix("/checkpoint.old-\(getpid())")
    }
    let stage = try RunFolder(url).stage("base", fingerprint: Fingerprint(recipe: ""))
    #expect(try stage.checkpointedStep() == 2)
  }

  @Test("the error says what to do")
  func message() {
    let error = TrainingError.notFinite(what: "loss", step: 4, items: "17, 3")
    #expect(
      error.description == "the loss of step 4 is not finite (items 17, 3); lower the learning "
        + "rate, or look at these items"
    )
  }

  @Test("gradients of one step are gone in the next")
  func gradientsAreCleared() throws {
    // A body that computes nothing in step 1 leaves no gradient for the optimizer to use.
    var norms: [Double] = []
    let (_, stage) = try train(try RunFolder(url), steps: 2) { step, _ in
      step == 1 ? StepReport(loss: 0, tokens: 0, items: []) : nil
    }
    norms = try MetricsWriter.lines(of: stage).compactMap { line in
      line.metrics.first { $0.name == "gradient_norm" }?.value
    }
    #expect(norms.count == 2)
    #expect(norms[0] > 0)
    #expect(norms[1] == 0)
  }

  @Test("metrics hold the schedule's learning rate of every step")
  func learningRates() throws {
    let (_, stage) = try train(try RunFolder(url))
    let rates = try MetricsWriter.lines(of: stage).compactMap { line in
      line.metrics.first { $0.name == "learning_rate" }?.value
    }
    let schedule = OptimizerSection(learningRate: 1e-2).schedule
    #expect(rates == (0..<6).map { schedule.rate(step: $0, total: 6) })
  }
}
