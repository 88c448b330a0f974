// Random models of both kinds over the Playground's first items.

import AssayData
import AssayModel
import AssayReward
import AssayTensor
import AssayText

/// What the tests of rewards score, and with what.
struct TinyReward {
  let tokenizer: any Tokenizer
  let items: [PlaygroundItem]

  init() throws {
    Engine.threads = 1
    let playground = Playground(PlaygroundConfiguration(seed: 5))
    items = (0..<12).map { playground.item(.test, $0) }
    tokenizer = try BPETrainer(
      vocabularySize: 300,
      specialTokens: ChatTemplate.assaySpecialTokens
    ).train(items.flatMap { [$0.prompt, $0.chosen, $0.chosenCritique] })
  }

  /// Pairs of the items' responses.
  var pairs: [PreferencePair] {
    items.enumerated().map { index, item in
      PreferencePair(
        id: "p\(index)",
        prompt: [.user(item.prompt)],
        chosen: item.chosen,
        rejected: item.rejected
      )
    }
  }

  /// A judge, asked as the Playground asks, or a pair model.
  func judge(
    _ kind: ModelKind = .judge,
    task: RolePrompts.JudgeTask = .token,
    contextTokens: Int = 768
  ) -> Model {
    let model = model(kind, head: kind == .pair ? .linear : nil, contextTokens: contextTokens)
    model.manifest = ModelManifest(
      kind: kind,
      judge: JudgeManifest(task: task, prompts: .playground, tokens: 16)
    )
    return model
  }

  /// Responses of different lengths, each to its own prompt.
  var inputs: [ScoringInput] {
    items.map { .response(prompt: [.user($0.prompt)], response: $0.rejected) }
  }

  func model(
    _ kind: ModelKind,
    head: RewardHead.Kind? = .linear,
    contextTokens: Int = 768
  ) -> Model {
    var configuration = ModelConfiguration(
      hiddenSize: 32,
      layerCount: 2,
      headCount: 2,
      feedForwardSize: 64,
      vocabularySize: tokenizer.vocabularySize
    )
    configuration.contextTokens = contextTokens
    configuration.initializerRange = 0.2
    return Model(
      decoder: Decoder(random: configuration, seed: 3),
      head: head.map { RewardHead(random: $0, hiddenSize: 32, seed: 4) },
      tokenizer: tokenizer,
      template: .assay,
      manifest: ModelManifest(kind: kind, leadIn: "critique :", critiqueTokens: 12)
    )
  }

  func cloud(contextTokens: Int = 768) -> Model {
    model(.cloud, head: .cloud, contextTokens: contextTokens)
  }
}

/// The hidden state at an index of one sequence, `[1, D]`, read alone and without a cache.
func hiddenState(_ model: Model, _ tokens: [Int32], at index: Int) -> Tensor {
  withoutGradients {
    model.decoder(PackedBatch([tokens]), rows: Tensor([Int64(index)]), training: false)
  }
}

/// The reward at an index of one sequence.
func reward(_ model: Model, _ tokens: [Int32], at index: Int) -> Double? {
  withoutGradients { model.head.map { Double($0(hiddenState(model, tokens, at: index)).item) } }
}
