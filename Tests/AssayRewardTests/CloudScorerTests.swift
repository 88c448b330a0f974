import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayTensor
import AssayTestSupport
import AssayText
import Foundation
import Testing

@Suite struct CloudScorerTests {
  let world: TinyReward
  let model: Model
  let endOfTurn: Int32

  init() throws {
    world = try TinyReward()
    model = world.cloud()
    endOfTurn = try #require(world.tokenizer.id(of: "<|eot|>"))
  }

  private func options(samples: Int, temperature: Float = 1, seed: UInt64 = 7)
    -> ModelScorer.Options
  {
    var options = ModelScorer.Options()
    options.critiques.samples = samples
    options.critiques.temperature = temperature
    options.critiques.seed = seed
    return options
  }

  private func prefix(_ item: Int, _ model: Model, reserved: Int = 13) throws -> [Int32] {
    let source = world.items[item]
    return try model.renderer().critiquePrefix(
      prompt: [.user(source.prompt)],
      response: source.rejected,
      leadIn: "critique :",
      reservedTokens: reserved
    )
  }

  @Test("a score is the mean over its critiques, each with a reward of its own")
  func mean() async throws {
    for score in try await ModelScorer(model, options: options(samples: 5)).score(world.inputs) {
      let critiques = try #require(score.critiques)
      #expect(critiques.count == 5)
      #expect(Set(critiques.map(\.score)).count > 1)
      #expect(abs(score.value - critiques.map(\.score).reduce(0, +) / 5) < 1e-9)
    }
  }

  @Test("the same seed gives the same critiques and scores, another seed others")
  func seeds() async throws {
    func score(_ seed: UInt64) async throws -> [Score] {
      try await ModelScorer(model, options: options(samples: 2, seed: seed)).score(world.inputs)
    }
    let (first, second) = (try await score(1), try await score(1))
    #expect(first == second)
    let texts = first.map { $0.critiques?.map(\.text) }
    #expect(try await score(2).map { $0.critiques?.map(\.text) } != texts)
  }

  @Test("a greedy score does not depend on its batch")
  func batchIndependence() async throws {
    let scorer = try ModelScorer(model)
    let together = try await scorer.score(world.inputs)
    for (index, input) in world.inputs.enumerated() {
      let alone = try await scorer.score([input])[0]
      #expect(alone.critiques?.first?.text == together[index].critiques?.first?.text)
      #expect(abs(alone.value - together[index].value) < 1e-5)
      #expect(alone.scoredToken == together[index].scoredToken)
    }
  }

  @Test("the scored token is the one that closes the critique")
  func scoredToken() async throws {
    let scores = try await ModelScorer(model).score(world.inputs)
    for (index, score) in scores.enumerated() {
      #expect(score.scoredToken.id == endOfTurn)
      #expect(score.scoredToken.text == "<|eot|>")
      #expect(score.tokens.prompt == (try prefix(index, model).count))
      // The tokens written are those of the critique and the closing one.
      #expect(score.scoredToken.index == score.tokens.prompt + score.tokens.completion - 1)
    }
  }

  @Test("a critique that reaches its limit is reported as cut, and closed for its score")
  func cut() async throws {
    var options = ModelScorer.Options()
    options.critiques.tokens = 3
    let scores = try await ModelScorer(model, options: options).score(world.inputs)
    let cut = scores.filter { $0.critiques?.first?.finishReason == .length }
    #expect(!cut.isEmpty)
    for score in cut {
      #expect(score.tokens.completion == 4)
      #expect(score.scoredToken.id == endOfTurn)
      #expect(score.scoredToken.index == score.tokens.prompt + 3)
    }
  }

