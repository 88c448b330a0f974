import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayTestSupport
import AssayTrain
import Foundation
import Testing

@Suite struct ResumeTests {
  /// Runs a recipe, copies the folder as a kill at a step would leave it, and runs the copy on.
  private func resume(
    _ recipe: String,
    _ world: TinyWorld,
    stage: String,
    killedAt step: Int
  ) async throws -> (whole: URL, resumed: URL, events: [RunEvent]) {
    let (whole, copy) = (world.file("whole"), world.file("copy"))
    try await runRecipe(recipe, in: whole, copyingTo: copy) { $0 == stage && $1 == step }
    return (whole, copy, try await runRecipe(recipe, in: copy))
  }

  @Test("pretraining goes on to the same weights, bit for bit")
  func pretraining() async throws {
    let world = try TinyWorld()
    let (whole, resumed, events) = try await resume(
      TinyRecipe.pretrain(world),
      world,
      stage: "base",
      killedAt: 5
    )
    #expect(resumedAt("base", events) == 4)
    #expect(try modelBytes(resumed, "01-base") == modelBytes(whole, "01-base"))
    #expect(try metric("loss", resumed, "01-base") == metric("loss", whole, "01-base"))
  }

  @Test("classic training goes on to the same weights, bit for bit", arguments: MomentForm.allCases)
  func classic(moments: MomentForm) async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let (whole, resumed, events) = try await resume(
      TinyRecipe.classic(world)
        .replacing("optimizer: {", with: "optimizer: {moments: \(moments.rawValue), "),
      world,
      stage: "classic",
      killedAt: 3
    )
    #expect(resumedAt("classic", events) == 2)
    #expect(try modelBytes(resumed, "01-classic") == modelBytes(whole, "01-classic"))
  }

  @Test(
    "a watched training goes on to the same weights, bit for bit",
    arguments: [1, 2, 3, 4],
    ["classic", "cloud"]
  )
  func watched(killedAt step: Int, method: String) async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let isCloud = method == "cloud"
    let plain = isCloud ? TinyRecipe.cloud(world, onPolicy: true) : TinyRecipe.classic(world)
    let recipe =
      plain.replacing("data:\n", with: "data:\n  held_out: 0.25\n")
      .replacing("learning_rate: 0.003}}", with: "learning_rate: 0.003}, head_learning_rate: 0.01}")
      + "\nevaluation: {every: 1, best: accuracy, patience: 4}\n"
    let folder = isCloud ? "03-cloud" : "01-classic"
    let (whole, resumed, _) = try await resume(
      recipe,
      world,
      stage: method,
      killedAt: min(step, isCloud ? 2 : 4)
    )
    #expect(try modelBytes(resumed, folder) == modelBytes(whole, folder))
    let looks = try metric("held_out_accuracy", whole, folder)
    #expect(try looks.count == metric("loss", whole, folder).count && !looks.isEmpty)
    #expect(try metric("held_out_loss", resumed, folder) == metric("held_out_loss", whole, folder))
    let names = try FileManager.default.contentsOfDirectory(
      atPath: whole.appending(path: folder).path
    )
    #expect(!names.contains { $0.hasPrefix("best-") })
  }

  @Test(
    "an adapter goes on to the same numbers, bit for bit, and scores as the merged model",
    arguments: WeightFormat.allCases
  )
  func adapter(base format: WeightFormat) async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let options = "adapter: {rank: 4, dora: true, base: \(format.rawValue)}"
    let recipe = TinyRecipe.classic(world)
      .replacing("checkpoint_steps: 2", with: "checkpoint_steps: 2, \(options)")
    let (whole, resumed, events) = try await resume(
      recipe,
      world,
      stage: "classic",
      killedAt: 3
    )
    #expect(resumedAt("classic", events) == 2)
    #expect(try modelBytes(resumed, "01-classic") == modelBytes(whole, "01-classic"))
    let folder = whole.appending(path: "01-classic/checkpoint")
    let (merged, beside) = (
      try Model.load(folder), try Model.load(folder.appending(path: "adapter"))
    )
    // What it scored when it was saved is in both; loading the adapter merges it anew.
    #expect(try #require(try merged.verifyGolden()) < 1e-5)
    #expect(try #require(try beside.verifyGolden()) < 1e-5)
    #expect(beside.manifest.kind == .classic)
    let base = try Model.load(world.base)
    for (name, value) in base.decoder.named({ $0.value }) {
      let own = merged.decoder.named { $0.value }.first { $0.name == name }?.tensor.floats
      #expect((own == value.floats) == !name.contains("_proj"), "\(name)")
    }
  }

  @Test("a training that reads its pairs in windows goes on to the same weights, bit for bit")
  func windows() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    // 9 steps of 4 pairs are one and a half readings of 24 pairs, in windows that no batch fits into evenly.
    let recipe = TinyRecipe.classic(world)
      .replacing("data:\n", with: "data:\n  window: 7\n")
      .replacing("checkpoint_steps: 2", with: "checkpoint_steps: 2, steps: 9")
    let (whole, resumed, events) = try await resume(
      recipe,
      world,
      stage: "classic",
      killedAt: 5
    )
    #expect(resumedAt("classic", events) == 4)
    #expect(try metric("loss", whole, "01-classic").count == 9)
    #expect(try modelBytes(resumed, "01-classic") == modelBytes(whole, "01-classic"))
  }

  @Test("a run does not go on with what was trained on pairs that were read otherwise")
  func reading() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let (recipe, run) = (TinyRecipe.classic(world), world.file("run"))
    try await runRecipe(recipe, in: run)
    for setting in ["maximum_tokens: 700", "problems: skip", "columns: {prompt: prompt}"] {
      let other = recipe.replacing("data:\n", with: "data:\n  \(setting)\n")
      await #expect(throws: RunError.self) { try await runRecipe(other, in: run) }
    }
    #expect(skipped(try await runRecipe(recipe, in: run)) == ["classic", "evaluate"])
  }

  @Test("critique SFT goes on to the same weights, bit for bit")
  func critique() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let (whole, resumed, events) = try await resume(
      TinyRecipe.critique(world),
      world,
      stage: "critique-sft",
      killedAt: 5
    )
    #expect(resumedAt("critique-sft", events) == 4)
    #expect(try modelBytes(resumed, "01-critique-sft") == modelBytes(whole, "01-critique-sft"))
  }

  @Test("joint training goes on to the same weights, and passes over what is done")
  func joint() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let (whole, resumed, events) = try await resume(
      TinyRecipe.cloud(world, onPolicy: true),
      world,
      stage: "cloud",
      killedAt: 3
    )
    #expect(skipped(events) == ["critique-sft", "critiques"])
    #expect(resumedAt("cloud", events) == 2)
    #expect(try modelBytes(resumed, "03-cloud") == modelBytes(whole, "03-cloud"))
  }

  @Test("critiques go on behind the last whole record, to the same records")
  func critiques() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let (whole, copy) = (world.file("whole"), world.file("copy"))
    let recipe = TinyRecipe.cloud(world, onPolicy: true)
    try await runRecipe(recipe, in: whole, copyingTo: copy) { stage, done in
      stage == "critiques" && done == 20
    }

    // 24 pairs are 48 critiques; the kill came in the middle of writing the 20th.
    let records = copy.appendingPathComponent("02-critiques/records.jsonl")
    let lines = try Data(contentsOf: records).split(separator: 0x0a)
    try #require(lines.count == 20)
    try (Data(lines[..<19].joined(separator: [0x0a])) + [0x0a] + lines[19].prefix(10))
      .write(to: records)

    let events = try await runRecipe(recipe, in: copy)
    #expect(resumedAt("critiques", events) == 19)
    let expected = try Data(
      contentsOf: whole.appendingPathComponent("02-critiques/records.jsonl")
    )
    #expect(try Data(contentsOf: records) == expected)
    #expect(try modelBytes(copy, "03-cloud") == modelBytes(whole, "03-cloud"))
  }

  @Test("an evaluation goes on behind the last whole record, to the same records")
  func evaluation() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let (whole, copy) = (world.file("whole"), world.file("copy"))
    let recipe = TinyRecipe.classic(world)
    try await runRecipe(recipe, in: whole, copyingTo: copy) { stage, _ in stage == "evaluate" }
    let records = copy.appendingPathComponent("02-evaluate/records.jsonl")
    let lines = try Data(contentsOf: records).split(separator: 0x0a)
    #expect(lines.count == 8)
    try (Data(lines[..<5].joined(separator: [0x0a])) + [0x0a]).write(to: records)
    let events = try await runRecipe(recipe, in: copy)
    #expect(resumedAt("evaluate", events) == 5)
    let log = try RecordLog<PairOutcome>(records).records()
    let expected = try RecordLog<PairOutcome>(
      whole.appendingPathComponent("02-evaluate/records.jsonl")
    ).records()
    #expect(log.map(\.id) == expected.map(\.id))
    expectClose(
      log.flatMap { ($0.chosen ?? []).map(Float.init) },
      expected.flatMap { ($0.chosen ?? []).map(Float.init) },
      absolute: 1e-5
    )
  }

  @Test("a kill between the trained model and the end of its stage loses nothing")
  func publishedModel() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let run = world.file("run")
    try await runRecipe(TinyRecipe.classic(world), in: run)
    let bytes = try modelBytes(run, "01-classic")
    for stage in ["01-classic", "02-evaluate"] {
      try FileManager.default.removeItem(at: run.appendingPathComponent("\(stage)/done.json"))
    }
    let events = try await runRecipe(TinyRecipe.classic(world), in: run)
    #expect(resumedAt("classic", events) == 6)
    #expect(resumedAt("evaluate", events) == 8)
    #expect(try modelBytes(run, "01-classic") == bytes)
  }

  @Test("a changed setting is refused with its name, and nothing is touched")
  func changedRecipe() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let run = world.file("run")
    try await runRecipe(TinyRecipe.classic(world), in: run)
    let bytes = try modelBytes(run, "01-classic")
    let recipe = try Data(contentsOf: run.appendingPathComponent("recipe.yaml"))
    let changed = TinyRecipe.classic(world).replacingOccurrences(of: "0.003", with: "0.004")
    await #expect(
      throws: RunError.stageChanged(
        folder: run.path,
        stage: "classic",
        changes: ["recipe: classic.optimizer.schedule.learning_rate: 0.003 -> 0.004"]
      )
    ) { try await runRecipe(changed, in: run) }
    #expect(try modelBytes(run, "01-classic") == bytes)
    #expect(try Data(contentsOf: run.appendingPathComponent("recipe.yaml")) == recipe)
  }

  @Test("changed training pairs are refused")
  func changedData() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let run = world.file("run")
    try await runRecipe(TinyRecipe.classic(world), in: run)
    let lines = try String(contentsOf: world.file("train.jsonl"), encoding: .utf8)
      .split(separator: "\n")
    try lines.dropLast().joined(separator: "\n").write(
      to: world.file("train.jsonl"),
      atomically: true,
      encoding: .utf8
    )
    await #expect(
      throws: RunError.stageChanged(
        folder: run.path,
        stage: "classic",
        changes: ["input train: its content changed"]
      )
    ) { try await runRecipe(TinyRecipe.classic(world), in: run) }
  }
}
