// An encoder behind the port that every scorer, rater and server uses.

import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayText
import Testing

@Suite struct EncoderScorerTests {
  private let model: Model

  init() throws {
    let tokenizer = try BPETrainer(
      vocabularySize: 300,
      specialTokens: ["[PAD]", "[CLS]", "[SEP]"]
    ).train(["The answer is 34. What is 2 + 3? The answer is correct. Name a color."])
    var configuration = ModelConfiguration(
      .debertaV2,
      hiddenSize: 32,
      layerCount: 2,
      headCount: 4,
      feedForwardSize: 48,
      vocabularySize: tokenizer.vocabularySize
    )
    configuration.contextTokens = 64
    configuration.initializerRange = 0.2
    configuration.encoder = EncoderOptions(buckets: 8, farthest: 64)
    model = Model(
      decoder: Decoder(random: configuration, seed: 1, isLanguageModel: false),
      head: RewardHead(random: .pooled, hiddenSize: 32, seed: 2),
      tokenizer: tokenizer,
      template: .pair(beginning: "[CLS]", end: "[SEP]"),
      manifest: ModelManifest(kind: .classic)
    )
  }

  private let prompt = [Message.user("Name a color.")]
  private let responses = ["34.", "The answer is red, and blue too.", "", "[SEP] is not a color."]

  @Test("scores prompt and response as two texts at the first token, alone or together")
  func scores() async throws {
    let scorer = try ModelScorer(model)
    let together = try await scorer.score(
      responses.map { .response(prompt: prompt, response: $0) }
    )
    #expect(Set(together.map(\.value)).count == responses.count)
    for (response, score) in zip(responses, together) {
      let alone = try await scorer.score([.response(prompt: prompt, response: response)])[0]
      #expect(abs(alone.value - score.value) < 1e-5)
      #expect(score.scoredToken.text == "[CLS]" && score.scoredToken.index == 0)
      #expect(score.kind == .logit)
      // A token's spelling in a response stays text.
      let tokens =
        [1] + model.tokenizer.encodePlain("Name a color.") + [2]
        + model.tokenizer.encodePlain(response) + [2]
      let pass = ModelPass(tokens: tokens, index: 0)
      let value = try PassReader(model.decoder, head: model.head).read([pass], .reward)[0].value
      #expect(abs(value - score.value) < 1e-5)
      #expect(score.tokens.prompt == tokens.count)
    }
    let rendered = try await scorer.score([.rendered("[CLS]Name a color.[SEP]34.[SEP]")])
    #expect(abs(rendered[0].value - together[0].value) < 1e-5)
  }

  @Test("prefers the response with the higher score, and cannot write or judge")
  func port() async throws {
    let port = try LocalPort(model)
    let pair = PreferencePair(id: "1", prompt: prompt, chosen: "34.", rejected: "red")
    let outcome = try await port.rater().outcomes([pair])[0]
    let scores = try await port.rater().rank(prompt: prompt, responses: ["34.", "red"])
    #expect(outcome.chosen == [scores[0]] && outcome.rejected == [scores[1]])
    #expect(throws: RewardError.self) { _ = try JudgeRater(port, settings: JudgeSettings()) }
    let request = GenerationRequest(promptTokens: [1, 5], maximumTokens: 2)
    await #expect(throws: GenerationError.notLanguageModel) { _ = try await port.texts([request]) }
  }
}
