// Makes a plan of a recipe's trainings: sizes by arithmetic, activations and time measured.

import AssayModel
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// Plans the trainings of a method.
struct Planner {
  let context: RunContext
  let shapes: [TrainingShape]
  let leadIn: String

  private let measured = MeasuredCosts()

  /// Prepares to plan.
  ///
  /// - Parameters:
  ///   - context: The recipe's model and data.
  ///   - shapes: What is trained.
  ///   - leadIn: What opens critiques.
  init(context: RunContext, shapes: [TrainingShape], leadIn: String) {
    (self.context, self.shapes, self.leadIn) = (context, shapes, leadIn)
  }

  /// What a training takes for sure: weights, and of those that are trained gradients and moments.
  static func leastBytes(_ folder: URL, _ compute: ComputeSection) throws -> Int {
    try ModelFiles.configuration(at: folder).parameterCount * (compute.adapter.rank == 0 ? 16 : 4)
  }

  /// Tokens that are measured at once, about.
  private static let measuredTokens = 512
  /// Bytes of freed tensors that are kept for the next step, at most.
  private static let keptBytes = 1 << 30
  /// Bytes of keys and values where texts are written, at most.
  private static let cacheBytes = 1 << 30

  /// Plans the run, and looks for settings that would make it fit where it does not.
  ///
  /// - Parameter run: The run folder.
  /// - Returns: The plan.
  /// - Throws: What reading the model's files or measuring throws.
  func plan(_ run: URL) throws -> RunPlan {
    let allowed = ProcessMemory.allowedBytes
    var plan = RunPlan(
      trainings: try trainings(context.compute, parts: 1),
      allowedBytes: allowed,
      freeDiskBytes: Self.freeDisk(run)
    )
    guard !plan.fitsMemory else { return plan }
    for remedy in remedies {
      let other = RunPlan(
        trainings: try trainings(remedy.compute, parts: remedy.parts),
        allowedBytes: allowed,
        freeDiskBytes: nil
      )
      guard other.fitsMemory else { continue }
      plan.remedy = remedy.settings
      break
    }
    return plan
  }

  /// A change of settings that saves memory.
  private struct Remedy {
    let compute: ComputeSection
    /// Into how many parts each part of a step is cut.
    let parts: Int
    let settings: [String]
  }

  /// Changes that may make a run fit, the mildest first.
  private var remedies: [Remedy] {
    var recomputing = context.compute
    recomputing.recompute = true
    var adapting = context.compute
    if adapting.adapter.rank == 0 { adapting.adapter.rank = 16 }
    adapting.dtype = .bf16
    var both = adapting
    both.recompute = true
    let most = shapes.map { max(1, $0.batch / $0.accumulation) }.max() ?? 1
    let recompute = ["compute.recompute=true"]
    let adapter = ["compute.adapter.rank=\(adapting.adapter.rank)", "compute.dtype=bf16"]
    var all: [Remedy] = []
    for parts in [2, 4, 8, most] where parts > 1 && parts <= most {
      all.append(Remedy(compute: context.compute, parts: parts, settings: accumulation(parts)))
    }
    for (compute, own) in [
      (recomputing, recompute), (adapting, adapter), (both, adapter + recompute),
    ] {
      all.append(Remedy(compute: compute, parts: 1, settings: own))
      all.append(Remedy(compute: compute, parts: most, settings: accumulation(most) + own))
    }
    return all
  }

  /// The settings that cut the parts of steps into smaller ones.
  private func accumulation(_ parts: Int) -> [String] {
    shapes.filter { $0.batch > $0.accumulation && parts > 1 }.map {
      "\($0.key).accumulation=\(min($0.batch, $0.accumulation * parts))"
    }
  }

  private func trainings(_ compute: ComputeSection, parts: Int) throws -> [TrainingPlan] {
    try shapes.map { shape in
      var shape = shape
      shape.accumulation = min(shape.batch, shape.accumulation * parts)
      return try training(shape, compute)
    }
  }

