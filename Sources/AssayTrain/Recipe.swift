// The recipe of one method, on files of the user's own: its model and data, its training, and the
// evaluation on the suites that it names.

import AssayBase
import AssayData
import AssayEvaluate
import AssayModel
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// Runs any method's recipe into a run folder.
package struct Recipe {
  /// What is run.
  package let method: any Method
  /// All settings as YAML.
  package let resolved: String
  private let config: MethodConfig

  /// Reads a recipe and checks all of its settings.
  ///
  /// - Parameters:
  ///   - file: The recipe; its `method` names one of `Methods.all`.
  ///   - overrides: `a.b=value` texts that win over the file.
  /// - Throws: `RunError.invalidRecipe` with every problem found.
  package init(_ file: RecipeFile, overrides: [String] = []) throws {
    let name = try file.setting("method", overrides: overrides)
    guard let method = name.flatMap(Methods.named) else {
      let problem = name.map { "method: \($0) is not known" } ?? "method: is missing"
      throw RunError.invalidRecipe(
        file: file.name,
        problems: [
          file.name + ": "
            + (name == "compare"
              ? "method: compare compares methods: run it by `assay compare`"
              : problem + "; one of " + Methods.names.joined(separator: ", "))
        ]
      )
    }
    let read = try file.resolve(
      MethodConfig.self,
      base: MethodConfig(method),
      overrides: overrides
    )
    self.method = method
    config = read.config
    resolved = read.yaml
  }

  /// Runs what is missing in a run folder.
  ///
  /// - Parameters:
  ///   - run: The folder.
  ///   - events: Hears of progress.
  /// - Throws: `Interrupted`, which the same call continues; errors of recipes, data and models.
  package func run(_ run: RunFolder, events: @escaping RunEventHandler) async throws {
    let name = "recipe.yaml"
    let earlier = try? Data(contentsOf: run.url.appendingPathComponent(name))
    try run.write(Data(resolved.utf8), to: name)
    do {
      let context = try context(StageRunner(run: run, events: events))
      // A suite that cannot be read is told before hours of training, not behind them.
      let suites = try suiteSection.rows()
      let heldOut = Suite(name: "held-out pairs", pairs: context.heldOut)
      PairWarnings.texts(context.pairs, suites: suites + [heldOut]).forEach { events(.warning($0)) }
      try checkReplay(context)
      try checkFits(context, run.url)
      try await evaluate(try await method.run(in: context), context.stages)
    } catch let error as RunError {
      // A refused recipe is not what the folder was made from.
      if error.isRefusal, let earlier { try run.write(earlier, to: name) }
      throw error
    }
  }

  /// What the run needs in memory, disk and time, and what there is.
  ///
  /// - Parameters:
  ///   - folder: Where it would run.
  ///   - processes: Which would train together.
  ///   - events: Hears what was dropped of the data.
  /// - Returns: The plan.
  /// - Throws: `TrainingError.recipe` where the method trains nothing that a plan knows; errors of data and
  ///   models.
  package func plan(
    in folder: URL,
    processes: PlannedProcesses = PlannedProcesses(),
    events: @escaping RunEventHandler
  ) throws -> RunPlan {
    let shapes = method.trainings(config.settings)
    guard !shapes.isEmpty else {
      throw TrainingError.recipe(
        reason: "method \(method.name) has no training whose needs can be planned; one of "
          + Methods.all.filter { !$0.trainings(MethodSettings()).isEmpty }.map(\.name)
          .joined(separator: ", ")
      )
    }
    let context = try context(StageRunner(store: StageStore(folder), events: events))
    return try planner(context, shapes, processes).plan(folder)
  }

  /// Pairs of a file that is not read whole that a plan looks at, at most.
  private static let plannedPairs = 512

  private func planner(
    _ context: RunContext,
    _ shapes: [TrainingShape],
    _ processes: PlannedProcesses
  ) throws -> Planner {
    var context = context
    if let windows = context.windows {
      context.pairs = try windows.pairs(
        at: Array(0..<min(Self.plannedPairs, config.data.window))
      )
    }
    return Planner(
      context: context,
      shapes: shapes,
      leadIn: config.settings[CritiqueSFTMethod.section].leadIn,
      processes: processes
    )
  }

  /// Refuses a share of texts to read again that is none of a stage's batch, before any stage is run.
  private func checkReplay(_ context: RunContext) throws {
    guard let replay = context.replay else { return }
    for shape in method.trainings(config.settings) where !replay.reads(besideBatchOf: shape.batch) {
      throw TrainingError.recipe(
        reason:
          "replay.share \(config.replay.share) of the \(shape.batch) items of a step (\(shape.key)) is less "
          + "than half a text, so that none would be read: raise the share, or the batch"
      )
    }
  }

  /// Refuses what cannot fit; what is far from the machine's bounds is not measured.
  private func checkFits(_ context: RunContext, _ folder: URL) throws {
    let shapes = method.trainings(config.settings)
    let processes = Processes.current?.planned ?? PlannedProcesses()
    guard !shapes.isEmpty, let start = context.start,
      let allowed = ProcessMemory.allowedBytes,
      try processes.onThisMachine * Planner.leastBytes(start.folder, context.compute)
        > allowed / 4,
      let refusal = try planner(context, shapes, processes).plan(folder).refusal
    else { return }
    throw TrainingError.recipe(reason: refusal)
  }

  /// The folder of a model: itself, that of its name in the hub's cache, or the last finished
  /// checkpoint of a run folder.
  package static func modelFolder(_ path: String) -> URL {
    if let found = ModelFiles.find(path) { return found }
    let url = URL(fileURLWithPath: path)
    return RunFolder.lastCheckpoint(in: url) ?? url
  }

  /// The hash of a file or folder that a recipe names.
  ///
  /// - Throws: `DataError.notFound`, or `FileError.fileSystem` where it cannot be read.
  package static func fingerprint(_ path: String) throws -> String {
    guard FileManager.default.fileExists(atPath: path) else {
      throw DataError.notFound(path: path)
    }
    return try Digest.fingerprint(of: URL(fileURLWithPath: path))
  }

  /// Follows a process that runs this recipe into one of its stages.
  ///
  /// - Parameters:
  ///   - run: The other's folder, only read.
  ///   - stage: The stage: a training, or one that makes records.
  /// - Throws: What reading and the stage throw.
  package func follow(_ run: RunFolder, into stage: String) async throws {
    do {
      let context = try context(StageRunner(run: run, following: stage))
      try await evaluate(try await method.run(in: context), context.stages)
    } catch is FollowedStage {}
  }

  /// What the method runs in: the recipe's model and data.
  private func context(_ stages: StageRunner) throws -> RunContext {
    var context = RunContext(
      stages: stages,
      start: nil,
      settings: config.settings,
      compute: config.compute,
      replay: nil,
      inputs: [:]
    )
    let learnt = method.data(config.settings)
    if learnt == .corpus {
      context.corpus = URL(fileURLWithPath: config.corpus)
      context.inputs["corpus"] = try Self.fingerprint(config.corpus)
      return context
    }
    let folder = Self.modelFolder(config.model)
    func pairs(_ path: String, leadIn: String?) throws -> [PreferencePair] {
      try config.data.pairs(
        path,
        model: folder,
        compute: config.compute,
        leadIn: leadIn,
        events: stages.events
      )
    }
    switch learnt {
    case .corpus, .none: break
    case .ratings(let name):
      (context.ratings, context.heldOutRatings) = try held(\RatedResponse.prompt) {
        try config.data.ratings(
          $0,
          named: name,
          model: folder,
          compute: config.compute,
          events: stages.events
        )
      }
    case .pairs where config.data.window > 0:
      context.windows = try config.data.windows(
        model: folder,
        compute: config.compute,
        events: stages.events
      )
      context.heldOut = try config.data.validation.map { try pairs($0, leadIn: nil) } ?? []
    case .pairs:
      (context.pairs, context.heldOut) = try held(\PreferencePair.prompt) {
        try pairs($0, leadIn: nil)
      }
    case .critiquedPairs(let leadIn):
      (context.pairs, context.heldOut) = try held(\PreferencePair.prompt) {
        try pairs($0, leadIn: leadIn)
      }
    }
    if learnt.isOfPairs, context.windows == nil, context.pairs.isEmpty {
      throw TrainingError.noData(
        stage: method.name,
        hint:
          "\(config.data.train) has no pair that can be used: all were left out, or there is none"
      )
    }
    context.watch = config.evaluation.watch
    context.isShuffled = config.data.shuffle
    context.replay = try config.replay.replay()
    let digest = try Self.fingerprint(folder.path)
    context.start = StartFolder(folder: folder, digest: digest)
    context.inputs["model"] = digest
    if learnt != .none {
      context.inputs["train"] = try Self.fingerprint(config.data.train)
      context.inputs["reading"] = config.data.reading
      context.inputs["validation"] = try config.data.validation.map(Self.fingerprint)
      context.inputs["evaluation"] = context.watch?.description
    }
    return context
  }

  /// What is learnt from, and what is held out of it or beside it.
  private func held<Row>(
    _ prompt: KeyPath<Row, [Message]>,
    _ read: (String) throws -> [Row]
  ) throws -> ([Row], [Row]) {
    let rows = try read(config.data.train)
    if let path = config.data.validation { return (rows, try read(path)) }
    return heldOut(of: rows, share: config.data.heldOut, seed: config.compute.seed) {
      $0[keyPath: prompt]
    }
  }

  /// Where the suites are.
  private var suiteSection: DataSection {
    method.data(config.settings) == .none ? config.suites.data : config.data
  }

  private func evaluate(_ trained: TrainedModel, _ stages: StageRunner) async throws {
    let data = suiteSection
    guard let model = trained.rated, !data.suites.isEmpty else { return }
    _ = try await PairEvaluator(
      sampling: config.evaluation.sampling,
      seed: config.compute.seed,
      load: config.compute.loader(in: config.evaluation.dtype)
    ).run(
      stages,
      model: model,
      suites: try data.readSuites(
        model: model.folder,
        compute: config.compute,
        events: stages.events
      )
    )
  }
}
