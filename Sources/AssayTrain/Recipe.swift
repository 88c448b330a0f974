// The recipe of one method, on files of the user's own: its model and data, its training, and the
// evaluation on the suites that it names.

import AssayBase
import AssayData
import AssayEvaluate
import AssayModel
import AssayRun
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
      PairWarnings.texts(context.pairs, suites: suites).forEach { events(.warning($0)) }
      try await evaluate(try await method.run(in: context), context.stages)
    } catch let error as RunError {
      // A refused recipe is not what the folder was made from.
      if error.isRefusal, let earlier { try run.write(earlier, to: name) }
      throw error
    }
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

  /// Follows a process that runs this recipe into one of its trainings.
  ///
  /// - Parameters:
  ///   - run: The other's folder, only read.
  ///   - stage: The training's stage.
  /// - Throws: What reading and training throw.
  package func follow(_ run: RunFolder, into stage: String) async throws {
    do {
      _ = try await method.run(in: try context(StageRunner(run: run, following: stage)))
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
    func pairs(leadIn: String?) throws -> [PreferencePair] {
      try config.data.pairs(
        config.data.train,
        model: folder,
        compute: config.compute,
        leadIn: leadIn,
        events: stages.events
      )
    }
    switch learnt {
    case .corpus, .none: break
    case .ratings(let name):
      context.ratings = try config.data.ratings(
        config.data.train,
        named: name,
        model: folder,
        compute: config.compute,
        events: stages.events
      )
    case .pairs: context.pairs = try pairs(leadIn: nil)
    case .critiquedPairs(let leadIn): context.pairs = try pairs(leadIn: leadIn)
    }
    context.replay = try config.replay.replay()
    let digest = try Self.fingerprint(folder.path)
    context.start = StartFolder(folder: folder, digest: digest)
    context.inputs["model"] = digest
    if learnt != .none {
      context.inputs["train"] = try Self.fingerprint(config.data.train)
      context.inputs["reading"] = config.data.reading
    }
    return context
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
      load: config.compute.model
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
