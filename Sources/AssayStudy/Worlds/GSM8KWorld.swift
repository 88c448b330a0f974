import AssayBase
import AssayData
import AssayRun
import AssayText
import AssayTrain
import Foundation

/// Grade-school mathematics with broken solutions, from the data set's folder.
struct GSM8KWorld: World {
  static let name = "gsm8k"
  private let wording = RolePrompts.playground
  var prompts: RolePrompts? { wording }
  private let config: StudyConfig

  static func check(_ config: StudyConfig, _ checks: inout RecipeChecks) {
    config.refuseFiles(&checks)
    checks.require(
      !config.gsm8k.folder.isEmpty,
      "gsm8k.folder",
      "the folder with GSM8K's train.jsonl and example_model_solutions.jsonl"
    )
  }

  init(_ config: StudyConfig) { self.config = config }

  func data(_ stages: StageRunner) async throws -> WorldData {
    let section = config.gsm8k
    var data = try await WorldFiles(
      stages,
      from: ["gsm8k": section],
      inputs: ["seed": "\(config.compute.seed)", "world": Self.name],
      limit: config.evaluation.pairs
    ) { folder in
      let made = try GSM8KPairs(
        folder: URL(fileURLWithPath: section.folder),
        seed: UInt64(config.compute.seed),
        breaksPerQuestion: section.breaksPerQuestion,
        pairsPerTestQuestion: section.pairsPerTestQuestion
      )
      stages.events(.message(made.summary))
      try CorpusFile.write(made.corpus, to: folder.appendingPathComponent("corpus.jsonl"))
      for (name, pairs) in [
        ("train", made.train), ("heldout", made.heldout), ("solutions", made.solutions),
      ] {
        let url = folder.appendingPathComponent("\(name).jsonl")
        try? FileManager.default.removeItem(at: url)
        let writer = try RecordWriter(path: url.path)
        for pair in pairs { try writer.append(pair) }
      }
      return ["heldout", "solutions"]
    }.data
    if config.instructs {
      // What a method samples itself must not have been shown to its start model: a third of the questions
      // is the tutor's alone.
      data.tutored = data.train.filter(Self.isTutored)
      data.train.removeAll(where: Self.isTutored)
    }
    if config.needsValidation { try data.holdOut(config.search.pairs) }
    return data
  }

  /// Whether a pair's question is for demonstrations.
  private static func isTutored(_ pair: PreferencePair) -> Bool {
    let question = pair.prompt.map(\.content).joined(separator: "\n")
    return Digest.hex(question).utf8.first.map { "012345".utf8.contains($0) } ?? false
  }

  func demonstrations(_ data: WorldData) -> [Demonstration] {
    let tutor = PairTutor(data.tutored, prompts: wording, seed: UInt64(config.compute.seed))
    return (0..<config.instruct.demonstrations).map(tutor.demonstration)
  }

  /// Pairs of one question depend on each other.
  func cluster(of pair: PreferencePair) -> String? {
    pair.prompt.map(\.content).joined(separator: "\n")
  }
}
