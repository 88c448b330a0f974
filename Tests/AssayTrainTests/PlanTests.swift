import AssayModel
import AssayRun
import AssayTensor
import AssayTrain
import Foundation
import Testing

@Suite struct PlanTests {
  init() { Engine.threads = 1 }

  @Test("a figure of four measurements is that of any number of layers and tokens")
  func fit() {
    /// 7 + 3 L + (0.5 + 2 L) T
    func figure(_ layers: Double, _ tokens: Double) -> Double {
      7 + 3 * layers + (0.5 + 2 * layers) * tokens
    }
    let cost = StepCost(
      (figure(2, 100), figure(2, 200), figure(3, 100), figure(3, 200)),
      layers: 2,
      tokens: (100, 200)
    )
    for (layers, tokens) in [(1, 100.0), (2, 200), (30, 4096), (12, 10)] {
      #expect(abs(cost(layers: layers, tokens: tokens) - figure(Double(layers), tokens)) < 1e-6)
    }
  }

  @Test("what a process may have is what it has and what the system or its group has left")
  func allowed() {
    let system = "MemTotal: 4000 kB\nMemFree: 100 kB\nMemAvailable:    2000 kB\n"
    let resident = 1 << 20
    func allowed(_ limit: String?, _ used: String?, _ statistics: String?) -> Int? {
      ProcessMemory.allowed(
        resident: resident,
        system: system,
        limit: limit,
        used: used,
        statistics: statistics
      )
    }
    #expect(allowed(nil, nil, nil) == resident + 2000 << 10)
    #expect(allowed("max\n", "5000\n", nil) == resident + 2000 << 10)
    // 3,000,000 of which 2,000,000 are used, 500,000 of these by files that give way.
    let statistics = "active_file 1\ninactive_file 500000\n"
    #expect(allowed("3000000\n", "2000000\n", statistics) == resident + 1_500_000)
    #expect(
      ProcessMemory.allowed(resident: 1, system: nil, limit: nil, used: nil, statistics: nil) == nil
    )
  }

  private func plan(
    _ recipe: String,
    _ world: TinyWorld,
    _ processes: PlannedProcesses = PlannedProcesses()
  ) throws -> RunPlan {
    try Recipe(try RecipeFile(text: recipe, name: "tiny.yaml"))
      .plan(in: world.file("run"), processes: processes) { _ in }
  }

  @Test("processes have a part of every step each, and of the moments where they share them")
  func processes() throws {
    let world = try TinyWorld()
    try world.makeBase()
    let configuration = try Model.load(world.base).decoder.configuration
    let recipe = TinyRecipe.classic(world)
    let alone = try #require(try plan(recipe, world).trainings.first)
    for sharesMoments in [false, true] {
      let processes = PlannedProcesses(count: 4, onThisMachine: 2, sharesMoments: sharesMoments)
      let made = try plan(recipe, world, processes)
      let training = try #require(made.trainings.first)
      #expect(made.processes == 2)
      #expect(training.weightBytes == alone.weightBytes)
      #expect(training.gradientBytes == alone.gradientBytes && training.steps == alone.steps)
      // Batches of 4: a pair each.
      #expect(training.partTokens > 0 && 2 * training.partTokens < alone.partTokens)
      let table = 8 * configuration.vocabularySize * configuration.hiddenSize
      #expect(
        training.momentBytes
          == (sharesMoments ? max(table, (alone.momentBytes / 8 + 3) / 4 * 8) : alone.momentBytes)
      )
    }
  }

  @Test(
    "weights, gradients and moments are counted, of an adapter those of its products and the head"
  )
  func counts() throws {
    let world = try TinyWorld()
    try world.makeBase()
    let base = try Model.load(world.base)
    let all = base.decoder.parameters.map(\.value.count).reduce(0, +)
    let classic = try #require(try plan(TinyRecipe.classic(world), world).trainings.first)
    // A linear head has a number for each of 32 hidden ones.
    #expect(classic.weightBytes == 4 * all && classic.gradientBytes == 4 * (all + 32))
    #expect(classic.momentBytes == 2 * classic.gradientBytes)
    // 24 pairs in batches of 4.
    #expect(classic.steps == 6 && classic.stage == "classic")
    for dora in [false, true] {
      let options = "adapter: {rank: 4, dora: \(dora), targets: [q_proj, down_proj]}"
      let recipe = TinyRecipe.classic(world)
        .replacing("checkpoint_steps: 2", with: "checkpoint_steps: 2, \(options)")
      var made = LowRankOptions(rank: 4, alpha: 32)
      (made.hasMagnitudes, made.targets) = (dora, ["q_proj", "down_proj"])
      let model = try Model.load(world.base)
      try model.addAdapter(made, beside: world.base, seed: 1)
      let trained = model.trained.map(\.value.count).reduce(0, +) + 32
      #expect(try plan(recipe, world).trainings.first?.gradientBytes == 4 * trained)
    }
    #expect(!FileManager.default.fileExists(atPath: world.file("run").path))
  }

  @Test("both trainings of CLoud are planned, and the texts that are written between them")
  func cloud() throws {
    let world = try TinyWorld()
    try world.makeBase()
    let trainings = try plan(TinyRecipe.cloud(world, onPolicy: true), world).trainings
    #expect(trainings.map(\.stage) == ["critique-sft", "critiques", "cloud"])
    #expect(trainings.map(\.steps) == [4, 0, 4])
    // A text of each response of 24 pairs.
    #expect(trainings.map(\.texts) == [0, 48, 0])
    #expect(trainings.map { $0.cacheBytes > 0 } == [false, true, false])
  }

  @Test(
    "trainings and writings of every method are planned",
    arguments: [
      ("pair", "verdict: {prompts: playground, batch_pairs: 4}", ["pair"]),
      ("genrm", "verdict: {prompts: playground, batch_pairs: 4}", ["genrm"]),
      (
        "star-sft",
        "star: {iterations: 2, samples: 3, judgement_tokens: 8, batch_items: 4, prompts: playground}",
        ["judgements-1", "train-1", "judgements-2", "train-2"]
      ),
      (
        "star-dpo",
        "star: {iterations: 1, samples: 3, judgement_tokens: 8, batch_items: 4, prompts: playground}",
        ["judgements-1", "train-1"]
      ),
      (
        "grpo",
        "grpo: {rounds: 1, samples: 3, judgement_tokens: 8, batch_items: 4, prompts: playground}",
        ["judgements-1", "train-1"]
      ),
      (
        "critic-rm-rank",
        "critic_rm: {samples: 3, critique_tokens: 8, batch_pairs: 4, prompts: playground}",
        ["scored-critiques", "refined", "critic-rm"]
      ),
    ]
  )
  func methods(method: String, settings: String, stages: [String]) throws {
    let world = try TinyWorld(train: 12)
    try world.makeBase()
    let recipe = """
      method: \(method)
      model: \(world.base.path)
      data: {train: \(world.file("train.jsonl").path)}
      compute: {device: cpu}
      \(settings)
      """
    let trainings = try plan(recipe, world).trainings
    #expect(trainings.map(\.stage) == stages)
    for training in trainings {
      let writes = training.texts > 0
      #expect(writes == (training.steps == 0) && writes == (training.cacheBytes > 0))
      #expect(writes == (training.gradientBytes == 0) && writes == (training.diskBytes == 0))
      #expect(training.partTokens > 8 && training.weightBytes > 0)
    }
  }

  @Test("weights in few bits are planned as that, and an adapter's merging too")
  func packed() throws {
    let world = try TinyWorld()
    try world.makeBase()
    func training(_ base: String) throws -> TrainingPlan {
      let recipe = TinyRecipe.classic(world).replacing(
        "checkpoint_steps: 2",
        with: "checkpoint_steps: 2, adapter: {rank: 4, base: \(base)}"
      )
      return try #require(try plan(recipe, world).trainings.first)
    }
    let (plain, int8, int4) = (try training("plain"), try training("int8"), try training("int4"))
    // In each of 2 layers 32 x 96, 32 x 32, 32 x 128 and 64 x 32.
    let count = 2 * 32 * (96 + 32 + 128 + 64)
    #expect(plain.weightBytes - int8.weightBytes == 3 * count)
    #expect(plain.weightBytes - int4.weightBytes == 4 * count - count * 9 / 16)
    #expect(plain.savingBytes == plain.weightBytes && int8.savingBytes == plain.weightBytes)
  }

  @Test("what cannot fit is refused with what would make it fit")
  func refusal() {
    var training = TrainingPlan(
      stage: "classic",
      steps: 10,
      partTokens: 100,
      weightBytes: 1 << 30,
      gradientBytes: 1 << 30,
      momentBytes: 2 << 30,
      activationBytes: 0,
      cacheBytes: 0,
      otherBytes: 0,
      loadedBytes: 1 << 30,
      diskBytes: 3 << 30,
      stepSeconds: 2
    )
    var plan = RunPlan(trainings: [training], allowedBytes: 5 << 30, freeDiskBytes: 4 << 30)
    #expect(plan.refusal == nil)
    plan.allowedBytes = 3 << 30
    plan.remedy = ["compute.recompute=true"]
    #expect(
      plan.refusal == "stage classic needs 4.0 GiB of memory, and 3.0 GiB are there: it fits with "
        + "--set compute.recompute=true"
    )
    plan.remedy = []
    (plan.processes, plan.allowedBytes, plan.wantsSharedMoments) = (2, 7 << 30, true)
    #expect(
      plan.refusal == "stage classic needs 4.0 GiB of memory in each of 2 processes, and 7.0 GiB "
        + "are there: it fits with --shard-moments"
    )
    training.diskBytes = 5 << 30
    plan = RunPlan(trainings: [training], allowedBytes: nil, freeDiskBytes: 4 << 30)
    #expect(plan.refusal?.hasPrefix("the run needs 5.0 GiB of disk, and 4.0 GiB are free") == true)
  }

  @Test("a method without training is named with those that can be planned")
  func untrained() throws {
    let world = try TinyWorld()
    try world.makeBase()
    let recipe = """
      method: judge
      model: \(world.base.path)
      data: {suites: {test: \(world.file("test.jsonl").path)}}
      """
    #expect(throws: TrainingError.self) { try plan(recipe, world) }
  }
}
