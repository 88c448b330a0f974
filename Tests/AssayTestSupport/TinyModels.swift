import AssayModel
import AssayTensor
import AssayText

/// Tiny models of random weights.
package enum TinyModels {
  private static func tokenizer() throws -> any Tokenizer {
    try BPETrainer(
      vocabularySize: 280,
      specialTokens: ChatTemplate.assaySpecialTokens
    ).train(["How many apples are left? Anna has 3 apples.", "She has three apples left."])
  }

  /// Makes a model, on one thread from then on; a judge is one of letters, asked as the Playground asks.
  ///
  /// An endless one writes its last token again and again, and never ends a text: what it reads is hardly
  /// changed on its way to the output, which knows it by the same embedding.
  package static func make(
    _ kind: ModelKind,
    contextTokens: Int = 96,
    isEndless: Bool = false
  ) throws -> Model {
    let tokenizer = try tokenizer()
    Engine.threads = 1
    var configuration = ModelConfiguration(
      hiddenSize: 16,
      layerCount: 1,
      headCount: 2,
      feedForwardSize: 32,
      vocabularySize: tokenizer.vocabularySize
    )
    configuration.contextTokens = contextTokens
    configuration.initializerRange = isEndless ? 0.02 : 0.2
    configuration.tiesEmbeddings = isEndless
    let head: RewardHead.Kind? =
      switch kind {
      case .languageModel, .judge: nil
      case .classic, .pair: .linear
      case .cloud: .cloud
      }
    return Model(
      decoder: Decoder(random: configuration, seed: 3),
      head: head.map { RewardHead(random: $0, hiddenSize: 16, seed: 4) },
      tokenizer: tokenizer,
      template: .assay,
      manifest: ModelManifest(
        kind: kind,
        leadIn: kind == .cloud ? "critique :" : nil,
        critiqueTokens: kind == .cloud ? 8 : nil,
        judge: kind == .judge || kind == .pair
          ? JudgeManifest(task: .token, prompts: .playground, tokens: 8) : nil
      )
    )
  }
}
