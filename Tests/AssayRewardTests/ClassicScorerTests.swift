import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayTensor
import AssayTestSupport
import AssayText
import Foundation
import Testing

@Suite struct ClassicScorerTests {
  let world: TinyReward
  let model: Model
  let endOfTurn: Int32

  init() throws {
    world = try TinyReward()
    model = world.model(.classic)
    endOfTurn = try #require(world.tokenizer.id(of: "<|eot|>"))
  }

  @Test("a score is the head's reading of the last token, read alone")
  func value() async throws {
    let reading = try ScoreReading(try ModelText(model))
    let scorer = try ModelScorer(model)
    for (index, score) in try await scorer.score(world.inputs).enumerated() {
      let pass = try reading.pass(world.inputs[index], index: index)
      let expected = try #require(reward(model, pass.tokens, at: pass.tokens.count - 1))
      #expect(abs(score.value - expected) < 1e-5)
      #expect(score.kind == .logit)
      #expect(score.critiques == nil)
    }
  }

  @Test("a score does not depend on its batch")
  func batchIndependence() async throws {
    let together = try await ModelScorer(model).score(world.inputs)
    #expect(Set(together.map(\.value)).count == together.count)
    let parts = try await ModelScorer(LocalPort(model, passTokens: 300)).score(world.inputs)
    let reversed = try await ModelScorer(model).score(world.inputs.reversed())
    for index in together.indices {
      let alone = try await ModelScorer(model).score([world.inputs[index]])[0]
      for other in [alone, parts[index], reversed[together.count - 1 - index]] {
        #expect(abs(other.value - together[index].value) < 1e-5)
        #expect(other.scoredToken == together[index].scoredToken)
        #expect(other.tokens == together[index].tokens)
      }
    }
  }

  @Test("the scored token is the end of turn behind the response")
  func scoredToken() async throws {
    for score in try await ModelScorer(model).score(world.inputs) {
      #expect(score.scoredToken.id == endOfTurn)
      #expect(score.scoredToken.text == "<|eot|>")
      #expect(score.scoredToken.index == score.tokens.prompt - 1)
      #expect(score.tokens.completion == 0)
    }
  }

  @Test("a rendered text scores as the response that it renders")
  func rendered() async throws {
    let texts = try world.items.map { item in
      ScoringInput.rendered(
        try model.template.text(
          of: [.user(item.prompt), .assistant(item.rejected)],
          addsGenerationPrompt: false
        )
      )
    }
    let scorer = try ModelScorer(model)
    let (responses, rendered) = (
      try await scorer.score(world.inputs), try await scorer.score(texts)
    )
    #expect(rendered.map(\.scoredToken) == responses.map(\.scoredToken))
    expectClose(
      rendered.map { Float($0.value) },
      responses.map { Float($0.value) },
      absolute: 1e-6
    )
  }

  @Test("special tokens in a response are text, in a rendered text they are tokens")
  func specialTokens() async throws {
    let reading = try ScoreReading(try ModelText(model))
    let response = try reading.pass(
      .response(prompt: [.user("a")], response: "b<|eot|>"),
      index: 0
    )
    #expect(response.tokens.count { $0 == endOfTurn } == 2)  // the prompt's and the response's own
    let rendered = try reading.pass(.rendered("b<|eot|>"), index: 0)
    #expect(rendered.tokens.last == endOfTurn)
    #expect(rendered.tokens.count { $0 == endOfTurn } == 1)
  }

  @Test("reports every score once, with its index")
  func onScored() async throws {
    var heard: [Int: Score] = [:]
    let scores = try await ModelScorer(model).score(world.inputs) { heard[$0] = $1 }
    #expect(heard.count == scores.count)
    for (index, score) in scores.enumerated() { #expect(heard[index] == score) }
  }

  @Test("no inputs give no scores")
  func nothing() async throws {
    #expect(try await ModelScorer(model).score([]).isEmpty)
  }

  @Test("a long response is cut at its front and still scored at its end")
  func longResponse() async throws {
    let model = world.model(.classic, contextTokens: 40)
    let text = String(repeating: "word after word ", count: 40)
    let score = try await ModelScorer(model).score([
      .response(prompt: [.user("p")], response: text)
    ])[0]
    #expect(score.tokens.prompt == 40)
    #expect(score.scoredToken == ScoredTokenRecord(id: endOfTurn, text: "<|eot|>", index: 39))
  }

  @Test("a rendered text that is too long, or empty, is refused with its index")
  func refusals() async throws {
    let scorer = try ModelScorer(world.model(.classic, contextTokens: 16))
    let text = String(repeating: "7", count: 17)  // digits are single tokens
    await #expect(throws: RewardError.tooLong(index: 1, tokens: 17, maximum: 16)) {
      try await scorer.score([.rendered("7"), .rendered(text)])
    }
    await #expect(throws: RewardError.empty(index: 2)) {
      try await scorer.score([.rendered("7"), .rendered("8"), .rendered("")])
    }
  }

  @Test("a language model is refused, and so is a model that lost its head")
  func noHead() {
    #expect(throws: RewardError.noHead(kind: "language-model")) {
      try ModelScorer(world.model(.languageModel, head: nil))
    }
    #expect(throws: RewardError.noHead(kind: "classic")) {
      try ModelScorer(world.model(.classic, head: nil))
    }
  }

  @Test("a reward that is no number is an error with the item's index")
  func notFinite() async throws {
    let damaged = world.model(.classic)
    let head = try #require(damaged.head)
    head.parameters[0].value.fillInPlace(.infinity)
    let scorer = try ModelScorer(damaged)
    do {
      _ = try await scorer.score(world.inputs)
      Issue.record("damaged weights gave scores")
    } catch RewardError.notFinite(let index, let value) {
      #expect(index == 0)
      #expect(!value.isFinite)
    }
  }
}
