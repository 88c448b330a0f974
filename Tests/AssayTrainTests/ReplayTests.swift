import AssayBase
import AssayModel
import AssayRun
import AssayTensor
import AssayTestSupport
import AssayText
import AssayTrain
import Foundation
import Testing

@Suite struct ReplayTests {
  private func recipe(_ world: TinyWorld, share: Double, corpus: String? = nil) -> String {
    let path = corpus ?? world.file("corpus.jsonl").path
    return TinyRecipe.classic(world) + "\nreplay: {share: \(share), data: \(path)}\n"
  }

  @Test("texts are read again beside every batch, and a killed training goes on the same way")
  func resumed() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let (whole, copy, plain) = (world.file("whole"), world.file("copy"), world.file("plain"))
    let text = recipe(world, share: 0.5)
    try await runRecipe(text, in: whole, copyingTo: copy) { $0 == "classic" && $1 == 3 }
    let events = try await runRecipe(text, in: copy)
    #expect(resumedAt("classic", events) == 2)
    #expect(try modelBytes(copy, "01-classic") == modelBytes(whole, "01-classic"))

    let losses = try metric("replay_loss", whole, "01-classic")
    #expect(losses.count == 6)
    // An untrained model of 300 token ids knows nothing at first, and then learns the corpus too.
    #expect(abs((losses.first ?? 0) - log(300)) < 1)
    #expect((losses.last ?? 9) < (losses.first ?? 0))
    try await runRecipe(recipe(world, share: 0), in: plain)
    #expect(try metric("replay_loss", plain, "01-classic").isEmpty)
    #expect(try modelBytes(plain, "01-classic") != modelBytes(whole, "01-classic"))
  }

  @Test("a changed share, and a changed corpus, are refused by name")
  func changed() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let run = world.file("run")
    try await runRecipe(recipe(world, share: 0.5), in: run)
    await #expect(
      throws: RunError.stageChanged(
        folder: run.path,
        stage: "classic",
        changes: ["recipe: replay.share: 0.5 -> 1"]
      )
    ) { try await runRecipe(recipe(world, share: 1), in: run) }
    let other = world.file("other.jsonl")
    try CorpusFile.write([[.user("one"), .assistant("two")]], to: other)
    do {
      try await runRecipe(recipe(world, share: 0.5, corpus: other.path), in: run)
      Issue.record("nothing was refused")
    } catch RunError.stageChanged(_, _, let changes) {
      #expect(changes.count == 1)
      #expect(changes[0].hasPrefix("recipe: replay.corpus: "))
    }
  }

  @Test("a share needs a corpus, and a corpus that can be read")
  func corpus() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let classic = TinyRecipe.classic(world)
    await #expect(
      throws: TrainingError.recipe(
        reason: "replay.share is 0.5 without replay.data: name a corpus to read again"
      )
    ) { try await runRecipe(classic + "\nreplay: {share: 0.5}\n", in: world.file("none")) }
    let missing = recipe(world, share: 0.5, corpus: world.file("missing.jsonl").path)
    await #expect(throws: (any Error).self) {
      try await runRecipe(missing, in: world.file("missing"))
    }
    let broken = world.file("broken.jsonl")
    try Data("{\"messages\": []}\n".utf8).write(to: broken)
    await #expect(throws: FileError.self) {
      try await runRecipe(recipe(world, share: 0.5, corpus: broken.path), in: world.file("broken"))
    }
  }

  @Test("a weight multiplies the gradients and leaves the reported loss as it is")
  func weight() throws {
    Engine.threads = 1
    let corpus: [[Message]] = [[.user("How many?"), .assistant("Three, or four.")]]
    func step(_ weight: Double) throws -> (loss: Double, gradients: [Float]) {
      let model = try TinyModel.make(corpus: corpus)
      let values = model.parameters.map(\.value)
      values.forEach { $0.setRequiresGradientInPlace() }
      let renderer = try model.renderer()
      let report = TokenObjective().step(
        try corpus.map {
          TrainingSequence(try renderer.renderForLanguageModel($0, targets: .assistant))
        },
        items: [0],
        model: model,
        accumulation: 1,
        weight: weight
      )
      return (report.loss, values.flatMap { $0.gradient?.floats ?? [] })
    }
    let (one, three) = (try step(1), try step(3))
    #expect(one.loss == three.loss)
    #expect(one.gradients.contains { $0 != 0 })
    expectClose(three.gradients, one.gradients.map { $0 * 3 }, absolute: 1e-6)
  }

  @Test("a share that is no text of a batch is refused")
  func tooSmall() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    do {
      try await runRecipe(recipe(world, share: 0.1), in: world.file("run"))
      Issue.record("nothing was refused")
    } catch TrainingError.recipe(let reason) {
      #expect(reason.hasPrefix("replay.share 0.1 of the 4 items of a step (classic)"))
    }
  }

  @Test("it is refused before the first of several stages")
  func tooSmallLater() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let text =
      TinyRecipe.cloud(world, onPolicy: false)
      + "\nreplay: {share: 0.08, data: \(world.file("corpus.jsonl").path)}\n"
    let run = world.file("run")
    do {
      try await runRecipe(text, in: run)
      Issue.record("nothing was refused")
    } catch TrainingError.recipe(let reason) {
      #expect(reason.contains("(cloud)"), "\(reason)")
    }
    #expect(try RunFolder(run).stageFolders() == [])
  }
}
