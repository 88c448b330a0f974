import AssayModel
import AssayRun
import AssayText

/// A step of a training in shuffled batches.
struct BatchStep {
  /// The batch's items.
  let items: [Int]
  /// The step, counted through all epochs from 0.
  let step: Int
  /// Steps in an epoch.
  let stepsPerEpoch: Int
  /// Steps of the whole training.
  let total: Int

  /// The epoch, from 0.
  var epoch: Int { step / stepsPerEpoch }
}

/// The part that every recipe's training shares: shuffled batches, a second reading of older texts,
/// the loop, the saved model.
struct BatchTraining {
  let stage: Stage
  let model: Model
  /// How weights are updated.
  let optimizer: OptimizerSection
  let compute: ComputeSection
  let events: RunEventHandler
  /// Texts that are read again beside every batch; `nil` reads none.
  var replay: Replay?
  /// How many steps there are, whatever the epochs; `nil` is as many as these give.
  var steps: Int?
  /// When held-out items are looked at, where there are some.
  var watch: WatchPlan?
  /// Whether the items are shuffled.
  var isShuffled = true
  /// What is done to the trained model before it is saved; its checkpoints are as they were trained.
  var finish: (Model) throws -> Void = { _ in }

  /// Trains on items by an objective, and publishes the model.
  ///
  /// - Parameters:
  ///   - sequences: What to learn from.
  ///   - heldOut: What is looked at besides, where the recipe asks for it.
  ///   - batchSize: Items in a step.
  ///   - accumulation: Parts that a step is computed in.
  ///   - epochs: Times that the items are read.
  ///   - seed: Same seed, same batches; `nil` takes the run's.
  ///   - objective: What a step lowers.
  /// - Throws: What the loop or the texts that are read again throw.
  func run<Own: Objective>(
    _ sequences: [Own.Item],
    heldOut: [Own.Item] = [],
    batchSize: Int,
    accumulation: Int = 1,
    epochs: Int,
    seed: Int? = nil,
    objective: @escaping (BatchStep) -> Own
  ) throws {
    try run(
      count: sequences.count,
      batchSize: batchSize,
      epochs: epochs,
      seed: seed,
      indifferentLoss: Own.indifferentLoss,
      measure: heldOut.isEmpty
        ? nil
        : { last in
          heldOutFigures(
            heldOut,
            batchSize: max(1, batchSize / accumulation),
            model: model,
            objective: objective(last)
          )
        }
    ) { step in
      objective(step).step(
        step.items.map { sequences[$0] },
        items: step.items,
        model: model,
        accumulation: accumulation
      )
    }
  }

  /// Trains on items that are read while they are learnt, by an objective, and publishes the model.
  ///
  /// - Parameters:
  ///   - count: How many are read in all.
  ///   - heldOut: What is looked at besides, where the recipe asks for it.
  ///   - batchSize: Items in a step.
  ///   - accumulation: Parts that a step is computed in.
  ///   - objective: What a step lowers.
  ///   - read: Gives the items of places, which rise.
  /// - Throws: What the loop, the texts that are read again, or `read` throw.
  func run<Own: Objective>(
    reading count: Int,
    heldOut: [Own.Item],
    batchSize: Int,
    accumulation: Int,
    objective: Own,
    _ read: ([Int]) throws -> [Own.Item]
  ) throws {
    var ordered = self
    ordered.isShuffled = false
    try ordered.run(
      count: count,
      batchSize: batchSize,
      epochs: 1,
      indifferentLoss: Own.indifferentLoss,
      measure: heldOut.isEmpty
        ? nil
        : { _ in
          heldOutFigures(
            heldOut,
            batchSize: max(1, batchSize / accumulation),
            model: model,
            objective: objective
          )
        }
    ) { step in
      objective.step(
        try read(step.items),
        items: step.items,
        model: model,
        accumulation: accumulation
      )
    }
  }

