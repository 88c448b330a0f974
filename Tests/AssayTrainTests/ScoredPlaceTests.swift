import AssayData
import AssayModel
import AssayReward
import AssayRun
import AssayText
import AssayTrain
import Foundation
import Testing

/// Where a model that was trained here is read, here and by other tools.
@Suite struct ScoredPlaceTests {
  // transformers, TRL and vLLM read the last token of the rendered conversation: in ChatML's templates the
  // newline behind the end of turn.
  @Test("what is trained on ChatML is read at the last token that its template writes")
  func chatML() async throws {
    let world = try TinyWorld()
    try TinyModel.make(
      corpus: try CorpusFile.read(world.file("corpus.jsonl")),
      template: .chatML(),
      specialTokens: ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    ).save(to: world.base)
    let run = world.file("run")
    try await runRecipe(TinyRecipe.classic(world), in: run)
    let model = try Model.load(try #require(RunFolder.lastCheckpoint(in: run)))
    let pair = try world.pairs()[0]
    let text = try ChatTemplate.chatML().text(
      of: pair.prompt + [.assistant(pair.chosen)],
      addsGenerationPrompt: false
    )
    #expect(text.hasSuffix("<|im_end|>\n"))
    let tokens = model.tokenizer.encode(text)
    let scores = try await ModelScorer(model).score([
      .response(prompt: pair.prompt, response: pair.chosen), .rendered(text),
    ])
    for score in scores {
      #expect(score.scoredToken.index == tokens.count - 1)
      #expect(score.scoredToken.id == tokens.last)
      #expect(score.scoredToken.text == "\n")
    }
    #expect(abs(scores[0].value - scores[1].value) < 1e-5)
  }
}
