// What a comparison has made, and where: `study.json`, which results and reports are made from.

import AssayBase
import AssayTrain
import Foundation

/// The record of a comparison.
///
/// Paths are from the study's folder, or from the root where studies were joined.
package struct Study: Codable, Equatable, Sendable {
  /// A method that was compared, or a variant of one.
  package struct Method: Codable, Equatable, Sendable {
    /// What specification and report call it.
    package var name: String
    /// The method that it is, or is a variant of.
    package var base: String
    /// The settings that make a variant of it, as `key=value`.
    package var settings: [String]
    /// The share of the training pairs, where nothing else tells the variant from its method.
    package var share: Double?

    /// Makes a method.
    package init(
      name: String,
      base: String? = nil,
      settings: [String] = [],
      share: Double? = nil
    ) {
      self.name = name
      self.base = base ?? name
      self.settings = settings
      self.share = share
    }
  }

  /// A finished stage.
  package struct StageEntry: Codable, Equatable, Sendable {
    /// The stage's name, as `cloud`.
    package var name: String
    /// Its folder.
    package var path: String
    /// How long it took.
    package var seconds: Double
    /// What it had to learn from, where it says so.
    package var summary: StageSummary?

    /// Makes a stage.
    package init(name: String, path: String, seconds: Double, summary: StageSummary? = nil) {
      self.name = name
      self.path = path
      self.seconds = seconds
      self.summary = summary
    }
  }

  /// One method under one seed.
  package struct Entry: Codable, Equatable, Sendable {
    /// The method's or variant's name.
    package var method: String
    /// The seed.
    package var seed: Int
    /// The folder of the model that was evaluated.
    package var model: String
    /// The folder with `records.jsonl` of its evaluation.
    package var evaluation: String
    /// The folder with `records.jsonl` of its best-of-N, where it has one.
    package var bestOf: String?
    /// The folder with `records.jsonl` of revisions by its critiques, where it has one.
    package var revisions: String?
    /// All of its stages, shared ones included.
    package var stages: [StageEntry]

    /// Makes an entry.
    package init(
      method: String,
      seed: Int,
      model: String,
      evaluation: String,
      bestOf: String? = nil,
      revisions: String? = nil,
      stages: [StageEntry]
    ) {
      self.method = method
      self.seed = seed
      self.model = model
      self.evaluation = evaluation
      self.bestOf = bestOf
      self.revisions = revisions
      self.stages = stages
    }

    enum CodingKeys: String, CodingKey {
      case method, seed, model, evaluation, revisions, stages
      case bestOf = "best_of"
    }
  }

  /// One trial of the search.
  package struct Trial: Codable, Equatable, Sendable {
    /// The method's name.
    package var method: String
    /// What its learning rate was multiplied with.
    package var factor: Double
    /// Its accuracy on the validation pairs.
    package var accuracy: Double
    /// Whether it is used.
    package var isChosen: Bool

    /// Makes a trial.
    package init(method: String, factor: Double, accuracy: Double, isChosen: Bool) {
      self.method = method
      self.factor = factor
      self.accuracy = accuracy
      self.isChosen = isChosen
    }

    enum CodingKeys: String, CodingKey {
      case method, factor, accuracy
      case isChosen = "chosen"
    }
  }

  /// A held-out pair, as `items.jsonl` has it.
  package struct Item: Codable, Equatable, Sendable {
    /// The pair's id.
    package var id: String
    /// Its suite.
    package var suite: String
    /// What both respond to, its turns one below the other.
    package var prompt: String
    /// The preferred response.
    package var chosen: String
    /// The other one.
    package var rejected: String
    /// What it shares with pairs that depend on it, as the hash of its question.
    package var cluster: String?
    /// A kind of pairs whose figures are shown apart, as `2 steps`.
    package var bin: String?

    /// Makes an item.
    package init(
      id: String,
      suite: String,
      prompt: String = "",
      chosen: String = "",
      rejected: String = "",
      cluster: String? = nil,
      bin: String? = nil
    ) {
      self.id = id
      self.suite = suite
      self.prompt = prompt
      self.chosen = chosen
      self.rejected = rejected
      self.cluster = cluster
      self.bin = bin
    }
  }

  /// The format of this version.
  package static let currentFormat = 1

  /// The format that the study was written in.
  package var format = Study.currentFormat
  /// The world's name.
  package var world: String
  /// Methods and variants, in the order of the report.
  package var methods: [Method]
  /// A line of JSON for each held-out pair, an `Item`.
  package var items: String
  /// Into how many parts the held-out pairs are divided, of which each seed is evaluated on one; `nil`:
  /// every seed on all pairs.
  package var parts: Int?
  /// What all data are drawn from, where a seed draws them.
  package var worldSeed: Int?
  /// What finished, for each seed in the order of the methods.
  package var entries: [Entry] = []
  /// The folders of revisions without critique, by seed.
  package var unguidedRevisions: [String: String] = [:]
  /// What the search tried.
  package var trials: [Trial] = []
  /// Methods that could not be trained, with the reason.
  package var failures: [String: String] = [:]
  /// The start model's accuracy on validation pairs, as judge and as critic.
  package var startModel: [String: Double] = [:]
  /// The stages of world, base and start model.
  package var shared: [StageEntry] = []

  /// Makes a study in which nothing has finished.
  package init(world: String, methods: [Method], items: String = "items.jsonl") {
    self.world = world
    self.methods = methods
    self.items = items
  }

  enum CodingKeys: String, CodingKey {
    case format, world, methods, items, parts, entries, trials, failures, shared
    case worldSeed = "world_seed"
    case unguidedRevisions = "unguided_revisions"
    case startModel = "start_model"
  }
}

