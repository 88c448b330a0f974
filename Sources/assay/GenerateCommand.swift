import ArgumentParser
import AssayBase
import AssayData
import AssayGenerate
import AssayModel
import AssayRun
import AssayTensor
import AssayText
import AssayTrain
import Foundation

struct GenerateCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Samples text.",
    discussion: """
      Reads lines {"id", "prompt"} (a string or messages), {"id", "messages"} or {"id", "text"} (taken \
      as it is) and writes one line a sample: {"id", "sample", "text", "finish_reason", "tokens"}.
      """
  )

  @Option(
    help: "A model folder or a run folder. Default: none; --generator stands in for it."
  )
  var model: String?

  @Option(help: "Prompts, JSON Lines; - is standard input.")
  var data: String

  @Option(help: "Samples of each prompt.")
  var samples = 1

  @Option(help: "Temperature; 0 is greedy.")
  var temperature: Float = 0

  @Option(help: "Only this many most likely tokens are drawn from; 0 is all.")
  var topK = 0

  @Option(help: "The most likely tokens that together have this probability are drawn from.")
  var topP: Float = 1

  @Option(
    help: """
      Adds "logprobs": each token's log probability at this temperature, and those of this many \
      likeliest tokens. Default: none.
      """
  )
  var logprobs: Int?

  @Option(help: "Makes tokens that occurred less likely; 1 is off.")
  var repetitionPenalty: Float = 1

  @Option(help: "Most new tokens of a sample.")
  var maxTokens = 256

  @Option(help: "Ends a sample before this text; may be given several times.")
  var stop: [String] = []

  @OptionGroup var rows: RowOptions
  @OptionGroup var remote: GeneratorOptions
  @OptionGroup var inference: InferenceOptions
  @OptionGroup var common: CommonOptions

  private struct TokenLine: Encodable {
    let token: String
    let id: Int32
    let logprob: Float
    var top: [TokenLine]?
  }

  private struct Line: Encodable {
    struct Tokens: Encodable {
      let prompt: Int
      let completion: Int
    }
    let id: String
    let sample: Int
    let text: String
    let finishReason: String
    let tokens: Tokens
    var logprobs: [TokenLine]?
    enum CodingKeys: String, CodingKey {
      case id, sample, text, tokens, logprobs
      case finishReason = "finish_reason"
    }
  }

  func validate() throws {
    try Limit.check("--samples", samples, in: Limit.count)
    try Limit.check("--max-tokens", maxTokens, in: Limit.tokens)
    try Limit.check("--temperature", temperature, in: Limit.temperature)
    try Limit.check("--top-k", topK, in: 0...Limit.tokens.upperBound)
    try Limit.check(share: "--top-p", topP)
    try Limit.check("--repetition-penalty", repetitionPenalty, in: 0.01...100)
    try Limit.check("--logprobs", logprobs, in: 0...Limit.count.upperBound)
    try remote.validate(model: model, common: common, inference: inference)
    guard rows.tooLong != .cut else {
      throw ValidationError("--too-long is refuse or skip: a prompt is not cut")
    }
    try rows.validate(canCut: false, isRemote: model == nil)
    guard remote.generator == nil || topK == 0 && repetitionPenalty == 1 && logprobs == nil else {
      throw ValidationError("--top-k, --repetition-penalty and --logprobs belong to --model")
    }
  }

  func execute() async throws {
    guard let model else {
      try await remote.withEndpoint(out: nil, common: common) { try await generate($0) }
      return
    }
    try await generate(model)
  }

  /// Samples at an endpoint.
  private func generate(_ endpoint: OpenAIEndpoint) async throws {
    var settings = WritingSettings()
    settings.temperature = temperature
    settings.topP = topP
    settings.maximumTokens = maxTokens
    settings.stop = stop
    // An endpoint does not continue a text.
    let prompts = try read(nil)
    let progress = common.progress
    progress.handle(.stageStarted(name: "generate", number: 1, total: prompts.count, resumedAt: 0))
    let stretch = max(1, remote.stretch / samples)
    for start in stride(from: 0, to: prompts.count, by: stretch) {
      let part = Array(prompts[start..<min(start + stretch, prompts.count)])
      let requests = part.flatMap { prompt in
        (0..<samples).map {
          ChatRequest(messages: prompt.messages, settings: settings, seed: common.seed, draw: $0)
        }
      }
      _ = try await endpoint.complete(requests) { index, completion in
        try Output.json(
          Line(
            id: part[index / samples].id,
            sample: index % samples,
            text: completion.text,
            finishReason: completion.finishReason.rawValue,
            tokens: .init(
              prompt: completion.usage?.prompt ?? 0,
              completion: completion.usage?.completion ?? 0
            )
          )
        )
        progress.handle(
          .step(
            done: start + (index + 1) / samples,
            total: prompts.count,
            metrics: [],
            tokens: completion.usage?.completion ?? 0
          )
        )
      }
    }
  }

  private func read(_ limit: TokenLimit<PromptRecord>?) throws -> [PromptRecord] {
    let reader = PromptReader(
      limit == nil ? .conversations : .conversationsOrTexts,
      policy: rows.policy,
      limit: limit
    )
    let (prompts, report) = try reader.read(data)
    try rows.tell(report, of: data)
    return prompts
  }

  /// Samples with a model of one's own.
  private func generate(_ model: String) async throws {
    let loaded = try inference.load(model, common)
    guard loaded.decoder.isLanguageModel else {
      throw ModelError.lacks(
        path: model,
        part: "output embedding",
        hint: "a classifier cannot write text"
      )
    }
    let renderer = try loaded.renderer()
    let tokenizer = loaded.tokenizer
    let tokens = { @Sendable (prompt: PromptRecord) throws -> [Int32] in
      switch prompt.content {
      case .messages(let messages): try renderer.generationPrefix(prompt: messages)
      case .text(let text): tokenizer.encode(text)
      }
    }
    let room = maxTokens
    let prompts = try read(
      TokenLimit(maximumTokens: loaded.decoder.configuration.contextTokens) {
        try tokens($0).count + room
      }
    )
    let engine = GenerationEngine(loaded)
    let sampling = SamplingSettings(
      temperature: temperature,
      topK: topK,
      topP: topP,
      repetitionPenalty: repetitionPenalty
    )
    let progress = common.progress
    progress.handle(.stageStarted(name: "generate", number: 1, total: prompts.count, resumedAt: 0))
    for start in stride(from: 0, to: prompts.count, by: 256) {
      try Interruption.check()
      let part = Array(prompts[start..<min(start + 256, prompts.count)])
      let requests = try part.flatMap { prompt in
        let prefix = try tokens(prompt)
        return (0..<samples).map { sample in
          GenerationRequest(
            promptTokens: prefix,
            settings: sampling,
            maximumTokens: maxTokens,
            stopTokens: [renderer.endOfTurnID],
            stopStrings: stop,
            seed: common.seed,
            draw: sample,
            wantsLogProbabilities: logprobs != nil,
            topLogProbabilities: logprobs ?? 0
          )
        }
      }
      let written = try engine.run(requests)
      for (index, generation) in written.enumerated() {
        try Output.json(
          Line(
            id: part[index / samples].id,
            sample: index % samples,
            text: generation.text,
            finishReason: generation.finishReason.rawValue,
            tokens: .init(
              prompt: generation.promptTokenCount,
              completion: generation.tokens.count
            ),
            logprobs: logprobs.map { _ in Self.tokens(of: generation, loaded.tokenizer) }
          )
        )
      }
      progress.handle(
        .step(
          done: start + part.count,
          total: prompts.count,
          metrics: [],
          tokens: written.map(\.tokens.count).reduce(0, +)
        )
      )
    }
  }

  private static func tokens(of generation: Generation, _ tokenizer: BPETokenizer) -> [TokenLine] {
    func line(_ id: Int32, _ value: Float) -> TokenLine {
      TokenLine(token: tokenizer.spelling(of: id) ?? "", id: id, logprob: value)
    }
    return generation.tokens.indices.map { index in
      var own = line(generation.tokens[index], generation.logProbabilities[index])
      let top = generation.topLogProbabilities
      if index < top.count { own.top = top[index].map { line($0.id, $0.logProbability) } }
      return own
    }
  }
}
