// Makes a plan of a recipe's trainings: sizes by arithmetic, activations and time measured.

import AssayGenerate
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
  let processes: PlannedProcesses

  private let measured = MeasuredCosts()

  /// Prepares to plan.
  ///
  /// - Parameters:
  ///   - context: The recipe's model and data.
  ///   - shapes: What is trained.
  ///   - leadIn: What opens critiques.
  ///   - processes: Which train together.
  init(
    context: RunContext,
    shapes: [TrainingShape],
    leadIn: String,
    processes: PlannedProcesses
  ) {
    (self.context, self.shapes, self.leadIn) = (context, shapes, leadIn)
    self.processes = processes
  }

  /// What a training takes for sure: weights, and of those that are trained gradients and moments.
  static func leastBytes(_ folder: URL, _ compute: ComputeSection) throws -> Int {
    try ModelFiles.configuration(at: folder).parameterCount * (compute.adapter.rank == 0 ? 16 : 4)
  }

  /// Tokens that are measured at once, about.
  private static let measuredTokens = 2048

  /// Plans the run, and looks for settings that would make it fit where it does not.
  ///
  /// - Parameter run: The run folder.
  /// - Returns: The plan.
  /// - Throws: What reading the model's files or measuring throws.
  func plan(_ run: URL) throws -> RunPlan {
    let allowed = ProcessMemory.allowedBytes
    var plan = RunPlan(
      trainings: try trainings(context.compute, parts: 1),
      processes: processes.onThisMachine,
      allowedBytes: allowed,
      freeDiskBytes: Self.freeDisk(run)
    )
    guard !plan.fitsMemory else { return plan }
    if processes.count > 1, !processes.sharesMoments {
      var sharing = processes
      sharing.sharesMoments = true
      let other = Planner(context: context, shapes: shapes, leadIn: leadIn, processes: sharing)
      var trial = plan
      trial.trainings = try other.trainings(context.compute, parts: 1)
      if trial.fitsMemory {
        plan.wantsSharedMoments = true
        return plan
      }
    }
    for remedy in remedies {
      let other = RunPlan(
        trainings: try trainings(remedy.compute, parts: remedy.parts),
        processes: processes.onThisMachine,
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
    try shapes.flatMap { shape in
      var shape = shape
      shape.accumulation = min(shape.batch, shape.accumulation * parts)
      return try shape.writes.map { try writing($0, compute) } + [try training(shape, compute)]
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
      leadIn: leadIn,
      seed: compute.seed
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
    let load = planned.load(
      batches,
      accumulation: shape.accumulation,
      processes: processes.count
    )
    let isFrozen = compute.adapter.rank > 0 && compute.dtype == .bf16
    let stored = try ModelFiles.storedType(at: folder)
    let frozenType = isFrozen ? stored : .float32
    let samples = PlannedItems.samples(of: load.largestPart, tokens: Self.measuredTokens)
    let key =
      "\(shape.key) \(shape.stage.filter(\.isLetter)) \(compute.recompute) \(compute.adapter.rank) \(compute.adapter.base) \(compute.dtype)"
    let costs = try measured.costs(key) {
      try StepMeasurement(
        configuration: configuration,
        compute: compute,
        frozenType: frozenType,
        head: shape.head,
        moments: shape.moments,
        folder: folder
      ).costs(few: samples.few, more: samples.more)
    }

    let products = configuration.productParameterCount
    let packed = compute.adapter.packedBytes(products)
    let plain =
      (configuration.parameterCount - (packed == 0 ? 0 : products)) * frozenType.byteCount
    let trained = try trainedCount(configuration, compute, shape.head)
    let held = Int(costs.bytes(layers: configuration.layerCount, tokens: Double(load.partTokens)))
    let sizes = (gradients: 4 * trained, moments: shape.moments.bytes * trained)
    let steps =
      compute.steps.map { max(1, Int((shape.share * Double($0)).rounded())) }
      ?? batches.batchesPerEpoch * shape.epochs
    let checkpoint = 4 * trained + sizes.moments
    return TrainingPlan(
      stage: shape.stage,
      steps: steps,
      partTokens: load.partTokens,
      weightBytes: plain + packed,
      gradientBytes: sizes.gradients,
      momentBytes: processes.sharesMoments
        ? shape.moments.bytes * Self.ownCount(of: trained, configuration, compute, processes.count)
        : sizes.moments,
      activationBytes: compute.adapter.rank > 0
        ? max(0, held - plain - sizes.gradients - sizes.moments)
        : Self.between(held - plain, costs.bytes, load.partTokens, configuration, sizes.gradients),
      cacheBytes: 0,
      otherBytes: max(0, ProcessMemory.residentBytes - Engine.heldBytes),
      loadedBytes: try ModelFiles.loadingBytes(at: folder),
      savingBytes: compute.adapter.rank == 0 ? 0 : Self.mergedBytes(configuration, frozenType),
      diskBytes: checkpoint * (compute.keptCheckpoints + 1) + 4 * configuration.parameterCount
        + (context.watch == nil ? 0 : 8 * trained),
      stepSeconds: max(
        0,
        costs.seconds(
          layers: configuration.layerCount,
          tokens: load.meanStep * Double(processes.onThisMachine) / Double(processes.count)
        )
      )
    )
  }

  /// Bytes beside weights, gradients and moments: what all blocks keep is there before there are gradients, and with
  /// all of these what one block takes.
  private static func between(
    _ kept: Int,
    _ bytes: StepCost,
    _ tokens: Int,
    _ configuration: ModelConfiguration,
    _ gradients: Int
  ) -> Int {
    var empty = configuration
    empty.layerCount = 0
    let block = Int(bytes(layers: 0, tokens: Double(tokens))) - 4 * empty.parameterCount
    return max(0, kept - gradients, block)
  }

  /// Bytes of a model into which an adapter was merged, whose products are float32 then.
  private static func mergedBytes(_ configuration: ModelConfiguration, _ type: DType) -> Int {
    let products = configuration.productParameterCount
    let rest = configuration.parameterCount - products
    return 4 * products + rest * type.byteCount
  }

  private func writing(_ shape: WritingShape, _ compute: ComputeSection) throws -> TrainingPlan {
    let folder = try context.startFolder()
    let configuration = try ModelFiles.configuration(at: folder)
    let planned = try PlannedTexts(
      shape,
      pairs: context.pairs + context.heldOut,
      renderer: try renderer(folder, configuration),
      leadIn: leadIn,
      seed: compute.seed
    )
    let dtype = compute.dtype.dtype
    let stored = dtype == .bfloat16 ? try ModelFiles.storedType(at: folder) : .float32
    let held = try measured.bytes("\(shape.stage.filter(\.isLetter)) \(compute.dtype)") {
      try WritingMeasurement(
        configuration: configuration,
        compute: compute,
        weights: stored,
        folder: folder
      )
      .bytes(planned)
    }
    return TrainingPlan(
      stage: shape.stage,
      texts: planned.textCount,
      partTokens: planned.longest,
      weightBytes: configuration.parameterCount * stored.byteCount
        + WritingMeasurement.copiedBytes(configuration, stored, dtype),
      activationBytes: held,
      cacheBytes: try GenerationEngine.cacheBytes(
        of: planned.requests,
        pageBytes: DecoderCache.pageBytes(configuration, dtype)
      ),
      otherBytes: max(0, ProcessMemory.residentBytes - Engine.heldBytes),
      loadedBytes: try ModelFiles.loadingBytes(at: folder)
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

  /// How many of the trained numbers one process has the moments of, where several share them by whole weights.
  private static func ownCount(
    of trained: Int,
    _ configuration: ModelConfiguration,
    _ compute: ComputeSection,
    _ processes: Int
  ) -> Int {
    let largest =
      compute.adapter.rank > 0 ? 0 : configuration.vocabularySize * configuration.hiddenSize
    return max((trained + processes - 1) / processes, largest)
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
  private var keptBytes: [String: Int] = [:]

  func bytes(_ key: String, _ measure: () throws -> Int) rethrows -> Int {
    if let found = keptBytes[key] { return found }
    let bytes = try measure()
    keptBytes[key] = bytes
    Engine.releaseMemory()
    return bytes
  }

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
