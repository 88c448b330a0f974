import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayTestSupport
import AssayText
import AssayTrain
import Foundation
import Testing

@Suite struct SeveralHeadsTests {
  private let corpus: [[Message]] = [
    [.user("How many?"), .assistant("Three.")], [.user("And now?"), .assistant("Four, I think.")],
  ]

  private func model(heads: Int) throws -> Model {
    Engine.threads = 1
    let model = try TinyModel.make(corpus: corpus, kind: .classic)
    model.head = RewardHead(random: .linear, hiddenSize: 32, heads: heads, seed: 9)
    model.parameters.forEach { $0.value.setRequiresGradientInPlace() }
    return model
  }

  private func pairs(_ model: Model, _ weights: [[Float]?]) throws -> [TrainingPair] {
    let renderer = try model.renderer()
    func sequence(_ text: String) throws -> TrainingSequence {
      TrainingSequence(
        try renderer.render(prompt: [.user("How many?")], response: text),
        withTargets: false
      )
    }
    return try weights.enumerated().map { index, weights in
      TrainingPair(
        chosen: try sequence(String(repeating: "ab ", count: index + 1)),
        rejected: try sequence("no \(index)"),
        weights: weights
      )
    }
  }

  @Test("one number a text has no deviation; 1, 2 and 6 have mean 3 and deviation root 7")
  func spread() {
    #expect(Spread([4]).deviation == nil && Spread([4]).mean == 4)
    let spread = Spread([1, 2, 6])
    // ((1 - 3)^2 + (2 - 3)^2 + (6 - 3)^2) / 2 = 7
    #expect(spread.mean == 3 && spread.deviation == 7.0.squareRoot())
  }

  @Test("the loss is the mean over heads and pairs of Bradley-Terry's, weighed as each learns")
  func loss() throws {
    let model = try model(heads: 3)
    let weights: [[Float]?] = [[2, 0, 2], [0, 0, 2]]
    let batch = try pairs(model, weights)
    let head = try #require(model.head)
    // Each sequence by itself, each head by itself.
    func rewards(_ sequence: TrainingSequence) throws -> [Double] {
      let output = trainingForward([sequence], decoder: model.decoder, head: head)
      let values = try #require(output.rewards)
      #expect(values.shape == [1, 3])
      return values.floats.map(Double.init)
    }
    var expected = 0.0
    for (pair, weights) in zip(batch, weights) {
      let (chosen, rejected) = (try rewards(pair.chosen), try rewards(pair.rejected))
      for (index, weight) in (weights ?? []).enumerated() {
        expected += Double(weight) * log(1 + exp(rejected[index] - chosen[index]))
      }
    }
    expected /= 6
    let objective = PreferenceObjective(weights: (preference: 1, critique: 0), centring: 0)
    let share = try #require(objective.loss(of: batch, in: batch, model: model))
    expectClose([share.value.item], [Float(expected)], "loss")
    // What no pair of the batch teaches a head, moves neither it nor the trunk through it.
    share.value.backward()
    let gradient = try #require(head.parameters[0].value.gradient).floats
    #expect(gradient[32..<64].allSatisfy { $0 == 0 })
    #expect(gradient[0..<32].contains { $0 != 0 } && gradient[64..<96].contains { $0 != 0 })
  }

  @Test("a saved model has as many labels, and is read as their mean with the deviation beside it")
  func saved() async throws {
    let folder = try TemporaryFolder()
    let model = try model(heads: 3)
    model.manifest = ModelManifest(kind: .classic, scoredToken: .lastOfTemplate)
    try model.save(to: folder.url)
    let config = try String(
      contentsOf: folder.url.appendingPathComponent("config.json"),
      encoding: .utf8
    )
    #expect(config.contains(#""LABEL_2": 2"#) && !config.contains("LABEL_3"))
    let loaded = try Model.load(folder.url)
    #expect(loaded.manifest.head == "mean" && loaded.head?.descriptor.heads == 3)
    let scorer = try ModelScorer(loaded)
    let score = try await scorer.score([.response(prompt: [.user("How many?")], response: "ab")])[0]
    let sequence = TrainingSequence(
      try loaded.renderer().render(prompt: [.user("How many?")], response: "ab"),
      withTargets: false
    )
    let each = try #require(
      trainingForward([sequence], decoder: model.decoder, head: model.head).rewards
    ).floats.map(Double.init)
    let spread = Spread(each)
    #expect(abs(score.value - spread.mean) < 1e-5)
    #expect(abs(try #require(score.deviation) - (spread.deviation ?? 0)) < 1e-5)
    #expect(try loaded.verifyGolden().map { $0 < 1e-5 } == true)
  }

  @Test("a recipe trains several heads, which differ, and says where it cannot")
  func recipe() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let run = world.url.appendingPathComponent("run")
    let recipe = TinyRecipe.classic(world) + "\n  heads: 4\n"
    try await runRecipe(recipe, in: run)
    let model = try Model.load(try #require(RunFolder.lastCheckpoint(in: run)))
    let scorer = try ModelScorer(model)
    let pair = try world.pairs()[0]
    let score = try await scorer.score([.response(prompt: pair.prompt, response: pair.chosen)])[0]
    #expect(try #require(score.deviation) > 0)
    let refused = await #expect(throws: (any Error).self) {
      try await runRecipe(recipe + "  head: cloud\n", in: world.url.appendingPathComponent("no"))
    }
    #expect("\(try #require(refused))".contains("several heads are linear"))
  }
}