  @Test("a critique of no tokens is scored right behind the lead-in, as a training sequence is")
  func empty() async throws {
    // The output embedding favours the end of turn wherever the first item's critique would begin.
    let prefix = try prefix(0, model)
    let state = hiddenState(model, prefix, at: prefix.count - 1)
    let output = try #require(model.parameters.first { $0.name == "lm_head" }).value
    let D = state.shape[1]
    var rows = [Float](repeating: 0, count: output.count)
    for (column, value) in state.floats.enumerated() { rows[Int(endOfTurn) * D + column] = value }
    output.copyInPlace(Tensor(rows, output.shape))

    let score = try await ModelScorer(model).score([world.inputs[0]])[0]
    let critique = try #require(score.critiques?.first)
    #expect(critique.text == "")
    #expect(critique.finishReason == .stop)
    #expect(score.tokens == .init(prompt: prefix.count, completion: 1))
    #expect(
      score.scoredToken == ScoredTokenRecord(id: endOfTurn, text: "<|eot|>", index: prefix.count)
    )

    let item = world.items[0]
    let trained = try model.renderer().render(
      prompt: [.user(item.prompt)],
      response: item.rejected,
      critique: "",
      leadIn: "critique :",
      trainsLeadIn: false
    )
    #expect(trained.tokens == prefix + [endOfTurn])
    let expected = try #require(reward(model, trained.tokens, at: trained.scoredIndex))
    #expect(abs(score.value - expected) < 1e-5)
  }

  @Test("a critique takes at most half of the context, and the response is cut at its front")
  func longResponse() async throws {
    let model = world.cloud(contextTokens: 20)
    #expect(try Critic(ModelWriter(model)).critiqueTokens == 10)
    let text = String(repeating: "7", count: 60)
    let score = try await ModelScorer(model).score([
      .response(prompt: [.user("p")], response: text)
    ])[0]
    #expect(score.tokens.prompt == 9)  // 20 positions less 10 of the critique and its end
  }

  @Test("a rendered text is continued as it is")
  func rendered() async throws {
    let item = world.items[3]
    let text =
      try model.template.text(
        of: [.user(item.prompt), .assistant(item.rejected)],
        addsGenerationPrompt: false
      )
      + "<|user|>critique :"
    let scorer = try ModelScorer(model)
    let (rendered, response) = (
      try await scorer.score([.rendered(text)])[0], try await scorer.score([world.inputs[3]])[0]
    )
    #expect(rendered.critiques?.map(\.text) == response.critiques?.map(\.text))
    #expect(rendered.scoredToken == response.scoredToken)
    #expect(abs(rendered.value - response.value) < 1e-5)
  }

  @Test("a rendered text without room for a critique is refused with its index")
  func tooLong() async throws {
    let scorer = try ModelScorer(world.cloud(contextTokens: 32))
    let text = String(repeating: "7", count: 20)  // 32 positions less 12 and 1 are 19
    await #expect(throws: RewardError.tooLong(index: 0, tokens: 20, maximum: 19)) {
      try await scorer.score([.rendered(text)])
    }
    await #expect(throws: RewardError.empty(index: 0)) {
      try await scorer.score([.rendered("")])
    }
  }

  @Test("a reward that is no number is an error")
  func notFinite() async throws {
    try #require(model.head).parameters[3].value.fillInPlace(.nan)
    await #expect(throws: RewardError.self) {
      try await ModelScorer(model).score([world.inputs[0]])
    }
  }

  @Test("requests of one response are neighbours with seeds of their own")
  func requests() throws {
    var settings = CritiqueSettings()
    settings.samples = 3
    settings.temperature = 0.5
    settings.topP = 0.9
    let writer = try ModelWriter(model)
    let critic = Critic(writer, settings: settings)
    let requests = try world.inputs.enumerated().flatMap { index, input in
      var request = critic.request(input)
      request.readsReward = true
      return try writer.requests(request, index: index)
    }
    #expect(requests.count == 36)
    #expect(Set(requests.map(\.drawSeed)).count == 36)
    for (index, request) in requests.enumerated() {
      #expect(request.promptTokens == (try prefix(index / 3, model)))
      #expect(request.maximumTokens == 12)
      #expect(request.closing == endOfTurn)
      #expect(request.settings.temperature == 0.5)
      #expect(request.settings.topP == 0.9)
    }
  }
}