  private func training(_ shape: TrainingShape, _ compute: ComputeSection) throws -> TrainingPlan {
    let folder = try context.startFolder()
    let configuration = try ModelFiles.configuration(at: folder)
    let planned = try PlannedItems(
      shape,
      pairs: context.pairs,
      ratings: context.ratings,
      renderer: try renderer(folder, configuration),
      leadIn: leadIn
    )
    guard !planned.items.isEmpty else {
      throw TrainingError.noData(stage: shape.stage, hint: "every row was dropped or none given")
    }
    let batches = ShuffledBatches(
      itemCount: planned.items.count,
      batchSize: shape.batch,
      seed: UInt64(compute.seed),
      isShuffled: context.isShuffled
    )
    let load = planned.load(batches, accumulation: shape.accumulation)
    let isFrozen = compute.adapter.rank > 0 && compute.dtype == .bf16
    let stored = try ModelFiles.storedType(at: folder)
    let frozenType = isFrozen ? stored : .float32
    let sample = Self.sample(planned.items)
    let key = "\(shape.stage) \(compute.recompute) \(compute.adapter.rank) \(compute.dtype)"
    let costs = try measured.costs(key) {
      try StepMeasurement(
        configuration: configuration,
        compute: compute,
        frozenType: frozenType,
        head: shape.head,
        folder: folder
      ).costs(few: sample, more: sample + sample)
    }

    let weights = configuration.parameterCount * frozenType.byteCount
    let trained = try trainedCount(configuration, compute, shape.head)
    let held = Int(costs.bytes(layers: configuration.layerCount, tokens: Double(load.largestPart)))
    let sizes = (gradients: 4 * trained, moments: 8 * trained)
    // What a step frees is kept, and the next gradients take none of it, but not without bound.
    let between = max(0, held - weights - sizes.gradients - sizes.moments)
    let excess = max(0, min(between, sizes.gradients) - Self.keptBytes)
    // Steps differ in tokens, so that of what one frees the next takes little.
    let kept = min(Self.keptBytes, between)
    let files = try ModelFiles.byteCount(at: folder)
    let steps =
      compute.steps.map { max(1, Int((shape.share * Double($0)).rounded())) }
      ?? batches.batchesPerEpoch * shape.epochs
    let checkpoint = 12 * trained
    return TrainingPlan(
      stage: shape.stage,
      steps: steps,
      partTokens: load.largestPart,
      weightBytes: weights,
      gradientBytes: sizes.gradients,
      momentBytes: sizes.moments,
      activationBytes: between - excess + kept,
      cacheBytes: shape.writesBefore ? Self.cacheBytes : 0,
      // Weights of the files' own type stay in the mapped files; those that are joined are copies beside them.
      otherBytes: max(0, ProcessMemory.residentBytes - Engine.heldBytes)
        + (stored == frozenType ? configuration.joinedParameterCount * stored.byteCount : 0),
      loadedBytes: files,
      diskBytes: checkpoint * (compute.keptCheckpoints + 1) + 4 * configuration.parameterCount
        + (context.watch == nil ? 0 : 8 * trained),
      stepSeconds: max(0, costs.seconds(layers: configuration.layerCount, tokens: load.meanStep))
    )
  }

  private func renderer(_ folder: URL, _ configuration: ModelConfiguration) throws
    -> SequenceRenderer
  {
    let tokenizer = try ModelFiles.tokenizer(at: folder)
    let detected = try ModelFiles.chat(at: folder, tokenizer: tokenizer)
    let chat = context.compute.approximateTemplate ? detected.approximated : detected
    return try SequenceRenderer(
      tokenizer: tokenizer,
      template: chat.template,
      maximumTokens: configuration.contextTokens,
      scoredToken: .lastOfTemplate,
      refusal: chat.refusal
    )
  }

  /// Items of about as many tokens as are measured, of middling length.
  private static func sample(_ items: [[TrainingSequence]]) -> [[TrainingSequence]] {
    func count(_ item: [TrainingSequence]) -> Int { item.map(\.tokens.count).reduce(0, +) }
    let sorted = items.sorted { count($0) < count($1) }
    let middle = sorted[(sorted.count / 2)...]
    var (chosen, tokens) = ([[TrainingSequence]](), 0)
    for item in middle where tokens < measuredTokens {
      chosen.append(item)
      tokens += count(item)
    }
    return chosen
  }

  /// How many numbers are trained.
  private func trainedCount(
    _ configuration: ModelConfiguration,
    _ compute: ComputeSection,
    _ head: HeadKind?
  ) throws -> Int {
    let D = configuration.hiddenSize
    let headCount =
      switch head {
      case nil: 0
      case .linear: D
      case .cloud:
        RewardHead(random: .cloud, hiddenSize: D, seed: 1, device: .cpu).parameters
          .map(\.value.count).reduce(0, +)
      }
    guard let options = compute.adapter.options else {
      return configuration.parameterCount + headCount
    }
    return configuration.lowRankCount(options) + headCount
  }

  /// Free bytes of the disk on which a folder is, or will be.
  private static func freeDisk(_ folder: URL) -> Int? {
    var place = folder.standardizedFileURL
    while !FileManager.default.fileExists(atPath: place.path), place.path != "/" {
      place.deleteLastPathComponent()
    }
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: place.path)
    return (attributes?[.systemFreeSize] as? NSNumber)?.intValue
  }
}

/// Costs that were measured, so that what depends on sizes alone measures nothing again.
private final class MeasuredCosts {
  private var kept: [String: (bytes: StepCost, seconds: StepCost)] = [:]

  func costs(
    _ key: String,
    _ measure: () throws -> (bytes: StepCost, seconds: StepCost)
  ) rethrows -> (bytes: StepCost, seconds: StepCost) {
    if let found = kept[key] { return found }
    let costs = try measure()
    kept[key] = costs
    Engine.releaseMemory()
    return costs
  }
}
