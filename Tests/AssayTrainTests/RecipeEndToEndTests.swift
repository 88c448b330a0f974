import AssayBase
import AssayData
import AssayEvaluate
import AssayModel
import AssayReward
import AssayRun
import AssayStudy
import AssayTensor
import AssayTestSupport
import AssayText
import AssayTrain
import Foundation
import Testing

/// The folder of the package, to find its recipes.
private let packageFolder = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

private let recipesFolder = packageFolder.appendingPathComponent("Recipes")
private let hasRecipes = FileManager.default.fileExists(atPath: recipesFolder.path)

@Suite struct RecipeEndToEndTests {
  private func scores(_ run: URL, _ stage: String) throws -> [PairOutcome] {
    try RecordLog<PairOutcome>(
      run.appendingPathComponent(stage).appendingPathComponent("records.jsonl")
    ).records()
  }

  /// Runs a recipe again and expects that nothing was left to do.
  private func expectDone(_ recipe: String, _ run: URL, stages: [String]) async throws {
    #expect(skipped(try await runRecipe(recipe, in: run)) == stages)
  }

  // Recorded on 2026-11-21 on one x86-64 core in float32; the first is near ln 300 = 5.70, the loss
  // of a model that knows nothing. A change here is a change of results.
  static let pretrainingLosses: [Double] = [
    5.7332, 5.6856, 5.6478, 5.5989, 5.4273, 5.5151, 5.2893, 5.2569, 5.3126, 5.2268,
  ]

  @Test("pretraining: ten losses as recorded, falling")
  func pretrain() async throws {
    let world = try TinyWorld()
    let (recipe, run) = (TinyRecipe.pretrain(world), world.file("run"))
    try await runRecipe(recipe, in: run)
    let losses = try metric("loss", run, "01-base")
    #expect(losses.count == Self.pretrainingLosses.count, "\(losses)")
    for (step, (loss, recorded)) in zip(losses, Self.pretrainingLosses).enumerated() {
      #expect(abs(loss - recorded) < 1e-3, "step \(step + 1): \(loss), recorded \(recorded)")
    }
    #expect(try #require(losses.last) < losses[0] - 0.5)
    try await expectDone(recipe, run, stages: ["base"])
    let model = try Model.load(try #require(RunFolder.lastCheckpoint(in: run)))
    #expect(model.manifest.kind == .languageModel)
    #expect(model.head == nil)
    #expect(model.decoder.configuration.padTokenID != model.decoder.configuration.endTokenIDs.first)
  }

  @Test("classic: a falling loss and an evaluation, from a run folder's model")
  func classic() async throws {
    let world = try TinyWorld()
    try await runRecipe(TinyRecipe.pretrain(world), in: world.base)
    let run = world.file("run")
    let recipe = TinyRecipe.classic(world) + "\n  epochs: 4\n"
    try await runRecipe(recipe, in: run)
    let losses = try metric("loss", run, "01-classic")
    #expect(losses.count == 24)
    #expect(losses.suffix(6).reduce(0, +) < losses.prefix(6).reduce(0, +))
    let scores = try scores(run, "02-evaluate")
    #expect(scores.map(\.id) == (try world.pairs("test.jsonl")).map(\.id))
    #expect(scores.allSatisfy { $0.suite == "test" && $0.sampleCount == 1 })
    #expect(scores.allSatisfy { $0.chosenCritiques == nil && $0.completionTokens == 0 })
    #expect(Set(scores.map(\.chosen)).count == scores.count)
    try await expectDone(recipe, run, stages: ["classic", "evaluate"])
    #expect(
      try Model.load(try #require(RunFolder.lastCheckpoint(in: run))).manifest.kind == .classic
    )
  }

  @Test("critique SFT: a falling loss over both sides' critiques")
  func critique() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let run = world.file("run")
    let recipe = TinyRecipe.critique(world) + "\n  epochs: 2\n"
    try await runRecipe(recipe, in: run)
    let losses = try metric("loss", run, "01-critique-sft")
    #expect(losses.count == 12)  // 24 pairs, 2 critiques each, 8 in a step, 2 epochs
    #expect(try #require(losses.last) < losses[0] - 0.3)
    try await expectDone(recipe, run, stages: ["critique-sft"])
    let model = try Model.load(try #require(RunFolder.lastCheckpoint(in: run)))
    #expect(model.manifest.leadIn == "critique :")
    #expect(model.manifest.critiqueTokens == 1024)
  }

  @Test("CLoud on its own critiques: the critiques are recorded, learnt and scored behind")
  func cloud() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let (recipe, run) = (TinyRecipe.cloud(world, onPolicy: true), world.file("run"))
    let events = try await runRecipe(recipe, in: run)
    let critiques = try RecordLog<CritiqueRecord>(
      run.appendingPathComponent("02-critiques/records.jsonl")
    ).records()
    let pairs = try world.pairs()
    #expect(critiques.map(\.id) == pairs.flatMap { [$0.id, $0.id] })
    #expect(critiques.map(\.side) == pairs.flatMap { _ in ["chosen", "rejected"] })
    let cut = critiques.count { $0.finishReason == .length }
    let warnings = events.filter { if case .warning = $0 { true } else { false } }
    #expect((cut > 0) == !warnings.isEmpty)
    let joint = run.appendingPathComponent("03-cloud")
    for line in try MetricsWriter.lines(in: joint) {
      let value = Dictionary(
        uniqueKeysWithValues: line.metrics.map { ($0.name, $0.value) }
      )
      let loss =
        try #require(value["preference_loss"]) + 1.25 * (try #require(value["critique_loss"]))
      #expect(abs(try #require(value["loss"]) - loss) < 1e-4)
    }
    let scores = try scores(run, "04-evaluate")
    #expect(scores.count == 8)
    for score in scores {
      #expect(score.chosenCritiques?.count == 1 && score.chosen?.count == 1)
      #expect(score.rejectedCritiques?.count == 1 && score.rejected?.count == 1)
      #expect(score.completionTokens > 0)
    }
    try await expectDone(
      recipe,
      run,
      stages: ["critique-sft", "critiques", "cloud", "evaluate"]
    )
    #expect(try Model.load(try #require(RunFolder.lastCheckpoint(in: run))).manifest.kind == .cloud)
  }