extension Study {
  private static let file = "study.json"
  /// What versions before `study.json` wrote instead.
  private static let olderFile = "comparison.json"

  /// Reads what a comparison has made so far.
  ///
  /// - Parameter folder: Its folder.
  /// - Throws: `FileError.fileSystem` where no method has finished there, or another version or
  ///   something else wrote it.
  package init(contentsOf folder: URL) throws {
    struct Format: Decodable { let format: Int }
    let url = folder.appendingPathComponent(Self.file)
    func refusal(_ reason: String) -> FileError {
      .fileSystem(action: "read", path: url.path, reason: reason)
    }
    guard let data = try? Data(contentsOf: url) else {
      let older = folder.appendingPathComponent(Self.olderFile).path
      throw refusal(
        FileManager.default.fileExists(atPath: older)
          ? "an older version made this comparison; run it again with its specification"
          : "no method of a comparison has finished there"
      )
    }
    guard let format = try? JSONDecoder().decode(Format.self, from: data).format else {
      throw refusal("this is no study")
    }
    guard format == Self.currentFormat else {
      throw refusal(
        "another version wrote this study, in format \(format) instead of "
          + "\(Self.currentFormat); run the comparison again with its specification"
      )
    }
    do {
      self = try JSONDecoder().decode(Study.self, from: data)
    } catch {
      throw refusal("this is no study")
    }
  }

  /// Writes `study.json`.
  ///
  /// - Parameter folder: The folder of the comparison.
  /// - Throws: `FileError.fileSystem`.
  package func write(to folder: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    try DurableFile.write(try encoder.encode(self), to: folder.appendingPathComponent(Self.file))
  }

  /// Joins studies of one specification whose seeds ran apart.
  ///
  /// The first folder with a search gives its trials. A method's seed may be in several folders where it is the
  /// same work, as of copies.
  ///
  /// - Parameter folders: Their folders.
  /// - Returns: All of them, with paths from the root.
  /// - Throws: What reading one of them throws; `TrainingError.recipe` for no folder, and for folders that do not
  ///   belong together.
  package static func joined(_ folders: [URL]) throws -> Study {
    guard let first = folders.first else {
      throw TrainingError.recipe(reason: "there is no study to report of; name a folder")
    }
    var result = try Study(contentsOf: first).rooted(at: first)
    for folder in folders.dropFirst() {
      let study = try Study(contentsOf: folder).rooted(at: folder)
      guard study.parts == result.parts else {
        throw TrainingError.recipe(
          reason: "\(folder.path) was evaluated on other parts of the pairs than \(first.path); "
            + "evaluation.parts must be the same"
        )
      }
      guard study.worldSeed == result.worldSeed else {
        throw TrainingError.recipe(
          reason:
            "\(folder.path) is of another world than \(first.path); worlds are put together from their "
            + "results: name the results.json of each folder"
        )
      }
      let items = try [result, study].map {
        try Digest.fingerprint(of: URL(fileURLWithPath: $0.items))
      }
      guard items[0] == items[1] else {
        throw TrainingError.recipe(
          reason: "\(folder.path) was evaluated on other pairs than \(first.path)"
        )
      }
      if result.trials.isEmpty { result.trials = study.trials }
      for entry in study.entries {
        let known = result.entries.first { $0.method == entry.method && $0.seed == entry.seed }
        guard let known else {
          result.entries.append(entry)
          continue
        }
        guard Self.work(known.evaluation) == Self.work(entry.evaluation) else {
          throw TrainingError.recipe(
            reason:
              "\(entry.method) with seed \(entry.seed) was made twice, and not alike: another time in "
              + "\(folder.path); report of one of the two folders, or give one other seeds"
          )
        }
      }
      for method in study.methods where !result.methods.contains(where: { $0.name == method.name })
      { result.methods.append(method) }
      result.unguidedRevisions.merge(study.unguidedRevisions) { first, _ in first }
      result.failures.merge(study.failures) { first, _ in first }
    }
    return result
  }

  /// The end of a stage's path, which tells what it was made from.
  private static func work(_ path: String) -> [Substring] {
    path.split(separator: "/").suffix(2)
  }

  /// The study with paths from the root.
  private func rooted(at folder: URL) -> Study {
    let root = folder.standardizedFileURL
    func place(_ path: String) -> String { root.appendingPathComponent(path).path }
    func place(_ stage: StageEntry) -> StageEntry {
      var stage = stage
      stage.path = place(stage.path)
      return stage
    }
    var study = self
    study.items = place(items)
    study.shared = shared.map(place)
    study.unguidedRevisions = unguidedRevisions.mapValues(place)
    study.entries = entries.map { entry in
      var entry = entry
      entry.model = entry.model.hasPrefix("/") ? entry.model : place(entry.model)
      entry.evaluation = place(entry.evaluation)
      entry.bestOf = entry.bestOf.map(place)
      entry.revisions = entry.revisions.map(place)
      entry.stages = entry.stages.map(place)
      return entry
    }
    return study
  }
}
