import AssayBase
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// The owner of one model: it alone reads the weights, on a thread of its own.
actor ModelWorker {
  private nonisolated let thread = ModelThread()
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
  private var model: Model?

  func load(
    _ folder: URL,
    _ options: LoadingOptions
  ) throws -> (kind: ModelKind, isLanguageModel: Bool, contextTokens: Int) {
    let choice = try options.head.map { head in
      guard let choice = HeadChoice(head) else {
        throw AssayError(
          "the option head is \(head); expected such as logit:0, logit:A-B or row:1."
        )
      }
      return choice
    }
    let model = try Model.load(
      ModelFiles.exist(at: folder) ? folder : RunFolder.lastCheckpoint(in: folder) ?? folder,
      dtype: options.dtype,
      device: options.device,
      choice: choice
    )
    try model.checkGolden(folder.path)
    model.cacheBytes = options.cacheBytes
    self.model = model
    return (model.manifest.kind, model.decoder.isLanguageModel, model.contextTokens)
  }

  private func loaded() throws -> Model {
    guard let model else { throw AssayError("the model is not loaded.") }
    return model
  }

  func score(_ responses: [Response], _ sampling: Sampling) async throws -> [Score] {
    var options = ModelScorer.Options()
    options.critiques = sampling.critiques
    let scorer = try ModelScorer(try loaded(), options: options)
    return try await scorer.score(
      responses.map { .response(prompt: $0.prompt.map(\.own), response: $0.text) }
    ).map(Score.init)
  }

  func judge(_ pairs: [Pair], _ sampling: Sampling) async throws -> [Verdict] {
    let judge = try JudgeRater(try loaded(), settings: sampling.judgements)
    return try await judge.judge(pairs.map(\.own)).map(Verdict.init)
  }

  func generate(_ prompts: [[Message]], _ sampling: Sampling) async throws -> [[Completion]] {
    var settings = WritingSettings()
    settings.temperature = Float(sampling.temperature ?? 1)
    settings.topP = Float(sampling.topP ?? 1)
    settings.maximumTokens = sampling.maximumTokens ?? WritingRole.answer.usualTokens
    return try await ModelWriter(try loaded()).write(
      prompts.map {
        WritingRequest(
          .conversation($0.map(\.own)),
          settings: settings,
          seed: sampling.seed,
          draws: sampling.count ?? 1
        )
      }
    ).map { $0.map { Completion(text: $0.text, isCut: $0.finishReason.isCut) } }
  }
}
