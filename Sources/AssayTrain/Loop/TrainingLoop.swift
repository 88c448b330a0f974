import AssayBase
import AssayModel
import AssayRun
import AssayTensor
import Foundation

/// The part that every training shares: optimizer, schedule, metrics, checkpoints, interruption.
///
/// Recipes give a step's batch and loss; this type makes all of them resumable in the same way. A
/// checkpoint holds weights, moments and the step; batches are functions of the step, so that a
/// resumed training ends in the same weights as an uninterrupted one.
package struct TrainingLoop {
  let stage: Stage
  let model: Model
  let optimizer: any Optimizer
  let section: OptimizerSection
  let steps: Int
  let checkpointSteps: Int
  let keptCheckpoints: Int
  let watch: TrainingWatch?
  let events: RunEventHandler
  let trained: [Parameter]
  // Which of them is each parameter of the optimizer.
  private let order: [Int]
  // Nil where one process trains.
  private let together: ProcessSteps?
  private let flushing = CheckpointFlushing()

  /// Prepares a training.
  ///
  /// - Parameters:
  ///   - stage: Where metrics and checkpoints go.
  ///   - model: What is trained: all of its weights, or an adapter and its head.
  ///   - section: How weights are updated.
  ///   - steps: How many steps.
  ///   - checkpointSteps: After how many steps a checkpoint is written.
  ///   - keptCheckpoints: How many of them are kept.
  ///   - watch: Looks at items that are not learnt from; `nil` looks at none.
  ///   - events: Hears of every step.
  /// - Throws: `TrainingError.processes` where several train, and one is gone.
  package init(
    stage: Stage,
    model: Model,
    section: OptimizerSection,
    steps: Int,
    checkpointSteps: Int = 200,
    keptCheckpoints: Int = 1,
    watch: TrainingWatch? = nil,
    events: @escaping RunEventHandler
  ) throws {
    self.stage = stage
    self.model = model
    self.section = section
    self.steps = steps
    self.checkpointSteps = checkpointSteps
    self.keptCheckpoints = keptCheckpoints
    self.watch = watch
    self.events = events
    trained = model.trained
    optimizer = section.made()
    let values = trained.map(\.value)
    for value in values { value.setRequiresGradientInPlace() }
    let together = try Processes.current.map { processes in
      try processes.lostIsTold("cannot add up gradients with the others") {
        try ProcessSteps(values, processes)
      }
    }
    self.together = together
    let rate = section.headLearningRate
    // The head's weights are the last ones.
    let headStart = values.count - (rate == nil ? 0 : model.head?.parameters.count ?? 0)
    var order: [Int] = []
    for (indices, rate) in [(0..<headStart, nil), (headStart..<values.count, rate)] {
      let matrices = indices.filter { values[$0].rank > 1 }
      let vectors = indices.filter { values[$0].rank <= 1 }
      for (part, decay) in [(matrices, section.weightDecay), (vectors, 0)] where !part.isEmpty {
        optimizer.add(
          part.map { values[$0] },
          weightDecay: decay,
          rateFactor: rate.map { $0 / section.schedule.learningRate } ?? 1
        ) { together?.isOwn(part[$0]) ?? true }
        order += part
      }
    }
    self.order = order
  }

  /// Runs the steps that are left; a training that is watched ends in its best weights.
  ///
  /// - Parameters:
  ///   - noting: Hears of each step what all processes report together.
  ///   - body: Computes a step's loss and its gradients, and reports; steps count from 0.
  /// - Throws: `Interrupted` behind a checkpoint, `TrainingError.notFinite`, or what `body` throws.
  package func run(
    noting: (Int, StepReport) -> Void = { _, _ in },
    _ body: (Int) throws -> StepReport
  ) throws {
    if try isPublished() {
      try takePublished()
      events(.stageStarted(name: stage.name, number: stage.number, total: steps, resumedAt: steps))
      return
    }
    // However it ends, what was written is flushed.
    defer { flushing.waitQuietly() }
    let restored = try restore()
    let start = restored.step
    var record = restored.record
    let metrics = try MetricsWriter(stage, resumingAt: start)
    events(.stageStarted(name: stage.name, number: stage.number, total: steps, resumedAt: start))
    for step in start..<max(start, steps) {
      if let watch, record.isOver(watch.plan) { break }
      if isInterrupted {
        try metrics.synchronize()
        try save(step: step, record)
        try Interruption.check()
        throw Interrupted(signal: SIGTERM)
      }
      var report = try compute(step, body)
      do {
        try together?.add(&report, step: step)
      } catch {
        try metrics.synchronize()
        // The weights are as the last step left them; others' moments cannot be had any more.
        if together?.sharesMoments != true { try save(step: step, record) }
        try Interruption.check()
        throw error
      }
      noting(step, report)
      let figures = try update(step, report)
      let seen = try look(step: step + 1, &record)
      try metrics.add(step: step + 1, figures + seen)
      events(
        .step(
          done: step + 1,
          total: steps,
          metrics: [Metric("loss", report.loss)] + report.metrics + seen,
          tokens: report.tokens
        )
      )
      if (step + 1) % checkpointSteps == 0, step + 1 < steps {
        try metrics.synchronize()
        try saveBeside(step: step + 1, record)
      }
    }
    try flushing.wait()
    trained.forEach { $0.value.clearGradientInPlace() }
    try metrics.synchronize()
    try takeBest(record)
  }

  /// Whether to stop before the next step: where moments are shared, when all processes know of it.
  private var isInterrupted: Bool {
    guard let together, together.sharesMoments else { return Interruption.signal != nil }
    return together.isInterrupted
  }

  /// Computes a step's loss and its gradients.
  private func compute(_ step: Int, _ body: (Int) throws -> StepReport) throws -> StepReport {
    trained.forEach { $0.value.clearGradientInPlace() }
    return try withTensorErrors { try body(step) }
  }

  /// Takes a step along the gradients.
  ///
  /// - Returns: Its line of metrics.
  private func update(_ step: Int, _ report: StepReport) throws -> [Metric] {
    let rate = section.schedule.rate(step: step, total: steps)
    let norm =
      try together?.clip(maximum: section.clipNorm)
      ?? withTensorErrors { clipGradients(trained.map(\.value), maximum: section.clipNorm) }
    for (what, value) in [("loss", report.loss), ("gradient", norm)] where !value.isFinite {
      throw TrainingError.notFinite(
        what: what,
        step: step + 1,
        items: report.items.prefix(16).map(String.init).joined(separator: ", ")
      )
    }
    try withTensorErrors { optimizer.step(learningRate: rate) }
    try together?.share()
    return [Metric("loss", report.loss)] + report.metrics
      + [
        Metric("gradient_norm", norm), Metric("learning_rate", rate),
        Metric("tokens", Double(report.tokens)),
      ]
  }

  /// Weights and moments, of which this process has all or a part.
  private func state() -> [(name: String, moment: OptimizerEntry?, tensor: Tensor?)] {
    trained.map { ($0.name, nil, $0.value.detached()) }
      + optimizer.state.map { ("optimizer.\($0.name)", $0, $0.tensor) }
  }

  /// What a checkpoint holds: moments of other processes arrive when their turn is.
  private func written() -> [LaterTensor] {
    state().map { name, moment, tensor in
      let shape = moment?.shape ?? tensor?.shape ?? []
      return LaterTensor(name, shape, moment?.dtype ?? tensor?.dtype ?? .float32) {
        if let tensor { return tensor.to(.cpu) }
        guard let moment, let together else {
          throw TensorError.operation(name: "save \(name)", reason: "nobody keeps it")
        }
        return try together.receive(moment, of: order[moment.parameter])
      }
    }
  }

  /// Saves a checkpoint, on the disk when this returns.
  private func save(step: Int, _ record: WatchRecord) throws {
    try saveBeside(step: step, record)
    try flushing.wait()
  }

  /// Saves a checkpoint whose bytes reach the disk beside the next steps.
  ///
  /// - Throws: What writing it throws, or what flushing the one before threw.
  private func saveBeside(step: Int, _ record: WatchRecord) throws {
    try flushing.wait()
    if let together, together.sharesMoments, stage.isFollowing {
      let own = Set(state().filter { $0.moment != nil && $0.tensor != nil }.map(\.name))
      try together.send(Safetensors.order(written()).filter { own.contains($0.name) })
    }
    let written = try stage.writeCheckpoint(step: step, keeping: keptCheckpoints) { folder in
      try Safetensors.write(
        self.written(),
        metadata: watch == nil ? [:] : record.metadata,
        to: folder.appendingPathComponent(Self.stateFile),
        isFlushed: false
      )
    }
    guard let written else { return }
    let (stage, best) = (stage, record.bestStep)
    flushing.begin {
      try written.publish()
      // Later weights belong to the next checkpoint.
      try Self.removeWeights(of: stage) { $0 != best && $0 <= step }
    }
  }

  /// The steps that the checkpoint contains, whose weights and moments are taken, and what was seen by then.
  private func restore() throws -> (step: Int, record: WatchRecord) {
    let step = try stage.checkpointedStep()
    try Self.removeWeights(of: stage) { $0 > step }
    guard step > 0, let folder = stage.checkpoint else { return (0, WatchRecord()) }
    let file = try SafetensorsFile(folder.appendingPathComponent(Self.stateFile))
    for (name, _, target) in state() {
      guard let target else { continue }
      let saved = try file.tensor(named: name)
      try withTensorErrors { target.copyInPlace(saved) }
    }
    return (step, WatchRecord(file.metadata))
  }

  private static let stateFile = "training.safetensors"

  /// Whether the checkpoint is the trained model, which `publish` saved.
  private func isPublished() throws -> Bool {
    guard try stage.checkpointedStep() >= steps, let folder = stage.checkpoint else { return false }
    let state = folder.appendingPathComponent(Self.stateFile)
    return !FileManager.default.fileExists(atPath: state.path)
  }

  /// Takes the trained model: the run was interrupted between it and `done.json`.
  private func takePublished() throws {
    guard let folder = stage.checkpoint else { return }
    let finished = try Model.load(folder, device: model.decoder.device)
    model.decoder = Decoder(finished.decoder.weights, execution: model.decoder.execution)
    model.head = finished.head
  }

  /// Saves the trained model as the stage's last checkpoint, unless it is there already.
  ///
  /// An adapter is merged into it, and written beside it, in `adapter`, as PEFT reads it.
  ///
  /// - Parameters:
  ///   - dtype: The type of the stored weights.
  ///   - finish: What is done to the model before.
  /// - Throws: `FileError.fileSystem` or `TensorError.cannotWrite`; what `finish` throws.
  package func publish(
    dtype: DType = .float32,
    finish: (Model) throws -> Void = { _ in }
  ) throws {
    if try isPublished() { return }
    try withTensorErrors { try finish(model) }
    try stage.publishCheckpoint(step: steps, keeping: keptCheckpoints) { folder in
      try model.mergeAdapter(writingTo: folder.appendingPathComponent("adapter"))
      try model.save(to: folder, dtype: dtype)
    }
    try Self.removeWeights(of: stage) { _ in true }
  }
}
