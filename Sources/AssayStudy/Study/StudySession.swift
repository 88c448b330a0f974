// The parts of a comparison, which run one after the other here, or several at once elsewhere.

import AssayBase
import AssayData
import AssayEvaluate
import AssayRun
import AssayText
import AssayTrain
import Foundation
import Synchronization

/// A comparison whose world is made, so that its parts can run.
package final class StudySession {
  private let recipe: StudyRecipe
  private let folder: URL
  private let events: RunEventHandler
  private let store: StageStore
  private let stages: StageRunner
  private let common: StudyCommon
  private let search: StudySearch
  // By method; its variants share it.
  private var factors: [String: Double] = [:]
  // By seed; made when the first part needs it.
  private var starts: [Int: StudyStart] = [:]
  private var result: Study
  private let recap: Recap

  /// Whether parts are only gone through again, having run elsewhere.
  private final class Recap: Sendable {
    let isOn = Atomic(false)
  }

  /// Makes what is missing of the world, and of the base and start model of the first seed.
  ///
  /// - Parameters:
  ///   - recipe: The specification.
  ///   - folder: The folder of the comparison.
  ///   - events: Hears of progress.
  /// - Throws: `RunError.folderInUse` where another process makes them; what making data and training
  ///   throw.
  package init(
    _ recipe: StudyRecipe,
    _ folder: URL,
    events: @escaping RunEventHandler
  ) async throws {
    self.recipe = recipe
    self.folder = folder
    let recap = Recap()
    self.recap = recap
    // What was told when it happened is not told again.
    let told: RunEventHandler = { event in
      if recap.isOn.load(ordering: .relaxed) {
        switch event {
        case .stageSkipped, .message: return
        default: break
        }
      }
      events(event)
    }
    self.events = told
    store = StageStore(folder.appendingPathComponent("stages"))
    stages = StageRunner(store: store, events: told)
    common = try await StudyCommon(recipe.config, stages)
    result = try recipe.emptyStudy()
    result.worldSeed = common.world.seed
    let first = recipe.config.seeds[0]
    let start = try await common.start(of: first, stages)
    search = StudySearch(
      recipe: recipe,
      common: common,
      start: start,
      stages: stages,
      events: told
    )
    try keep(start, of: first)
  }

  /// The start model of a seed.
  private func start(of seed: Int) async throws -> StudyStart {
    if let known = starts[seed] { return known }
    let made = try await common.start(of: seed, stages)
    try keep(made, of: seed)
    return made
  }

  /// Keeps a start model; the report shows the mean over the seeds of how good they are.
  private func keep(_ start: StudyStart, of seed: Int) throws {
    starts[seed] = start
    let known = Set(result.shared.map(\.path))
    result.shared += try store.takeUsed().map(entry).filter { !known.contains($0.path) }
    for key in start.strength.keys {
      let values = starts.sorted { $0.key < $1.key }.compactMap { $0.value.strength[key] }
      result.startModel[key] = values.reduce(0, +) / Double(values.count)
    }
  }

  /// The trials of the search.
  package var trials: [StudyPart] { search.trials }

  /// Every method under every seed, with what the search found so far.
  package var parts: [StudyPart] {
    recipe.config.seeds.flatMap { seed in
      recipe.config.methods.compactMap { name in
        guard let (method, _) = recipe.config.method(named: name) else { return nil }
        return StudyPart(
          method: name,
          seed: seed,
          factor: factors[method.name] ?? 1,
          isTrial: false
        )
      }
    }
  }

  /// Runs the stages of a part that are missing, and no more.
  ///
  /// - Throws: `RunError.folderInUse` where another process makes one of them; what training and
  ///   evaluation throw.
  package func run(_ part: StudyPart) async throws {
    defer { _ = store.takeUsed() }
    if part.isTrial { _ = try await search.accuracy(part) } else { _ = try await entry(part) }
  }

  /// Runs parts elsewhere; going through them later tells only what is new.
  func run(
    _ parts: [StudyPart],
    _ elsewhere: (([StudyPart]) async throws -> Void)?
  ) async throws {
    guard let elsewhere else { return }
    try await elsewhere(parts)
    recap.isOn.store(true, ordering: .relaxed)
  }

  /// Runs the trials that are missing, and chooses.
  func search() async throws {
    (result.trials, factors) = try await search.run()
    _ = store.takeUsed()
  }

  /// Runs the methods that are missing; `study.json` is written after each one.
  ///
  /// - Throws: What is of all methods, or the first failure where none of them could be run.
  func run() async throws -> Study {
    try writeItems()
    var firstFailure: (any Error)?
    for part in parts {
      events(.message("\(part)"))
      do {
        let entry = try await entry(part)
        result.entries.append(entry)
        try link(entry)
        try result.write(to: folder)
      } catch  where StudyPart.isOwn(error) {
        // The others go on: a method that finds nothing to learn from is a result too.
        firstFailure = firstFailure ?? error
        events(.warning("\(part), is left out: \(error)"))
        result.failures["\(part)"] = "\(error)"
        _ = store.takeUsed()
      }
    }
    try result.write(to: folder)
    if result.entries.isEmpty, let firstFailure { throw firstFailure }
    return result
  }

  private func entry(_ part: StudyPart) async throws -> Study.Entry {
    let (config, name) = (recipe.config, part.method)
    let method = try recipe.method(of: part)
    let settings = try recipe.settings(of: name, factor: part.factor)
    let start = try await start(of: part.seed)
    let training = StudyTraining(
      config: settings,
      seed: part.seed,
      common: common,
      start: start,
      stages: stages
    )
    let model = try await training.train(method)
    let suites = try common.suites(of: part.seed)
    let evaluation = try await training.evaluate(
      model,
      on: suites,
      settings.evaluation.sampling(isDeep: config.evaluation.deep.contains(name))
    )
    let uses = StudyUses(
      section: settings.evaluation,
      compute: training.compute,
      common: common,
      start: start.folder,
      suites: suites,
      events: events
    )
    var (bestOf, revisions): (Stage?, Stage?)
    if config.evaluation.bestOf.contains(name),
      let candidates = try await uses.candidates(stages)
    {
      bestOf = try await uses.bestOf(stages, model: model, candidates: candidates)
      if model.preference.writesCritiques {
        revisions = try await uses.revise(stages, critic: model, candidates: candidates)
        let unguided = try await uses.revise(stages, critic: nil, candidates: candidates)
        result.unguidedRevisions["\(part.seed)"] = path(of: unguided.url)
      }
    }
    return Study.Entry(
      method: name,
      seed: part.seed,
      model: path(of: model.folder),
      evaluation: path(of: evaluation.url),
      bestOf: bestOf.map { path(of: $0.url) },
      revisions: revisions.map { path(of: $0.url) },
      stages: try store.takeUsed().map(entry)
    )
  }

  private func entry(_ stage: Stage) throws -> Study.StageEntry {
    Study.StageEntry(
      name: stage.name,
      path: path(of: stage.url),
      seconds: stage.seconds,
      summary: try StageSummary.read(stage)
    )
  }

  /// Makes `models/NAME`, with the seed where there are several, a link to a method's model.
  private func link(_ entry: Study.Entry) throws {
    guard !entry.model.hasPrefix("/") else { return }
    let isOnly = recipe.config.seeds.count == 1
    let links = folder.appendingPathComponent("models")
    let link = links.appendingPathComponent(
      isOnly ? entry.method : "\(entry.method)-seed-\(entry.seed)"
    )
    try DurableFile.makeFolder(links)
    try? FileManager.default.removeItem(at: link)
    do {
      try FileManager.default.createSymbolicLink(
        atPath: link.path,
        withDestinationPath: "../\(entry.model)"
      )
    } catch {
      throw FileError.fileSystem(
        action: "link",
        path: link.path,
        reason: error.fileReason
      )
    }
  }

  /// A place below the study's folder as seen from there; others from the root.
  private func path(of place: URL) -> String {
    let (root, path) = (folder.standardizedFileURL.path + "/", place.standardizedFileURL.path)
    return path.hasPrefix(root) ? String(path.dropFirst(root.count)) : path
  }

  /// Writes how held-out pairs belong together.
  private func writeItems() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var lines = Data()
    for suite in common.data.suites {
      for pair in suite.pairs {
        let item = Study.Item(
          id: pair.id,
          suite: suite.name,
          prompt: pair.prompt.map(\.content).joined(separator: "\n"),
          chosen: pair.chosen,
          rejected: pair.rejected,
          cluster: common.world.cluster(of: pair).map { Digest.hex($0) },
          bin: common.world.bin(of: pair)
        )
        lines += try encoder.encode(item) + Data("\n".utf8)
      }
    }
    try DurableFile.write(lines, to: folder.appendingPathComponent(result.items))
  }
}

extension StudyRecipe {
  /// Runs what is missing.
  ///
  /// - Parameters:
  ///   - folder: The folder of the comparison.
  ///   - elsewhere: Runs parts first, as several at once in processes of their own; what it leaves
  ///     undone is done here.
  ///   - events: Hears of progress.
  /// - Returns: What was made; also written as `study.json` after each method.
  /// - Throws: `Interrupted`, which the same call continues; errors of recipes, data and models; what
  ///   `elsewhere` throws.
  package func run(
    _ folder: URL,
    elsewhere: (([StudyPart]) async throws -> Void)? = nil,
    events: @escaping RunEventHandler
  ) async throws -> Study {
    try DurableFile.makeFolder(folder)
    try DurableFile.write(Data(resolved.utf8), to: folder.appendingPathComponent("recipe.yaml"))
    let session = try await StudySession(self, folder, events: events)
    try await session.run(session.trials, elsewhere)
    try await session.search()
    try await session.run(session.parts, elsewhere)
    return try await session.run()
  }
}