  @Test("CLoud on the oracle's critiques writes none of its own")
  func cloudOffPolicy() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let (recipe, run) = (TinyRecipe.cloud(world, onPolicy: false), world.file("run"))
    try await runRecipe(recipe, in: run)
    #expect(
      try RunFolder(run).stageFolders() == ["01-critique-sft", "02-cloud", "03-evaluate"]
    )
    try await expectDone(recipe, run, stages: ["critique-sft", "cloud", "evaluate"])
  }

  @Test("pairs without critiques are refused with what CLoud needs")
  func missingCritiques() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let pair = #"{"prompt": "p", "chosen": "a", "rejected": "b"}"#
    try pair.write(to: world.file("train.jsonl"), atomically: true, encoding: .utf8)
    await #expect(
      throws: TrainingError.noData(
        stage: "critique-sft",
        hint: "CLoud needs chosen_critique and rejected_critique in the pairs"
      )
    ) { try await runRecipe(TinyRecipe.cloud(world, onPolicy: true), in: world.file("run")) }
  }

  @Test("the same seed gives the same model and scores")
  func reproducible() async throws {
    Engine.threads = 1
    let world = try TinyWorld()
    try world.makeBase()
    let recipe = TinyRecipe.cloud(world, onPolicy: true)
    for name in ["first", "second"] { try await runRecipe(recipe, in: world.file(name)) }
    #expect(
      try modelBytes(world.file("first"), "03-cloud")
        == modelBytes(world.file("second"), "03-cloud")
    )
    #expect(
      try scores(world.file("first"), "04-evaluate") == scores(world.file("second"), "04-evaluate")
    )
    try await runRecipe(
      recipe.replacingOccurrences(of: "checkpoint_steps: 2", with: "checkpoint_steps: 2, seed: 9"),
      in: world.file("other")
    )
    #expect(
      try modelBytes(world.file("first"), "03-cloud") != modelBytes(world.file("other"), "03-cloud")
    )
  }

  @Test("a run without an evaluation has no report")
  func noReport() async throws {
    let world = try TinyWorld(corpus: 8)
    let run = world.file("run")
    try await runRecipe(TinyRecipe.pretrain(world), in: run)
    #expect(try RunReport(run: try RunFolder(run), command: "assay train") == nil)
  }
}

@Suite struct RecipeFilesTests {
  @Test(
    "every recipe that ships resolves, and its resolved form resolves to itself",
    .enabled(if: hasRecipes, "no Recipes folder")
  )
  func shipped() throws {
    let files = try FileManager.default.contentsOfDirectory(
      at: recipesFolder,
      includingPropertiesForKeys: nil
    ).filter { $0.pathExtension == "yaml" }
    #expect(files.count >= 5)
    for file in files {
      // What a recipe leaves to the user has to be given.
      let overrides: [String] =
        switch file.lastPathComponent {
        case "pretrain.yaml": ["corpus=corpus.jsonl"]
        case let name where name.hasPrefix("gsm8k"): ["gsm8k.folder=gsm8k"]
        default: []
        }
      if try RecipeFile(contentsOf: file).setting("method") == "compare" {
        let recipe = try StudyRecipe(try RecipeFile(contentsOf: file), overrides: overrides)
        let resolved = recipe.resolved
        let again = try StudyRecipe(try RecipeFile(text: resolved, name: "resolved")).resolved
        #expect(again == resolved, "\(file.lastPathComponent)")
        continue
      }
      let resolved = try Recipe(try RecipeFile(contentsOf: file), overrides: overrides).resolved
      let again = try Recipe(try RecipeFile(text: resolved, name: "resolved")).resolved
      #expect(again == resolved, "\(file.lastPathComponent)")
    }
  }

  @Test("every method has a recipe that ships", .enabled(if: hasRecipes, "no Recipes folder"))
  func methods() throws {
    let texts = try FileManager.default.contentsOfDirectory(
      at: recipesFolder,
      includingPropertiesForKeys: nil
    ).filter { $0.pathExtension == "yaml" }.map { try String(contentsOf: $0, encoding: .utf8) }
    for method in Methods.names {
      // Those that share a recipe are named in its first lines.
      #expect(
        texts.contains { text in
          ["\nmethod: \(method)\n", "`method: \(method)`"].contains(where: text.contains)
        },
        "\(method)"
      )
    }
  }

  @Test("an unknown method, and a missing one, are refused with those that there are")
  func unknownMethod() {
    for (text, start) in [
      ("method: dpo", "r.yaml: method: dpo is not known"), ("{}", "r.yaml: method: is missing"),
      ("method: compare", "r.yaml: method: compare compares methods: run it by `assay compare`"),
    ] {
      let error = #expect(throws: RunError.self) {
        try Recipe(try RecipeFile(text: text, name: "r.yaml"))
      }
      #expect("\(error.map { "\($0)" } ?? "")".hasPrefix(start))
    }
  }
}
