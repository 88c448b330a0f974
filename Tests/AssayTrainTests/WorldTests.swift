import AssayBase
import AssayData
import AssayEvaluate
import AssayReward
import AssayRun
import AssayStudy
import AssayTensor
import AssayTestSupport
import AssayTrain
import Foundation
import Testing

/// Comparisons in worlds whose start model is not made of demonstrations, and their reports.
@Suite struct WorldTests {
  private static let optimizer = "optimizer: {schedule: {learning_rate: 0.003}}"

  private func recipe(_ text: String) throws -> StudyRecipe {
    Engine.threads = 1
    return try StudyRecipe(try RecipeFile(text: text, name: "tiny.yaml"))
  }

  private func files(_ world: TinyWorld, methods: String, more: String = "") -> String {
    """
    method: compare
    world: files
    model: \(world.base.path)
    data:
      train: \(world.file("train.jsonl").path)
      suites: {mine: \(world.file("test.jsonl").path), other: \(world.file("ood.jsonl").path)}
    methods: [\(methods)]
    compute: {device: cpu}
    classic: {batch_pairs: 6, \(Self.optimizer)}
    genrm: {prompts: playground, batch_pairs: 6}
    judge: {prompts: playground}
    critique: {batch_responses: 12, critique_tokens: 16}
    cloud: {batch_pairs: 6}
    evaluation: {votes: 2, judgement_tokens: 8, critiques: 1}
    \(more)
    """
  }

  @Test("a user's model, pairs and suites are compared end to end, and reported")
  func files() async throws {
    let world = try TinyWorld(train: 12)
    try world.makeBase()
    let folder = try TemporaryFolder()
    let methods = "classic, genrm, judge, judge-token, cloud"
    let recipe = try recipe(files(world, methods: methods))
    let study = try await recipe.run(folder.url) { _ in }
    #expect(study.failures.isEmpty, "\(study.failures)")
    #expect(study.world == "files")
    #expect(study.entries.map(\.method).joined(separator: ", ") == methods)
    // Nothing is made that the user has: no corpus, no base model, no start model.
    #expect(study.shared.isEmpty)
    #expect(study.entries[2].model == world.base.path)
    let again = try await recipe.run(folder.url) { event in
      if case .stageStarted(let name, _, _, _) = event { Issue.record("\(name) ran again") }
    }
    #expect(again == study)

    let report = try ComparisonReport(study, folder: folder.url, command: "assay compare it")
    try report.write(to: folder.url)
    let results = try ResultsFile(contentsOf: folder.url.appendingPathComponent("results.json"))
    #expect(Set(results.methods.keys) == Set(study.entries.map(\.method)))
    for (method, suites) in results.methods {
      #expect(suites["mine"]?["overall"]?.n == 8, "\(method)")
      #expect(suites["other"]?["overall"]?.n == 4, "\(method)")
    }
    #expect(report.html.contains("assay compare it"))
    // The report says nothing of a critique's worth, or of claims, where no suite shows it.
    #expect(!report.html.contains("writing a critique first"))
    #expect(!report.text.contains("claims"))
  }

  @Test("trials of a user's model are measured on pairs that no method trains on")
  func search() async throws {
    let world = try TinyWorld(train: 12)
    try world.makeBase()
    let folder = try TemporaryFolder()
    let recipe = try recipe(
      files(world, methods: "classic", more: "search: {learning_rates: [1, 3], pairs: 4}")
    )
    let study = try await recipe.run(folder.url) { _ in }
    #expect(study.trials.map(\.factor) == [1, 3])
    #expect(study.trials.count { $0.isChosen } == 1)

    let all = try self.recipe(
      files(world, methods: "classic", more: "search: {learning_rates: [1, 3], pairs: 12}")
    )
    let error = await #expect(throws: TrainingError.self) { try await all.run(folder.url) { _ in } }
    #expect("\(error.map { "\($0)" } ?? "")".contains("search.pairs takes all 12 training pairs"))
  }

  @Test("what a world cannot do is said: judging responses to prompts, and settings of others")
  func refusals() async throws {
    let world = try TinyWorld(train: 12)
    try world.makeBase()
    let folder = try TemporaryFolder()
    let uses = try recipe(
      files(world, methods: "classic")
        .replacing("critiques: 1}", with: "critiques: 1, prompts: 2, best_of: [classic]}")
    )
    let error = await #expect(throws: TrainingError.self) {
      try await uses.run(folder.url) { _ in }
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains("the world files cannot tell"))
    for (more, part) in [
      ("base: {vocabulary_size: 300}", "base, expected to be left out"),
      ("instruct: {demonstrations: 0}", "instruct, expected to be left out"),
    ] {
      let error = #expect(throws: RunError.self) {
        try recipe(files(world, methods: "classic", more: more))
      }
      #expect("\(error.map { "\($0)" } ?? "")".contains(part), "\(part)")
    }
    let single = #expect(throws: RunError.self) { try recipe("method: cloud") }
    #expect("\(single.map { "\($0)" } ?? "")".contains("run it by `assay train`"))
  }

  @Test(
    "without demonstrations methods start from the base, and the report shows what critiques say"
  )
  func baseAlone() async throws {
    let folder = try TemporaryFolder()
    let study = try await recipe(
      """
      method: compare
      methods: [classic, cloud]
      compute: {device: cpu}
      playground: {train: 12, test: 8, ood: 4, corpus: 60}
      base:
        vocabulary_size: 300
        architecture: \(tinyArchitecture)
        batch_sequences: 16
        \(Self.optimizer)
      instruct: {demonstrations: 0}
      classic: {batch_pairs: 6}
      critique: {batch_responses: 12, critique_tokens: 16}
      cloud: {batch_pairs: 6}
      evaluation: {critiques: 2}
      """
    ).run(folder.url) { _ in }
    #expect(study.failures.isEmpty, "\(study.failures)")
    #expect(study.shared.map(\.name) == ["data", "base"])
    #expect(study.startModel.isEmpty)
    let report = try ComparisonReport(study, folder: folder.url, command: "assay demo")
    for (method, suites) in report.results.methods {
      #expect(Set(suites.keys) == ["test", "ood"], "\(method)")
      #expect(
        Set(try #require(suites["test"]).keys)
          == ["overall", "Reasoning", "Chat Hard", "Chat", "Safety"]
      )
    }
    #expect(report.text.contains("critique:"))
    for part in ["<html", "assay demo", "Training: cloud", "Critiques</h2>", "</html>"] {
      #expect(report.html.contains(part), "\(part)")
    }
  }

  @Test("folders of other versions are refused with what to do")
  func otherVersions() throws {
    let folder = try TemporaryFolder()
    func refusal() -> String {
      let error = #expect(throws: FileError.self) { try Study(contentsOf: folder.url) }
      return error.map { "\($0)" } ?? ""
    }
    #expect(refusal().contains("no method of a comparison has finished there"))
    try Data("{}".utf8).write(to: folder.url.appendingPathComponent("comparison.json"))
    #expect(refusal().contains("an older version made this comparison"))
    try Data("{\"format\": 2}".utf8).write(to: folder.url.appendingPathComponent("study.json"))
    #expect(refusal().contains("in format 2 instead of 1"))
  }

  @Test("`assay demo` runs the specification that ships")
  func demo() throws {
    let recipe = try recipe(Demo.specification)
    #expect(recipe.config.methods == ["classic", "cloud"])
    #expect(recipe.config.instruct.demonstrations == 0)
  }
}
