import AssayBase
import AssayData
import AssayEvaluate
import AssayRun
import AssayText
import AssayTrain
import Foundation

/// The user's own model, pairs and suites.
///
/// Oracle critiques are those in the pairs, for methods that learn from them. Nothing else is known
/// about a response than which one is preferred.
struct FilesWorld: World {
  static let name = "files"
  private let config: StudyConfig
  private let files: DataSection
  private let model: URL

  static func check(_ config: StudyConfig, _ checks: inout RecipeChecks) {
    checks.require(
      !config.model.isEmpty,
      "model",
      "the folder of the model that every method starts from"
    )
    checks.require(
      config.data.map { !$0.suites.isEmpty } ?? false,
      "data",
      "train, the path of a file of pairs, and suites, paths of other pairs by name"
    )
    checks.require(
      config.data?.validation == nil && (config.data?.heldOut ?? 0) == 0,
      "data.heldOut",
      "to be left out with `validation`: the trainings of a comparison go on to their last steps"
    )
    checks.require(
      (config.data?.window ?? 0) == 0,
      "data.window",
      "to be left out: a comparison reads its files whole"
    )
    for (isDefault, key) in [
      (config.base == BaseSection(), "base"), (config.instruct == InstructSection(), "instruct"),
    ] { checks.require(isDefault, key, "to be left out, as world: files starts from `model`") }
  }

  init(_ config: StudyConfig) {
    self.config = config
    files = config.data ?? DataSection()
    model = Recipe.modelFolder(config.model)
  }

  var startModel: URL? { model }

  func data(_ stages: StageRunner) async throws -> WorldData {
    let hashes = try ([files.train] + files.suites.sorted { $0.key < $1.key }.map(\.value))
      .map(Recipe.fingerprint)
    var data = WorldData(
      digest: Digest.hex((hashes + (files.reading.map { [$0] } ?? [])).joined(separator: "\n")),
      train: try files.pairs(
        files.train,
        model: model,
        compute: config.compute,
        leadIn: config.critiqueLeadIn,
        events: stages.events
      ),
      validation: [],
      suites: try files.readSuites(
        model: model,
        compute: config.compute,
        events: stages.events
      ).map { suite in
        let count = config.evaluation.pairs ?? suite.pairs.count
        return Suite(name: suite.name, pairs: Array(suite.pairs.prefix(count)))
      }
    )
    PairWarnings.texts(data.train, suites: data.suites).forEach { stages.events(.warning($0)) }
    if config.needsValidation { try data.holdOut(config.search.pairs) }
    return data
  }

  /// Pairs of one prompt depend on each other; rows without one say nothing of theirs.
  func cluster(of pair: PreferencePair) -> String? {
    guard pair.prompt.contains(where: { !$0.content.isEmpty }) else { return nil }
    return pair.prompt.map { "\($0.role): \($0.content)" }.joined(separator: "\n")
  }
}