  /// Trains by steps of any kind, and publishes the model.
  ///
  /// - Parameters:
  ///   - count: Items to learn from.
  ///   - batchSize: Items in a step.
  ///   - epochs: Times that they are read.
  ///   - seed: Same seed, same batches; `nil` takes the run's.
  ///   - indifferentLoss: The loss of a model that prefers neither response; `nil` where that means nothing.
  ///   - measure: Reads held-out items as of the last step; `nil` where there are none.
  ///   - body: Computes a batch's loss and its gradients, and reports.
  /// - Throws: What the loop, the texts that are read again, or `body` throw.
  func run(
    count: Int,
    batchSize: Int,
    epochs: Int,
    seed: Int? = nil,
    indifferentLoss: Double? = nil,
    measure: ((BatchStep) throws -> [Metric])? = nil,
    _ body: (BatchStep) throws -> StepReport
  ) throws {
    guard count > 0 else {
      throw TrainingError.noData(
        stage: stage.name,
        hint: "nothing that was read can be learnt from"
      )
    }
    try Processes.current?.begin(stage.name)
    let plan = ShuffledBatches(
      itemCount: count,
      batchSize: batchSize,
      seed: UInt64(seed ?? compute.seed),
      isShuffled: isShuffled
    )
    let total = steps ?? plan.batchesPerEpoch * epochs
    var order = EpochOrder(plan)
    func batchStep(_ step: Int) -> BatchStep {
      BatchStep(
        items: order.items(step: step),
        step: step,
        stepsPerEpoch: plan.batchesPerEpoch,
        total: total
      )
    }
    let last = batchStep(total - 1)
    let loop = try TrainingLoop(
      stage: stage,
      model: model,
      section: optimizer,
      steps: total,
      checkpointSteps: compute.checkpointSteps,
      keptCheckpoints: compute.keptCheckpoints,
      watch: watch.flatMap { watch in
        measure.map { measure in TrainingWatch(watch) { try measure(last) } }
      },
      events: events
    )
    var indifferent = indifferentLoss.map { IndifferentLoss($0) }
    var reading = try replay?.reading(beside: plan, seed: compute.seed, renderer: model.renderer())
    func note(_ step: Int, _ report: StepReport) {
      let isWarm = step >= optimizer.schedule.warmup(total: total)
      if let warning = indifferent?.note(report, isWarm: isWarm) { events(.warning(warning)) }
    }
    try loop.run(noting: note) { step in
      var report = try body(batchStep(step))
      if let again = try reading?.step(step, model: model) {
        report.metrics.append(Metric("replay_loss", again.loss))
        report.tokens += again.tokens
      }
      return report
    }
    try loop.publish(finish: finish)
  }
}

extension RunContext {
  /// A training of a model under these settings.
  ///
  /// - Parameters:
  ///   - stage: Where it is trained.
  ///   - model: What is trained.
  ///   - optimizer: How weights are updated.
  ///   - share: Which part of the method's steps this training has, where these are set.
  ///   - finish: What is done to the trained model before it is saved.
  /// - Returns: The training, to be run.
  func training(
    _ stage: Stage,
    _ model: Model,
    _ optimizer: OptimizerSection,
    share: Double = 1,
    finish: @escaping (Model) throws -> Void = { _ in }
  ) -> BatchTraining {
    BatchTraining(
      stage: stage,
      model: model,
      optimizer: optimizer,
      compute: compute,
      events: events,
      replay: replay,
      steps: compute.steps.map { max(1, Int((share * Double($0)).rounded())) },
      watch: watch,
      isShuffled: isShuffled,
      finish: finish
    )
  }
}

extension ComputeSection {
  /// A reward head of random weights for a model.
  func newHead(_ kind: HeadKind, heads: Int = 1, for model: Model) -> RewardHead {
    RewardHead(
      random: kind.kind,
      hiddenSize: model.decoder.configuration.hiddenSize,
      heads: heads,
      seed: UInt64(seed),
      device: model.decoder.device
    )
  }
}
